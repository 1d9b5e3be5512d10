#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "schema.h"

/*
 * The lock is a file beside the database: opening and closing the database itself once more would drop
 * SQLite's own locks on it (sqlite.org/howtocorrupt.html 2.2).
 */
static int lock_take(const char *path, int *ret_fd, struct sp_err *e)
{
	struct sp_arena a = { 0 };
	sp_auto_close int fd = -1;
	char *name = sp_arena_fmt(&a, "%s.lock", path);

	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	sp_arena_fini(&a);
	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "open '%s.lock'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return sp_fail(e, errno == EWOULDBLOCK ? SP_EBUSY : SP_EIO, errno == EWOULDBLOCK ? 0 : errno,
				"another server uses the database '%s'", path);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

/* Private from the start; SQLite gives its log and its index the mode of the database. */
static int create_private(const char *path, struct sp_err *e)
{
	sp_auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? sp_fail(e, SP_EIO, errno, "open '%s'", path) : 0;
}

static int check_whole(struct db *db, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "PRAGMA quick_check(1)");
	char said[200];
	int r = db_next(&q, e);

	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no answer from quick_check");
	db_column_array(&q, 0, said);
	return strcmp(said, "ok") == 0 ? 0 : sp_fail(e, SP_EPROTO, 0, "the database is damaged, restore a backup: %s", said);
}

static char *database_path(const char *path)
{
	struct sp_arena a = { 0 };
	struct stat sb;
	char *name = NULL;

	if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
		name = strdup(sp_arena_fmt(&a, "%s/vitrine.db", path));
	else
		name = strdup(path);
	sp_arena_fini(&a);
	if (!name)
		abort();
	return name;
}

static int open_writer(struct store *st, struct sp_err *e)
{
	struct db *db = NULL;
	int r = db_open(st->path, DB_WRITER, &db, e);

	if (r < 0)
		return r;
	r = check_whole(db, e);
	if (r == 0)
		r = schema_migrate(db, schema_steps, schema_steps_n, e);
	if (r == 0)
		r = writer_start(&st->writer, st->path, db, e);
	if (r < 0)
		db_close(db);
	return r;
}

int store_open(const char *path, struct store **ret, struct sp_err *e)
{
	struct store *st = calloc(1, sizeof(*st));
	int r;

	if (!st)
		return sp_fail(e, SP_ENOMEM, ENOMEM, "open store");
	st->lock_fd = -1;
	st->path = database_path(path);
	r = lock_take(st->path, &st->lock_fd, e);
	if (r == 0)
		r = create_private(st->path, e);
	if (r == 0)
		r = open_writer(st, e);
	if (r < 0) {
		sp_close_p(&st->lock_fd);
		free(st->path);
		free(st);
		return r;
	}
	pthread_mutex_init(&st->lock, NULL);
	*ret = st;
	return 0;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	while (st->idle) {
		struct db *next = st->idle->next;

		db_close(st->idle);
		st->idle = next;
	}
	writer_stop(&st->writer);       /* last, so that closing checkpoints */
	pthread_mutex_destroy(&st->lock);
	sp_close_p(&st->lock_fd);
	free(st->path);
	free(st);
}

/* There are as many readers as threads ever read at once: bounded by the pool. */
int store_read(struct store *st, struct store_reader *ret, struct sp_err *e)
{
	struct store_reader rd = { .st = st };
	int r;

	pthread_mutex_lock(&st->lock);
	rd.db = st->idle;
	if (rd.db)
		st->idle = rd.db->next;
	pthread_mutex_unlock(&st->lock);
	if (!rd.db) {
		r = db_open(st->path, DB_READER, &rd.db, e);
		if (r < 0)
			return r;
	}
	*ret = rd;
	return 0;
}

void store_read_end(struct store_reader *rd)
{
	if (!rd->db)
		return;
	pthread_mutex_lock(&rd->st->lock);
	rd->db->next = rd->st->idle;
	rd->st->idle = rd->db;
	pthread_mutex_unlock(&rd->st->lock);
	rd->db = NULL;
}

void *store_rows_add(struct store_rows *rows)
{
	if (rows->n == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 16;
		void *more = sp_arena_get(rows->arena, cap * rows->size);

		if (rows->n)
			memcpy(more, rows->at, rows->n * rows->size);
		rows->at = more;
		rows->cap = cap;
	}
	return (char *)rows->at + rows->n++ * rows->size;
}
