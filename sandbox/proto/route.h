/*
 * route.h - messages between server and edge: where each host name leads.
 *
 * The server listens (SEQPACKET, STATE/run/edge/route.sock, peer uid checked); edge connects, again and
 * again while the server is away. On connecting, edge gets every route, then SYNCED, then changes as
 * they happen. Edge keeps its table while the server is dead: running apps go on. Edge asks nothing per
 * request; it says WAKE when a request waits for an app that is not up, and SEEN now and then.
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

#define ROUTE_MSGS(X) \
	X(SET,     ROUTE_TO_EDGE,    struct route_entry) \
	X(DEL,     ROUTE_TO_EDGE,    struct route_del) \
	X(SYNCED,  ROUTE_TO_EDGE,    struct route_none) \
	X(WAKE,    ROUTE_FROM_EDGE,  struct route_space)        /* a held request wants this Space */ \
	X(SEEN,    ROUTE_FROM_EDGE,  struct route_space)        /* visitors are active; at most once in 5 s a Space */ \
	X(FAILING, ROUTE_FROM_EDGE,  struct route_space)        /* the app refuses connections */

enum route_type {
#define X(name, dir, body) ROUTE_MSG_##name,
	ROUTE_MSGS(X)
#undef X
	ROUTE_TYPE_MAX
};

extern const struct sp_msg_table route_table;
