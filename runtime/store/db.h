/*
 * db.h - one SQLite connection: statements that are prepared once, typed binding, errors as sp_code.
 *
 * Inside runtime/store only. A connection belongs to one thread at a time. A query is used as
 *
 *     db_auto_query struct db_query q = db_query(db, "SELECT name FROM users WHERE id = ?");
 *     db_bind_id(&q, id);
 *     r = db_next(&q, e);             1: a row, 0: no more, -CODE
 *
 * Errors of preparing and binding are kept and come out of db_next or db_run.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "auto.h"
#include "err.h"
#include "id.h"

enum { DB_STATEMENTS = 96 };

struct db_cached { char *text; sqlite3_stmt *stmt; bool in_use; };

struct db {
	sqlite3 *sql;
	struct db_cached cache[DB_STATEMENTS];
	unsigned evict;
	int wal_pages;          /* pages in the write-ahead log after the last commit; writer only */
	struct db *next;        /* idle readers */
};

enum db_mode { DB_WRITER, DB_READER };

SP_MUST int db_open(const char *path, enum db_mode mode, struct db **ret, struct sp_err *e);
void db_close(struct db *db);

/* Statements without parameters and rows; several may be in one text. */
SP_MUST int db_exec(struct db *db, const char *sql, struct sp_err *e);

/*
 * Turn SQLite's result RC of DB into an error. SP_EEXIST: a unique row is there. SP_ENOENT: what it refers
 * to is not. SP_EINVAL: a check failed. SP_EIO with ENOSPC: the disk is full. SP_EPROTO: damaged.
 */
SP_MUST int db_error(struct db *db, int rc, struct sp_err *e);

struct db_query {
	struct db *db;
	sqlite3_stmt *stmt;
	struct db_cached *slot;         /* NULL: not cached, finalised at the end */
	int at;                         /* last parameter that was bound */
	int rc;                         /* first failure */
};

struct db_query db_query(struct db *db, const char *sql);
void db_query_end(struct db_query *q);
#define db_auto_query sp_auto(db_query_end)

/* Bind the next parameter. Text and blobs are lent until the query has ended. NULL text binds NULL. */
void db_bind_text(struct db_query *q, const char *s);
void db_bind_int(struct db_query *q, int64_t v);
void db_bind_real(struct db_query *q, double v);
void db_bind_blob(struct db_query *q, const void *p, size_t n);
void db_bind_id(struct db_query *q, const struct sp_id *id);    /* NULL or none binds NULL */

SP_MUST int db_next(struct db_query *q, struct sp_err *e);
/* Run a statement that gives no rows; returns the number of rows that it changed. */
SP_MUST int db_run(struct db_query *q, struct sp_err *e);

/* Columns of the present row, from 0. NULL reads as "" or 0. Text that is longer than its array is cut at a character. */
#define db_column_array(q, i, array) db_column_copy((q), (i), (array), sizeof(array))
void db_column_copy(struct db_query *q, int i, char *out, size_t size);
const char *db_column_str(struct db_query *q, int i, struct sp_arena *a);       /* NULL stays NULL */
const uint8_t *db_column_blob(struct db_query *q, int i, struct sp_arena *a, size_t *ret_n);    /* empty for NULL */
int64_t db_column_int(struct db_query *q, int i);
double db_column_real(struct db_query *q, int i);
struct sp_id db_column_id(struct db_query *q, int i);
