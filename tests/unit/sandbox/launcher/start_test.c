#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "sandbox/launcher/launcher.h"

#define ID "0123456789abcdef01234567"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct launch_start good(void)
{
	struct launch_start s = { .profile = PROFILE_RUN, .egress = EGRESS_WEB, .cpu_weight = 100, .pids = 64, .memory_bytes = 64 << 20,
		.tmp_bytes = 1 << 20, .run = { ID }, .space = { ID }, .flags = START_DATA, .hostname = "ada-chat" };

	memcpy(s.base.hex, HASH, 64);
	return s;
}

static int check(const struct launch_start *s)
{
	return start_check(s, NULL);
}

static void a_complete_start_is_accepted(void **state SP_UNUSED)
{
	struct launch_start s = good();

	assert_int_equal(check(&s), 0);
}

static void every_field_is_checked(void **state SP_UNUSED)
{
	struct launch_start s;

#define REFUSED(change) do { s = good(); change; assert_int_equal(check(&s), -SP_EINVAL); } while (0)
	REFUSED(s.profile = PROFILE_MAX);
	REFUSED(s.egress = EGRESS_BUILD + 1);
	REFUSED(s.flags = 2);
	REFUSED(s.memory_bytes = 1 << 20);
	REFUSED(s.tmp_bytes = 0);
	REFUSED(s.pids = 0);
	REFUSED(s.cpu_weight = 0);
	REFUSED(s.cpu_weight = 10001);
	REFUSED(s.cpu_permille = UINT32_MAX);
	REFUSED(s.app_port = 65536);
	REFUSED(s.run.s[0] = '\0');
	REFUSED(s.run.s[3] = '/');
	REFUSED(s.space.s[0] = '\0');           /* START_DATA needs it */
	REFUSED(s.space.s[24] = 'a');           /* not terminated */
	REFUSED(s.space.s[0] = '.');
	REFUSED(s.base.hex[0] = '\0');
	REFUSED(s.base.hex[63] = 'G');
	REFUSED(s.env.hex[0] = '.');
	REFUSED(s.app.hex[0] = 'a');            /* shorter than 64 digits */
	REFUSED(s.hostname[0] = '\0');
	REFUSED(s.hostname[0] = '-');
	REFUSED(s.hostname[0] = 'A');
	REFUSED(s.hostname[2] = '\n');
	REFUSED(memset(s.hostname, 'a', sizeof(s.hostname)));
	REFUSED(memcpy(s.input.s, ID, sizeof(ID)));                    /* WORKER's */
	REFUSED(memcpy(s.output.s, ID, sizeof(ID)));                   /* BUILD's and SYSTEM's */
	REFUSED(s.out_kind = IMAGE_ENV);
	REFUSED((s.out_kind = IMAGE_ENV, memcpy(s.out_hash.hex, HASH, 64)));
	REFUSED(s.profile = PROFILE_WORKER);                            /* which has no network */
	REFUSED(s.profile = PROFILE_BUILD);                             /* without an output tree */
}

static void a_worker_may_make_environments_and_apps_only(void **state SP_UNUSED)
{
	for (uint32_t kind = 0; kind < IMAGE_KIND_MAX + 2; kind++) {
		struct launch_start s = good();

		s.profile = PROFILE_WORKER;
		s.egress = EGRESS_NONE;
		s.out_kind = kind;
		memcpy(s.out_hash.hex, HASH, 64);
		assert_int_equal(check(&s) == 0, kind == IMAGE_NONE || kind == IMAGE_ENV || kind == IMAGE_APP);
	}
}

static struct launcher l;

static void a_slot_is_named_by_index_and_generation(void **state SP_UNUSED)
{
	struct slot *a = slot_new(&l, SLOT_WAITING), *b;
	struct launch_slot first;

	assert_non_null(a);
	assert_null(slot_find(&l, &(struct launch_slot){ a->index, a->generation }));   /* not running yet */
	a->state = SLOT_RUNNING;
	first = slot_name(a);
	assert_ptr_equal(slot_find(&l, &first), a);
	b = slot_new(&l, SLOT_WAITING);
	assert_int_not_equal(b->index, a->index);
	a->state = SLOT_FREE;
	assert_ptr_equal(slot_new(&l, SLOT_WAITING), a);
	a->state = SLOT_RUNNING;
	assert_null(slot_find(&l, &first));     /* its successor is not taken for it */
	assert_null(slot_find(&l, &(struct launch_slot){ SP_LIMIT_slots, 1 }));
	assert_null(slot_find(&l, &(struct launch_slot){ UINT32_MAX, UINT32_MAX }));
}

static void the_table_is_bounded(void **state SP_UNUSED)
{
	for (unsigned i = 0; i < SP_LIMIT_slots; i++)
		l.slots[i].state = SLOT_SWEEPING;
	assert_null(slot_new(&l, SLOT_WAITING));
	l.slots[SP_LIMIT_slots - 1].state = SLOT_FREE;
	assert_int_equal(slot_new(&l, SLOT_WAITING)->index, SP_LIMIT_slots - 1);
}

static void image_names_are_read_strictly(void **state SP_UNUSED)
{
	static const char *const bad[] = { "base-" HASH, "base-" HASH ".erofs.new", "base.current", "none-" HASH ".erofs", "-" HASH ".erofs",
		"base-" HASH "0.erofs", "base-0123.erofs", "Base-" HASH ".erofs", "app--" HASH ".erofs", "scratch", "" };
	struct launch_hash hash;
	char name[96];
	uint32_t kind;

	for (unsigned i = 0; i < SP_COUNT(bad); i++)
		assert_false(image_parse(bad[i], &kind, &hash));
	for (uint32_t k = IMAGE_BASE; k < IMAGE_KIND_MAX; k++) {
		memcpy(hash.hex, HASH, 64);
		image_name(k, &hash, name);
		assert_true(image_parse(name, &kind, &hash));
		assert_int_equal(kind, k);
	}
}

static void groups_of_the_living_are_left_alone(void **state SP_UNUSED)
{
	char name[64];

	snprintf(name, sizeof(name), "vitrine-%d", getpid());
	assert_false(cgroup_is_dead(name, "vitrine-"));
	assert_true(cgroup_is_dead("vitrine-4194303", "vitrine-"));     /* above any pid_max of tests */
	assert_false(cgroup_is_dead("vitrine-0", "vitrine-"));
	assert_false(cgroup_is_dead("vitrine--1", "vitrine-"));
	assert_false(cgroup_is_dead(ID, "vitrine-"));
}

/* A sandbox that is just being made holds copies: epoll goes on to tell of a descriptor until the last one is closed. */
static void a_closed_descriptor_tells_nothing_to_its_successor(void **state SP_UNUSED)
{
	static struct launcher l;
	struct epoll_event ev;
	int fd = eventfd(1, EFD_CLOEXEC), copy = dup(fd);

	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(loop_watch(&l, fd, WATCH_SWEEPER, 3, NULL), 0);
	assert_int_equal(epoll_wait(l.epoll, &ev, 1, 0), 1);
	loop_close(&l, &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(epoll_wait(l.epoll, &ev, 1, 0), 0);
	close(copy);
	close(l.epoll);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_complete_start_is_accepted),
		cmocka_unit_test(every_field_is_checked),
		cmocka_unit_test(a_worker_may_make_environments_and_apps_only),
		cmocka_unit_test(a_slot_is_named_by_index_and_generation),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(image_names_are_read_strictly),
		cmocka_unit_test(groups_of_the_living_are_left_alone),
		cmocka_unit_test(a_closed_descriptor_tells_nothing_to_its_successor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
