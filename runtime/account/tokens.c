#include "runtime/account/account.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "runtime/store/store.h"
#include "str.h"
#include "tokens.h"

#define SESSION_MS (INT64_C(30) * 24 * 3600 * 1000)
#define SIGNIN_MS  (INT64_C(24) * 3600 * 1000)

enum { TOKEN_CHARS = 34, TOKEN_BYTES_MAX = 512 };

struct account_token account_token_new(void)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	enum { LETTERS = sizeof(letters) - 1, FAIR = 256 - 256 % LETTERS };
	struct account_token t = { "hf_" };
	size_t n = 3;

	while (n < 3 + TOKEN_CHARS) {
		unsigned char raw[64];

		if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
			abort();        /* cannot fail for so few bytes after boot (getrandom(2)) */
		for (size_t i = 0; i < sizeof(raw) && n < 3 + TOKEN_CHARS; i++)
			if (raw[i] < FAIR)      /* else the first letters would be likelier */
				t.s[n++] = letters[raw[i] % LETTERS];
	}
	return t;
}

void token_hash(const char *token, uint8_t ret[32])
{
	crypto_hash_sha256(ret, (const unsigned char *)token, strlen(token));
}

/* A row of KIND with its user. SP_EAUTH whatever is wrong with it: a stranger learns nothing else. */
static int find(struct store *st, const char *token, int kind, struct store_token *ret, struct store_user *ret_user, struct sp_err *e)
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

static int actor_of(const struct store_user *u, enum account_role role, bool by_session, struct account_actor *ret, struct sp_err *e)
{
	struct account_actor a = { .user = u->id, .role = role, .is_admin = u->is_admin, .by_session = by_session };

	if (sp_copy(a.name, sizeof(a.name), u->name) < 0 || sp_copy(a.fullname, sizeof(a.fullname), u->fullname) < 0)
		return sp_fail(e, SP_EBUG, 0, "user name too long");
	*ret = a;
	return 0;
}

int account_by_token(struct store *st, const char *token, struct account_actor *ret, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = find(st, token, TOKEN_ACCESS, &row, &user, e);

	return r < 0 ? r : actor_of(&user, (enum account_role)row.role, false, ret, e);
}

static int issue(struct store *st, const struct sp_id *user, int kind, const char *label, int64_t life_ms,
		struct account_token *ret, struct sp_err *e)
{
	struct account_token secret = account_token_new();
	struct store_token row = { .user = *user, .kind = kind, .created_ms = sp_wall_ms() };
	int r;

	row.expires_ms = row.created_ms + life_ms;
	token_hash(secret.s, row.sha256);
	if (sp_copy(row.label, sizeof(row.label), label) < 0)
		return sp_fail(e, SP_EBUG, 0, "token label too long");
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

int account_session_new(struct store *st, const struct sp_id *user, struct account_token *ret_cookie, struct sp_err *e)
{
	return issue(st, user, TOKEN_SESSION, "browser", SESSION_MS, ret_cookie, e);
}

int account_by_session(struct store *st, const char *cookie, struct account_actor *ret, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = find(st, cookie, TOKEN_SESSION, &row, &user, e);

	return r < 0 ? r : actor_of(&user, user.is_admin ? ROLE_ADMIN : ROLE_WRITE, true, ret, e);
}

int account_session_end(struct store *st, const char *cookie, struct sp_err *e)
{
	struct store_token row;
	struct store_user user;
	int r = find(st, cookie, TOKEN_SESSION, &row, &user, e);

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
	int r = find(st, token, TOKEN_SIGNIN, &row, &user, e);

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
