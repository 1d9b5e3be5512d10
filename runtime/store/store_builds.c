#include "store_priv.h"

#define BUILD_SELECT \
	"SELECT id, repo, commit_id, state, env, app, base, cause, detail, created_ms, started_ms, ended_ms, recipe_json FROM builds"

static int build_add_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_build *const *at = arg, *b = *at;
	db_auto_query struct db_query q = db_query(db,
			"INSERT INTO builds (id, repo, commit_id, state, env, app, base, cause, detail, created_ms, started_ms, ended_ms, recipe_json)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int r;

	db_bind_id(&q, &b->id);
	db_bind_id(&q, &b->repo);
	db_bind_text(&q, b->commit);
	db_bind_int(&q, b->state);
	db_bind_text(&q, b->env);
	db_bind_text(&q, b->app);
	db_bind_text(&q, b->base);
	db_bind_text(&q, b->cause);
	db_bind_text(&q, b->detail);
	db_bind_int(&q, b->created_ms);
	db_bind_int(&q, b->started_ms);
	db_bind_int(&q, b->ended_ms);
	db_bind_text(&q, b->recipe_json);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

int store_build_add(struct store *st, const struct store_build *b, struct sp_err *e)
{
	return writer_do(&st->writer, build_add_job, &b, e);
}

static int build_set_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_build *const *at = arg, *b = *at;
	db_auto_query struct db_query q = db_query(db,
			"UPDATE builds SET state = ?, env = ?, app = ?, base = ?, cause = ?, detail = ?, started_ms = ?, ended_ms = ?,"
			" recipe_json = ? WHERE id = ?");
	int r;

	db_bind_int(&q, b->state);
	db_bind_text(&q, b->env);
	db_bind_text(&q, b->app);
	db_bind_text(&q, b->base);
	db_bind_text(&q, b->cause);
	db_bind_text(&q, b->detail);
	db_bind_int(&q, b->started_ms);
	db_bind_int(&q, b->ended_ms);
	db_bind_text(&q, b->recipe_json);
	db_bind_id(&q, &b->id);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such build");
	return r < 0 ? r : 0;
}

int store_build_set(struct store *st, const struct store_build *b, struct sp_err *e)
{
	return writer_do(&st->writer, build_set_job, &b, e);
}

static void build_read(struct db_query *q, struct sp_arena *a, struct store_build *ret)
{
	struct store_build b = { .id = db_column_id(q, 0), .repo = db_column_id(q, 1) };

	db_column_array(q, 2, b.commit);
	b.state = (int)db_column_int(q, 3);
	db_column_array(q, 4, b.env);
	db_column_array(q, 5, b.app);
	db_column_array(q, 6, b.base);
	db_column_array(q, 7, b.cause);
	db_column_array(q, 8, b.detail);
	b.created_ms = db_column_int(q, 9);
	b.started_ms = db_column_int(q, 10);
	b.ended_ms = db_column_int(q, 11);
	b.recipe_json = db_column_str(q, 12, a);
	*ret = b;
}

static int build_one(struct db_query *q, struct sp_arena *a, struct store_build *ret, struct sp_err *e)
{
	int r = db_next(q, e);

	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such build");
	build_read(q, a, ret);
	return 0;
}

int store_build_last(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_build *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, BUILD_SELECT " WHERE repo = ? ORDER BY seq DESC LIMIT 1");

	db_bind_id(&q, repo);
	return build_one(&q, a, ret, e);
}

int store_build_by_commit(struct store *st, const struct sp_id *repo, const char *commit, struct sp_arena *a, struct store_build *ret,
		struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			BUILD_SELECT " WHERE repo = ? AND commit_id = ? AND state = ? ORDER BY seq DESC LIMIT 1");

	db_bind_id(&q, repo);
	db_bind_text(&q, commit);
	db_bind_int(&q, BUILD_READY);
	return build_one(&q, a, ret, e);
}

_Static_assert(BUILD_QUEUED == 0 && BUILD_RUNNING == 1, "the index builds_pending and this query name the numbers");

int store_build_pending(struct store *st, struct sp_arena *a, struct store_build **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_build) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, BUILD_SELECT " WHERE state IN (0, 1) ORDER BY seq");

	while ((r = db_next(&q, e)) > 0)
		build_read(&q, a, store_rows_add(&rows));
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}
