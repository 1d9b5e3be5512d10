/*
 * deploy.h - a folder becomes a running Space; shared by `deploy` and `serve --examples`.
 */
#pragma once

#include "client.h"
#include "follow.h"

struct deploy { const char *folder, *space; bool is_private, quiet, json; };

/* Prints its steps. SP_ESTATE: it was uploaded but does not run; RET says why. */
SP_MUST int deploy_folder(struct client *c, const struct deploy *d, struct sp_arena *a, struct space_state *ret, struct sp_err *e);
