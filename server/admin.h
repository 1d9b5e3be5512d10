/*
 * admin.h - STATE/run/admin.sock: the operator's commands, one JSON object a line, one answer a line.
 *
 *     {"cmd":"user-add","name":"ada","admin":false}   -> {"ok":true,"name":"ada","token":"hf_…"}
 *     {"cmd":"signin-link","name":"ada"}              -> {"ok":true,"path":"/-/signin?token=…","url":"http://…"}
 *     {"cmd":"status"}                                -> {"ok":true,"users":1,…}
 *     and the other rows of admin_commands.c
 *     what is refused                                 -> {"ok":false,"code":"…","error":"…"}
 *
 * Only root may connect (SO_PEERCRED): the socket's mode does not matter.
 */
#pragma once

#include "err.h"

struct server;
struct admin;

enum { ADMIN_LINE_MAX = 4096, ADMIN_CONNECTIONS_MAX = 16 };

SP_MUST int admin_new(struct server *srv, int listen_fd, struct admin **ret, struct sp_err *e);
void admin_free(struct admin *a);       /* after the pools were drained; NULL is fine */
