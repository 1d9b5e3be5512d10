/*
 * app_access.h - who may see a private Space at its app's own address (CONTRACTS 9.3).
 *
 * Edge asks (sandbox/proto/route.h) what a credential is worth: an access token, or one of three claims, each signed
 * for its purpose and bound to a Space, a user and the token or session that it was made by, so that they end with it:
 *
 *   sign-in  60 s, once    the dashboard sends a browser on to the app with it
 *   session  12 h          the cookie on the app's host that it is exchanged for
 *   jwt      1 h           `GET S/jwt`: programs put it into addresses (hf-api.md 5.1)
 *
 * Spent sign-ins are remembered in memory: claims of before the server's start are worth nothing.
 */
#pragma once

#include "arena.h"
#include "err.h"
#include "id.h"
#include "route.h"
#include "runtime/account/account.h"

struct server;
struct app_access;

SP_MUST int app_access_new(struct server *srv, struct app_access **ret, struct sp_err *e);
void app_access_free(struct app_access *aa);     /* NULL is fine. After loop_drain */

/* [loop] Look it up on a pool thread, then answer CONNECTION of srv->routes. */
void app_access_ask(struct app_access *aa, uint64_t connection, const struct route_access *ask);

/* [pool] The answer itself. */
void app_access_decide(struct app_access *aa, const struct route_access *ask, struct route_access_is *ret);

/* [any] Claims for ACTOR, who may read SPACE (the caller has checked). SP_EAUTH: nobody, or nobody with a token or session. */
SP_MUST int app_access_sign_in(struct app_access *aa, const struct account_actor *actor, const struct sp_id *space, struct sp_arena *a,
		const char **ret, struct sp_err *e);
SP_MUST int app_access_jwt(struct app_access *aa, const struct account_actor *actor, const struct sp_id *space, struct sp_arena *a,
		const char **ret, struct sp_err *e);
