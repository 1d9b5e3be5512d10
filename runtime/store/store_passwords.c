#include "store_priv.h"

int store_user_password(struct store *st, const struct sp_id *user, struct store_password *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT password FROM users WHERE id = ?");

	db_bind_id(&q, user);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such user");
	db_column_array(&q, 0, ret->hash);
	return 0;
}

int store_password_write(struct db *db, const struct sp_id *user, const struct store_password *p, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "UPDATE users SET password = ? WHERE id = ?");
	int r;

	db_bind_text(&q, p->hash[0] ? p->hash : NULL);
	db_bind_id(&q, user);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such user");
	return r < 0 ? r : 0;
}

struct password_job { const struct sp_id *user; const struct store_password *password; const uint8_t *spent; const struct sp_id *keep; };

static int set_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct password_job *job = arg;

	return store_password_write(db, job->user, job->password, e);
}

int store_user_set_password(struct store *st, const struct sp_id *user, const struct store_password *p, struct sp_err *e)
{
	struct password_job job = { .user = user, .password = p };

	return writer_do(&st->writer, set_job, &job, e);
}

/* Deleting decides: of two that use one link at once, one finds nothing to delete. */
static int spend(struct db *db, const struct password_job *job, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE sha256 = ? AND user = ? AND kind = ?");
	int r;

	db_bind_blob(&q, job->spent, 32);
	db_bind_id(&q, job->user);
	db_bind_int(&q, TOKEN_RESET);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "this link was used already");
	return r < 0 ? r : 0;
}

static int end_sessions(struct db *db, const struct password_job *job, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE user = ? AND kind IN (?, ?, ?) AND id IS NOT ?");
	int r;

	db_bind_id(&q, job->user);
	db_bind_int(&q, TOKEN_SESSION);
	db_bind_int(&q, TOKEN_SIGNIN);
	db_bind_int(&q, TOKEN_RESET);
	db_bind_id(&q, job->keep);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int change_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct password_job *job = arg;
	int r = job->spent ? spend(db, job, e) : 0;

	if (r == 0)
		r = store_password_write(db, job->user, job->password, e);
	return r == 0 ? end_sessions(db, job, e) : r;
}

int store_user_change_password(struct store *st, const struct sp_id *user, const struct store_password *p, const uint8_t spent[32],
		const struct sp_id *keep, struct sp_err *e)
{
	struct password_job job = { user, p, spent, keep };

	return writer_do(&st->writer, change_job, &job, e);
}
