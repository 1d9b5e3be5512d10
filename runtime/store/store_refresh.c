#include "store_priv.h"

#include <string.h>

#include "clock.h"

struct refresh_job { const uint8_t *spent; struct store_token *access; const struct store_token *refresh; int64_t old_ends_ms; };

/* Whose it was and, in RET_ACCESS, which access token it renews. */
static int spent_read(struct db *db, const struct refresh_job *job, struct store_token *ret, struct sp_id *ret_access, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT r.user, a.role, a.label, a.id FROM tokens r JOIN tokens a ON a.id = r.label"
			" WHERE r.sha256 = ? AND r.kind = ? AND r.expires_ms > ? AND a.user = r.user");
	int r;

	db_bind_blob(&q, job->spent, 32);
	db_bind_int(&q, TOKEN_REFRESH);
	db_bind_int(&q, sp_wall_ms());
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "this refresh token was used or revoked");
	ret->user = db_column_id(&q, 0);
	ret->role = (int)db_column_int(&q, 1);
	db_column_array(&q, 2, ret->label);
	*ret_access = db_column_id(&q, 3);
	return 0;
}

static int old_end(struct db *db, const struct refresh_job *job, const struct sp_id *access, struct sp_err *e)
{
	db_auto_query struct db_query gone = db_query(db, "DELETE FROM tokens WHERE sha256 = ?");
	db_auto_query struct db_query ends = db_query(db, "UPDATE tokens SET expires_ms = min(expires_ms, ?) WHERE id = ? AND expires_ms > 0");
	int r;

	db_bind_blob(&gone, job->spent, 32);
	r = db_run(&gone, e);
	if (r < 0)
		return r;
	db_bind_int(&ends, job->old_ends_ms);
	db_bind_id(&ends, access);
	r = db_run(&ends, e);
	return r < 0 ? r : 0;
}

static int refresh_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct refresh_job *job = arg;
	struct store_token refresh = *job->refresh;
	struct sp_id old;
	int r = spent_read(db, job, job->access, &old, e);

	if (r == 0)
		r = old_end(db, job, &old, e);
	if (r == 0)
		r = store_token_insert(db, job->access, e);
	if (r < 0)
		return r;
	refresh.user = job->access->user;
	memcpy(refresh.label, job->access->id.s, sizeof(job->access->id.s));
	return store_token_insert(db, &refresh, e);
}

int store_token_refresh(struct store *st, const uint8_t spent[32], struct store_token *access, const struct store_token *refresh,
		int64_t old_ends_ms, struct sp_err *e)
{
	struct refresh_job job = { spent, access, refresh, old_ends_ms };

	return writer_do(&st->writer, refresh_job, &job, e);
}
