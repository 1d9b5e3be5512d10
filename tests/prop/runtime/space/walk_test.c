#include "tests/unit/fakes/space_world.h"

/*
 * Random walks: pushes good and bad, crashes, pauses, restarts, deaths of the server, time passing. After
 * every step the machines' invariants hold; at the end every Space can be brought to serve, and removed
 * Spaces leave no sandbox.
 */
enum { SPACES = 4 };

static unsigned long seed = 1;
static unsigned steps = 300;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % n;
}

static void push_something(struct world *w, const struct sp_id *id)
{
	static const char *const fronts[] = { "sdk: gradio\n", "sdk: gradio\nsdk_version: 5.1\n", "sdk: streamlit\n", "sdk: static\n", "sdk: nonsense\n",
		"sdk: gradio\nstartup_duration_timeout: 20s\n" };

	w->fake.install_status = pick(5) ? 0 : 42;
	world_push(w, id, fronts[pick(6)], pick(4) ? "app.py" : "index.html", "x");
}

static void exit_something(struct world *w)
{
	static const struct { uint32_t end; int32_t value; } ends[] = { { END_EXITED, 0 }, { END_EXITED, 1 }, { END_SIGNALED, 9 }, { END_OOM, 4096 },
		{ END_EXEC, 2 }, { END_SYSCALL, 101 }, { END_LOST, 0 } };
	unsigned how = pick(7), from = pick(FAKE_SLOTS);

	for (unsigned i = 0; i < FAKE_SLOTS; i++) {
		struct fake_slot *s = &w->fake.slots[(from + i) % FAKE_SLOTS];

		if (s->live) {
			fake_exit(&w->fake, s, ends[how].end, ends[how].value, "Traceback (most recent call last):\nx\n");
			return;
		}
	}
}

static void step(struct world *w, const struct sp_id *ids)
{
	const struct sp_id *id = &ids[pick(SPACES)];

	switch (pick(13)) {
	case 0: case 1: push_something(w, id); break;
	case 2: case 3: exit_something(w); break;
	case 4: assert_int_equal(spaces_pause(w->sp, id, NULL), 0); break;
	case 5: assert_true(spaces_restart(w->sp, id, pick(4) == 0, NULL) == 0 || !space_find(w->sp, id)->head[0]); break;
	case 6: spaces_wake(w->sp, id); break;
	case 7: w->fake.ready = pick(3) != 0; w->fake.elsewhere = pick(2) ? 9000 : 0; break;
	case 8: w->fake.hold = pick(2) != 0; break;
	case 9: fake_end_steps(&w->fake); break;
	case 10: w->fake.fail_starts = pick(3); break;
	case 11: world_die(w); world_begin(w); break;
	default: test_loop_run(&w->loop, pick(4) ? pick(2000) : pick(400000)); break;
	}
	if (pick(2))
		test_loop_settle(&w->loop);
}

static void check(struct world *w, const struct sp_id *ids)
{
	assert_int_equal(w->sp->broken + w->sp->builds->broken, 0);
	for (unsigned i = 0; i < SPACES; i++) {
		const struct space *s = space_find(w->sp, &ids[i]);
		const struct run now = { s->run.state, s->current != NULL, s->next != NULL, s->rel && !s->rel->recipe.sdk->runs, s->timer_on };

		assert_true(run_invariant(&now));
		assert_int_equal(s->stage, space_stage_of(s->run.state, space_build_view(s), s->build_failed_as));
		assert_true(!s->current || s->current->phase == INST_SERVING);
	}
}

static void walks_break_nothing(void **state)
{
	struct world *w = *state;
	struct sp_id ids[SPACES];

	for (unsigned i = 0; i < SPACES; i++)
		ids[i] = world_space(w);
	test_loop_settle(&w->loop);
	for (unsigned i = 0; i < steps; i++) {
		step(w, ids);
		check(w, ids);
	}
	w->fake.ready = true;
	w->fake.hold = false;
	w->fake.fail_starts = 0;
	w->fake.install_status = 0;
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		w->fake.slots[i].ready = true;
	fake_end_steps(&w->fake);
	test_loop_run(&w->loop, 1000);
	for (unsigned i = 0; i < SPACES; i++) {
		const char *commit = world_push(w, &ids[i], "sdk: gradio\n", "app.py", "x");

		assert_int_equal(spaces_restart(w->sp, &ids[i], false, NULL), 0);
		test_loop_run(&w->loop, 60000);
		STAGE_IS(w, &ids[i], STAGE_RUNNING);
		assert_string_equal(world_view(w, &ids[i]).serving, commit);
	}
	assert_int_equal(fake_live(&w->fake, PROFILE_RUN), SPACES);
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(spaces_remove(w->sp, &ids[i], NULL), 0);
	test_loop_run(&w->loop, 60000);
	for (uint32_t p = 0; p < PROFILE_MAX; p++)
		assert_int_equal(fake_live(&w->fake, p), 0);
	assert_int_equal(w->sp->broken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(walks_break_nothing, world_open, world_close) };
	const char *soak = getenv("VITRINE_SOAK"), *first = getenv("WALK_SEED");
	unsigned long from = first ? strtoul(first, NULL, 10) : 1, n = first ? 1 : soak ? 200 : 4;
	int failed = 0;

	if (!fake_net())
		return fake_net_skip();
	for (unsigned long s = from; s < from + n && !failed; s++) {
		seed = s * 2654435761UL;
		failed = cmocka_run_group_tests(tests, NULL, NULL);
		if (failed)
			print_message("failed with WALK_SEED=%lu\n", s);
	}
	return failed;
}
