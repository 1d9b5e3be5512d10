/*
 * http.h - a request and its answer as handlers see them. Nothing here names libmicrohttpd.
 *
 * A handler runs on a pool thread, may block (database, git, files), and fills RS. It returns 0, or
 * -CODE with E filled: the adapter then answers with the code's status (http_status.c), the body
 * {"error": sentence, "code": machine-code} (or the error page for browsers) and X-Error-Message.
 * Everything that a handler allocates for its answer comes from rq->arena.
 *
 * The request's body is complete before the handler starts: small ones in memory, BODY_SPOOL ones in an
 * unlinked file under STATE/tmp.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "arena.h"
#include "err.h"
#include "id.h"
#include "str.h"
#include "runtime/account/account.h"

struct server;
struct store_repo;
struct http_conn;
struct http_stream;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_PATCH, HTTP_OPTIONS, HTTP_METHOD_MAX };

/* Which bodies a route takes, last column of routes.def. */
enum http_body {
	BODY_NONE,
	BODY_SMALL,                     /* <= http_small_body_bytes, in memory */
	BODY_SPOOL,                     /* <= http_upload_bytes, in a file */
	BODY_LINK,                      /* in a file, of exactly the size that the signed link names */
	BODY_PUSH,                      /* <= git_push_bytes, in a file, gzip allowed */
	BODY_FETCH                      /* <= git_fetch_bytes, the same: strangers send these */
};

struct http_req {
	struct server *srv;
	struct sp_arena *arena;
	enum http_method method;        /* HEAD reaches GET routes as HEAD; the adapter drops the body */
	const char *target;             /* raw request target, path and query, byte-exact */
	const char *path;               /* raw path, not decoded, without the query */
	struct account_actor actor;     /* who asks; anonymous when no credentials came. Invalid credentials never reach a handler */
	const char *origin;             /* "http://localhost:7860": scheme, host and port that the client used; for every absolute URL (C-HF-01) */
	const struct store_repo *repo;  /* the repository {owner}/{name} of a MAY_READ or MAY_WRITE route, already checked; NULL otherwise */
	const char *request_id;
	const char *peer;               /* address of the visitor, from edge */
	struct sp_id space;             /* from X-Vitrine-Space: an app host's request that the server answers; none otherwise */
	const char *space_why;          /* from X-Vitrine-Why: "static", "waiting", "down"; NULL otherwise */
	const char *body;               /* BODY_SMALL: NUL-terminated; "" when none */
	size_t body_len;
	const char *claim;              /* MAY_LINK: what the signed {claim} of the path says, checked; NULL otherwise */
	int body_fd;                    /* BODY_SPOOL, BODY_LINK, BODY_PUSH, BODY_FETCH: positioned at 0; -1 otherwise */
	uint64_t body_size;
	struct http_conn *conn;         /* the adapter's own */
};

/* Path parameter {NAME} of the route, percent-decoded. Never NULL for names that the route has. {path...} takes the rest, slashes included. */
const char *http_param(const struct http_req *rq, const char *name);

/* First query parameter NAME, decoded, or NULL; the I-th one (C-HF-13: repeated keys, `k` and `k[]` alike), or NULL. */
const char *http_query(const struct http_req *rq, const char *name);
const char *http_query_at(const struct http_req *rq, const char *name, unsigned i);
bool http_query_bool(const struct http_req *rq, const char *name);       /* "true" or "1" */
SP_MUST int http_query_int(const struct http_req *rq, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret, struct sp_err *e);

const char *http_header(const struct http_req *rq, const char *name);    /* first one, or NULL */
const char *http_cookie(const struct http_req *rq, const char *name);    /* or NULL */

/*
 * The Range header against a body of SIZE bytes: 1 and a piece of it (answer 206), 0 for all of it (none, several
 * or not understood, RFC 9110 14.2). SP_EINVAL: outside (answer 416 with Content-Range).
 */
SP_MUST int http_range(const struct http_req *rq, uint64_t size, uint64_t *ret_offset, uint64_t *ret_len, struct sp_err *e);

/* The body as a JSON object (lent, freed with the request); an empty body is {}. SP_EINVAL with line and column. */
SP_MUST int http_json(struct http_req *rq, json_t **ret, struct sp_err *e);

/* J (taken) is what http_json gives from now on: a form that goes on as the API's own request. */
void http_give_json(struct http_req *rq, json_t *j);

/* Field NAME of an application/x-www-form-urlencoded body, decoded, or NULL; the I-th one. */
const char *http_form(struct http_req *rq, const char *name);
const char *http_form_at(struct http_req *rq, const char *name, unsigned i);

bool http_wants_html(const struct http_req *rq);        /* a browser navigation: Accept names text/html before */
bool http_is_fragment(const struct http_req *rq);       /* HX-Request: true */

/* The answer. Zeroed before the handler; status 0 means 200. */
struct http_header { const char *name, *value; struct http_header *next; };

struct http_resp {
	int status;
	struct http_header *headers;
	const char *body;               /* lent from the arena or static */
	size_t body_len;
	int file_fd;                    /* >= 0: the body is file_len bytes of this file from file_offset; owned by the answer */
	uint64_t file_offset, file_len; /* HEAD without a body at hand: set the header Content-Length instead */
	void (*body_free)(void *arg);   /* called with body_free_arg when the body was sent; for bodies that outlive the arena's owner */
	void *body_free_arg;
	struct http_stream *stream;     /* set by http_stream_open: the answer goes on until the stream is closed */
};

void http_set(struct http_req *rq, struct http_resp *rs, const char *name, const char *value);    /* adds a header; copies */
void http_setf(struct http_req *rq, struct http_resp *rs, const char *name, const char *fmt, ...) SP_PRINTF(4, 5);

/* Shapes of answers. http_reply_json takes the reference of J. */
int http_reply_json(struct http_req *rq, struct http_resp *rs, int status, json_t *j);
int http_reply_text(struct http_req *rq, struct http_resp *rs, int status, const char *text);
int http_reply_html(struct http_req *rq, struct http_resp *rs, int status, struct sp_buf *html);   /* takes HTML's bytes */
int http_redirect(struct http_req *rq, struct http_resp *rs, int status, const char *location);

/* An error of the Hub's convention with its X-Error-Code ("RepoNotFound", …); returns 0, the answer is complete. */
int http_reply_error(struct http_req *rq, struct http_resp *rs, int status, const char *error_code, const char *fmt, ...) SP_PRINTF(5, 6);

/*
 * Event streams. The handler calls http_stream_open, which sets rs->stream, and returns 0. From then on
 * any thread may write; the loop sends. The stream is bounded: more than 1 MiB unsent closes it, the
 * client reconnects. CLOSED(ARG) is called once on the loop thread when the client is gone or after
 * http_stream_end was sent; the stream must not be used after it.
 */
struct http_stream *http_stream_open(struct http_req *rq, struct http_resp *rs, const char *content_type,
		void (*closed)(void *arg), void *arg);

/*
 * The same, but the answer is what comes out of the socket or pipe FD (taken, must not block) until its end. It is read
 * only as fast as the client takes it. http_stream_write is not for these.
 */
struct http_stream *http_stream_from(struct http_req *rq, struct http_resp *rs, const char *content_type, int fd,
		void (*closed)(void *arg), void *arg);
uint64_t http_stream_taken(struct http_stream *s);     /* bytes of FD that were read so far */
void http_stream_write(struct http_stream *s, const void *p, size_t n);
void http_stream_end(struct http_stream *s);

typedef int http_handler(struct http_req *rq, struct http_resp *rs, struct sp_err *e);

/* server/http/routes.def rows; read by the router, the permission walk of the tests, and the docs. */
struct http_route {
	enum http_method method;
	const char *pattern;            /* "/api/spaces/{owner}/{name}/like" */
	http_handler *handler;
	const char *handler_name;
	enum account_verb verb;         /* MAY_ANYONE: the handler decides; others are checked on {owner}/{name} before it runs */
	enum http_body body;
};

/* routes.def as declarations: `http_handler NAME;` for every handler that it names. */
#define ROUTE(method, pattern, handler, verb, body) http_handler handler;
#include "routes.def"
#undef ROUTE

/*
 * Requests to an app's host that the server answers (rq->space, rq->space_why); they are not in routes.def
 * because their paths are the app's own. Anything but GET and HEAD on a static one is 405.
 */
http_handler app_host_static, app_host_waiting, app_host_down, app_host_unknown;

/*
 * The error page of browsers (http_wants_html): fills RS's body from STATUS, the machine code and the
 * sentence. main sets it from server/pages; without one a bare page answers.
 */
typedef void http_error_page(struct http_req *rq, struct http_resp *rs, int status, const char *code, const char *sentence);
void http_set_error_page(http_error_page *page);
