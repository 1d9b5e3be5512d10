#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/space/cause.h"
#include "runtime/space/stage.h"

/* ARCHITECTURE 7, as drawn. */
static void every_pair_has_its_stage(void **state SP_UNUSED)
{
	static const struct { enum run_state run; const char *none, *active, *failed; } rows[] = {
		{ RUN_IDLE,     "NO_APP_FILE",          "BUILDING",         "BUILD_ERROR" },
		{ RUN_STARTING, "APP_STARTING",         "BUILDING",         "BUILD_ERROR" },
		{ RUN_SERVING,  "RUNNING",              "RUNNING_BUILDING", "RUNNING" },
		{ RUN_BESIDE,   "RUNNING_APP_STARTING", "RUNNING_BUILDING", "RUNNING" },
		{ RUN_FROZEN,   "RUNNING",              "RUNNING_BUILDING", "RUNNING" },
		{ RUN_BACKOFF,  "APP_STARTING",         "BUILDING",         "BUILD_ERROR" },
		{ RUN_ASLEEP,   "SLEEPING",             "BUILDING",         "SLEEPING" },
		{ RUN_PAUSED,   "PAUSED",               "PAUSED",           "PAUSED" },
		{ RUN_DEAD,     "RUNTIME_ERROR",        "BUILDING",         "RUNTIME_ERROR" },
	};

	assert_int_equal(sizeof(rows) / sizeof(rows[0]), RUN_STATE_MAX);
	for (size_t i = 0; i < RUN_STATE_MAX; i++) {
		assert_string_equal(space_stage_name(space_stage_of(rows[i].run, BUILD_VIEW_NONE, STAGE_BUILD_ERROR)), rows[i].none);
		assert_string_equal(space_stage_name(space_stage_of(rows[i].run, BUILD_VIEW_ACTIVE, STAGE_BUILD_ERROR)), rows[i].active);
		assert_string_equal(space_stage_name(space_stage_of(rows[i].run, BUILD_VIEW_FAILED, STAGE_BUILD_ERROR)), rows[i].failed);
	}
	assert_int_equal(space_stage_of(RUN_IDLE, BUILD_VIEW_FAILED, STAGE_CONFIG_ERROR), STAGE_CONFIG_ERROR);
	assert_int_equal(space_stage_of(RUN_SERVING, BUILD_VIEW_FAILED, STAGE_CONFIG_ERROR), STAGE_RUNNING);
}

static void moves_outside_the_table_are_refused(void **state SP_UNUSED)
{
	const struct run serving = { .state = RUN_SERVING, .has_current = true }, frozen = { .state = RUN_FROZEN, .has_current = true };
	const struct run broken = { .state = RUN_SERVING };

	assert_int_equal(run_go(RUN_STARTING, &serving, NULL), 0);
	assert_int_equal(run_go(RUN_BACKOFF, &frozen, NULL), -SP_ESTATE);
	assert_int_equal(run_go(RUN_PAUSED, &frozen, NULL), -SP_ESTATE);
	assert_int_equal(run_go(RUN_STARTING, &broken, NULL), -SP_EBUG);
	for (unsigned s = 0; s < RUN_STATE_MAX; s++)
		assert_true(sp_sm_may(run_rows, s, RUN_PAUSED));
}

static void every_cause_takes_its_facts(void **state SP_UNUSED)
{
	for (enum cause_code c = CAUSE_NONE + 1; c < CAUSE_MAX; c++) {
		struct space_cause got;

		assert_true(cause_facts(c) <= 4);
		cause_fill(&got, c, "<1>", "<2>", "<3>", "<4>", NULL);
		assert_null(strstr(got.text, "%"));
		assert_null(strstr(got.next, "%"));
		assert_null(strstr(got.target, "%"));
		assert_true(got.text[0] && got.next[0] && got.action != ACTION_NONE && *cause_action_name(got.action));
		assert_true(got.label[0] || got.action == ACTION_WAIT);
		assert_string_equal(got.code, cause_name(c));
		for (unsigned f = 1; f <= cause_facts(c); f++) {
			char want[4] = { '<', (char)('0' + f), '>', 0 };

			assert_true(strstr(got.text, want) || strstr(got.next, want) || strstr(got.target, want));
		}
	}
}

static void stored_causes_come_back(void **state SP_UNUSED)
{
	struct fault f = { 0 };
	char detail[1000];

	fault_load(&f, "UNRESOLVABLE", "The requirements cannot be installed: x");
	assert_int_equal(f.code, CAUSE_UNRESOLVABLE);
	assert_string_equal(f.text.text, "The requirements cannot be installed: x");
	fault_set(&f, CAUSE_PORT_ELSEWHERE, "8501", "7860", "7860", NULL);
	fault_save(&f, detail, sizeof(detail));
	fault_load(&f, "PORT_ELSEWHERE", detail);
	assert_string_equal(f.text.text, "The app listens on port 8501, but visitors are sent to 7860.");
	assert_string_equal(f.text.next, "Let the app listen on 7860.");
	assert_string_equal(f.text.target, "run");
	fault_load(&f, "NOT_A_CAUSE", "x");
	assert_int_equal(f.code, CAUSE_NONE);
	fault_clear(&f);
}

static void a_fact_cut_inside_a_character_is_still_utf8(void **state SP_UNUSED)
{
	struct fault f = { 0 };

	fault_set(&f, CAUSE_UNRESOLVABLE, "'caf\xc3", NULL);
	assert_string_equal(f.text.text, "The requirements cannot be installed: 'caf?");
	fault_clear(&f);
}

static void evidence_begins_at_the_last_traceback(void **state SP_UNUSED)
{
	struct sp_arena a;

	sp_arena_init(&a);
	assert_string_equal(cause_evidence_of("x\nTraceback (most recent call last):\n1\nTraceback (most recent call last):\n2\n===== ours\n", &a),
			"Traceback (most recent call last):\n2\n");
	assert_string_equal(cause_evidence_of("===== a\nb\n", &a), "b\n");
	assert_string_equal(cause_evidence_of("", &a), "");
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_has_its_stage),
		cmocka_unit_test(moves_outside_the_table_are_refused),
		cmocka_unit_test(every_cause_takes_its_facts),
		cmocka_unit_test(stored_causes_come_back),
		cmocka_unit_test(a_fact_cut_inside_a_character_is_still_utf8),
		cmocka_unit_test(evidence_begins_at_the_last_traceback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
