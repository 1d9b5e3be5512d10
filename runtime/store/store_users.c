#include "store_priv.h"

#include <string.h>

#define USER_COLUMNS "id, name, fullname, is_admin, created_ms"

struct user_job { const struct store_user *user; const struct store_token *token; };

int store_user_insert(struct db *db, const struct store_user *u, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "INSERT INTO users (" USER_COLUMNS ") VALUES (?, ?, ?, ?, ?)");
	int r;

	db_bind_id(&q, &u->id);
	db_bind_text(&q, u->name);
	db_bind_text(&q, u->fullname);
	db_bind_int(&q, u->is_admin);
	db_bind_int(&q, u->created_ms);
	r = db_run(&q, e);
	if (r == -SP_EEXIST)
		return sp_fail(e, SP_EEXIST, 0, "the user '%s' exists already", u->name);
	return r < 0 ? r : 0;
}

static int user_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct user_job *job = arg;
	int r = store_user_insert(db, job->user, e);

	return r == 0 && job->token ? store_token_insert(db, job->token, e) : r;
}

int store_user_add(struct store *st, const struct store_user *u, struct sp_err *e)
{
	struct user_job job = { .user = u };

	return writer_do(&st->writer, user_job, &job, e);
}

int store_user_add_with(struct store *st, const struct store_user *u, const struct store_token *t, struct sp_err *e)
{
	struct user_job job = { .user = u, .token = t };

	return writer_do(&st->writer, user_job, &job, e);
}

static void user_columns(struct db_query *q, struct store_user *ret)
{
	struct store_user u = { .id = db_column_id(q, 0), .is_admin = db_column_int(q, 3) != 0, .created_ms = db_column_int(q, 4) };

	db_column_array(q, 1, u.name);
	db_column_array(q, 2, u.fullname);
	*ret = u;
}

static int user_read(struct db_query *q, struct store_user *ret, struct sp_err *e)
{
	int r = db_next(q, e);

	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such user");
	user_columns(q, ret);
	return 0;
}

int store_user_by_name(struct store *st, const char *name, struct store_user *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT " USER_COLUMNS " FROM users WHERE name = ?");

	db_bind_text(&q, name);
	return user_read(&q, ret, e);
}

int store_user_by_id(struct store *st, const struct sp_id *id, struct store_user *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT " USER_COLUMNS " FROM users WHERE id = ?");

	db_bind_id(&q, id);
	return user_read(&q, ret, e);
}

int store_user_count(struct store *st, int64_t *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT count(*) FROM users");

	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no count");
	*ret = db_column_int(&q, 0);
	return 0;
}

int store_user_list(struct store *st, struct sp_arena *a, struct store_user **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_user) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT " USER_COLUMNS " FROM users ORDER BY name");

	while ((r = db_next(&q, e)) > 0)
		user_columns(&q, store_rows_add(&rows));
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

/* ---- changes ---- */

struct fullname_job { const struct sp_id *user; const char *fullname; };

static int fullname_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct fullname_job *job = arg;
	db_auto_query struct db_query q = db_query(db, "UPDATE users SET fullname = ? WHERE id = ?");
	int r;

	db_bind_text(&q, job->fullname);
	db_bind_id(&q, job->user);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such user");
	return r < 0 ? r : 0;
}

int store_user_set_fullname(struct store *st, const struct sp_id *user, const char *fullname, struct sp_err *e)
{
	struct fullname_job job = { user, fullname };

	return writer_do(&st->writer, fullname_job, &job, e);
}

/* Somebody has to be able to invite others and to reset passwords. */
static int check_not_last_admin(struct db *db, const struct sp_id *user, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db,
			"SELECT 1 FROM users WHERE id = ?1 AND is_admin AND NOT EXISTS (SELECT 1 FROM users o WHERE o.is_admin AND o.id <> ?1)");
	int r;

	db_bind_id(&q, user);
	r = db_next(&q, e);
	return r > 0 ? sp_fail(e, SP_EDENIED, 0, "this is the last administrator: make another one first") : r;
}

static int user_del_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct sp_id *const *user = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM users WHERE id = ?");
	int r = check_not_last_admin(db, *user, e);

	if (r == 0)
		r = store_likes_withdraw(db, *user, e);
	if (r < 0)
		return r;
	db_bind_id(&q, *user);
	r = db_run(&q, e);
	if (r == -SP_ENOENT)            /* repos.owner refers to it */
		return sp_fail(e, SP_EBUSY, 0, "this user still owns Spaces");
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such user");
	return r < 0 ? r : 0;
}

int store_user_del(struct store *st, const struct sp_id *user, struct sp_err *e)
{
	return writer_do(&st->writer, user_del_job, &user, e);
}
