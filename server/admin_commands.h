/*
 * admin_commands.h - what the operator's socket understands: {"cmd": NAME, …} to an answer. On a pool thread.
 */
#pragma once

#include <jansson.h>

#include "err.h"

struct server;

/* SP_EUNSUPPORTED: no such command. RET is the caller's. */
SP_MUST int admin_run(struct server *srv, json_t *command, json_t **ret, struct sp_err *e);
