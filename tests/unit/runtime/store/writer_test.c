#include "tests/unit/runtime/store/temp_store.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/store/store_priv.h"

enum { THREADS = 8, EACH = 50 };

struct load { struct temp_store *t; struct sp_id repo; unsigned number; pthread_t thread; int failed; };

static void *write_variables(void *arg)
{
	struct load *l = arg;

	for (unsigned i = 0; i < EACH; i++) {
		char key[32];

		snprintf(key, sizeof(key), "T%u_%u", l->number, i);
		if (store_variable_set(l->t->st, &l->repo, key, "v", NULL, NULL) < 0)
			l->failed++;
	}
	return NULL;
}

static void threads_that_write_at_once_all_succeed(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x");
	struct load load[THREADS];
	struct store_variable *v;
	size_t n = 0;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		load[i] = (struct load){ .t = t, .repo = r.id, .number = i };
		assert_int_equal(pthread_create(&load[i].thread, NULL, write_variables, &load[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(load[i].thread, NULL);
		assert_int_equal(load[i].failed, 0);
	}
	assert_int_equal(store_variable_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);
	assert_int_equal(n, THREADS * EACH);
}

/* A job that holds the writer until the others are queued: they must then share one commit. */
struct gate { pthread_mutex_t lock; pthread_cond_t moved; bool entered, open; };

static int gate_job(struct db *db, void *arg, struct sp_err *e)
{
	struct gate *g = arg;

	(void)db, (void)e;
	pthread_mutex_lock(&g->lock);
	g->entered = true;
	pthread_cond_broadcast(&g->moved);
	while (!g->open)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
	return 0;
}

struct queued { struct temp_store *t; struct gate *gate; struct store_user user; int result; pthread_t thread; };

static void *pass_gate(void *arg)
{
	struct queued *q = arg;

	q->result = writer_do(&q->t->st->writer, gate_job, q->gate, NULL);
	return NULL;
}

static void *add_user(void *arg)
{
	struct queued *q = arg;

	q->result = store_user_add(q->t->st, &q->user, NULL);
	return NULL;
}

static unsigned waiting(struct writer *w)
{
	unsigned n = 0;

	pthread_mutex_lock(&w->lock);
	for (struct writer_item **at = &w->first; at != w->last; n++)
		at = (struct writer_item **)*at;        /* `next` is the first member */
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void writers_that_wait_share_a_commit_and_fail_alone(void **state)
{
	struct temp_store *t = *state;
	struct gate g = { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };
	struct queued first = { .t = t, .gate = &g }, rest[6];
	uint64_t before;
	int64_t users = 0;

	assert_int_equal(pthread_create(&first.thread, NULL, pass_gate, &first), 0);
	pthread_mutex_lock(&g.lock);
	while (!g.entered)
		pthread_cond_wait(&g.moved, &g.lock);
	pthread_mutex_unlock(&g.lock);
	before = writer_groups(&t->st->writer);
	for (unsigned i = 0; i < 6; i++) {
		rest[i] = (struct queued){ .t = t, .user = { .id = sp_id_new() } };
		snprintf(rest[i].user.name, sizeof(rest[i].user.name), "%s", i == 3 ? "ada" : "");
		if (i != 3)
			snprintf(rest[i].user.name, sizeof(rest[i].user.name), "u%u", i);
		assert_int_equal(pthread_create(&rest[i].thread, NULL, add_user, &rest[i]), 0);
	}
	while (waiting(&t->st->writer) < 6)
		sched_yield();
	pthread_mutex_lock(&g.lock);
	g.open = true;
	pthread_cond_broadcast(&g.moved);
	pthread_mutex_unlock(&g.lock);
	pthread_join(first.thread, NULL);
	for (unsigned i = 0; i < 6; i++) {
		pthread_join(rest[i].thread, NULL);
		assert_int_equal(rest[i].result, i == 3 ? -SP_EEXIST : 0);
	}
	assert_int_equal(writer_groups(&t->st->writer) - before, 2);    /* the gate's and the one of all six */
	assert_int_equal(store_user_count(t->st, &users, NULL), 0);
	assert_int_equal(users, 2 + 5);
}

/* A child that likes one Space after the other and says so on a pipe once it is durable. */
static void child_likes(const char *path, const struct sp_id *user, const struct sp_id *repos, unsigned n, int out)
{
	struct store *st = NULL;

	if (store_open(path, &st, NULL) < 0)
		_exit(1);
	for (unsigned i = 0; i < n; i++) {
		unsigned char done = (unsigned char)i;

		if (store_like_set(st, user, &repos[i], true, NULL, NULL) < 0 || write(out, &done, 1) != 1)
			_exit(2);
	}
	pause();        /* killed here at the latest */
	_exit(3);
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	enum { SPACES = 200, KILL_AFTER = 60 };
	struct temp_store *t = *state;
	struct sp_id ids[SPACES];
	unsigned acknowledged = 0;
	unsigned char byte;
	int ends[2];
	pid_t pid;

	for (unsigned i = 0; i < SPACES; i++) {
		struct store_repo r;
		char name[20];

		snprintf(name, sizeof(name), "s%u", i);
		r = temp_repo(&t->ada, name);
		ids[i] = r.id;
		assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	}
	store_close(t->st);
	t->st = NULL;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child_likes(t->path, &t->bob.id, ids, SPACES, ends[1]);
	close(ends[1]);
	while (read(ends[0], &byte, 1) == 1) {
		acknowledged++;
		if (acknowledged == KILL_AFTER)
			kill(pid, SIGKILL);     /* it goes on writing until this arrives; what it still said is read too */
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
	assert_true(acknowledged >= KILL_AFTER);

	assert_int_equal(store_open(t->path, &t->st, NULL), 0);
	for (unsigned i = 0; i < acknowledged; i++) {
		struct store_repo got;
		bool has = false;

		assert_int_equal(store_like_has(t->st, &t->bob.id, &ids[i], &has, NULL), 0);
		assert_true(has);
		assert_int_equal(store_repo_by_id(t->st, &ids[i], &t->arena, &got, NULL), 0);
		assert_int_equal(got.likes, 1);
	}
}

static void the_log_is_moved_into_the_database(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x");
	char big[20000], wal[300];
	struct stat sb;

	memset(big, 'v', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	for (unsigned i = 0; i < 1500; i++)
		assert_int_equal(store_variable_set(t->st, &r.id, "K", big, NULL, NULL), 0);
	snprintf(wal, sizeof(wal), "%s/vitrine.db-wal", t->path);
	assert_int_equal(stat(wal, &sb), 0);
	assert_true(sb.st_size < 12 << 20);     /* 1,500 commits wrote 45 MB; it starts over after some 1,000 pages */
}

static int no_more_pages(struct db *db, void *arg, struct sp_err *e)
{
	(void)arg;
	return db_exec(db, "PRAGMA max_page_count = 1", e);     /* SQLite makes it the present size */
}

static void a_full_disk_is_said_and_passes(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x");
	struct store_variable *v;
	struct sp_err e = { 0 };
	static char big[1 << 20];
	size_t n = 9;

	memset(big, 'v', sizeof(big) - 1);
	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(writer_do(&t->st->writer, no_more_pages, NULL, NULL), 0);
	assert_int_equal(store_variable_set(t->st, &r.id, "K", big, NULL, &e), -SP_EIO);
	assert_int_equal(e.sys, ENOSPC);
	assert_int_equal(store_variable_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);        /* reading goes on */
	assert_int_equal(n, 0);
	assert_int_equal(store_variable_set(t->st, &r.id, "K", big, NULL, NULL), 0);    /* a new connection, with room again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		temp_store_test(threads_that_write_at_once_all_succeed),
		temp_store_test(writers_that_wait_share_a_commit_and_fail_alone),
		temp_store_test(what_was_acknowledged_survives_kill_9),
		temp_store_test(a_full_disk_is_said_and_passes),
		temp_store_test(the_log_is_moved_into_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
