#include "store_priv.h"

#include <string.h>

#include "clock.h"

#define TOKEN_COLUMNS "sha256, user, kind, role, label, created_ms, expires_ms, id, used_ms"

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

static int token_add_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_token *const *t = arg;

	return store_token_insert(db, *t, e);
}

int store_token_add(struct store *st, const struct store_token *t, struct sp_err *e)
{
	return writer_do(&st->writer, token_add_job, &t, e);
}

int store_token_by_hash(struct store *st, const uint8_t sha256[32], struct store_token *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	struct store_token t = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT user, kind, role, label, created_ms, expires_ms, id, used_ms FROM tokens"
			" WHERE sha256 = ? AND (expires_ms = 0 OR expires_ms > ?)");

	db_bind_blob(&q, sha256, sizeof(t.sha256));
	db_bind_int(&q, sp_wall_ms());
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such token");
	memcpy(t.sha256, sha256, sizeof(t.sha256));
	t.user = db_column_id(&q, 0);
	t.kind = (int)db_column_int(&q, 1);
	t.role = (int)db_column_int(&q, 2);
	db_column_array(&q, 3, t.label);
	t.created_ms = db_column_int(&q, 4);
	t.expires_ms = db_column_int(&q, 5);
	t.id = db_column_id(&q, 6);
	t.used_ms = db_column_int(&q, 7);
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
