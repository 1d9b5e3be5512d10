/*
 * auth.h - who asks, and may they: the two questions before every handler. On a pool thread (database).
 */
#pragma once

#include "server/http/conn.h"

/*
 * Fill rq->actor from "Authorization: Bearer", "Basic" (the token is the password, any user name: git, hf-api.md
 * 1.1) or the session cookie, in this order. Returns 0, or 1 when the answer is complete (401 by C-HF-07, 403 for a
 * browser's request from another site). Requests to apps' hosts with a token that is not ours stay anonymous.
 */
SP_MUST int auth_who(struct http_conn *c, struct sp_err *e);

/* The route's verb on its object; sets rq->repo. Returns 0, or 1 when the answer is complete (C-HF-03), or -CODE. */
SP_MUST int auth_may(struct http_conn *c, struct sp_err *e);

/*
 * Did this request come from a page of our own origin? Sec-Fetch-Site where the browser sends it, else Origin. It
 * must be same-origin: apps on sibling host names are same-site (ui.md 3.5). Pure.
 */
bool auth_is_same_origin(const struct http_req *rq);

/*
 * The name of the session cookie: "__Host-vitrine_session" under https and, where the browser keeps it, on localhost,
 * so that no app on a sibling host can set it; "vitrine_session" elsewhere (C-UI-05, CONTRACTS 9.3).
 */
const char *auth_cookie_name(const struct http_req *rq);

/* Set the session cookie to VALUE for 30 days; "" takes it away. */
void auth_set_cookie(struct http_req *rq, struct http_resp *rs, const char *value);

/* A session whose end moved on: its cookie's too, unless the answer sets one itself or is kept by shared caches. */
void auth_renew_cookie(struct http_conn *c);
