/*
 * account.h - who asks, and the one place that says what they may.
 *
 * Tokens are stored as SHA-256 only; sessions likewise. Visibility and roles are decided in
 * account_may and nowhere else (ARCHITECTURE 8).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "id.h"

struct store;

enum account_role { ROLE_NONE, ROLE_READ, ROLE_WRITE, ROLE_ADMIN };    /* of a token; sessions have the user's full role */

enum account_verb {
	MAY_ANYONE,             /* no check */
	MAY_SIGNED_IN,
	MAY_READ,               /* see a repository */
	MAY_WRITE,              /* change it */
	MAY_CREATE,             /* make one under {owner} */
	MAY_ADMIN               /* the installation */
};

/* Zeroed: anonymous. */
struct account_actor {
	struct sp_id user;
	char name[64];
	char fullname[128];
	enum account_role role;
	bool is_admin;
	bool by_session;        /* a browser: unsafe methods need the same-origin check */
};

struct account_object { struct sp_id owner; bool is_private; };

bool account_is_anonymous(const struct account_actor *a);

/* SP_EAUTH: sign in. SP_EDENIED: known and not allowed. SP_ENOENT: the object must look absent to this actor (private). */
SP_MUST int account_may(const struct account_actor *a, enum account_verb verb, const struct account_object *on, struct sp_err *e);

/* "hf_" and 34 letters and digits from the kernel's generator. */
struct account_token { char s[48]; };
struct account_token account_token_new(void);

/* Look a bearer token up. SP_EAUTH: unknown or revoked; the comparison is by hash and index, so time tells nothing. */
SP_MUST int account_by_token(struct store *st, const char *token, struct account_actor *ret, struct sp_err *e);

/* One more access token of USER; LABEL tells them apart. SP_EINVAL: the label is too long. */
SP_MUST int account_token_add(struct store *st, const struct sp_id *user, const char *label, enum account_role role,
		struct account_token *ret, struct sp_err *e);

/* Sessions of browsers. The cookie's value is returned once; only its hash is kept. */
SP_MUST int account_session_new(struct store *st, const struct sp_id *user, struct account_token *ret_cookie, struct sp_err *e);
SP_MUST int account_by_session(struct store *st, const char *cookie, struct account_actor *ret, struct sp_err *e);
SP_MUST int account_session_end(struct store *st, const char *cookie, struct sp_err *e);

/* One-time sign-in links: valid 24 h, spent by account_signin_use. */
SP_MUST int account_signin_new(struct store *st, const struct sp_id *user, struct account_token *ret, struct sp_err *e);
SP_MUST int account_signin_use(struct store *st, const char *token, struct sp_id *ret_user, struct sp_err *e);

/*
 * Create a user with a first write token (role admin for an administrator). SP_EINVAL: the name breaks
 * [A-Za-z0-9][A-Za-z0-9-]{0,38}[A-Za-z0-9], has "--" or is reserved. SP_EEXIST. RET_TOKEN is "" when a
 * given token is longer than it.
 */
SP_MUST int account_user_add(struct store *st, const char *name, bool is_admin, const char *token_or_null,
		struct account_token *ret_token, struct sp_id *ret_user, struct sp_err *e);
