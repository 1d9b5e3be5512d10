#include <string.h>

#include "clock.h"
#include "store_priv.h"

struct variable_job { const struct sp_id *repo; const char *key, *value /* NULL: delete */, *description; };

static int variable_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct variable_job *job = arg;
	db_auto_query struct db_query q = db_query(db, job->value
			? "INSERT INTO variables (repo, key, value, description, changed_ms) VALUES (?, ?, ?, ?, ?)"
			  " ON CONFLICT (repo, key) DO UPDATE SET value = excluded.value, description = excluded.description,"
			  " changed_ms = excluded.changed_ms"
			: "DELETE FROM variables WHERE repo = ? AND key = ?");
	int r;

	db_bind_id(&q, job->repo);
	db_bind_text(&q, job->key);
	if (job->value) {
		db_bind_text(&q, job->value);
		db_bind_text(&q, job->description);
		db_bind_int(&q, sp_wall_ms());
	}
	r = db_run(&q, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "no such repository");
	return r < 0 ? r : 0;
}

int store_variable_set(struct store *st, const struct sp_id *repo, const char *key, const char *value, const char *description, struct sp_err *e)
{
	struct variable_job job = { repo, key, value, description };

	return writer_do(&st->writer, variable_job, &job, e);
}

int store_variable_del(struct store *st, const struct sp_id *repo, const char *key, struct sp_err *e)
{
	struct variable_job job = { repo, key, NULL, NULL };

	return writer_do(&st->writer, variable_job, &job, e);
}

int store_variable_list(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_variable **ret, size_t *ret_n,
		struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_variable) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT key, value, description, changed_ms FROM variables WHERE repo = ? ORDER BY key");

	db_bind_id(&q, repo);
	while ((r = db_next(&q, e)) > 0) {
		struct store_variable *v = store_rows_add(&rows);

		db_column_array(&q, 0, v->key);
		v->value = db_column_str(&q, 1, a);
		v->description = db_column_str(&q, 2, a);
		v->changed_ms = db_column_int(&q, 3);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}
