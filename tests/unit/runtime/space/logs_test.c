#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/space/logs.h"
#include "runtime/space/logs_file.h"
#include "auto.h"
#include "limit.h"
#include "tests/unit/fakes/test_loop.h"

struct env { struct sp_loop loop; struct logs *logs; struct sp_id space; char path[64]; };

static int setup(void **state)
{
	struct env *t = calloc(1, sizeof(*t));

	snprintf(t->path, sizeof(t->path), "/tmp/logs_test.XXXXXX");
	if (!mkdtemp(t->path) || logs_open(t->path, &t->loop, &t->logs, NULL) < 0)
		return -1;
	t->space = sp_id_new();
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct env *t = *state;
	char cmd[128];

	logs_close(t->logs);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", t->path);
	free(t);
	return system(cmd);
}

struct seen { struct sp_buf text; int ended; };

static void on_lines(void *arg, const char *p, size_t n)
{
	struct seen *s = arg;

	assert_int_equal(p[n - 1], '\n');
	sp_buf_add(&s->text, p, n);
}

static void on_ended(void *arg) { ((struct seen *)arg)->ended++; }
static void on_drained(void *arg) { ++*(int *)arg; }

static unsigned count(const struct sp_buf *b, const char *what)
{
	unsigned n = 0;

	for (const char *p = b->p; p && (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void what_is_printed_is_followed_and_kept(void **state)
{
	struct env *t = *state;
	struct sp_id id = sp_id_new();
	struct log_sink *s;
	struct log_tail *tail;
	struct seen seen = { 0 }, later = { 0 };
	struct sp_arena a;
	int fds[2], drained = 0;

	assert_int_equal(pipe(fds), 0);
	s = log_sink_new(t->logs, &t->space, LOG_RUN, &id, fds[0]);
	log_sink_say(s, "hello %d", 1);
	assert_int_equal(write(fds[1], "one\ntw\xff", 7), 7);
	test_loop_settle(&t->loop);
	assert_int_equal(log_tail_start(t->logs, &t->space, LOG_RUN, on_lines, on_ended, &seen, &tail, NULL), 0);
	test_loop_settle(&t->loop);
	assert_int_equal(count(&seen.text, "{\"data\":\"hello 1\\n\",\"timestamp\":\""), 1);
	assert_int_equal(count(&seen.text, "one\\n"), 1);
	assert_int_equal(write(fds[1], "o\"\x1b[0m\n", 7), 7);
	log_sink_drained(s, on_drained, &drained);
	test_loop_settle(&t->loop);
	assert_int_equal(drained, 0);
	close(fds[1]);
	test_loop_settle(&t->loop);
	assert_int_equal(drained, 1);
	assert_int_equal(count(&seen.text, "tw\xef\xbf\xbdo\\\"\\u001b[0m\\n"), 1);
	assert_int_equal(seen.ended, 0);
	log_sink_end(s);
	test_loop_run(&t->loop, 100);
	assert_int_equal(seen.ended, 1);
	log_tail_stop(tail);

	assert_int_equal(log_tail_start(t->logs, &t->space, LOG_RUN, on_lines, on_ended, &later, &tail, NULL), 0);
	test_loop_run(&t->loop, 1000);
	assert_string_equal(later.text.p, seen.text.p);         /* C-HF-88 */
	assert_int_equal(later.ended, 1);
	log_tail_stop(tail);

	sp_arena_init(&a);
	assert_string_equal(log_last_lines(t->logs, &t->space, LOG_RUN, 2, &a), "one\ntw\xef\xbf\xbdo\"\x1b[0m\n");
	sp_arena_fini(&a);
	sp_buf_fini(&seen.text);
	sp_buf_fini(&later.text);
}

static void no_log_ends_at_once(void **state)
{
	struct env *t = *state;
	struct seen seen = { 0 };
	struct log_tail *tail;
	struct sp_arena a;

	assert_int_equal(log_tail_start(t->logs, &t->space, LOG_BUILD, on_lines, on_ended, &seen, &tail, NULL), 0);
	test_loop_run(&t->loop, 100);
	assert_int_equal(seen.ended, 1);
	log_tail_stop(tail);
	sp_arena_init(&a);
	assert_string_equal(log_last_lines(t->logs, &t->space, LOG_BUILD, 5, &a), "");
	sp_arena_fini(&a);
}

static void a_long_log_keeps_its_beginning_and_its_end(void **state)
{
	struct env *t = *state;
	struct sp_id id = sp_id_new();
	struct log_sink *s = log_sink_new(t->logs, &t->space, LOG_RUN, &id, -1);
	struct seen seen = { 0 };
	struct log_tail *tail;
	char line[1000];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	for (int i = 0; i < 40000; i++) {
		log_sink_say(s, "%d %s", i, line);
		if (i % 100 == 0)
			test_loop_settle(&t->loop);
	}
	log_sink_end(s);
	test_loop_settle(&t->loop);
	assert_int_equal(log_tail_start(t->logs, &t->space, LOG_RUN, on_lines, on_ended, &seen, &tail, NULL), 0);
	test_loop_run(&t->loop, 100000);
	assert_int_equal(seen.ended, 1);
	log_tail_stop(tail);
	assert_true(seen.text.n <= SP_LIMIT_log_run_bytes + 4096);
	assert_true(seen.text.n > SP_LIMIT_log_run_bytes / 2);
	assert_int_equal(count(&seen.text, "{\"data\":\"0 x"), 1);
	assert_int_equal(count(&seen.text, "{\"data\":\"39999 x"), 1);
	assert_int_equal(count(&seen.text, "bytes of output are left out"), 1);
	sp_buf_fini(&seen.text);
}

/* The next segment cannot be made when it is due (a full disk; here: no descriptors), later it can. */
static void a_segment_that_could_not_be_made_is_made_later(void **state)
{
	struct env *t = *state;
	struct rlimit usual, now;
	struct sp_id id = sp_id_new();
	sp_auto_close int dir = open(t->path, O_RDONLY | O_CLOEXEC);
	sp_auto_buf struct sp_buf all = { 0 };
	char lines[100 * 64];
	struct log_file f;
	uint64_t pos = 0;
	int failed = 0;

	memset(lines, 'x', sizeof(lines));
	for (size_t i = 63; i < sizeof(lines); i += 64)
		lines[i] = '\n';
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	now = usual;
	now.rlim_cur = 0;
	assert_int_equal(log_file_create(dir, &t->space, LOG_RUN, &id, &f, NULL), 0);
	for (int i = 0; i < 8000; i++) {
		bool is_full = i % 1000 < 500;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, is_full ? &now : &usual), 0);
		if (log_file_append(&f, lines, sizeof(lines), NULL) < 0) {
			assert_true(is_full);
			failed++;
		}
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_true(failed > 0);
	assert_int_equal(log_file_append(&f, "last\n", 5, NULL), 0);
	while (pos < log_file_end(&f))
		assert_int_equal(log_file_read(&f, &pos, 1 << 20, &all, NULL), 0);
	assert_true(sp_ends_with(all.p, "last\n"));
	log_file_close(&f);
}

static void a_restarted_server_goes_on_in_the_same_log(void **state)
{
	struct env *t = *state;
	struct sp_id id = sp_id_new();
	struct log_sink *s = log_sink_new(t->logs, &t->space, LOG_RUN, &id, -1);
	struct sp_arena a;

	log_sink_say(s, "before");
	test_loop_settle(&t->loop);
	logs_close(t->logs);
	assert_int_equal(logs_open(t->path, &t->loop, &t->logs, NULL), 0);
	s = log_sink_new(t->logs, &t->space, LOG_RUN, &id, -1);
	log_sink_say(s, "after");
	log_sink_end(s);
	test_loop_run(&t->loop, 5000);
	sp_arena_init(&a);
	assert_string_equal(log_last_lines(t->logs, &t->space, LOG_RUN, 9, &a), "before\nafter\n");
	sp_arena_fini(&a);
}

static void who_prints_without_end_is_made_to_wait(void **state)
{
	enum { HELD = 1 << 20, PERIOD = SP_LIMIT_log_bytes_per_s / 10 };
	struct env *t = *state;
	struct sp_id id = sp_id_new();
	struct seen seen = { 0 };
	struct log_tail *tail;
	struct log_sink *s;
	char line[1024];
	int pair[2], held;

	assert_int_equal(pipe(pair), 0);
	assert_true(fcntl(pair[1], F_SETPIPE_SZ, HELD) >= HELD);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (unsigned i = 0; i < HELD / sizeof(line); i++)
		assert_int_equal(write(pair[1], line, sizeof(line)), sizeof(line));
	s = log_sink_new(t->logs, &t->space, LOG_RUN, &id, pair[0]);
	for (unsigned i = 0; i < 50; i++)
		test_loop_settle(&t->loop);
	assert_int_equal(ioctl(pair[1], FIONREAD, &held), 0);
	assert_in_range(HELD - held, PERIOD, PERIOD + 65536);   /* one period's, and then the pipe stays full */

	close(pair[1]);
	test_loop_run(&t->loop, 1000);
	log_sink_end(s);
	test_loop_run(&t->loop, 5000);
	assert_int_equal(log_tail_start(t->logs, &t->space, LOG_RUN, on_lines, on_ended, &seen, &tail, NULL), 0);
	test_loop_run(&t->loop, 5000);
	log_tail_stop(tail);
	assert_int_equal(count(&seen.text, "{\"data\":\"xxx"), HELD / sizeof(line));      /* later, but all of it */
	assert_int_equal(count(&seen.text, "is made to wait"), 1);
	sp_buf_fini(&seen.text);
}

static void only_the_newest_logs_are_kept(void **state)
{
	struct env *t = *state;
	char cmd[128];
	FILE *f;
	int n = 0;

	for (int i = 0; i < SP_LIMIT_log_runs_kept + 3; i++) {
		struct sp_id id = sp_id_new();
		struct log_sink *s = log_sink_new(t->logs, &t->space, LOG_BUILD, &id, -1);

		log_sink_say(s, "%d", i);
		log_sink_end(s);
		test_loop_run(&t->loop, 5000);
	}
	snprintf(cmd, sizeof(cmd), "ls %s/logs/%s | wc -l", t->path, t->space.s);
	f = popen(cmd, "r");
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	assert_int_equal(n, SP_LIMIT_log_runs_kept);
	logs_drop(t->logs, &t->space);
	test_loop_settle(&t->loop);
	snprintf(cmd, sizeof(cmd), "%s/logs/%s", t->path, t->space.s);
	assert_int_not_equal(access(cmd, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_printed_is_followed_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(no_log_ends_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_log_keeps_its_beginning_and_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_segment_that_could_not_be_made_is_made_later, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restarted_server_goes_on_in_the_same_log, setup, teardown),
		cmocka_unit_test_setup_teardown(who_prints_without_end_is_made_to_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_newest_logs_are_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
