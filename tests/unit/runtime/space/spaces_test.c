#include "tests/unit/fakes/space_world.h"

static const char gradio[] = "sdk: gradio\nsdk_version: 5.1\n";
static const char app[] = "print(1)\n";

static void a_static_space_serves_without_a_sandbox(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	test_loop_settle(&w->loop);
	STAGE_IS(w, &id, STAGE_NO_APP_FILE);
	world_push(w, &id, "sdk: static\n", "index.html", "hi");
	STAGE_IS(w, &id, STAGE_BUILDING);
	test_loop_run(&w->loop, 100);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_STATIC);
	assert_int_equal(w->fake.generation, 0);
}

static void a_gradio_app_is_built_started_and_served(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *commit = world_push(w, &id, gradio, "app.py", app);
	struct space_view v;

	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	v = world_view(w, &id);
	assert_string_equal(v.serving, commit);
	assert_string_equal(v.cause.code, "");
	assert_int_equal(v.port, 7860);
	assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_APP);
	assert_int_equal(world_route(w, "ada-app0")->r.port, 7860);
	assert_int_equal(w->fake.starts[PROFILE_WORKER], 2);
	assert_int_equal(w->fake.starts[PROFILE_BUILD], 1);
	assert_int_equal(w->fake.starts[PROFILE_SYSTEM], 0);
	assert_int_equal(w->fake.scratch_drops, 1);
}

static void the_same_environment_is_made_once(void **state)
{
	struct world *w = *state;
	struct sp_id a = world_space(w), b = world_space(w), c = world_space(w);

	w->fake.hold = true;
	world_push(w, &a, gradio, "app.py", app);
	world_push(w, &b, gradio, "app.py", "print(2)\n");
	for (int i = 0; i < 8; i++) {
		test_loop_run(&w->loop, 10);
		fake_end_steps(&w->fake);
	}
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &a, STAGE_RUNNING);
	STAGE_IS(w, &b, STAGE_RUNNING);
	assert_int_equal(w->fake.starts[PROFILE_BUILD], 1);
	w->fake.hold = false;
	world_push(w, &c, gradio, "app.py", "print(3)\n");
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &c, STAGE_RUNNING);
	assert_int_equal(w->fake.starts[PROFILE_BUILD], 1);
	assert_int_equal(spaces_restart(w->sp, &c, true, NULL), 0);     /* C-HF-79 */
	test_loop_run(&w->loop, 1000);
	assert_int_equal(w->fake.starts[PROFILE_BUILD], 2);
	STAGE_IS(w, &c, STAGE_RUNNING);
}

static void packages_are_installed_before_requirements(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	world_push(w, &id, gradio, "packages.txt", "ffmpeg\n# no\nlibgl1 cmake\n");
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_NO_APP_FILE);
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(w->fake.starts[PROFILE_SYSTEM], 1);
}

static void settings_that_are_wrong_are_named(void **state)
{
	static const struct { const char *front; enum space_stage stage; const char *code, *says; } rows[] = {
		{ "sdk: [\n", STAGE_CONFIG_ERROR, "BAD_FRONT_MATTER", "README.md, line 3" },
		{ "sdk: php\n", STAGE_CONFIG_ERROR, "BAD_SDK", "'php'" },
		{ "sdk: docker\n", STAGE_CONFIG_ERROR, "SDK_NOT_YET", "docker" },
		{ "sdk: gradio\napp_file: main.py\n", STAGE_NO_APP_FILE, "NO_APP_FILE", "'main.py'" },
		{ "sdk: gradio\nsdk_version: 'a b'\n", STAGE_CONFIG_ERROR, "BAD_FRONT_MATTER", "line 3, column 14" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sp_id id = world_space(w);
		struct space_view v;

		world_push(w, &id, rows[i].front, "app.py", app);
		test_loop_run(&w->loop, 100);
		v = world_view(w, &id);
		assert_int_equal(v.stage, rows[i].stage);
		assert_string_equal(v.cause.code, rows[i].code);
		if (!strstr(v.cause.text, rows[i].says))
			fail_msg("%s", v.cause.text);
		assert_true(v.cause.next[0]);
	}
}

static void requirements_that_cannot_be_met_are_explained(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	struct space_view v;

	w->fake.install_status = 42;
	w->fake.install_says = "Using Python 3.11\n  \xc3\x97 No solution found when resolving dependencies:\n"
		"  \xe2\x95\xb0\xe2\x94\x80\xe2\x96\xb6 Because there is no version of gradio==99 and you require gradio==99, we\n"
		"      can conclude that your requirements are unsatisfiable.\n\nmore\n";
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 3000);
	v = world_view(w, &id);
	assert_int_equal(v.stage, STAGE_BUILD_ERROR);
	assert_string_equal(v.cause.code, "UNRESOLVABLE");
	assert_string_equal(v.cause.text, "The requirements cannot be installed: Because there is no version of gradio==99 and you require "
		"gradio==99, we can conclude that your requirements are unsatisfiable.");
	assert_int_equal(fake_live(&w->fake, PROFILE_BUILD), 0);
	w->fake.install_status = 0;
	assert_int_equal(spaces_restart(w->sp, &id, false, NULL), 0);
	test_loop_run(&w->loop, 3000);
	STAGE_IS(w, &id, STAGE_RUNNING);
}

static void an_app_that_crashes_at_import_is_given_up_with_its_traceback(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	struct space_view v;

	w->fake.ready = false;
	world_push(w, &id, gradio, "app.py", app);
	for (unsigned i = 1; i <= 3; i++) {
		while (!fake_first(&w->fake, PROFILE_RUN))
			test_loop_run(&w->loop, 100);
		STAGE_IS(w, &id, STAGE_APP_STARTING);
		fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_EXITED, 1, "noise\nTraceback (most recent call last):\n  x\nImportError: torch\n");
		test_loop_settle(&w->loop);
	}
	test_loop_run(&w->loop, 60000);
	v = world_view(w, &id);
	assert_int_equal(v.stage, STAGE_RUNTIME_ERROR);
	assert_string_equal(v.cause.code, "CRASH_LOOP");
	assert_string_equal(v.cause.text, "The app crashed 3 times in 5 minutes, last with status 1, and is not restarted any more.");
	assert_true(strncmp(v.cause.evidence, "Traceback", 9) == 0);
	assert_non_null(strstr(v.cause.evidence, "ImportError: torch"));
	assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_DOWN);
	assert_int_equal(w->fake.starts[PROFILE_RUN], 3);
}

static void an_app_that_serves_and_crashes_comes_back(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	for (unsigned i = 0; i < 6; i++) {
		STAGE_IS(w, &id, STAGE_RUNNING);
		fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_SIGNALED, 11, NULL);
		test_loop_settle(&w->loop);
		assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_WAITING);
		STAGE_IS(w, &id, STAGE_APP_STARTING);
		assert_string_equal(world_view(w, &id).cause.code, "KILLED");
		test_loop_run(&w->loop, SP_LIMIT_crash_window_ms);      /* so seldom that it is never given up */
	}
}

static void an_app_that_ends_by_itself_is_told_so(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_EXITED, 0, "bye\n");
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &id, STAGE_RUNTIME_ERROR);
	assert_string_equal(world_view(w, &id).cause.code, "EXITED");
	assert_string_equal(world_view(w, &id).cause.evidence, "bye\n");
	world_die(w);
	world_begin(w);
	test_loop_run(&w->loop, 5000);
	STAGE_IS(w, &id, STAGE_RUNTIME_ERROR);                          /* a new server does not try it again */
	assert_string_equal(world_view(w, &id).cause.code, "EXITED");
	assert_int_equal(w->fake.starts[PROFILE_RUN], 1);
}

static void an_app_on_another_port_is_told_which(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	struct space_view v;

	w->fake.ready = false;
	w->fake.elsewhere = 8501;
	world_push(w, &id, "sdk: gradio\nstartup_duration_timeout: 30s\n", "app.py", app);
	test_loop_run(&w->loop, 15000);
	v = world_view(w, &id);
	assert_int_equal(v.stage, STAGE_APP_STARTING);
	assert_string_equal(v.cause.code, "PORT_ELSEWHERE");    /* a hint: it may still come */
	test_loop_run(&w->loop, 30000);
	v = world_view(w, &id);
	assert_int_equal(v.stage, STAGE_RUNTIME_ERROR);
	assert_string_equal(v.cause.text, "The app listens on port 8501, but visitors are sent to 7860.");
	assert_string_equal(v.cause.next, "Let the app listen on 7860.");
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 0);
}

static void an_app_that_opens_nothing_is_told_so(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	w->fake.ready = false;
	world_push(w, &id, "sdk: streamlit\nstartup_duration_timeout: 2m\n", "app.py", app);
	test_loop_run(&w->loop, 130000);
	STAGE_IS(w, &id, STAGE_RUNTIME_ERROR);
	assert_string_equal(world_view(w, &id).cause.text, "The app opened no port within 2 min; visitors are sent to 8501.");
}

static void the_old_release_serves_until_the_new_one_answers(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *first = world_push(w, &id, gradio, "app.py", app), *second;
	struct launch_slot old;

	test_loop_run(&w->loop, 1000);
	old = world_route(w, "ada-app0")->r.slot;
	w->fake.ready = false;
	second = world_push(w, &id, gradio, "app.py", "print(2)\n");
	STAGE_IS(w, &id, STAGE_RUNNING_BUILDING);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING_APP_STARTING);
	assert_string_equal(world_view(w, &id).serving, first);
	assert_int_equal(world_route(w, "ada-app0")->r.slot.generation, old.generation);
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		w->fake.slots[i].ready = true;
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).serving, second);
	assert_int_not_equal(world_route(w, "ada-app0")->r.slot.generation, old.generation);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 2);          /* connections of the old one may end */
	test_loop_run(&w->loop, DRAIN_MS);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 1);
}

static void a_new_release_that_fails_leaves_the_old_one_serving(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *first = world_push(w, &id, gradio, "app.py", app);
	unsigned changes;

	test_loop_run(&w->loop, 1000);
	changes = world_route(w, "ada-app0")->changes;
	w->fake.ready = false;
	world_push(w, &id, gradio, "app.py", "boom\n");
	test_loop_run(&w->loop, 1000);
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (w->fake.slots[i].live && !w->fake.slots[i].ready)
			fake_exit(&w->fake, &w->fake.slots[i], END_EXITED, 1, "Traceback (most recent call last):\nboom\n");
	test_loop_run(&w->loop, 60000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).serving, first);
	assert_string_equal(world_view(w, &id).cause.code, "CRASHED");
	assert_non_null(strstr(world_view(w, &id).cause.evidence, "boom"));
	assert_int_equal(world_route(w, "ada-app0")->changes, changes);
	world_push(w, &id, "sdk: nonsense\n", NULL, NULL);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).cause.code, "BAD_SDK");
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 1);
}

static void a_newer_push_supersedes_an_unfinished_build(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *second;

	w->fake.hold = true;
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 100);
	assert_int_equal(fake_live(&w->fake, PROFILE_WORKER), 1);
	second = world_push(w, &id, gradio, "app.py", "print(2)\n");
	w->fake.hold = false;
	test_loop_run(&w->loop, 100);
	fake_end_steps(&w->fake);
	test_loop_run(&w->loop, 2000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).serving, second);
	assert_int_equal(w->fake.starts[PROFILE_RUN], 1);
}

static void pause_stops_and_restart_brings_back(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *second;

	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	assert_int_equal(spaces_pause(w->sp, &id, NULL), 0);
	test_loop_run(&w->loop, 100);
	STAGE_IS(w, &id, STAGE_PAUSED);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 0);
	assert_int_equal(world_route(w, "ada-app0")->r.kind, ROUTE_DOWN);
	spaces_wake(w->sp, &id);
	second = world_push(w, &id, gradio, "app.py", "print(2)\n");
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_PAUSED);                                 /* only its owner restarts it (C-HF-78) */
	world_die(w);
	world_begin(w);
	STAGE_IS(w, &id, STAGE_PAUSED);
	assert_int_equal(spaces_restart(w->sp, &id, false, NULL), 0);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).serving, second);
}

static void a_new_server_adopts_what_runs(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w), bad = world_space(w);
	const char *first = world_push(w, &id, gradio, "app.py", app);
	struct launch_slot slot;
	struct fake_slot *running;

	world_push(w, &bad, "sdk: nonsense\n", NULL, NULL);
	test_loop_run(&w->loop, 1000);
	slot = world_route(w, "ada-app0")->r.slot;
	world_die(w);
	running = fake_first(&w->fake, PROFILE_RUN);
	assert_non_null(running);
	assert_int_equal(running ? write(running->log_w, "meanwhile\n", 10) : 0, 10);
	world_begin(w);
	STAGE_IS(w, &id, STAGE_RUNNING);
	STAGE_IS(w, &bad, STAGE_CONFIG_ERROR);
	assert_string_equal(world_view(w, &id).serving, first);
	assert_int_equal(world_route(w, "ada-app0")->r.slot.generation, slot.generation);
	assert_int_equal(w->fake.starts[PROFILE_RUN], 1);
	fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_EXITED, 3, "after\n");
	test_loop_run(&w->loop, 500);
	assert_non_null(strstr(log_last_lines(w->logs, &id, LOG_RUN, 9, &w->arena), "meanwhile\nafter\n"));
	test_loop_run(&w->loop, 3000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(w->fake.starts[PROFILE_RUN], 2);
}

static void a_release_that_failed_beside_does_not_cost_the_old_one_its_adoption(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *first = world_push(w, &id, gradio, "app.py", app);

	test_loop_run(&w->loop, 1000);
	w->fake.ready = false;
	world_push(w, &id, gradio, "app.py", "boom\n");
	test_loop_run(&w->loop, 1000);
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (w->fake.slots[i].live && !w->fake.slots[i].ready)
			fake_exit(&w->fake, &w->fake.slots[i], END_EXITED, 1, NULL);
	test_loop_run(&w->loop, 5000);
	world_die(w);
	world_begin(w);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).serving, first);
	assert_int_equal(w->fake.starts[PROFILE_RUN], 2);
}

static void what_a_dead_server_left_is_done_again(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w), late = world_space(w);

	w->fake.hold = true;
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 100);
	spaces_quiesce(w->sp);
	world_push(w, &late, "sdk: static\n", "index.html", "x");      /* acknowledged, never queued */
	world_die(w);
	w->fake.hold = false;
	world_begin(w);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	STAGE_IS(w, &late, STAGE_RUNNING);
	assert_int_equal(fake_live(&w->fake, PROFILE_WORKER), 0);       /* the stranger was stopped */
}

static void a_lost_image_is_built_again(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	world_die(w);
	fake_exit(&w->fake, fake_first(&w->fake, PROFILE_RUN), END_EXITED, 0, NULL);
	w->fake.n_images = 2;
	world_begin(w);
	test_loop_run(&w->loop, 2000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_int_equal(w->fake.starts[PROFILE_BUILD], 2);
}

static void no_free_slot_is_waited_for(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *said;

	w->fake.fail_starts = 5;
	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_APP_STARTING);
	assert_string_equal(world_view(w, &id).cause.code, "NO_SLOT");
	test_loop_run(&w->loop, 60000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	assert_string_equal(world_view(w, &id).cause.code, "");
	said = log_last_lines(w->logs, &id, LOG_RUN, 50, &w->arena);    /* one run, one log, however often it asked */
	assert_non_null(strstr(said, "Application Startup"));
	assert_null(strstr(strstr(said, "Application Startup") + 1, "Application Startup"));
}

static void a_removed_space_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	struct space_view v;

	world_push(w, &id, gradio, "app.py", app);
	test_loop_run(&w->loop, 1000);
	assert_int_equal(spaces_remove(w->sp, &id, NULL), 0);
	assert_int_equal(store_repo_del(w->store, &id, NULL), 0);
	test_loop_run(&w->loop, 100);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), 0);
	assert_false(world_route(w, "ada-app0")->set);
	assert_int_equal(spaces_view(w->sp, &id, &w->arena, &v, NULL), -SP_ENOENT);
}

/* One request deletes it; another, which found it a moment before, pushes and restarts. */
static void a_space_that_is_deleted_under_a_push_does_not_come_back(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);
	const char *commit = world_push(w, &id, gradio, "app.py", app);
	struct space_view v;

	test_loop_run(&w->loop, 1000);
	assert_int_equal(store_repo_del(w->store, &id, NULL), 0);
	assert_int_equal(spaces_remove(w->sp, &id, NULL), 0);
	spaces_pushed(w->sp, &id, commit);
	test_loop_run(&w->loop, 1000);
	assert_false(world_route(w, "ada-app0")->set);
	assert_int_equal(spaces_view(w->sp, &id, &w->arena, &v, NULL), -SP_ENOENT);
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN) + fake_live(&w->fake, PROFILE_WORKER) + fake_live(&w->fake, PROFILE_BUILD), 0);
}

/* Also while an older look at the row is under way: who is told that a Space is private must not find it open. */
static void visibility_holds_when_it_is_acknowledged(void **state)
{
	struct world *w = *state;
	struct sp_id id = world_space(w);

	world_push(w, &id, "sdk: static\n", "index.html", "hello");
	test_loop_run(&w->loop, 1000);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(store_repo_set_private(w->store, &id, i % 2 == 0, NULL), 0);
		spaces_refresh(w->sp, &id);
		assert_int_equal(world_route(w, "ada-app0")->r.flags & ROUTE_PRIVATE, i % 2 == 0 ? ROUTE_PRIVATE : 0);
	}
	test_loop_run(&w->loop, 1000);
	assert_int_equal(world_route(w, "ada-app0")->r.flags & ROUTE_PRIVATE, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
	const struct CMUnitTest tests[] = {
		T(a_static_space_serves_without_a_sandbox), T(a_gradio_app_is_built_started_and_served), T(the_same_environment_is_made_once),
		T(packages_are_installed_before_requirements), T(settings_that_are_wrong_are_named),
		T(requirements_that_cannot_be_met_are_explained), T(an_app_that_crashes_at_import_is_given_up_with_its_traceback),
		T(an_app_that_serves_and_crashes_comes_back), T(an_app_that_ends_by_itself_is_told_so), T(an_app_on_another_port_is_told_which),
		T(an_app_that_opens_nothing_is_told_so), T(the_old_release_serves_until_the_new_one_answers),
		T(a_new_release_that_fails_leaves_the_old_one_serving), T(a_newer_push_supersedes_an_unfinished_build),
		T(pause_stops_and_restart_brings_back), T(a_new_server_adopts_what_runs),
		T(a_release_that_failed_beside_does_not_cost_the_old_one_its_adoption), T(what_a_dead_server_left_is_done_again),
		T(a_lost_image_is_built_again), T(no_free_slot_is_waited_for), T(a_removed_space_leaves_nothing),
		T(a_space_that_is_deleted_under_a_push_does_not_come_back), T(visibility_holds_when_it_is_acknowledged),
	};

	if (!fake_net())
		return fake_net_skip();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
