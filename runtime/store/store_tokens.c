#include "store_priv.h"

#include <string.h>

#include "clock.h"
#include "limit.h"

#define TOKEN_COLUMNS "sha256, user, kind, role, label, created_ms, expires_ms, id, used_ms"
#define TOKEN_READ "user, kind, role, label, created_ms, expires_ms, id, used_ms"

int store_token_insert(struct db *db, const struct store_token *t, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "INSERT INTO tokens (" TOKEN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	const struct sp_id id = sp_id_is_none(&t->id) ? sp_id_new() : t->id;
	int r;

	db_bind_blob(&q, t->sha256, sizeof(t->sha256));
	db_bind_id(&q, &t->user);
	db_bind_int(&q, t->kind);
	db_bind_int(&q, t->role);
	db_bind_text(&q, t->label);
	db_bind_int(&q, t->created_ms);
	db_bind_int(&q, t->expires_ms);
	db_bind_id(&q, &id);
	db_bind_int(&q, t->used_ms);
	r = db_run(&q, e);
	if (r == -SP_EEXIST)
		return sp_fail(e, SP_EEXIST, 0, "this token is in use already");
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "no such user");
	return r < 0 ? r : 0;
}

static int sweep(struct db *db, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE expires_ms > 0 AND expires_ms <= ?");
	int r;

	db_bind_int(&q, sp_wall_ms());
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int count(struct db *db, const struct store_token *t, int64_t *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT count(*) FROM tokens WHERE user = ? AND kind = ?");
	int r;

	db_bind_id(&q, &t->user);
	db_bind_int(&q, t->kind);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no count");
	*ret = db_column_int(&q, 0);
	return 0;
}

static int drop_oldest(struct db *db, const struct store_token *t, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE sha256 ="
			" (SELECT sha256 FROM tokens WHERE user = ? AND kind = ? ORDER BY created_ms, sha256 LIMIT 1)");
	int r;

	db_bind_id(&q, &t->user);
	db_bind_int(&q, t->kind);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int make_room(struct db *db, const struct store_token *t, struct sp_err *e)
{
	int64_t n = 0;
	int r = count(db, t, &n, e);

	if (r < 0 || n < SP_LIMIT_tokens_per_user)
		return r;
	if (t->kind == TOKEN_ACCESS)
		return sp_fail(e, SP_EQUOTA, 0, "this user has %d access tokens: revoke one that is not used any more", SP_LIMIT_tokens_per_user);
	return drop_oldest(db, t, e);
}

static int token_add_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_token *const *t = arg;
	int r = sweep(db, e);

	if (r == 0)
		r = make_room(db, *t, e);
	return r == 0 ? store_token_insert(db, *t, e) : r;
}

int store_token_add(struct store *st, const struct store_token *t, struct sp_err *e)
{
	return writer_do(&st->writer, token_add_job, &t, e);
}

static void token_read(struct db_query *q, struct store_token *t)
{
	t->user = db_column_id(q, 0);
	t->kind = (int)db_column_int(q, 1);
	t->role = (int)db_column_int(q, 2);
	db_column_array(q, 3, t->label);
	t->created_ms = db_column_int(q, 4);
	t->expires_ms = db_column_int(q, 5);
	t->id = db_column_id(q, 6);
	t->used_ms = db_column_int(q, 7);
}

int store_token_by_hash(struct store *st, const uint8_t sha256[32], struct store_token *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	struct store_token t = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT " TOKEN_READ " FROM tokens WHERE sha256 = ? AND (expires_ms = 0 OR expires_ms > ?)");

	db_bind_blob(&q, sha256, sizeof(t.sha256));
	db_bind_int(&q, sp_wall_ms());
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such token");
	memcpy(t.sha256, sha256, sizeof(t.sha256));
	token_read(&q, &t);
	*ret = t;
	return 0;
}

static int token_del_job(struct db *db, void *arg, struct sp_err *e)
{
	const uint8_t *const *sha256 = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE sha256 = ?");
	int r;

	db_bind_blob(&q, *sha256, 32);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such token");
	return r < 0 ? r : 0;
}

int store_token_del(struct store *st, const uint8_t sha256[32], struct sp_err *e)
{
	return writer_do(&st->writer, token_del_job, &sha256, e);
}

/* Without the hash: who lists tokens has no use for it. */
int store_token_list(struct store *st, const struct sp_id *user, int kind, struct sp_arena *a, struct store_token **ret, size_t *ret_n,
		struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_token) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT " TOKEN_READ " FROM tokens WHERE user = ? AND kind = ?"
			" AND (expires_ms = 0 OR expires_ms > ?) ORDER BY created_ms DESC, id");

	db_bind_id(&q, user);
	db_bind_int(&q, kind);
	db_bind_int(&q, sp_wall_ms());
	while ((r = db_next(&q, e)) > 0)
		token_read(&q, store_rows_add(&rows));
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

struct revoke_job { const struct sp_id *user, *id; int kind; };

static int revoke_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct revoke_job *job = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE user = ?1 AND (id = ?2 OR (kind = ?3 AND label = ?2))");
	int r;

	db_bind_id(&q, job->user);
	db_bind_id(&q, job->id);
	db_bind_int(&q, TOKEN_REFRESH);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "there is no such token: it was revoked already");
	return r < 0 ? r : 0;
}

int store_token_revoke(struct store *st, const struct sp_id *user, const struct sp_id *id, struct sp_err *e)
{
	struct revoke_job job = { .user = user, .id = id };

	return writer_do(&st->writer, revoke_job, &job, e);
}

static int revoke_all_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct revoke_job *job = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM tokens WHERE user = ? AND kind = ? AND id IS NOT ?");
	int r;

	db_bind_id(&q, job->user);
	db_bind_int(&q, job->kind);
	db_bind_id(&q, job->id);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

int store_token_revoke_all(struct store *st, const struct sp_id *user, int kind, const struct sp_id *except, struct sp_err *e)
{
	struct revoke_job job = { .user = user, .id = except, .kind = kind };

	return writer_do(&st->writer, revoke_all_job, &job, e);
}

struct used_job { const uint8_t *sha256; int64_t at_ms, expires_ms; };

static int used_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct used_job *job = arg;
	db_auto_query struct db_query q = db_query(db,
			"UPDATE tokens SET used_ms = ?, expires_ms = CASE WHEN ?2 > 0 THEN ?2 ELSE expires_ms END WHERE sha256 = ?3");
	int r;

	db_bind_int(&q, job->at_ms);
	db_bind_int(&q, job->expires_ms);
	db_bind_blob(&q, job->sha256, 32);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

int store_token_used(struct store *st, const uint8_t sha256[32], int64_t at_ms, int64_t expires_ms, struct sp_err *e)
{
	struct used_job job = { sha256, at_ms, expires_ms };

	return writer_do(&st->writer, used_job, &job, e);
}
