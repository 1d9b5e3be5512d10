/*
 * ws.h - the platform's WebSockets, by libwebsockets on our loop.
 *
 * GET /-/ws/logs?space=OWNER/NAME&kind=build|run  each log line as one text frame, the JSON of logs.h, from the
 * beginning of the newest log; closed with 1000 when the log is complete. Credentials: "Authorization:
 * Bearer" or ?token=; cookies do not count, so that no foreign page can read through a visitor. A refusal
 * comes after the handshake (looking accounts up would block the loop): close code 4400, 4401, 4403 or 4404
 * with the sentence as reason. Other requests on this socket are 404 (upgrade) and 400 (none).
 */
#pragma once

#include "err.h"

struct server;
struct ws;

enum { WS_UNSENT_MAX = 1 << 20, WS_CONNECTIONS_MAX = 256 };

/* Serve the listening socket LISTEN_FD (lent). Before the loop runs or on its thread. */
SP_MUST int ws_new(struct server *srv, int listen_fd, struct ws **ret, struct sp_err *e);
void ws_quiesce(struct ws *w);          /* accept no more, close what is open */
void ws_free(struct ws *w);             /* NULL is fine */
