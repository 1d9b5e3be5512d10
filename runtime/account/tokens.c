#include "runtime/account/account.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "str.h"
#include "tokens.h"

#define SESSION_MS (INT64_C(30) * 24 * 3600 * 1000)
#define SIGNIN_MS  (INT64_C(24) * 3600 * 1000)
#define USED_MS    (INT64_C(3600) * 1000)       /* news of use are written this often */

enum { TOKEN_CHARS = 34, LINK_CHARS = 43, TOKEN_BYTES_MAX = 512 };

/* PREFIX and N letters and digits. */
static struct account_token random_token(const char *prefix, size_t n_random)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	enum { LETTERS = sizeof(letters) - 1, FAIR = 256 - 256 % LETTERS };
	struct account_token t = { 0 };
	size_t n = strlen(prefix), end = n + n_random;

	memcpy(t.s, prefix, n);
	while (n < end) {
		unsigned char raw[64];

		if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
			abort();        /* cannot fail for so few bytes after boot (getrandom(2)) */
		for (size_t i = 0; i < sizeof(raw) && n < end; i++)
			if (raw[i] < FAIR)      /* else the first letters would be likelier */
				t.s[n++] = letters[raw[i] % LETTERS];
	}
	return t;
}

struct account_token account_token_new(void)
{
	return random_token("hf_", TOKEN_CHARS);
}

struct account_token account_link_new(void)
{
	return random_token("", LINK_CHARS);
}

void token_hash(const char *token, uint8_t ret[32])
{
	crypto_hash_sha256(ret, (const unsigned char *)token, strlen(token));
}

int token_find(struct store *st, const char *token, int kind, struct store_token *ret, struct store_user *ret_user, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	uint8_t hash[32];
	int r;

	if (strnlen(token, TOKEN_BYTES_MAX) == TOKEN_BYTES_MAX)
		return sp_fail(e, SP_EAUTH, 0, "no such token");
	token_hash(token, hash);
	r = store_token_by_hash(st, hash, &row, e);
	if (r == 0 && row.kind != kind)
		r = -SP_ENOENT;
	if (r == 0)
		r = store_user_by_id(st, &row.user, &user, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_EAUTH, 0, "no such token");
	if (r < 0)
		return r;
	*ret = row;
	*ret_user = user;
	return 0;
}

static int actor_of(const struct store_user *u, const struct store_token *row, enum account_role role, struct account_actor *ret, struct sp_err *e)
{
	struct account_actor a = { .user = u->id, .role = role, .is_admin = u->is_admin, .by_session = row->kind == TOKEN_SESSION, .token = row->id };

	if (sp_copy(a.name, sizeof(a.name), u->name) < 0 || sp_copy(a.fullname, sizeof(a.fullname), u->fullname) < 0)
		return sp_fail(e, SP_EBUG, 0, "user name too long");
	*ret = a;
	return 0;
}

/*
 * Was it written down that ROW is used? Once an hour is enough for people. A full disk must not lock readers out, so
 * that failing is no failure of theirs.
 */
static bool note_use(struct store *st, const struct store_token *row, int64_t life_ms)
{
	int64_t now = sp_wall_ms();

	return now - row->used_ms >= USED_MS && store_token_used(st, row->sha256, now, life_ms ? now + life_ms : 0, NULL) >= 0;
}

int account_by_token(struct store *st, const char *token, struct account_actor *ret, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = token_find(st, token, TOKEN_ACCESS, &row, &user, e);

	if (r < 0)
		return r;
	note_use(st, &row, 0);
	return actor_of(&user, &row, (enum account_role)row.role, ret, e);
}

static int issue(struct store *st, const struct sp_id *user, int kind, const char *label, int64_t life_ms,
		struct account_token *ret, struct sp_err *e)
{
	struct account_token secret = account_token_new();
	struct store_token row = { .user = *user, .kind = kind, .created_ms = sp_wall_ms() };
	int r;

	row.expires_ms = row.created_ms + life_ms;
	token_hash(secret.s, row.sha256);
	snprintf(row.label, sizeof(row.label), "%s", label);
	r = store_token_add(st, &row, e);
	if (r < 0)
		return r;
	*ret = secret;
	return 0;
}

int account_token_add(struct store *st, const struct sp_id *user, const char *label, enum account_role role,
		struct account_token *ret, struct sp_err *e)
{
	struct account_token secret = account_token_new();
	struct store_token row = { .user = *user, .kind = TOKEN_ACCESS, .role = role, .created_ms = sp_wall_ms() };
	int r;

	token_hash(secret.s, row.sha256);
	if (sp_copy(row.label, sizeof(row.label), label) < 0)
		return sp_fail(e, SP_EINVAL, 0, "the name of a token has at most %zu bytes", sizeof(row.label) - 1);
	r = store_token_add(st, &row, e);
	if (r < 0)
		return r;
	*ret = secret;
	return 0;
}

int account_session_new(struct store *st, const struct sp_id *user, const char *browser, struct account_token *ret_cookie, struct sp_err *e)
{
	return issue(st, user, TOKEN_SESSION, browser, SESSION_MS, ret_cookie, e);
}

int account_by_session(struct store *st, const char *cookie, struct account_actor *ret, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = token_find(st, cookie, TOKEN_SESSION, &row, &user, e);

	if (r == 0)
		r = actor_of(&user, &row, user.is_admin ? ROLE_ADMIN : ROLE_WRITE, ret, e);
	if (r == 0)
		ret->is_renewed = note_use(st, &row, SESSION_MS);
	return r;
}

int account_session_end(struct store *st, const char *cookie, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = token_find(st, cookie, TOKEN_SESSION, &row, &user, e);

	if (r == 0)
		r = store_token_del(st, row.sha256, e);
	return r == -SP_EAUTH || r == -SP_ENOENT ? 0 : r;       /* signing out twice is fine */
}

int account_signin_new(struct store *st, const struct sp_id *user, struct account_token *ret, struct sp_err *e)
{
	return issue(st, user, TOKEN_SIGNIN, "sign-in link", SIGNIN_MS, ret, e);
}

int account_signin_use(struct store *st, const char *token, struct sp_id *ret_user, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = token_find(st, token, TOKEN_SIGNIN, &row, &user, e);

	/* Deleting decides: of two that use one link at once, one finds nothing to delete. */
	if (r == 0)
		r = store_token_del(st, row.sha256, e);
	if (r == -SP_EAUTH || r == -SP_ENOENT)
		return sp_fail(e, SP_EAUTH, 0, "this sign-in link was used already or is older than a day");
	if (r < 0)
		return r;
	*ret_user = row.user;
	return 0;
}
