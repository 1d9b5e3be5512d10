/*
 * account.h - what the pages of accounts share. Pool threads only.
 */
#pragma once

#include "runtime/account/account.h"
#include "server/http/http.h"
#include "server/pages/page.h"

/* Settings are for the browser's session: an access token, which may be in many hands, must not make others. SP_EDENIED. */
SP_MUST int account_need_session(const struct http_req *rq, struct sp_err *e);

/* For who has no password to type again: the session began at most 15 min ago, an open browser that somebody found is not enough. SP_EDENIED. */
SP_MUST int account_need_fresh(const struct http_req *rq, struct sp_err *e);

/* Begin a session of USER: the cookie is set on RS. Returns what account_session_new returns. */
SP_MUST int account_begin_session(struct http_req *rq, struct http_resp *rs, const struct sp_id *user, struct sp_err *e);

/* The status of a form that could not be done: of E's code, but 429 with Retry-After for too many tries. 0: not the user's fault, fail. */
int account_form_status(struct http_req *rq, struct http_resp *rs, const struct sp_err *e);

/* E's text as a sentence for the page. */
const char *account_sentence(struct sp_arena *a, const struct sp_err *e);

/* "2026-11-30", in UTC; "" for 0. */
const char *account_day(struct sp_arena *a, int64_t wall_ms);

/* The platform's own address and PATH?token=TOKEN. */
const char *account_link(const struct http_req *rq, const char *path, const char *token);

/* Two fields of a form that must agree. SP_EINVAL. */
SP_MUST int account_form_password(struct http_req *rq, const char **ret, struct sp_err *e);
