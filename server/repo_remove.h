/*
 * repo_remove.h - deleting a Space with everything that hangs on it, for the API, the pages and deleted accounts.
 */
#pragma once

#include "err.h"

struct server;
struct sp_id;

/*
 * [any but the loop thread] Rows, sandboxes, repository, logs; returns when nothing of it runs any more. ACTOR and
 * NAME are for the record of events. SP_ENOENT: it is gone already.
 */
SP_MUST int repo_remove(struct server *srv, const struct sp_id *actor, const struct sp_id *repo, const char *name, struct sp_err *e);
