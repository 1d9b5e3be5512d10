/*
 * conn.h - one request as the adapter and the functions of http.h keep it. Private to server/http.
 *
 * Owned by the adapter from the request line to the end of the answer. The loop thread and one pool
 * thread use it in turns, never at once: while a pool thread has it the connection is suspended.
 */
#pragma once

#include "server/http/http.h"

struct http_pair { const char *name, *value; struct http_pair *next; };         /* in the order of arrival */

struct http_conn {
	struct http_req rq;
	struct http_resp rs;
	struct sp_arena arena;
	const struct http_route *route;         /* NULL: none fits; `refused` tells */
	struct http_pair *params, *headers, *query, *form;
	bool form_parsed;
	struct http_stream *stream;             /* opened by the handler, also when it failed afterwards */
	json_t *json;                           /* of http_json */
	struct sp_err err;                      /* of a refusal before the handler */
	int refused;                            /* -CODE, or 0 */
	bool is_admitted;                       /* authenticated and authorised */
	bool is_done;                           /* rs is complete */
	char allow[64];
	enum http_body body;                    /* what is collected; BODY_NONE: discarded */
	uint64_t body_max;                      /* BODY_LINK: known once admitted */
	uint64_t started_us;
};

/* First value of NAME in LIST, without case when NOCASE; NULL. */
const char *http_pair_get(const struct http_pair *list, const char *name, bool nocase);
/* Add to the end. */
void http_pair_add(struct sp_arena *a, struct http_pair **list, const char *name, const char *value);

/* ---- dispatch.c ---- */

/*
 * Loop thread, pure. C's arena, headers and rq.srv, rq.target, rq.method are set (METHOD_KNOWN: it is one of ours): split the target,
 * work out origin, request id, visitor, and the route or why there is none.
 */
void http_begin(struct http_conn *c, bool method_known);

/* Refuse C with this error; http_answer will say it. */
void http_reject(struct http_conn *c, enum sp_code code, const char *sentence);

/* Pool thread: who asks and may they. Sets is_admitted, or the answer and is_done. */
void http_admit(struct http_conn *c);

/* Pool thread: admit if that was not done, run the handler, add the common headers. Sets is_done. */
void http_answer(struct http_conn *c);

/* Loop thread: release everything that C owns; its stream's CLOSED is called. */
void http_conn_fini(struct http_conn *c);
