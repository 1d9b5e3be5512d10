/* Whom something speaks for that is no token itself: a claim that names one, and edge, which has checked it. */
#include "runtime/account/account.h"

#include "runtime/store/store.h"
#include "str.h"

int account_reader(struct store *st, const struct sp_id *user, struct account_actor *ret, struct sp_err *e)
{
	struct account_actor a = { .user = *user, .role = ROLE_READ };
	struct store_user u;
	int r = store_user_by_id(st, user, &u, e);

	if (r < 0)
		return r;
	a.is_admin = u.is_admin;
	if (sp_copy(a.name, sizeof(a.name), u.name) < 0 || sp_copy(a.fullname, sizeof(a.fullname), u.fullname) < 0)
		return sp_fail(e, SP_EBUG, 0, "user name too long");
	*ret = a;
	return 0;
}

int account_by_token_id(struct store *st, const struct sp_id *user, const struct sp_id *token, struct account_actor *ret, struct sp_err *e)
{
	struct account_actor a;
	struct store_token row;
	int r = store_token_by_id(st, token, &row, e);

	if (r == 0 && (!sp_id_eq(&row.user, user) || (row.kind != TOKEN_ACCESS && row.kind != TOKEN_SESSION)))
		r = -SP_ENOENT;
	if (r == 0)
		r = account_reader(st, user, &a, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_EAUTH, 0, "the token or session has ended");
	if (r < 0)
		return r;
	a.token = *token;
	*ret = a;
	return 0;
}
