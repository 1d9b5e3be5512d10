#include "db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 5000 };

static int on_wal(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct db *db = arg;

	(void)sql, (void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/* wal_autocheckpoint installs its own hook in place of ours: it comes first. */
static int configure(struct db *db, enum db_mode mode, struct sp_err *e)
{
	static const char writer[] =
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
		"PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864; PRAGMA analysis_limit=400;"
		"PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;";
	static const char reader[] =
		"PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;";
	int r;

	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	r = db_exec(db, mode == DB_WRITER ? writer : reader, e);
	if (r < 0)
		return r;
	if (mode == DB_WRITER)
		sqlite3_wal_hook(db->sql, on_wal, db);
	else
		sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return 0;
}

int db_open(const char *path, enum db_mode mode, struct db **ret, struct sp_err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | (mode == DB_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
	struct db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return sp_fail(e, SP_ENOMEM, ENOMEM, "open database");
	r = sqlite3_open_v2(path, &db->sql, flags, NULL);
	if (r == SQLITE_OK)
		r = configure(db, mode, e);
	else
		r = db_error(db, r, e);
	if (r < 0) {
		db_close(db);
		return sp_err_wrap(e, r, "database '%s'", path);
	}
	*ret = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (unsigned i = 0; i < DB_STATEMENTS; i++) {
		sqlite3_finalize(db->cache[i].stmt);
		free(db->cache[i].text);
	}
	sqlite3_close(db->sql);
	free(db);
}

int db_exec(struct db *db, const char *sql, struct sp_err *e)
{
	int rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_error(db, rc, e);
}

static enum sp_code code_of(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return SP_EEXIST;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return SP_ENOENT;
	default:
		break;
	}
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
		return SP_EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return SP_EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return SP_EPROTO;
	case SQLITE_NOMEM:
		return SP_ENOMEM;
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return SP_EBUG;
	default:
		return SP_EIO;
	}
}

int db_error(struct db *db, int rc, struct sp_err *e)
{
	int sys = (rc & 0xff) == SQLITE_FULL ? ENOSPC : 0;

	if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN)
		sys = db->sql ? sqlite3_system_errno(db->sql) : 0;
	return sp_fail(e, code_of(rc), sys, "database: %s", db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc));
}

/* A free place of the cache: an unused one, else the next statement in turn that nobody is stepping. */
static struct db_cached *cache_place(struct db *db)
{
	for (unsigned i = 0; i < DB_STATEMENTS; i++)
		if (!db->cache[i].stmt)
			return &db->cache[i];
	for (unsigned i = 0; i < DB_STATEMENTS; i++) {
		struct db_cached *c = &db->cache[db->evict++ % DB_STATEMENTS];

		if (c->in_use)
			continue;
		sqlite3_finalize(c->stmt);
		free(c->text);
		*c = (struct db_cached){ 0 };
		return c;
	}
	return NULL;
}

struct db_query db_query(struct db *db, const char *sql)
{
	struct db_query q = { .db = db };
	struct db_cached *c;

	for (unsigned i = 0; i < DB_STATEMENTS; i++) {
		c = &db->cache[i];
		if (c->stmt && !c->in_use && strcmp(c->text, sql) == 0) {
			c->in_use = true;
			q.slot = c;
			q.stmt = c->stmt;
			return q;
		}
	}

	q.rc = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.stmt, NULL);
	c = q.rc == SQLITE_OK ? cache_place(db) : NULL;
	if (c) {
		c->text = strdup(sql);
		if (!c->text)
			abort();
		c->stmt = q.stmt;
		c->in_use = true;
		q.slot = c;
	}
	return q;
}

void db_query_end(struct db_query *q)
{
	if (q->slot) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
		q->slot->in_use = false;
	} else {
		sqlite3_finalize(q->stmt);
	}
	q->stmt = NULL;
	q->slot = NULL;
}

static void bound(struct db_query *q, int rc)
{
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void db_bind_text(struct db_query *q, const char *s)
{
	if (q->stmt)
		bound(q, sqlite3_bind_text(q->stmt, ++q->at, s, -1, SQLITE_STATIC));
}

void db_bind_int(struct db_query *q, int64_t v)
{
	if (q->stmt)
		bound(q, sqlite3_bind_int64(q->stmt, ++q->at, v));
}

void db_bind_real(struct db_query *q, double v)
{
	if (q->stmt)
		bound(q, sqlite3_bind_double(q->stmt, ++q->at, v));
}

void db_bind_blob(struct db_query *q, const void *p, size_t n)
{
	if (q->stmt)
		bound(q, sqlite3_bind_blob64(q->stmt, ++q->at, p, n, SQLITE_STATIC));
}

void db_bind_id(struct db_query *q, const struct sp_id *id)
{
	db_bind_text(q, id && !sp_id_is_none(id) ? id->s : NULL);
}

int db_next(struct db_query *q, struct sp_err *e)
{
	int rc = q->rc == SQLITE_OK ? sqlite3_step(q->stmt) : q->rc;

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : db_error(q->db, rc, e);
}

int db_run(struct db_query *q, struct sp_err *e)
{
	int r = db_next(q, e);

	if (r < 0)
		return r;
	return r > 0 ? sp_fail(e, SP_EBUG, 0, "statement gives rows") : sqlite3_changes(q->db->sql);
}

void db_column_copy(struct db_query *q, int i, char *out, size_t size)
{
	const unsigned char *s = sqlite3_column_text(q->stmt, i);
	size_t n = s ? (size_t)sqlite3_column_bytes(q->stmt, i) : 0;

	if (n >= size) {
		n = size - 1;
		while (s && n > 0 && (s[n] & 0xc0) == 0x80)     /* not in the middle of a character */
			n--;
	}
	if (n)
		memcpy(out, s, n);
	out[n] = '\0';
}

const char *db_column_str(struct db_query *q, int i, struct sp_arena *a)
{
	const unsigned char *s = sqlite3_column_text(q->stmt, i);

	return s ? sp_arena_mem(a, s, (size_t)sqlite3_column_bytes(q->stmt, i)) : NULL;
}

const uint8_t *db_column_blob(struct db_query *q, int i, struct sp_arena *a, size_t *ret_n)
{
	const void *p = sqlite3_column_blob(q->stmt, i);

	*ret_n = (size_t)sqlite3_column_bytes(q->stmt, i);
	return (const uint8_t *)sp_arena_mem(a, p, *ret_n);
}

int64_t db_column_int(struct db_query *q, int i)
{
	return sqlite3_column_int64(q->stmt, i);
}

double db_column_real(struct db_query *q, int i)
{
	return sqlite3_column_double(q->stmt, i);
}

struct sp_id db_column_id(struct db_query *q, int i)
{
	struct sp_id id = { 0 };

	db_column_copy(q, i, id.s, sizeof(id.s));
	return id;
}
