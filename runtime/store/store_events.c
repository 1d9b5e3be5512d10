#include "clock.h"
#include "store_priv.h"

struct event_job { const struct sp_id *actor, *repo; const char *what, *detail; };

static int event_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct event_job *job = arg;
	db_auto_query struct db_query q = db_query(db, "INSERT INTO events (at_ms, actor, repo, what, detail) VALUES (?, ?, ?, ?, ?)");
	int r;

	db_bind_int(&q, sp_wall_ms());
	db_bind_id(&q, job->actor);
	db_bind_id(&q, job->repo);
	db_bind_text(&q, job->what);
	db_bind_text(&q, job->detail ? job->detail : "");
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

int store_event_add(struct store *st, const struct sp_id *actor, const struct sp_id *repo, const char *what, const char *detail,
		struct sp_err *e)
{
	struct event_job job = { actor, repo, what, detail };

	return writer_do(&st->writer, event_job, &job, e);
}

int store_event_list(struct store *st, const struct sp_id *repo, int64_t limit, struct sp_arena *a, struct store_event **ret, size_t *ret_n,
		struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_event) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT v.at_ms, u.name, v.what, v.detail FROM events v LEFT JOIN users u ON u.id = v.actor"
			" WHERE v.repo = ? ORDER BY v.seq DESC LIMIT ?");

	db_bind_id(&q, repo);
	db_bind_int(&q, limit);
	while ((r = db_next(&q, e)) > 0) {
		struct store_event *ev = store_rows_add(&rows);

		ev->at_ms = db_column_int(&q, 0);
		db_column_array(&q, 1, ev->actor);
		db_column_array(&q, 2, ev->what);
		ev->detail = db_column_str(&q, 3, a);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

int store_event_by_actor(struct store *st, const struct sp_id *actor, int64_t limit, struct sp_arena *a, struct store_event **ret, size_t *ret_n,
		struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_event) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT at_ms, what, detail FROM events WHERE actor = ? ORDER BY seq DESC LIMIT ?");

	db_bind_id(&q, actor);
	db_bind_int(&q, limit);
	while ((r = db_next(&q, e)) > 0) {
		struct store_event *ev = store_rows_add(&rows);

		ev->at_ms = db_column_int(&q, 0);
		db_column_array(&q, 1, ev->what);
		ev->detail = db_column_str(&q, 2, a);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}
