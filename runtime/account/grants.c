#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "tokens.h"

#define ACCESS_MS  (INT64_C(1000) * GRANT_SECONDS)
#define OVERLAP_MS (INT64_C(3600) * 1000)      /* what another process of the client has begun with the old token may end */

static void fill(struct store_token *row, int kind, int64_t life_ms, struct account_token *ret_secret)
{
	*ret_secret = account_token_new();
	row->kind = kind;
	row->id = sp_id_new();
	row->created_ms = sp_wall_ms();
	row->expires_ms = row->created_ms + life_ms;
	token_hash(ret_secret->s, row->sha256);
}

int account_grant_new(struct store *st, const struct sp_id *user, const char *label, enum account_role role,
		struct account_token *ret_access, struct account_token *ret_refresh, struct sp_err *e)
{
	struct store_token access = { .user = *user, .role = role }, refresh = { .user = *user };
	struct account_token access_secret, refresh_secret;
	int r;

	fill(&access, TOKEN_ACCESS, ACCESS_MS, &access_secret);
	fill(&refresh, TOKEN_REFRESH, ACCESS_MS, &refresh_secret);
	snprintf(access.label, sizeof(access.label), "%s", label);
	memcpy(refresh.label, access.id.s, sizeof(access.id.s));
	r = store_token_add(st, &access, e);
	if (r == 0)
		r = store_token_add(st, &refresh, e);
	if (r < 0)
		return r;
	*ret_access = access_secret;
	*ret_refresh = refresh_secret;
	return 0;
}

int account_token_refresh(struct store *st, const char *refresh, struct account_token *ret_access, struct account_token *ret_refresh,
		struct sp_err *e)
{
	struct store_token spent, access = { 0 }, next = { 0 };
	struct account_token access_secret, refresh_secret;
	struct store_user user;
	int r = token_find(st, refresh, TOKEN_REFRESH, &spent, &user, e);

	if (r < 0)
		return r;
	fill(&access, TOKEN_ACCESS, ACCESS_MS, &access_secret);
	fill(&next, TOKEN_REFRESH, ACCESS_MS, &refresh_secret);
	r = store_token_refresh(st, spent.sha256, &access, &next, sp_wall_ms() + OVERLAP_MS, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_EAUTH, 0, "this refresh token was used or revoked: log in again");
	if (r < 0)
		return r;
	*ret_access = access_secret;
	*ret_refresh = refresh_secret;
	return 0;
}
