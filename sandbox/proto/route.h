/*
 * route.h - messages between server and edge: where each host name leads.
 *
 * The server listens (SEQPACKET, STATE/run/edge/route.sock, peer uid checked); edge connects, again and
 * again while the server is away. On connecting, edge gets every route, then SYNCED, then changes as
 * they happen. Edge keeps its table while the server is dead: running apps go on. Edge says WAKE when a request
 * waits for an app that is not up, and SEEN now and then. Of a private Space's visitors it asks ACCESS and keeps
 * the answer for as long as it says, or until FORGET.
 */
#pragma once

#include "launch.h"

enum route_direction { ROUTE_TO_EDGE, ROUTE_FROM_EDGE };

enum route_kind {
	ROUTE_APP,              /* a byte pump to `slot`, 127.0.0.1:port inside it */
	ROUTE_STATIC,           /* no process: the server answers with the Space's files */
	ROUTE_WAITING,          /* not up, but will be by itself or when woken: hold, then the waiting page */
	ROUTE_DOWN              /* will not come up by itself: the server answers with the reason, 503 */
};

enum { ROUTE_PRIVATE = 1, ROUTE_EMBED_OFF = 2 };

/*
 * `label`: the host's first label, lower case ("ada-chat"); the domain is edge's own setting. SPACE is
 * sent to the server as X-Vitrine-Space on requests that the server answers for an app host. `drain`:
 * the generation changes with each release; connections that are open keep the old slot.
 */
struct route_entry {
	char label[64];
	struct sp_id space;
	uint32_t kind;                  /* enum route_kind */
	uint32_t flags;
	struct launch_slot slot;
	uint32_t port;
	uint32_t sdk;                   /* enum route_sdk: decides how long an upgrade is held */
	char headers[512];              /* whole header lines with CRLF, added to responses: custom_headers (hf-api.md 9.1); "" for none */
};

enum route_sdk { ROUTE_SDK_OTHER, ROUTE_SDK_GRADIO, ROUTE_SDK_STREAMLIT, ROUTE_SDK_STATIC, ROUTE_SDK_DOCKER };

struct route_del { char label[64]; };
struct route_space { struct sp_id space; };
struct route_none { char nothing[8]; };

/* TOKEN: of the Authorization header. COOKIE: edge's own, a claim. SIGN: of the query; ONCE: one that may be spent. */
enum route_credential { ROUTE_BY_TOKEN, ROUTE_BY_COOKIE, ROUTE_BY_SIGN, ROUTE_BY_SIGN_ONCE, ROUTE_BY_MAX };

/* May who holds this see SPACE? */
struct route_access {
	uint64_t id;                    /* edge's own, comes back */
	struct sp_id space;
	char credential[515];           /* with NUL; at most 512 bytes (credential.h) */
	uint32_t kind;                  /* enum route_credential */
};

enum route_verdict { ROUTE_DENIED, ROUTE_ALLOWED, ROUTE_UNCERTAIN /* it cannot be found out now */, ROUTE_VERDICT_MAX };

/* SESSION: the visitor spent a one-time claim; this is the cookie that he goes on with. "" otherwise. */
struct route_access_is {
	uint64_t id;
	struct sp_id user;
	char session[515];
	uint32_t verdict, ttl_ms;
	uint32_t reserved;
};

/* What is known of this Space, of this user, or (both none) of everybody may have changed. */
struct route_forget { struct sp_id space, user; char reserved[6]; };

#define ROUTE_MSGS(X) \
	X(SET,     ROUTE_TO_EDGE,    struct route_entry) \
	X(DEL,     ROUTE_TO_EDGE,    struct route_del) \
	X(SYNCED,  ROUTE_TO_EDGE,    struct route_none) \
	X(WAKE,    ROUTE_FROM_EDGE,  struct route_space)        /* a held request wants this Space */ \
	X(SEEN,    ROUTE_FROM_EDGE,  struct route_space)        /* visitors are active; at most once in 5 s a Space */ \
	X(FAILING, ROUTE_FROM_EDGE,  struct route_space)        /* the app refuses connections */ \
	X(ACCESS,  ROUTE_FROM_EDGE,  struct route_access) \
	X(ACCESS_IS, ROUTE_TO_EDGE,  struct route_access_is) \
	X(FORGET,  ROUTE_TO_EDGE,    struct route_forget)

enum route_type {
#define X(name, dir, body) ROUTE_MSG_##name,
	ROUTE_MSGS(X)
#undef X
	ROUTE_TYPE_MAX
};

extern const struct sp_msg_table route_table;
