/* Sleeping, turns, and the causes that cannot be had through the public port, in virtual time. */
#include <errno.h>

#include "runtime/space/space_env.h"
#include "tests/unit/fakes/space_world.h"

static const char gradio[] = "sdk: gradio\nsdk_version: 5.1\n";
static const char app[] = "print(1)\n";

#define CAUSE_IS(w, id, want) assert_string_equal(world_view(w, id).cause.code, want)

/* One that runs and sleeps after S seconds without visits. */
static struct sp_id sleeper(struct world *w, int64_t s)
{
	struct sp_id id = world_space(w);

	assert_int_equal(store_repo_set_sleep(w->store, &id, s, NULL), 0);
	spaces_refresh(w->sp, &id);
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	return id;
}

static void nobody_visits_and_it_falls_asleep(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, 60), never = sleeper(w, -1);

	test_loop_run(&w->loop, 50000);
	spaces_on_seen(w->sp, &id);
	test_loop_run(&w->loop, 50000);
	STAGE_IS(w, &id, STAGE_RUNNING);                                /* the visit counted */
	test_loop_run(&w->loop, 11000);
	STAGE_IS(w, &id, STAGE_SLEEPING);
	STAGE_IS(w, &never, STAGE_RUNNING);
	CAUSE_IS(w, &id, "ASLEEP");
	assert_true(world_view(w, &id).will_wake);
	assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_WAITING);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 1);
	spaces_wake(w->sp, &id);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_APP);
	assert_int_equal(store_repo_set_sleep(w->store, &id, -1, NULL), 0);
	spaces_refresh(w->sp, &id);
	test_loop_run(&w->loop, 500000);
	STAGE_IS(w, &id, STAGE_RUNNING);
}

static void sleep_outlives_the_server(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, 60);
	unsigned starts;

	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_SLEEPING);
	starts = w->fake.starts[PROFILE_RUN];
	world_die(w);
	world_begin(w);
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &id, STAGE_SLEEPING);
	assert_int_equal(w->fake.starts[PROFILE_RUN], starts);
	spaces_wake(w->sp, &id);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	world_die(w);
	world_begin(w);
	STAGE_IS(w, &id, STAGE_RUNNING);                                /* awake again, and its row knows */
}

static void a_push_wakes_and_a_pause_ends_sleep(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, 60), idle = world_space(w);
	struct sp_err e;

	assert_int_equal(spaces_sleep(w->sp, &idle, &e), -SP_ESTATE);   /* nothing was ever built of it */
	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	world_push(w, &id, gradio, "app.py", "print(2)\n");
	STAGE_IS(w, &id, STAGE_BUILDING);
	test_loop_run(&w->loop, 2000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	assert_int_equal(spaces_pause(w->sp, &id, NULL), 0);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_PAUSED);
	assert_int_equal(spaces_sleep(w->sp, &id, &e), -SP_ESTATE);
	spaces_wake(w->sp, &id);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_PAUSED);
}

static void after_a_restart_of_the_machine_apps_take_turns(void **state)
{
	struct world *w = *state;
	struct sp_id ids[10];
	unsigned starting = 0, waiting = 0;

	for (unsigned i = 0; i < 10; i++)
		ids[i] = sleeper(w, -1);
	world_die(w);
	for (struct fake_slot *s; (s = fake_first(&w->fake, PROFILE_RUN)); )
		fake_exit(&w->fake, s, END_STOPPED, 0, NULL);
	w->fake.ready = false;
	world_begin(w);
	test_loop_run(&w->loop, 100);
	for (unsigned i = 0; i < 10; i++) {
		STAGE_IS(w, &ids[i], STAGE_APP_STARTING);
		starting += strcmp(world_view(w, &ids[i]).cause.code, "STARTING") == 0;
		waiting += strcmp(world_view(w, &ids[i]).cause.code, "START_TURN") == 0;
	}
	assert_int_equal(starting, SP_LIMIT_starts_parallel);
	assert_int_equal(waiting, 10 - SP_LIMIT_starts_parallel);
	for (unsigned i = 0; i < 10; i++)
		if (strcmp(world_view(w, &ids[i]).cause.code, "START_TURN") == 0) {
			spaces_wake(w->sp, &ids[i]);                    /* a visitor does not wait */
			test_loop_run(&w->loop, 100);
			CAUSE_IS(w, &ids[i], "STARTING");
			break;
		}
	w->fake.ready = true;
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		w->fake.slots[i].ready = true;
	test_loop_run(&w->loop, 40000);
	for (unsigned i = 0; i < 10; i++)
		STAGE_IS(w, &ids[i], STAGE_RUNNING);
}

static void a_port_that_closes_ends_the_app(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, -1);
	struct fake_slot *slot = fake_first(&w->fake, PROFILE_RUN);

	assert_non_null(slot);
	w->fake.elsewhere = 7860;
	spaces_on_failing(w->sp, &id);                                  /* it listens after all: nothing happens */
	test_loop_run(&w->loop, 20000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	slot->ready = false;
	w->fake.elsewhere = 0;
	spaces_on_failing(w->sp, &id);
	test_loop_run(&w->loop, SP_LIMIT_port_closed_ms / 2);
	STAGE_IS(w, &id, STAGE_RUNNING);                                /* it may be reloading */
	for (unsigned i = 0; i < 100 && world_view(w, &id).stage == STAGE_RUNNING; i++)
		test_loop_run(&w->loop, 100);
	STAGE_IS(w, &id, STAGE_APP_STARTING);
	CAUSE_IS(w, &id, "PORT_CLOSED");
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(w->fake.starts[PROFILE_RUN], 2);
}

static void what_never_started_is_told(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, -1), big = world_space(w);
	static char value[60001];
	char key[8];

	fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_EXEC, ENOENT, NULL);
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &id, STAGE_RUNTIME_ERROR);
	CAUSE_IS(w, &id, "NOT_EXECUTABLE");
	memset(value, 'v', sizeof(value) - 1);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "K%u", i);
		assert_int_equal(store_variable_set(w->store, &big, key, value, "", NULL), 0);
	}
	world_push(w, &big, gradio, "app.py", app);
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &big, STAGE_RUNTIME_ERROR);
	CAUSE_IS(w, &big, "VARIABLES_TOO_BIG");
}

static void a_sandbox_that_is_refused_is_told(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	w->fake.fail_code = SP_EIO;
	w->fake.fail_starts = 50;
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 60000);
	STAGE_IS(w, &id, STAGE_RUNTIME_ERROR);
	CAUSE_IS(w, &id, "SANDBOX_FAILED");
	assert_int_equal(world_view(w, &id).cause.action, ACTION_OPERATOR);
}

static void a_build_that_hangs_is_ended(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	w->fake.hold = true;
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 100);
	CAUSE_IS(w, &id, "BUILD_STEP");
	test_loop_run(&w->loop, SP_LIMIT_build_ms + 5000);
	STAGE_IS(w, &id, STAGE_BUILD_ERROR);
	CAUSE_IS(w, &id, "BUILD_TIMEOUT");
}

static void an_image_that_is_lost_while_it_runs(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, -1);

	w->fake.n_images = 2;
	fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_SIGNALED, 11, NULL);
	test_loop_run(&w->loop, 10000);
	CAUSE_IS(w, &id, "IMAGE_MISSING");
	assert_int_equal(world_view(w, &id).cause.action, ACTION_FACTORY);
}

static bool row_sleeps(struct world *w, const struct sp_id *id)
{
	struct store_repo repo;
	struct sp_arena a;

	sp_arena_init(&a);
	assert_int_equal(store_repo_by_id(w->store, id, &a, &repo, NULL), 0);
	sp_arena_fini(&a);
	return repo.is_asleep;
}

/* Everything that can meet a sleep on its way in or out, without a turn of the loop between. */
static void sleep_and_what_comes_at_once(void **state)
{
	struct world *w = *state;
	struct sp_id id = sleeper(w, 60);
	unsigned starts;

	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	spaces_wake(w->sp, &id);                                        /* a visit while the sandbox is being stopped */
	spaces_wake(w->sp, &id);
	test_loop_run(&w->loop, 20000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 1);
	assert_false(row_sleeps(w, &id));
	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	test_loop_run(&w->loop, 20000);
	starts = w->fake.starts[PROFILE_RUN];
	spaces_env_changed(w->sp, &id);                                 /* it is read when it starts */
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &id, STAGE_SLEEPING);
	assert_int_equal(w->fake.starts[PROFILE_RUN], starts);
	spaces_wake(w->sp, &id);
	assert_int_equal(spaces_pause(w->sp, &id, NULL), 0);            /* the owner wins over the visitor */
	test_loop_run(&w->loop, 20000);
	STAGE_IS(w, &id, STAGE_PAUSED);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 0);
	assert_int_equal(spaces_restart(w->sp, &id, false, NULL), 0);
	test_loop_run(&w->loop, 5000);
	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	assert_true(row_sleeps(w, &id));
	assert_int_equal(spaces_restart(w->sp, &id, false, NULL), 0);
	assert_false(row_sleeps(w, &id));                               /* durable before it is answered, as the sleep was */
	test_loop_run(&w->loop, 5000);
	assert_int_equal(spaces_sleep(w->sp, &id, NULL), 0);
	test_loop_run(&w->loop, 20000);
	spaces_wake(w->sp, &id);
	assert_int_equal(spaces_remove(w->sp, &id, NULL), 0);           /* deleted while it wakes */
	test_loop_run(&w->loop, 20000);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 0);
	spaces_wake(w->sp, &id);
	spaces_on_seen(w->sp, &id);
	test_loop_run(&w->loop, 1000);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
	const struct CMUnitTest tests[] = {
		T(nobody_visits_and_it_falls_asleep), T(sleep_outlives_the_server), T(a_push_wakes_and_a_pause_ends_sleep),
		T(after_a_restart_of_the_machine_apps_take_turns), T(a_port_that_closes_ends_the_app), T(what_never_started_is_told),
		T(a_sandbox_that_is_refused_is_told), T(a_build_that_hangs_is_ended), T(an_image_that_is_lost_while_it_runs),
		T(sleep_and_what_comes_at_once),
	};

	if (!fake_net())
		return fake_net_skip();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
