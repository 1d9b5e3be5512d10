#include "passwords.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "runtime/account/account.h"

/* What accounts without a password are compared with, so that the time an answer takes tells no names. Its password was thrown away. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$/tJhKqPpgV/B6wlDW/ZThA$8Xnr5/d5ik3Zf4lPQ3ZYsEo6V3RfVmMEOFkH5PlXd8Y";

int password_hash(struct gate *g, const char *name, const char *password, struct store_password *ret, struct sp_err *e)
{
	size_t n = strnlen(password, PASSWORD_MAX + 1);
	int r;

	if (n < PASSWORD_MIN || n > PASSWORD_MAX)
		return sp_fail(e, SP_EINVAL, 0, "a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX);
	if (strcasecmp(password, name) == 0)
		return sp_fail(e, SP_EINVAL, 0, "the user name is no password");
	r = gate_enter(g, e);
	if (r < 0)
		return r;
	_Static_assert(sizeof(ret->hash) >= crypto_pwhash_STRBYTES, "a hash has to fit");
	r = crypto_pwhash_str(ret->hash, password, n, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE);
	gate_leave(g);
	return r == 0 ? 0 : sp_fail(e, SP_ENOMEM, 0, "no memory for a password's hash");
}

static int verify(struct gate *g, const char *hash, const char *password, struct sp_err *e)
{
	size_t n = strnlen(password, PASSWORD_MAX + 1);
	int r = gate_enter(g, e);

	if (r < 0)
		return r;
	r = crypto_pwhash_str_verify(hash, password, n <= PASSWORD_MAX ? n : 0);
	gate_leave(g);
	return r == 0 && n <= PASSWORD_MAX ? 0 : sp_fail(e, SP_EAUTH, 0, "the name or the password is wrong");
}

int account_password_check(struct store *st, struct gate *g, const char *name, const char *password, const char *address,
		struct store_user *ret, struct sp_err *e)
{
	struct store_password kept = { "" };
	struct store_user user;
	int r = gate_try(g, name, address, sp_wall_ms(), e);

	if (r < 0)
		return r;
	r = store_user_by_name(st, name, &user, e);
	if (r == 0)
		r = store_user_password(st, &user.id, &kept, e);
	if (r == 0 || r == -SP_ENOENT)
		r = verify(g, kept.hash[0] ? kept.hash : nobody, password, e);
	if (r == -SP_EAUTH || (r == 0 && !kept.hash[0]))
		return sp_fail(e, SP_EAUTH, 0, "the name or the password is wrong");
	if (r < 0) {
		gate_undo(g, name, address);
		return r;
	}
	gate_forgive(g, name, address);
	*ret = user;
	return 0;
}

int account_password_set(struct store *st, struct gate *g, const struct store_user *user, const char *password, const struct sp_id *keep,
		struct sp_err *e)
{
	struct store_password hash;
	int r = password_hash(g, user->name, password, &hash, e);

	return r < 0 ? r : store_user_change_password(st, &user->id, &hash, NULL, keep, e);
}
