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
struct store_invite;
struct store_user;
struct gate;

enum account_role { ROLE_NONE, ROLE_READ, ROLE_WRITE, ROLE_ADMIN };    /* of a token; sessions have the user's full role */

enum account_verb {
	MAY_ANYONE,             /* no check */
	MAY_SIGNED_IN,
	MAY_READ,               /* see a repository */
	MAY_WRITE,              /* change it */
	MAY_CREATE,             /* make one under {owner} */
	MAY_ADMIN,              /* the installation */
	MAY_LINK                /* whoever has the address: it carries a signed claim */
};

/* Zeroed: anonymous. */
struct account_actor {
	struct sp_id user;
	char name[64];
	char fullname[128];
	enum account_role role;
	bool is_admin;
	bool by_session;        /* a browser: unsafe methods need the same-origin check */
	bool is_renewed;        /* the session's end moved on: its cookie's should too */
	struct sp_id token;     /* which token or session it came by; names it, opens nothing */
};

struct account_object { struct sp_id owner; bool is_private; };

bool account_is_anonymous(const struct account_actor *a);

/* SP_EAUTH: sign in. SP_EDENIED: known and not allowed. SP_ENOENT: the object must look absent to this actor (private). */
SP_MUST int account_may(const struct account_actor *a, enum account_verb verb, const struct account_object *on, struct sp_err *e);

/* "hf_" and 34 letters and digits from the kernel's generator. */
struct account_token { char s[48]; };
struct account_token account_token_new(void);
/* 43 letters and digits: 256 bits, for links. */
struct account_token account_link_new(void);

/* Look a bearer token up. SP_EAUTH: unknown or revoked; the comparison is by hash and index, so time tells nothing. */
SP_MUST int account_by_token(struct store *st, const char *token, struct account_actor *ret, struct sp_err *e);

/* One more access token of USER; LABEL tells them apart. SP_EINVAL: the label is too long. */
SP_MUST int account_token_add(struct store *st, const struct sp_id *user, const char *label, enum account_role role,
		struct account_token *ret, struct sp_err *e);

/*
 * Sessions of browsers. The cookie's value is returned once; only its hash is kept. BROWSER ("Firefox on Linux") tells
 * them apart and is cut when too long. A session ends 30 days after it was last used.
 */
SP_MUST int account_session_new(struct store *st, const struct sp_id *user, const char *browser, struct account_token *ret_cookie, struct sp_err *e);
SP_MUST int account_by_session(struct store *st, const char *cookie, struct account_actor *ret, struct sp_err *e);
SP_MUST int account_session_end(struct store *st, const char *cookie, struct sp_err *e);

/*
 * Who reads something by leave of a token or session that is named by its id (delegate.c). SP_EAUTH: it has ended, or
 * was never USER's.
 */
SP_MUST int account_by_token_id(struct store *st, const struct sp_id *user, const struct sp_id *token, struct account_actor *ret, struct sp_err *e);
/* USER, only to read: for whom edge has let in. SP_ENOENT. */
SP_MUST int account_reader(struct store *st, const struct sp_id *user, struct account_actor *ret, struct sp_err *e);

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

/*
 * Passwords (passwords.c): argon2id, interactive limits. All of these may block for a tenth of a second and use
 * 64 MiB for it; the gate bounds how many do so at once (SP_EBUSY: come back in a second).
 */
enum { PASSWORD_MIN = 8, PASSWORD_MAX = 256 };

/*
 * Who has this name and password? SP_EAUTH: nobody, whatever is wrong. SP_EQUOTA: too many wrong ones for this account
 * or from ADDRESS; the text says for how long. Takes equally long whether or not the name is known.
 */
SP_MUST int account_password_check(struct store *st, struct gate *g, const char *name, const char *password, const char *address,
		struct store_user *ret, struct sp_err *e);
/* SP_EINVAL: too short, too long or the name itself. All sessions end but KEEP (NULL: none). */
SP_MUST int account_password_set(struct store *st, struct gate *g, const struct store_user *user, const char *password,
		const struct sp_id *keep, struct sp_err *e);

/* Invitations: valid 7 days, one account each (invites.c). NAME "": whoever comes chooses. SP_EINVAL, SP_EEXIST: the name cannot be had. */
SP_MUST int account_invite_new(struct store *st, const char *name, bool is_admin, struct account_token *ret, struct store_invite *ret_row,
		struct sp_err *e);
/* SP_EAUTH: used, revoked or too old. */
SP_MUST int account_invite_find(struct store *st, const char *token, struct store_invite *ret, struct sp_err *e);
/* Make the account. SP_EAUTH as above; SP_EEXIST, SP_EINVAL: the invitation stays good. */
SP_MUST int account_invite_use(struct store *st, struct gate *g, const char *token, const char *name, const char *password,
		struct sp_id *ret_user, struct sp_err *e);

/* Links to choose a new password: valid 24 h, once (invites.c). */
SP_MUST int account_reset_new(struct store *st, const struct sp_id *user, struct account_token *ret, struct sp_err *e);
SP_MUST int account_reset_find(struct store *st, const char *token, struct store_user *ret, struct sp_err *e);
SP_MUST int account_reset_use(struct store *st, struct gate *g, const char *token, const char *password, struct sp_id *ret_user, struct sp_err *e);

/*
 * The pair of tokens that the device flow grants (hf-api.md 1.3): an access token of 30 days and, to renew it within
 * them, a refresh token that works once. account_token_refresh: SP_EAUTH when spent, expired or its access token was revoked.
 */
enum { GRANT_SECONDS = 30 * 24 * 3600 };
SP_MUST int account_grant_new(struct store *st, const struct sp_id *user, const char *label, enum account_role role,
		struct account_token *ret_access, struct account_token *ret_refresh, struct sp_err *e);
SP_MUST int account_token_refresh(struct store *st, const char *refresh, struct account_token *ret_access, struct account_token *ret_refresh,
		struct sp_err *e);
