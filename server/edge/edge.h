/*
 * edge.h - the data plane: its structures and who owns what.
 *
 * One struct edge is one worker: a thread, an epoll instance, its tables. Nothing is shared between workers,
 * so that N of them can run side by side on the same listening descriptors.
 *
 *   client ──▶ conn ──▶ up ──▶ app or platform
 *
 * A conn is a visitor's connection and owns at most one up, the connection that answers its present request.
 * Bytes live in the `in` buffer of the side that sent them until they are written to the other; what edge
 * itself says (heads, errors) and could not be written at once waits in the `out` buffer of its receiver.
 * Idle sides own no buffer (proxy.md 7.21, 7.22).
 */
#pragma once

#include "buf.h"
#include "chunk.h"
#include "head.h"
#include "host.h"
#include "launch.h"
#include "limit.h"
#include "rewrite.h"
#include "route.h"
#include "timer.h"

enum side_kind { SIDE_DEAD, SIDE_LISTENER, SIDE_SIGNAL, SIDE_ROUTES, SIDE_LAUNCHER, SIDE_CLIENT, SIDE_UPSTREAM };

struct side {
	uint8_t kind;           /* enum side_kind */
	bool can_read, can_write;
	bool fin;               /* the peer will send no more (seen by epoll) */
	bool eof;               /* and all of it has been read */
	bool broken;            /* a read failed: reset */
	bool mute;              /* a write failed: what it said before may still lie there to be read */
	int fd;
	struct buf *in, *out;
};

/* The body of one message on its way. OK: bytes at the front of the sender's buffer that may be passed on. */
struct body { uint8_t kind /* enum head_body */; bool ended; uint32_t ok; uint64_t left; struct chunk chunk; struct pipe *pipe; };

enum timer_kind { TIMER_CONN, TIMER_UP, TIMER_CHORES };
struct clocked { struct timer timer; uint8_t kind; };

enum req_state {
	REQ_HEAD,               /* reading a head */
	REQ_AGAIN,              /* the head is kept; find out again where it goes */
	REQ_WAIT,               /* the head is kept; waits in a list for a route, a socket or the server */
	REQ_CONNECT,            /* the head is kept; `up` is being connected */
	REQ_BODY,               /* passing the body on */
	REQ_DONE,
	REQ_TUNNEL,
	REQ_DRAIN               /* everything is said; what the client still sends is thrown away */
};
enum res_state { RES_NONE, RES_HEAD, RES_BODY, RES_TUNNEL };

/* What the connection's one timer means. */
enum conn_clock {
	CLOCK_NONE, CLOCK_FIRST, CLOCK_HEAD, CLOCK_IDLE, CLOCK_HOLD, CLOCK_EXPECT, CLOCK_FIN, CLOCK_DRAIN, CLOCK_STALL, CLOCK_CONNECT,
	CLOCK_ACCESS
};

/* Lines that a route adds to answers; shared with the answers under way. */
struct added { unsigned refs; size_t n; char p[]; };

/* Requests that wait for the same thing. */
struct hold { struct link conns; unsigned n; };

/* An app in one slot: sockets made inside its network namespace, idle connections. Freed when unused. */
struct pool { struct link idle; unsigned nidle, nopen; };
struct app {
	struct pool pool;
	struct link link;               /* edge.apps */
	struct app *next_dead;
	struct hold dialers;            /* conns that wait for a socket */
	struct route *route;            /* NULL: none leads here any more; freed with the last connection */
	struct sp_id space;
	struct launch_slot slot;
	uint16_t port;
	bool refusing;                  /* nobody listens; chores try again while someone waits */
	bool dialing;
	uint8_t family;                 /* 4 or 6: which one last answered */
	uint8_t dial_family;            /* of the request in flight */
	uint32_t dial_seq;
	uint64_t seen_ms, failing_ms, used_ms;
	unsigned nsockets[2];           /* 0: IPv4, 1: IPv6 */
	int sockets[2][16];
};

struct route {
	struct link link;               /* hash chain */
	struct hold held;               /* conns that wait for this route to change */
	char label[64];
	struct sp_id space;
	uint32_t kind, flags, mark;
	struct app *app;                /* ROUTE_APP */
	struct added *added;            /* NULL: none */
	uint64_t wake_ms;
};

/* Where a request goes. PLACE_WS: the server's WebSocket listener. */
enum place { PLACE_NONE, PLACE_APP, PLACE_HTTP, PLACE_WS };

struct up {
	struct side side;
	struct clocked clock;           /* idle */
	struct link idle;               /* pool.idle */
	struct conn *conn;              /* NULL: idle */
	struct app *app;                /* NULL: the platform */
	struct pool *pool;
	struct up *next_dead;
	bool reused;                    /* it has answered before */
	bool heard;                     /* a byte of the present answer has come */
};

struct conn {
	struct side side;
	struct clocked clock;
	struct link wait;               /* held_in.conns */
	struct hold *held_in;           /* app.dialers, route.held, edge.unsynced, edge.unserved or one of access.c; NULL: it does not wait */
	struct link all;                /* edge.conns */
	struct link ready;              /* edge.ready */
	struct conn *next_dead;
	struct up *up;
	struct added *added;            /* owned reference */
	struct body req, res;
	struct head_scan scan, res_scan;
	uint64_t request_id;
	uint64_t hold_until;            /* 0: this request has not been held */
	uint64_t access_until;          /* 0: nobody was asked who its visitor is */
	struct sp_id user;              /* who may see this private app; none: the request needs nobody's leave */
	uint32_t head_kept;             /* bytes of the request head at the front of side.in */
	uint32_t drained;
	uint8_t req_state, res_state, clock_is, place;
	uint8_t interims;               /* 1xx answers seen */
	uint8_t peer_family;
	uint8_t peer[16];

	/* of the present request */
	bool http10, keep_alive, is_head, idempotent, upgrade, navigation, has_body, expects;
	bool up_reusable;
	bool retried, other_family;
	bool said_continue;
	bool force_waiting;             /* held long enough: the server shows the waiting page */
	bool page_soon;                 /* held for an app: a navigation gets the waiting page early */
	bool keeps_authorization;       /* it is the app's own, not what opened the door */

	bool shut;                      /* we said our last byte */
};

struct edge {
	int epoll;
	uint64_t now;                   /* monotonic ms of this turn */
	struct wheel wheel;
	struct clocked chores;
	struct buf_pool bufs;
	struct pipe *pipes;             /* empty ones */
	unsigned npipes;
	bool no_splice;
	struct buf *scratch;            /* big; every read goes here first */
	char *head_out;                 /* heads are written here */
	struct sp_str domain;
	char run_dir[80];
	unsigned test_speed;            /* limits on time are divided by it */
	struct sp_msg msg;              /* the one just received */

	struct side listeners[8];
	unsigned nlisteners;
	bool accepting;
	uint64_t accept_after;          /* after EMFILE */
	uint64_t accept_logged;
	unsigned nconns, max_conns, nheld;
	struct link conns;
	struct link ready;
	struct conn *dead;
	struct up *dead_ups;
	struct app *dead_apps;

	struct side signals;
	bool draining;
	uint64_t drain_until;

	struct side launcher;
	uint32_t seq;
	struct link apps;

	struct side routes_side;
	bool synced;                    /* the table was whole once */
	bool here;                      /* the server that said it is still there */
	struct link *buckets;
	unsigned nbuckets, nroutes;
	uint32_t mark;
	struct hold unsynced;           /* conns that came before the table */

	struct pool http, ws;
	struct hold unserved;           /* conns for which the server's sockets had no room */
	uint64_t id_base, id_count;
	struct access *access;
};

enum { HEAD_OUT_BYTES = 98304, TURN_STEPS = 4 };

static inline bool side_dead(const struct side *s)
{
	return s->broken || s->mute;
}

static inline struct conn *conn_of(struct side *s)
{
	return LINK_OF(s, struct conn, side);
}

static inline struct up *up_of(struct side *s)
{
	return LINK_OF(s, struct up, side);
}

/* ---- pump.c: sockets and bodies ---- */

/* Read once into SIDE's buffer, up to MOST bytes in all. True when something came; else look at can_read, eof, broken. */
bool side_fill(struct edge *e, struct side *s, size_t most);

/* Give the shared buffer back, or keep what is left in it. After every step that may have read. */
void side_settle(struct edge *e, struct side *s);

/* Forget N bytes at the front of the buffer. */
void side_eat(struct side *s, size_t n);

/*
 * Write what waits in TO's out buffer, then HEAD, then BODY. What of HEAD does not fit is kept; returns how
 * many bytes of BODY went. Sets TO->mute on an error, clears can_write when the socket is full.
 */
size_t side_push(struct edge *e, struct side *to, const char *head, size_t head_n, const char *body, size_t body_n);

/* True when nothing waits in the out buffer (any more). */
bool side_flush(struct edge *e, struct side *to);

void side_close(struct edge *e, struct side *s);
size_t side_has(const struct side *s);
char *side_at(const struct side *s);

void body_start(struct edge *e, struct body *b, enum head_body kind, uint64_t length, bool decode);
SP_MUST int body_admit(struct body *b, struct side *from, struct sp_err *err);  /* look at the bytes behind b->ok */
bool body_done(const struct body *b);

/* Move one read of FROM's body to TO. 1: something moved; 0: nothing to do now; SP_EPROTO: not a valid body. */
SP_MUST int body_step(struct edge *e, struct body *b, struct side *from, struct side *to, struct sp_err *err);

/* ---- splice.c ---- */
bool splice_wants(struct edge *e, struct body *b, const struct side *from, const struct side *to);
bool splice_step(struct edge *e, struct body *b, struct side *from, struct side *to);    /* true: something moved */
void body_stop(struct edge *e, struct body *b);          /* before its memory goes */

/* ---- accept.c ---- */
void accept_start(struct edge *e);
void accept_stop(struct edge *e);
void accept_turn(struct edge *e, const struct side *listener);

/* ---- conn.c ---- */
struct conn *conn_new(struct edge *e, int fd);
void conn_run(struct edge *e, struct conn *c);
void conn_event(struct edge *e, struct conn *c, uint32_t events);
void conn_close(struct edge *e, struct conn *c, bool reset);
void conn_clock(struct edge *e, struct conn *c, enum conn_clock what, uint64_t after_ms);
void conn_timeout(struct edge *e, struct conn *c);
void conn_finish(struct edge *e, struct conn *c);        /* the answer is complete: next request, or close */
void conn_drain(struct edge *e, struct conn *c);         /* say no more, throw away what comes, close */
void conn_drop_head(struct edge *e, struct conn *c);     /* the request cannot be sent again any more */
void conn_again(struct edge *e, struct conn *c);         /* dispatch its request again, soon */
void conn_ready(struct edge *e, struct conn *c);         /* go on with C in the next turn */

/* ---- request.c ---- */
bool request_step(struct edge *e, struct conn *c);
void request_connected(struct edge *e, struct conn *c);  /* c->up is */

struct request_id { char s[17]; };
struct request_id request_id(const struct edge *e, const struct conn *c);

/* ---- response.c ---- */
bool response_step(struct edge *e, struct conn *c);

/* ---- tunnel.c ---- */
void tunnel_start(struct edge *e, struct conn *c);
bool tunnel_step(struct edge *e, struct conn *c, bool from_client);

/* ---- upstream.c ---- */
enum upstream { UPSTREAM_READY, UPSTREAM_CONNECTING, UPSTREAM_WAIT /* C is in a list */, UPSTREAM_REFUSED, UPSTREAM_FULL };
enum upstream upstream_get(struct edge *e, struct conn *c, enum place place, struct app *app);
void upstream_put(struct edge *e, struct conn *c, bool reusable);        /* c->up has answered */
void upstream_close(struct edge *e, struct up *up);
void upstream_event(struct edge *e, struct up *up, uint32_t events);
bool upstream_drop_idle(struct edge *e, struct up *up);  /* true: UP was at rest, and is closed */
struct up *upstream_adopt(struct edge *e, struct conn *c, struct pool *pool, struct app *app, int fd);
void pool_close(struct edge *e, struct pool *pool);

/* ---- app.c ---- */
struct app *app_new(struct edge *e, struct route *r, const struct launch_slot *slot, uint16_t port);
void app_unroute(struct edge *e, struct app *app);
void app_unused(struct edge *e, struct app *app);        /* a connection ended: free it when it was the last */
enum upstream app_connect(struct edge *e, struct conn *c, struct app *app);
void app_refused(struct edge *e, struct conn *c, struct app *app);       /* C's connection was; it is held or dispatched again */
void app_answers(struct edge *e, struct app *app, const struct conn *c);  /* a connection came about */
void app_seen(struct edge *e, struct app *app);
void launcher_event(struct edge *e);
bool apps_chores(struct edge *e);                        /* true: come again soon */

/* ---- hold.c ---- */
void hold_on(struct edge *e, struct conn *c, struct hold *in, bool page_soon);
void hold_off(struct edge *e, struct conn *c);           /* wait no more */
void hold_release(struct edge *e, struct hold *from);    /* dispatch everyone in it again */
void hold_timeout(struct edge *e, struct conn *c);
void hold_for_access(struct edge *e, struct conn *c, struct hold *in);   /* for edge_access_ms, then access_timeout */

/* ---- access.c ---- */
enum access_answer { ACCESS_GRANTED, ACCESS_DENIED, ACCESS_LATER /* C waits, or has its answer */ };
enum { ACCESS_SESSION_S = 12 * 3600 };

SP_MUST int access_init(struct edge *e, struct sp_err *err);
enum access_answer access_check(struct edge *e, struct conn *c, const struct head *h, const struct route *r);
void access_sign_in(struct edge *e, struct conn *c, const struct head *h, const char *label);
void access_redirect(struct edge *e, struct conn *c, const struct head *h, const char *cookie);
void access_timeout(struct edge *e, struct conn *c);
SP_MUST bool access_answer(struct edge *e, const struct route_access_is *is);    /* false: malformed */
void access_forget(struct edge *e, const struct sp_id *space, const struct sp_id *user);
void access_server_gone(struct edge *e);
void access_server_back(struct edge *e);

/* ---- routes.c ---- */
void routes_init(struct edge *e);
struct route *routes_find(const struct edge *e, const char *label);
void routes_event(struct edge *e);
void routes_say(struct edge *e, enum route_type what, const struct sp_id *space);
bool routes_tell(struct edge *e, enum route_type what, const void *body, size_t n);     /* false: it did not go */
bool routes_here(const struct edge *e);                  /* the server is there and has said its whole table */
void routes_wake(struct edge *e, struct route *r);
bool routes_chores(struct edge *e);                      /* (re)connects; true: come again soon */
void added_put(struct added *a);                         /* NULL is fine */

/* ---- respond.c ---- */

/* Edge's own answer: a page for navigations, else JSON {"error", "code"}. CLOSE: the connection cannot go on. */
void respond(struct edge *e, struct conn *c, int status, const char *code, const char *sentence, bool close);
void respond_redirect(struct edge *e, struct conn *c, const char *to, const char *lines);

/* ---- loop.c ---- */
SP_MUST int loop_init(struct edge *e, struct sp_err *err);
int loop_run(struct edge *e);
SP_MUST int loop_watch(struct edge *e, struct side *s, uint32_t events, struct sp_err *err);
void chores_soon(struct edge *e);
