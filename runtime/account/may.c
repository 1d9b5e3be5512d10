#include "runtime/account/account.h"

bool account_is_anonymous(const struct account_actor *a)
{
	return sp_id_is_none(&a->user);
}

static bool is_owner(const struct account_actor *a, const struct account_object *on)
{
	return !account_is_anonymous(a) && on && sp_id_eq(&a->user, &on->owner);
}

static int need_signed_in(const struct account_actor *a, struct sp_err *e)
{
	return account_is_anonymous(a) ? sp_fail(e, SP_EAUTH, 0, "sign in or send a token") : 0;
}

/* An administrator sees everything with any token and changes what others own only with one of role admin. */
static int may_change(const struct account_actor *a, const struct account_object *on, const char *denied, struct sp_err *e)
{
	int r = need_signed_in(a, e);

	if (r < 0)
		return r;
	if (!is_owner(a, on) && !a->is_admin)
		return sp_fail(e, SP_EDENIED, 0, "%s", denied);
	if (a->role < ROLE_WRITE)
		return sp_fail(e, SP_EDENIED, 0, "this token may only read: use one with the role write");
	if (!is_owner(a, on) && a->role < ROLE_ADMIN)
		return sp_fail(e, SP_EDENIED, 0, "this belongs to someone else: use a token with the role admin");
	return 0;
}

static int may_read(const struct account_actor *a, const struct account_object *on, struct sp_err *e)
{
	if (!on)
		return sp_fail(e, SP_EBUG, 0, "permission on nothing");
	if (!on->is_private || is_owner(a, on) || (a->is_admin && !account_is_anonymous(a)))
		return 0;
	return sp_fail(e, SP_ENOENT, 0, "repository not found");
}

int account_may(const struct account_actor *a, enum account_verb verb, const struct account_object *on, struct sp_err *e)
{
	int r;

	switch (verb) {
	case MAY_ANYONE:
	case MAY_LINK:          /* checked with the address's signature, in server/http/auth.c */
		return 0;
	case MAY_SIGNED_IN:
		return need_signed_in(a, e);
	case MAY_READ:
		return may_read(a, on, e);
	case MAY_WRITE:
		r = may_read(a, on, e);         /* what one may not see looks absent, also to a write */
		return r < 0 ? r : may_change(a, on, "this repository belongs to someone else", e);
	case MAY_CREATE:
		return may_change(a, on, "you may create repositories under your own name only", e);
	case MAY_ADMIN:
		r = need_signed_in(a, e);
		if (r < 0)
			return r;
		return a->is_admin && a->role >= ROLE_ADMIN ? 0 : sp_fail(e, SP_EDENIED, 0, "only an administrator may do this");
	}
	return sp_fail(e, SP_EBUG, 0, "no such permission");
}
