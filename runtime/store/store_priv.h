/*
 * store_priv.h - what the files of runtime/store share: the writer, the idle readers, how to use them.
 */
#pragma once

#include "runtime/store/store.h"

#include <pthread.h>

#include "db.h"
#include "writer.h"

struct store {
	char *path;
	int lock_fd;            /* held while the database is open */
	struct writer writer;
	pthread_mutex_t lock;   /* over idle */
	struct db *idle;        /* reading connections that nobody uses */
};

/* A reading connection for this thread until it is put back; db_auto_reader puts it back. */
struct store_reader { struct store *st; struct db *db; };
SP_MUST int store_read(struct store *st, struct store_reader *ret, struct sp_err *e);
void store_read_end(struct store_reader *rd);
#define store_auto_reader sp_auto(store_read_end)

/* Rows collected in an arena: an array of SIZE-byte items that doubles. */
struct store_rows { struct sp_arena *arena; size_t size, n, cap; void *at; };
void *store_rows_add(struct store_rows *rows);          /* zeroed */

/*
 * A popularity that fades, in a form whose order does not change with time: log2 of the sum of 2^(t/T) over
 * all likes, T being the half-life. Adding one like needs only the old value. -1e300: no likes.
 */
#define TRENDING_NONE (-1e300)
double trending_add(double old, int64_t at_ms);
double trending_sub(double old, int64_t at_ms);
double trending_now(double old, int64_t now_ms);        /* as a number of likes that were given just now */

/*
 * Inside a writer job: search finds REPO by what its row says now; README NULL: its text stays. Before the row goes:
 * store_search_drop.
 */
SP_MUST int store_search_set(struct db *db, const struct sp_id *repo, const char *readme, struct sp_err *e);
SP_MUST int store_search_drop(struct db *db, const struct sp_id *repo, struct sp_err *e);

/* Inside a writer job. */
SP_MUST int store_repo_label(struct db *db, const struct store_repo *r, char ret[64], struct sp_err *e);         /* a free one for its owner and name */
SP_MUST int store_repo_within_quota(struct db *db, const struct store_repo *r, struct sp_err *e);
SP_MUST int store_redirect_drop(struct db *db, const struct sp_id *owner, const char *type, const char *name, struct sp_err *e);
SP_MUST int store_token_insert(struct db *db, const struct store_token *t, struct sp_err *e);
SP_MUST int store_user_insert(struct db *db, const struct store_user *u, struct sp_err *e);
SP_MUST int store_password_write(struct db *db, const struct sp_id *user, const struct store_password *p, struct sp_err *e);
/* Take USER's likes back one by one, so that counts and trends follow. */
SP_MUST int store_likes_withdraw(struct db *db, const struct sp_id *user, struct sp_err *e);
