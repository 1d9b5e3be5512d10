/* The route publisher over a real SEQPACKET socket; the loop is turned by a thread of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "str.h"
#include "server/routes_pub.h"
#include "server/uvloop.h"

struct bench {
	struct sp_loop *loop;
	struct routes_pub *rp;
	pthread_t thread;
	struct sockaddr_un at;
	int listen_fd;
	struct sp_id woken;
	bool publish_on_wake;
	sem_t called;
};

static struct route_entry entry(const char *label, uint32_t port)
{
	struct route_entry r = { .kind = ROUTE_APP, .port = port };

	assert_int_equal(sp_copy(r.label, sizeof(r.label), label), 0);
	return r;
}

static void on_wake(void *arg, const struct sp_id *space)
{
	struct bench *b = arg;

	b->woken = *space;
	for (unsigned i = 0; b->publish_on_wake && i < 50; i++) {
		char label[32];
		struct route_entry r;

		snprintf(label, sizeof(label), "woken-%u", i);
		r = entry(label, i);
		routes_set(b->rp, &r);
	}
	sem_post(&b->called);
}

static void *turn(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int begin_as(void **state, int uid)
{
	struct bench *b = calloc(1, sizeof(*b));
	const struct routes_hooks hooks = { .wake = on_wake, .failing = on_wake, .arg = b };

	*state = b;
	log_init("test", LOG_LEVEL_ERR);
	sem_init(&b->called, 0, 0);
	b->at.sun_family = AF_UNIX;
	snprintf(b->at.sun_path, sizeof(b->at.sun_path), "/tmp/routes_test.%d.%s", (int)getpid(), sp_id_new().s);
	b->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(b->listen_fd, (struct sockaddr *)&b->at, sizeof(b->at)) < 0 || listen(b->listen_fd, 16) < 0)
		return -1;
	if (loop_new(&b->loop, NULL) < 0 || routes_new(b->loop, b->listen_fd, uid, &hooks, &b->rp, NULL) < 0)
		return -1;
	return pthread_create(&b->thread, NULL, turn, b->loop);
}

static int begin(void **state)
{
	return begin_as(state, (int)getuid());
}

static int begin_as_another(void **state)
{
	return begin_as(state, (int)getuid() + 1);
}

static int end(void **state)
{
	struct bench *b = *state;

	loop_stop(b->loop);
	pthread_join(b->thread, NULL);
	loop_drain(b->loop);
	routes_free(b->rp);
	loop_free(b->loop);
	close(b->listen_fd);
	unlink(b->at.sun_path);
	free(b);
	return 0;
}

static int dial(const struct bench *b)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 20 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&b->at, sizeof(b->at)), 0);
	return fd;
}

struct change { struct bench *b; const struct route_entry *set; const char *del; };

static void change_on_loop(void *arg)
{
	const struct change *c = arg;

	if (c->set)
		routes_set(c->b->rp, c->set);
	else if (c->del)
		routes_del(c->b->rp, c->del);
	else
		routes_synced(c->b->rp);
}

static void set(struct bench *b, const char *label, uint32_t port)
{
	const struct route_entry r = entry(label, port);

	sp_loop_call(b->loop, change_on_loop, &(struct change){ .b = b, .set = &r });
}

static void del(struct bench *b, const char *label)
{
	sp_loop_call(b->loop, change_on_loop, &(struct change){ .b = b, .del = label });
}

static void synced(struct bench *b)
{
	sp_loop_call(b->loop, change_on_loop, &(struct change){ .b = b });
}

/* "SET ada-chat 7860", "DEL ada-chat", "SYNCED", "closed" */
static const char *next(int fd)
{
	static char text[128];
	struct sp_msg m;
	const struct route_entry *r = (const void *)m.body;
	int got = sp_msg_recv(fd, &route_table, ROUTE_TO_EDGE, &m, NULL);

	if (got <= 0)
		return "closed";
	if (m.head.type == ROUTE_MSG_SET)
		snprintf(text, sizeof(text), "SET %s %u", r->label, r->port);
	else if (m.head.type == ROUTE_MSG_DEL)
		snprintf(text, sizeof(text), "DEL %s", r->label);
	else
		snprintf(text, sizeof(text), "SYNCED");
	return text;
}

static void an_edge_gets_the_table_then_synced_then_changes(void **state)
{
	struct bench *b = *state;
	int fd;

	set(b, "ada-chat", 1);
	set(b, "ada-chat", 2);
	synced(b);
	fd = dial(b);
	assert_string_equal(next(fd), "SET ada-chat 2");
	assert_string_equal(next(fd), "SYNCED");
	set(b, "bob-x", 3);
	set(b, "bob-x", 3);             /* nothing new: not told again */
	del(b, "ada-chat");
	del(b, "nobody");
	assert_string_equal(next(fd), "SET bob-x 3");
	assert_string_equal(next(fd), "DEL ada-chat");
	close(fd);
}

static void synced_waits_until_every_space_is_known(void **state)
{
	struct bench *b = *state;
	int fd = dial(b);

	set(b, "one", 1);
	assert_string_equal(next(fd), "SET one 1");
	set(b, "two", 2);
	synced(b);
	assert_string_equal(next(fd), "SET two 2");
	assert_string_equal(next(fd), "SYNCED");
	close(fd);
}

static void slow_edge_gets_the_newest_of_everything(void **state)
{
	struct bench *b = *state;
	unsigned sets = 0;
	char last[128] = "";
	int fd;

	synced(b);
	fd = dial(b);
	assert_string_equal(next(fd), "SYNCED");
	for (uint32_t i = 1; i <= 2000; i++)
		set(b, "busy", i);      /* more than the socket takes: the rest waits here */
	set(b, "end", 1);
	while (strcmp(last, "SET end 1") != 0) {
		char before[128];

		snprintf(before, sizeof(before), "%s", last);
		snprintf(last, sizeof(last), "%s", next(fd));
		assert_string_not_equal(last, "closed");
		sets++;
		if (strcmp(last, "SET end 1") == 0)
			assert_string_equal(before, "SET busy 2000");
	}
	assert_in_range(sets, 2, 2001);
	close(fd);
}

static void wake_reaches_the_runtime(void **state)
{
	struct bench *b = *state;
	struct route_space about = { .space = sp_id_new() };
	int fd = dial(b);

	assert_int_equal(sp_msg_send(fd, ROUTE_MSG_WAKE, 0, &about, sizeof(about), NULL, 0, NULL), 0);
	sem_wait(&b->called);
	assert_string_equal(b->woken.s, about.space.s);
	close(fd);
}

static void edge_that_dies_after_a_wake_does_no_harm(void **state)
{
	struct bench *b = *state;
	struct route_space about = { .space = sp_id_new() };
	int fd = dial(b);

	b->publish_on_wake = true;
	assert_int_equal(sp_msg_send(fd, ROUTE_MSG_WAKE, 0, &about, sizeof(about), NULL, 0, NULL), 0);
	close(fd);
	sem_wait(&b->called);
	synced(b);
}

static void other_users_get_nothing(void **state)
{
	const struct bench *b = *state;
	int fd = dial(b);

	assert_string_equal(next(fd), "closed");
	close(fd);
}

static void malformed_message_closes_the_connection(void **state)
{
	struct bench *b = *state;
	int fd = dial(b);

	assert_int_equal(write(fd, "nonsense of some length", 23), 23);
	assert_string_equal(next(fd), "closed");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_edge_gets_the_table_then_synced_then_changes, begin, end),
		cmocka_unit_test_setup_teardown(synced_waits_until_every_space_is_known, begin, end),
		cmocka_unit_test_setup_teardown(slow_edge_gets_the_newest_of_everything, begin, end),
		cmocka_unit_test_setup_teardown(wake_reaches_the_runtime, begin, end),
		cmocka_unit_test_setup_teardown(edge_that_dies_after_a_wake_does_no_harm, begin, end),
		cmocka_unit_test_setup_teardown(other_users_get_nothing, begin_as_another, end),
		cmocka_unit_test_setup_teardown(malformed_message_closes_the_connection, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
