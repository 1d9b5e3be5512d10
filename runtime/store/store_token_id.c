#include "store_priv.h"

#include "clock.h"

int store_token_by_id(struct store *st, const struct sp_id *id, struct store_token *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	struct store_token t = { .id = *id };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT user, kind, role, label, created_ms, expires_ms FROM tokens"
			" WHERE id = ? AND (expires_ms = 0 OR expires_ms > ?)");

	db_bind_id(&q, id);
	db_bind_int(&q, sp_wall_ms());
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such token");
	t.user = db_column_id(&q, 0);
	t.kind = (int)db_column_int(&q, 1);
	t.role = (int)db_column_int(&q, 2);
	db_column_array(&q, 3, t.label);
	t.created_ms = db_column_int(&q, 4);
	t.expires_ms = db_column_int(&q, 5);
	*ret = t;
	return 0;
}
