/*
 * follow.h - wait until a Space answers, or says why it does not.
 */
#pragma once

#include "arena.h"
#include "client.h"
#include "space_state.h"

struct follow { const char *space; const char *commit; /* the one to wait for, or NULL */ bool quiet, json; };

/*
 * Prints the build's log as it happens (unless quiet) and the steps with their times, and returns when the
 * Space serves COMMIT (0) or has failed (SP_ESTATE; RET says why). Never gives up by itself: the server bounds
 * builds and starts.
 */
SP_MUST int follow_space(struct client *c, const struct follow *f, struct sp_arena *a, struct space_state *ret, struct sp_err *e);

/* That it failed, for people and as the event "failed"; returns CMD_FAILED. */
int follow_complain(const struct space_state *s, bool json, struct sp_arena *a);
