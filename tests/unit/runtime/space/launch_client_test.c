#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/space/launch_client.h"
#include "runtime/space/ready.h"
#include "tests/unit/fakes/test_loop.h"

struct env { struct sp_loop loop; struct launch_client *lc; int other, gone, nulls, answers, entries, lasts; unsigned last_type; };

static void on_gone(void *arg) { ((struct env *)arg)->gone++; }

static void on_answer(void *arg, struct sp_msg *m, bool last)
{
	struct env *t = arg;

	t->nulls += !m;
	t->answers += m != NULL;
	t->entries += m && m->head.type == LAUNCH_IMAGE_IS;
	t->lasts += last;
	if (m)
		t->last_type = m->head.type;
}

static int setup(void **state)
{
	struct env *t = calloc(1, sizeof(*t));
	int p[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return -1;
	t->other = p[1];
	*state = t;
	return launch_client_new(&t->loop, p[0], on_gone, t, &t->lc, NULL);
}

static int teardown(void **state)
{
	struct env *t = *state;

	launch_client_free(t->lc);
	test_loop_settle(&t->loop);
	if (t->other >= 0)
		close(t->other);
	free(t);
	return 0;
}

static void answers_find_their_question(void **state)
{
	struct env *t = *state;
	const struct launch_none none = { "" };
	const struct launch_image_is image = { .kind = IMAGE_BASE };
	struct sp_msg m;

	launch_client_images(t->lc, on_answer, t);
	test_loop_settle(&t->loop);
	assert_int_equal(sp_msg_recv(t->other, &launch_table, LAUNCH_TO_LAUNCHER, &m, NULL), 1);
	assert_int_equal(m.head.type, LAUNCH_IMAGES);
	assert_int_equal(sp_msg_send(t->other, LAUNCH_DONE, m.head.seq + 7, &none, sizeof(none), NULL, 0, NULL), 0);   /* nobody's */
	for (int i = 0; i < 3; i++)
		assert_int_equal(sp_msg_send(t->other, LAUNCH_IMAGE_IS, m.head.seq, &image, sizeof(image), NULL, 0, NULL), 0);
	assert_int_equal(sp_msg_send(t->other, LAUNCH_DONE, m.head.seq, &none, sizeof(none), NULL, 0, NULL), 0);
	assert_int_equal(sp_msg_send(t->other, LAUNCH_DONE, m.head.seq, &none, sizeof(none), NULL, 0, NULL), 0);       /* twice: ignored */
	test_loop_settle(&t->loop);
	assert_int_equal(t->entries, 3);
	assert_int_equal(t->lasts, 1);
	assert_int_equal(t->answers, 4);
}

static void a_launcher_that_does_not_read_fills_a_bounded_queue(void **state)
{
	struct env *t = *state;

	for (int i = 0; i < 3000; i++)
		launch_client_probe(t->lc, on_answer, t);
	test_loop_settle(&t->loop);
	assert_true(t->answers >= 3000 - 1024 - 600 && t->answers < 3000);
	assert_int_equal(t->last_type, LAUNCH_REFUSED);         /* not NULL: it is not gone, one may try again */
	assert_int_equal(t->nulls + t->gone, 0);
	close(t->other);
	t->other = -1;
	test_loop_settle(&t->loop);
	assert_int_equal(t->nulls + t->answers, 3000);
	assert_int_equal(t->gone, 1);
}

static void a_malformed_message_ends_the_channel(void **state)
{
	struct env *t = *state;

	launch_client_probe(t->lc, on_answer, t);
	test_loop_settle(&t->loop);
	assert_int_equal(send(t->other, "short", 5, 0), 5);
	test_loop_settle(&t->loop);
	assert_int_equal(t->gone, 1);
	assert_int_equal(t->nulls, 1);
	launch_client_probe(t->lc, on_answer, t);
	test_loop_settle(&t->loop);
	assert_int_equal(t->nulls, 2);
}

static void only_http_is_an_answer(void **state SP_UNUSED)
{
	assert_int_equal(ready_status("HTTP/1.1 200 OK", 15), 200);
	assert_int_equal(ready_status("HTTP/1.0 405 x", 14), 405);
	assert_int_equal(ready_status("HTTP/1.1 2", 10), 0);
	assert_int_equal(ready_status("SSH-2.0-OpenSSH", 15), 0);
	assert_int_equal(ready_status("HTTP/1.1 abc", 12), 0);
	assert_int_equal(ready_status("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_find_their_question, setup, teardown),
		cmocka_unit_test_setup_teardown(a_launcher_that_does_not_read_fills_a_bounded_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(a_malformed_message_ends_the_channel, setup, teardown),
		cmocka_unit_test(only_http_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
