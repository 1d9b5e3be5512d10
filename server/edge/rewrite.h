/*
 * rewrite.h - the heads that edge sends on: what passes, what goes, what is added. Pure.
 *
 * Fields pass in their order and spelling, repeated lines apart (proxy.md 7.6 to 7.8, 7.17). What an app sees
 * of the platform and what an app may do to it is decided here and in fields.def only.
 */
#pragma once

#include "head.h"

enum rewrite_to { TO_APP, TO_PLATFORM };

struct rewrite_request {
	enum rewrite_to to;
	struct sp_str peer, proto;      /* the visitor's address; "http" */
	struct sp_str domain;           /* for a request without Host */
	struct sp_str space, why;       /* TO_PLATFORM on an app's host; empty otherwise */
	struct sp_str user;             /* TO_PLATFORM on a private app's host: who may see it */
	bool drop_sign;                 /* an app's host: `__sign` is for edge only */
	bool drop_authorization;        /* it was for edge */
	struct sp_str request_id;       /* TO_PLATFORM */
	bool upgrade;                   /* pass the WebSocket upgrade on */
};

struct rewrite_response {
	enum rewrite_to from;
	bool http10;                    /* the client's version: no Transfer-Encoding */
	bool close, say_keep_alive;     /* Connection: close; Connection: keep-alive (HTTP/1.0) */
	bool upgrade;                   /* 101: the connection becomes a tunnel */
	struct sp_str added;            /* whole lines with CRLF */
	struct sp_str request_id;       /* added where the platform did not say it; empty: never */
};

/* Write the head to OUT; returns its size, or 0 when it does not fit into CAP. */
size_t rewrite_request(const struct head *h, const struct rewrite_request *how, char *out, size_t cap);
size_t rewrite_response(const struct head *h, const struct rewrite_response *how, char *out, size_t cap);
