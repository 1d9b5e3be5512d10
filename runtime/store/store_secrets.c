#include <string.h>

#include "clock.h"
#include "store_priv.h"

struct secret_job { const struct sp_id *repo; const char *key; const struct store_secret *put /* NULL: delete */; };

static int secret_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct secret_job *job = arg;
	db_auto_query struct db_query q = db_query(db, job->put
			? "INSERT INTO secrets (repo, key, sealed, description, changed_ms) VALUES (?, ?, ?, ?, ?)"
			  " ON CONFLICT (repo, key) DO UPDATE SET sealed = excluded.sealed, description = excluded.description,"
			  " changed_ms = excluded.changed_ms"
			: "DELETE FROM secrets WHERE repo = ? AND key = ?");
	int r;

	db_bind_id(&q, job->repo);
	db_bind_text(&q, job->key);
	if (job->put) {
		db_bind_blob(&q, job->put->sealed, job->put->sealed_n);
		db_bind_text(&q, job->put->description);
		db_bind_int(&q, job->put->changed_ms ?: sp_wall_ms());
	}
	r = db_run(&q, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "no such repository");
	return r < 0 ? r : 0;
}

int store_secret_set(struct store *st, const struct sp_id *repo, const struct store_secret *s, struct sp_err *e)
{
	struct secret_job job = { repo, s->key, s };

	return writer_do(&st->writer, secret_job, &job, e);
}

int store_secret_del(struct store *st, const struct sp_id *repo, const char *key, struct sp_err *e)
{
	struct secret_job job = { repo, key, NULL };

	return writer_do(&st->writer, secret_job, &job, e);
}

int store_secret_list(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_secret **ret, size_t *ret_n,
		struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_secret) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT key, sealed, description, changed_ms FROM secrets WHERE repo = ? ORDER BY key");

	db_bind_id(&q, repo);
	while ((r = db_next(&q, e)) > 0) {
		struct store_secret *s = store_rows_add(&rows);

		db_column_array(&q, 0, s->key);
		s->sealed = db_column_blob(&q, 1, a, &s->sealed_n);
		s->description = db_column_str(&q, 2, a);
		s->changed_ms = db_column_int(&q, 3);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

int store_secret_any(struct store *st, bool *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT 1 FROM secrets LIMIT 1");

	r = db_next(&q, e);
	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}

int store_environment_changed(struct store *st, const struct sp_id *repo, int64_t *ret_ms, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT max("
			"coalesce((SELECT max(changed_ms) FROM variables WHERE repo = ?1), 0),"
			"coalesce((SELECT max(changed_ms) FROM secrets WHERE repo = ?1), 0),"
			"coalesce((SELECT max(at_ms) FROM events WHERE repo = ?1 AND what IN ('variable.delete', 'secret.delete')), 0))");

	db_bind_id(&q, repo);
	r = db_next(&q, e);
	if (r < 0)
		return r;
	*ret_ms = r > 0 ? db_column_int(&q, 0) : 0;
	return 0;
}
