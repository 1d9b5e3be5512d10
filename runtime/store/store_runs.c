#include "store_priv.h"

static int run_add_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_run *const *at = arg, *run = *at;
	db_auto_query struct db_query q = db_query(db,
			"INSERT INTO runs (id, repo, build, cause, detail, started_ms, ready_ms, ended_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	int r;

	db_bind_id(&q, &run->id);
	db_bind_id(&q, &run->repo);
	db_bind_id(&q, &run->build);
	db_bind_text(&q, run->cause);
	db_bind_text(&q, run->detail);
	db_bind_int(&q, run->started_ms);
	db_bind_int(&q, run->ready_ms);
	db_bind_int(&q, run->ended_ms);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

int store_run_add(struct store *st, const struct store_run *run, struct sp_err *e)
{
	return writer_do(&st->writer, run_add_job, &run, e);
}

static int run_set_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_run *const *at = arg, *run = *at;
	db_auto_query struct db_query q = db_query(db,
			"UPDATE runs SET cause = ?, detail = ?, started_ms = ?, ready_ms = ?, ended_ms = ? WHERE id = ?");
	int r;

	db_bind_text(&q, run->cause);
	db_bind_text(&q, run->detail);
	db_bind_int(&q, run->started_ms);
	db_bind_int(&q, run->ready_ms);
	db_bind_int(&q, run->ended_ms);
	db_bind_id(&q, &run->id);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such run");
	return r < 0 ? r : 0;
}

int store_run_set(struct store *st, const struct store_run *run, struct sp_err *e)
{
	return writer_do(&st->writer, run_set_job, &run, e);
}

int store_run_last(struct store *st, const struct sp_id *repo, struct store_run *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	struct store_run run = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT id, repo, build, cause, detail, started_ms, ready_ms, ended_ms FROM runs WHERE repo = ? ORDER BY seq DESC LIMIT 1");

	db_bind_id(&q, repo);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "it never ran");
	run.id = db_column_id(&q, 0);
	run.repo = db_column_id(&q, 1);
	run.build = db_column_id(&q, 2);
	db_column_array(&q, 3, run.cause);
	db_column_array(&q, 4, run.detail);
	run.started_ms = db_column_int(&q, 5);
	run.ready_ms = db_column_int(&q, 6);
	run.ended_ms = db_column_int(&q, 7);
	*ret = run;
	return 0;
}
