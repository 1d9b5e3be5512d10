#include "writer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock.h"

enum {
	GROUP_MAX = 256,                /* jobs of one transaction: bounds how long the first waits for the last */
	CHECKPOINT_PAGES = 1000,        /* SQLite's own default */
	TIDY_SECONDS = 3600
};

struct writer_item {
	struct writer_item *next;
	writer_job *job;
	void *arg;
	int result;
	struct sp_err err;
	bool done;
	pthread_cond_t finished;
};

static void run_item(struct db *db, struct writer_item *it)
{
	struct sp_err undo;
	int r = db_exec(db, "SAVEPOINT item", &it->err);

	if (r < 0) {
		it->result = r;
		return;
	}
	it->result = it->job(db, it->arg, &it->err);
	if (it->result < 0 && !sqlite3_get_autocommit(db->sql) && db_exec(db, "ROLLBACK TO item", &undo) < 0) {
		it->err = undo;
		it->result = -(int)undo.code;
	}
	if (!sqlite3_get_autocommit(db->sql)) {
		r = db_exec(db, "RELEASE item", &undo);
		if (r < 0 && it->result >= 0) {
			it->err = undo;
			it->result = r;
		}
	}
}

static void fail_all(struct writer_item *group, int r, const struct sp_err *why)
{
	for (struct writer_item *it = group; it; it = it->next) {
		if (it->result < 0)
			continue;
		it->result = r;
		it->err = *why;
	}
}

static void reopen(struct writer *w)
{
	struct db *fresh = NULL;

	/* Without a connection (disk gone) the old one stays, and every job fails with its error until one opens. */
	if (db_open(w->path, DB_WRITER, &fresh, NULL) < 0)
		return;
	db_close(w->db);
	w->db = fresh;
}

/* One transaction. On any error of the transaction itself nothing of it may count as done. */
static void run_group(struct writer *w, struct writer_item *group)
{
	struct sp_err err = { 0 };
	int r = db_exec(w->db, "BEGIN IMMEDIATE", &err);

	for (struct writer_item *it = group; it && r == 0; it = it->next) {
		run_item(w->db, it);
		/* A full disk or an I/O error undoes the whole transaction (sqlite.org/lang_transaction.html), the earlier items too. */
		if (sqlite3_get_autocommit(w->db->sql)) {
			err = it->err;
			r = it->result < 0 ? it->result : sp_fail(&err, SP_EIO, 0, "database: the transaction was undone");
		}
	}
	if (r == 0)
		r = db_exec(w->db, "COMMIT", &err);
	if (r == 0)
		return;

	if (!sqlite3_get_autocommit(w->db->sql) && db_exec(w->db, "ROLLBACK", NULL) < 0)
		sp_err_wrap(&err, r, "could not be undone");
	if (err.code == SP_EIO)
		reopen(w);
	fail_all(group, r, &err);
}

/* Passive: never waits for readers. Only this connection checkpoints (two at once could corrupt, sqlite.org/wal.html#walresetbug). */
static void checkpoint(struct db *db)
{
	int in_log = 0, moved = 0;

	if (db->wal_pages < CHECKPOINT_PAGES)
		return;
	if (sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved) == SQLITE_OK && moved >= in_log)
		db->wal_pages = 0;
}

static void tidy(struct db *db)
{
	/* Failing is harmless: spent tokens are refused by their time, statistics only steer plans. */
	if (db_exec(db, "DELETE FROM tokens WHERE expires_ms > 0 AND expires_ms < CAST(strftime('%s', 'now') AS INTEGER) * 1000", NULL) == 0)
		(void)!db_exec(db, "PRAGMA optimize", NULL);
}

static struct writer_item *take_group(struct writer *w)
{
	struct writer_item *group = w->first, **end = &w->first;

	for (unsigned i = 0; i < GROUP_MAX && *end; i++)
		end = &(*end)->next;
	w->first = *end;
	*end = NULL;
	if (!w->first)
		w->last = &w->first;
	return group;
}

/* Wait for work; false when there is none and the end was asked for. */
static bool wait_for_work(struct writer *w)
{
	while (!w->first && !w->ending) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += TIDY_SECONDS;
		if (pthread_cond_timedwait(&w->queued, &w->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&w->lock);
		tidy(w->db);
		pthread_mutex_lock(&w->lock);
	}
	return w->first != NULL;
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;

	pthread_mutex_lock(&w->lock);
	while (wait_for_work(w)) {
		struct writer_item *group = take_group(w), *next;

		pthread_mutex_unlock(&w->lock);
		run_group(w, group);
		pthread_mutex_lock(&w->lock);
		w->groups++;
		for (; group; group = next) {
			next = group->next;     /* the item is on its caller's stack: gone once it is done */
			group->done = true;
			pthread_cond_signal(&group->finished);
		}
		pthread_mutex_unlock(&w->lock);
		checkpoint(w->db);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	tidy(w->db);
	db_close(w->db);        /* the last connection: moves the log into the database and removes it */
	return NULL;
}

int writer_start(struct writer *w, const char *path, struct db *db, struct sp_err *e)
{
	pthread_condattr_t attr;
	int sys;

	*w = (struct writer){ .path = path, .db = db };
	w->last = &w->first;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->queued, &attr);
	pthread_condattr_destroy(&attr);
	sys = pthread_create(&w->thread, NULL, writer_main, w);
	if (sys != 0) {
		pthread_cond_destroy(&w->queued);
		pthread_mutex_destroy(&w->lock);
		return sp_fail(e, SP_ENOMEM, sys, "start the database's writer");
	}
	return 0;
}

void writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->queued);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->queued);
	pthread_mutex_destroy(&w->lock);
}

int writer_do(struct writer *w, writer_job *job, void *arg, struct sp_err *e)
{
	struct writer_item it = { .job = job, .arg = arg };

	pthread_cond_init(&it.finished, NULL);
	pthread_mutex_lock(&w->lock);
	if (w->ending) {
		pthread_mutex_unlock(&w->lock);
		pthread_cond_destroy(&it.finished);
		return sp_fail(e, SP_ESTATE, 0, "the database is closing");
	}
	*w->last = &it;
	w->last = &it.next;
	pthread_cond_signal(&w->queued);
	while (!it.done)
		pthread_cond_wait(&it.finished, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&it.finished);
	if (it.result < 0 && e)
		*e = it.err;
	return it.result;
}

uint64_t writer_groups(struct writer *w)
{
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	n = w->groups;
	pthread_mutex_unlock(&w->lock);
	return n;
}
