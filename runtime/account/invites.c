#include <string.h>

#include "clock.h"
#include "passwords.h"
#include "str.h"
#include "tokens.h"

#define INVITE_MS (INT64_C(7) * 24 * 3600 * 1000)
#define RESET_MS  (INT64_C(24) * 3600 * 1000)

enum { LINK_MAX = 128 };

static int invite_is_over(struct sp_err *e)
{
	return sp_fail(e, SP_EAUTH, 0, "this invitation was used or revoked, or is older than seven days: ask for a new one");
}

static int check_free(struct store *st, const char *name, struct sp_err *e)
{
	struct store_user other;
	int r = store_user_by_name(st, name, &other, NULL);

	if (r == 0)
		return sp_fail(e, SP_EEXIST, 0, "the user '%s' exists already", name);
	return r == -SP_ENOENT ? 0 : sp_fail(e, SP_EIO, 0, "look up the user");
}

int account_invite_new(struct store *st, const char *name, bool is_admin, struct account_token *ret, struct store_invite *ret_row,
		struct sp_err *e)
{
	struct account_token link = account_link_new();
	struct store_invite row = { .id = sp_id_new(), .is_admin = is_admin, .created_ms = sp_wall_ms() };
	int r = *name ? user_check_name(name, e) : 0;

	if (r == 0 && *name)
		r = check_free(st, name, e);
	if (r == 0 && sp_copy(row.name, sizeof(row.name), name) < 0)
		r = sp_fail(e, SP_EBUG, 0, "user name too long");
	if (r < 0)
		return r;
	row.expires_ms = row.created_ms + INVITE_MS;
	token_hash(link.s, row.sha256);
	r = store_invite_add(st, &row, e);
	if (r < 0)
		return r;
	*ret = link;
	*ret_row = row;
	return 0;
}

int account_invite_find(struct store *st, const char *token, struct store_invite *ret, struct sp_err *e)
{
	uint8_t hash[32];
	int r;

	if (strnlen(token, LINK_MAX) == LINK_MAX)
		return invite_is_over(e);
	token_hash(token, hash);
	r = store_invite_by_hash(st, hash, ret, e);
	return r == -SP_ENOENT ? invite_is_over(e) : r;
}

int account_invite_use(struct store *st, struct gate *g, const char *token, const char *name, const char *password,
		struct sp_id *ret_user, struct sp_err *e)
{
	struct store_user user = { .id = sp_id_new(), .created_ms = sp_wall_ms() };
	struct store_invite invite;
	struct store_password hash;
	int r = account_invite_find(st, token, &invite, e);

	if (r < 0)
		return r;
	if (invite.name[0])
		name = invite.name;
	r = user_check_name(name, e);
	if (r == 0)
		r = check_free(st, name, e);    /* before the hash: it costs */
	if (r == 0)
		r = password_hash(g, name, password, &hash, e);
	if (r < 0)
		return r;
	user.is_admin = invite.is_admin;
	if (sp_copy(user.name, sizeof(user.name), name) < 0 || sp_copy(user.fullname, sizeof(user.fullname), name) < 0)
		return sp_fail(e, SP_EBUG, 0, "user name too long");
	r = store_invite_use(st, invite.sha256, &user, &hash, e);
	if (r == -SP_ENOENT)
		return invite_is_over(e);
	if (r < 0)
		return r;
	*ret_user = user.id;
	return 0;
}

/* ---- links to a new password ---- */

static int reset_is_over(struct sp_err *e)
{
	return sp_fail(e, SP_EAUTH, 0, "this link was used already or is older than a day: ask for a new one");
}

int account_reset_new(struct store *st, const struct sp_id *user, struct account_token *ret, struct sp_err *e)
{
	struct account_token link = account_link_new();
	struct store_token row = { .user = *user, .kind = TOKEN_RESET, .label = "new password", .created_ms = sp_wall_ms() };
	int r;

	row.expires_ms = row.created_ms + RESET_MS;
	token_hash(link.s, row.sha256);
	r = store_token_add(st, &row, e);
	if (r < 0)
		return r;
	*ret = link;
	return 0;
}

int account_reset_find(struct store *st, const char *token, struct store_user *ret, struct sp_err *e)
{
	struct store_token row;
	int r = token_find(st, token, TOKEN_RESET, &row, ret, e);

	return r == -SP_EAUTH ? reset_is_over(e) : r;
}

int account_reset_use(struct store *st, struct gate *g, const char *token, const char *password, struct sp_id *ret_user, struct sp_err *e)
{
	struct store_password hash;
	struct store_token row;
	struct store_user user;
	int r = token_find(st, token, TOKEN_RESET, &row, &user, e);

	if (r == -SP_EAUTH)
		return reset_is_over(e);
	if (r == 0)
		r = password_hash(g, user.name, password, &hash, e);
	if (r < 0)
		return r;
	r = store_user_change_password(st, &user.id, &hash, row.sha256, NULL, e);
	if (r == -SP_ENOENT)
		return reset_is_over(e);
	if (r < 0)
		return r;
	*ret_user = user.id;
	return 0;
}
