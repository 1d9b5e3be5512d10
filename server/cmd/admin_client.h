/*
 * admin_client.h - one command to the running server over STATE/run/admin.sock (root only).
 */
#pragma once

#include <jansson.h>

#include "err.h"

/* Send COMMAND (taken), return the answer object. SP_ENOENT: no server runs on this state. SP_ESTATE: it refused, text in E. */
SP_MUST int admin_call(const char *state, json_t *command, json_t **ret, struct sp_err *e);
