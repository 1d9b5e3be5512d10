#include "store_priv.h"

#include <string.h>

#include "clock.h"
#include "limit.h"

#define INVITE_COLUMNS "sha256, id, name, is_admin, created_ms, expires_ms"

/* Without the hash: who lists invitations has no use for it. */
static void invite_read(struct db_query *q, struct store_invite *ret)
{
	struct store_invite i = { .id = db_column_id(q, 1), .is_admin = db_column_int(q, 3) != 0,
			.created_ms = db_column_int(q, 4), .expires_ms = db_column_int(q, 5) };

	db_column_array(q, 2, i.name);
	*ret = i;
}

static int sweep(struct db *db, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM invitations WHERE expires_ms <= ?");
	int r;

	db_bind_int(&q, sp_wall_ms());
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int check_room(struct db *db, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT count(*) FROM invitations");
	int r = db_next(&q, e);

	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no count");
	if (db_column_int(&q, 0) >= SP_LIMIT_invitations)
		return sp_fail(e, SP_EQUOTA, 0, "there are %d open invitations: revoke some first", SP_LIMIT_invitations);
	return 0;
}

static int add_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_invite *const *job = arg, *i = *job;
	db_auto_query struct db_query q = db_query(db, "INSERT INTO invitations (" INVITE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)");
	int r = sweep(db, e);

	if (r == 0)
		r = check_room(db, e);
	if (r < 0)
		return r;
	db_bind_blob(&q, i->sha256, sizeof(i->sha256));
	db_bind_id(&q, &i->id);
	db_bind_text(&q, i->name);
	db_bind_int(&q, i->is_admin);
	db_bind_int(&q, i->created_ms);
	db_bind_int(&q, i->expires_ms);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

int store_invite_add(struct store *st, const struct store_invite *i, struct sp_err *e)
{
	return writer_do(&st->writer, add_job, &i, e);
}

int store_invite_by_hash(struct store *st, const uint8_t sha256[32], struct store_invite *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT " INVITE_COLUMNS " FROM invitations WHERE sha256 = ? AND expires_ms > ?");

	db_bind_blob(&q, sha256, 32);
	db_bind_int(&q, sp_wall_ms());
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such invitation");
	invite_read(&q, ret);
	memcpy(ret->sha256, sha256, sizeof(ret->sha256));
	return 0;
}

int store_invite_list(struct store *st, struct sp_arena *a, struct store_invite **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_invite) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT " INVITE_COLUMNS " FROM invitations WHERE expires_ms > ? ORDER BY created_ms DESC, id");

	db_bind_int(&q, sp_wall_ms());
	while ((r = db_next(&q, e)) > 0)
		invite_read(&q, store_rows_add(&rows));
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

static int del_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct sp_id *const *id = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM invitations WHERE id = ?");
	int r;

	db_bind_id(&q, *id);
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "there is no such invitation: it was used, revoked or is too old");
	return r < 0 ? r : 0;
}

int store_invite_del(struct store *st, const struct sp_id *id, struct sp_err *e)
{
	return writer_do(&st->writer, del_job, &id, e);
}

struct use_job { const uint8_t *sha256; const struct store_user *user; const struct store_password *password; };

/* Deleting decides: of two that use one invitation at once, one finds nothing to delete. */
static int use_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct use_job *job = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM invitations WHERE sha256 = ? AND expires_ms > ?");
	int r;

	db_bind_blob(&q, job->sha256, 32);
	db_bind_int(&q, sp_wall_ms());
	r = db_run(&q, e);
	if (r == 0)
		return sp_fail(e, SP_ENOENT, 0, "this invitation was used already");
	if (r > 0)
		r = store_user_insert(db, job->user, e);
	return r == 0 ? store_password_write(db, &job->user->id, job->password, e) : r;
}

int store_invite_use(struct store *st, const uint8_t sha256[32], const struct store_user *u, const struct store_password *p, struct sp_err *e)
{
	struct use_job job = { sha256, u, p };

	return writer_do(&st->writer, use_job, &job, e);
}
