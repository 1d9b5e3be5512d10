/*
 * space_state.h - what a Space does and why, with what only the store knows: who paused it, and when (C-UI-17).
 */
#pragma once

#include <jansson.h>

#include "runtime/space/space.h"
#include "runtime/store/store.h"
#include "server/http/http.h"

/* Pool threads only. SP_ENOENT: the runtime does not know it. */
SP_MUST int space_state(struct http_req *rq, const struct sp_id *id, struct space_view *ret, struct sp_err *e);

/*
 * {code, message, next, action: {kind, label, target}, since, evidence, retryAt}: the same in the API, on app hosts and
 * in event streams. EVIDENCE: log lines, for those who may change the app only. NULL when there is no cause.
 */
json_t *space_cause_json(const struct space_view *v, bool evidence);
