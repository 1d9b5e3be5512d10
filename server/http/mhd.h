/*
 * mhd.h - the HTTP adapter: connections on the loop thread, handlers on the pool.
 *
 *   head ─▶ (admit) ─▶ body ⇄ (write piece) ─▶ (handler) ─▶ answer ─▶ sent
 *     └──────── refused ─▶ discard ─────────────▲
 *
 * In brackets: on a pool thread, the connection is suspended. libmicrohttpd cannot answer while a body
 * comes in, so what is refused is read and dropped first, up to BODY_DISCARD_MAX; where more was
 * announced, or the client waits for 100 Continue, the answer comes at once and the connection is closed.
 */
#pragma once

#include "err.h"

struct server;
struct http;

/* Serve the listening socket LISTEN_FD (lent). Loop thread, or before the loop runs. */
SP_MUST int http_new(struct server *srv, int listen_fd, struct http **ret, struct sp_err *e);

void http_quiesce(struct http *h);      /* accept no more, end the streams; requests under way are answered */
void http_free(struct http *h);         /* after the pools were drained; NULL is fine */
