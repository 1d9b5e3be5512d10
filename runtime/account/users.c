#include "runtime/account/account.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "auto.h"
#include "clock.h"
#include "str.h"
#include "tokens.h"

enum { USER_NAME_MIN = 2, USER_NAME_MAX = 40, TOKEN_CHARS_MIN = 8, TOKEN_CHARS_MAX = 255 };

/* First segments of the platform's own addresses, and names that would deceive. */
static const char *const reserved[] = {
	"api", "assets", "avatars", "buckets", "collections", "datasets", "docs", "explore", "healthz", "help", "join", "kernels", "login",
	"logout", "me", "models", "new", "notifications", "oauth", "organizations", "papers", "readyz", "repos", "resolve", "search",
	"settings", "signin", "signout", "signup", "spaces", "static", "system", "templates", "user", "users", "vitrine", "www",
};

static bool is_plain(char c)
{
	return isascii(c) && isalnum((unsigned char)c);
}

int user_check_name(const char *name, struct sp_err *e)
{
	size_t n = strnlen(name, USER_NAME_MAX + 1);

	if (n < USER_NAME_MIN || n > USER_NAME_MAX)
		return sp_fail(e, SP_EINVAL, 0, "a user name has %d to %d characters", USER_NAME_MIN, USER_NAME_MAX);
	for (size_t i = 0; i < n; i++)
		if (!is_plain(name[i]) && name[i] != '-')
			return sp_fail(e, SP_EINVAL, 0, "a user name has letters, digits and '-' only");
	/* "--" is refused by the Hub's clients and separates ports from labels (hf-api.md 0.4, C-HF-110). */
	if (name[0] == '-' || name[n - 1] == '-' || strstr(name, "--"))
		return sp_fail(e, SP_EINVAL, 0, "a user name begins and ends with a letter or digit and has no '--'");
	for (size_t i = 0; i < SP_COUNT(reserved); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return sp_fail(e, SP_EINVAL, 0, "the name '%s' is reserved: choose another", name);
	return 0;
}

/* Any opaque printable ASCII (C-HF-22). */
static int check_token(const char *token, struct sp_err *e)
{
	size_t n = strnlen(token, TOKEN_CHARS_MAX + 1);

	if (n < TOKEN_CHARS_MIN || n > TOKEN_CHARS_MAX)
		return sp_fail(e, SP_EINVAL, 0, "a token has %d to %d characters", TOKEN_CHARS_MIN, TOKEN_CHARS_MAX);
	for (size_t i = 0; i < n; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return sp_fail(e, SP_EINVAL, 0, "a token has printable ASCII characters without spaces");
	/* The Hub's clients refuse these before they ask (hf-api.md 1.1). */
	if (sp_starts_with(token, "api_org"))
		return sp_fail(e, SP_EINVAL, 0, "a token may not begin with 'api_org'");
	return 0;
}

int account_user_add(struct store *st, const char *name, bool is_admin, const char *token_or_null,
		struct account_token *ret_token, struct sp_id *ret_user, struct sp_err *e)
{
	struct account_token fresh = { 0 };
	struct store_user user = { .id = sp_id_new(), .is_admin = is_admin, .created_ms = sp_wall_ms() };
	struct store_token row = { .user = user.id, .kind = TOKEN_ACCESS, .label = "first",
			.role = is_admin ? ROLE_ADMIN : ROLE_WRITE, .created_ms = user.created_ms };
	int r = user_check_name(name, e);

	if (r == 0 && token_or_null)
		r = check_token(token_or_null, e);
	if (r < 0)
		return r;
	if (!token_or_null)
		fresh = account_token_new();
	token_hash(token_or_null ? token_or_null : fresh.s, row.sha256);
	if (sp_copy(user.name, sizeof(user.name), name) < 0 || sp_copy(user.fullname, sizeof(user.fullname), name) < 0)
		return sp_fail(e, SP_EBUG, 0, "user name too long");
	r = store_user_add_with(st, &user, &row, e);
	if (r < 0)
		return r;
	if (token_or_null && sp_copy(fresh.s, sizeof(fresh.s), token_or_null) < 0)
		fresh.s[0] = '\0';      /* longer than ours; the caller has it */
	if (ret_token)
		*ret_token = fresh;
	if (ret_user)
		*ret_user = user.id;
	return 0;
}
