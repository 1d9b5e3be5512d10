/*
 * follow.h - wait until a Space answers, or says why it does not.
 */
#pragma once

#include "arena.h"
#include "client.h"

struct follow { const char *space; const char *commit; /* the one to wait for, or NULL */ bool quiet; };
struct followed { const char *stage, *host, *why, *next, *evidence; };

/*
 * Prints the build's log as it happens (unless quiet) and returns when the Space serves COMMIT (0) or has
 * failed (SP_ESTATE; RET says why). Never gives up by itself: the server bounds builds and starts.
 */
SP_MUST int follow_space(struct client *c, const struct follow *f, struct sp_arena *a, struct followed *ret, struct sp_err *e);
