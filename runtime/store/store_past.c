#include "store_priv.h"

int store_past_list(struct store *st, const struct sp_id *repo, bool builds, int64_t limit, struct sp_arena *a, struct store_past **ret,
		size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_past) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, builds ?
			"SELECT id, commit_id, state, cause, detail, CASE WHEN started_ms > 0 THEN started_ms ELSE created_ms END, 0, ended_ms"
			" FROM builds WHERE repo = ? ORDER BY seq DESC LIMIT ?" :
			"SELECT r.id, b.commit_id, 0, r.cause, r.detail, r.started_ms, r.ready_ms, r.ended_ms"
			" FROM runs r LEFT JOIN builds b ON b.id = r.build WHERE r.repo = ? ORDER BY r.seq DESC LIMIT ?");

	db_bind_id(&q, repo);
	db_bind_int(&q, limit);
	while ((r = db_next(&q, e)) > 0) {
		struct store_past *p = store_rows_add(&rows);

		p->id = db_column_id(&q, 0);
		db_column_array(&q, 1, p->commit);
		p->state = (int)db_column_int(&q, 2);
		db_column_array(&q, 3, p->cause);
		db_column_array(&q, 4, p->detail);
		p->started_ms = db_column_int(&q, 5);
		p->ready_ms = db_column_int(&q, 6);
		p->ended_ms = db_column_int(&q, 7);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}
