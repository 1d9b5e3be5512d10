#include "tests/unit/fakes/space_world.h"

#include "auto.h"
#include "runtime/space/network.h"
#include "runtime/space/traffic.h"

static const char gradio[] = "sdk: gradio\nsdk_version: 5.1\n";

static struct sp_id running(struct world *w)
{
	struct sp_id id = world_space(w);

	world_push(w, &id, gradio, "app.py", "print(1)\n");
	test_loop_run(&w->loop, 1000);
	STAGE_IS(w, &id, STAGE_RUNNING);
	return id;
}

static struct report_refused refusal(const struct world *w, const struct sp_id *id)
{
	return (struct report_refused){ .slot = w->sp->instances->slot, .addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 }, .port = 5432, .why = EGRESS_BAD_ADDRESS,
		.policy = EGRESS_WEB, .space = *id };
}

static struct report_traffic figures(const struct world *w, const struct sp_id *id, uint64_t since, uint64_t n)
{
	return (struct report_traffic){ .slot = w->sp->instances->slot, .since_ms = since, .bytes_out = n, .bytes_in = 2 * n, .connections = 3 * n, .refused = 4 * n,
		.space = *id };
}

static void take(struct world *w, enum report_type type, const void *body, size_t len)
{
	struct sp_msg m = { .head = { .version = SP_MSG_VERSION, .type = (uint16_t)type, .len = (uint32_t)len } };

	memcpy(m.body, body, len);
	traffic_take(w->sp, &m);
	test_loop_settle(&w->loop);
}

static unsigned lines_with(struct world *w, const struct sp_id *id, const char *mark)
{
	const char *text = log_last_lines(w->logs, id, LOG_RUN, 1000, &w->arena);
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, mark)); p++)
		n++;
	return n;
}

static void a_refusal_is_a_line_of_the_log(void **state)
{
	struct world *w = *state;
	struct sp_id id = running(w);
	struct report_refused r = refusal(w, &id);

	take(w, REPORT_MSG_REFUSED, &r, sizeof(r));
	test_loop_run(&w->loop, 100);
	assert_int_equal(lines_with(w, &id, "A connection to 10.0.0.1:5432 was refused. Apps reach public addresses only."), 1);
	assert_string_equal(w->sp->instances->refused, "10.0.0.1:5432");
}

static void reports_of_others_are_dropped(void **state)
{
	struct world *w = *state;
	struct sp_id id = running(w), stranger = sp_id_new();
	struct report_refused r = refusal(w, &id);
	struct report_traffic t = figures(w, &id, 1, 5);

	r.slot.generation++;
	t.slot.generation++;
	take(w, REPORT_MSG_REFUSED, &r, sizeof(r));
	take(w, REPORT_MSG_TRAFFIC, &t, sizeof(t));
	r = refusal(w, &stranger);
	t = figures(w, &stranger, 1, 5);
	take(w, REPORT_MSG_REFUSED, &r, sizeof(r));
	take(w, REPORT_MSG_TRAFFIC, &t, sizeof(t));
	test_loop_run(&w->loop, 100);
	assert_int_equal(lines_with(w, &id, "was refused"), 0);
	assert_int_equal(world_view(w, &id).traffic.refused, 0);
}

static void figures_go_on_when_egress_is_started_anew(void **state)
{
	struct world *w = *state;
	struct sp_id id = running(w);
	const struct report_traffic rows[] = { figures(w, &id, 10, 5), figures(w, &id, 10, 7), figures(w, &id, 20, 1), figures(w, &id, 20, 100) };
	const uint64_t out[] = { 5, 7, 8, 107 };

	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		take(w, REPORT_MSG_TRAFFIC, &rows[i], sizeof(rows[i]));
		assert_int_equal(world_view(w, &id).traffic.bytes_out, out[i]);
		assert_int_equal(world_view(w, &id).traffic.refused, 4 * out[i]);
	}
}

static void an_egress_that_was_taken_over_floods_nothing(void **state)
{
	struct world *w = *state;
	struct sp_id id = running(w);
	uint32_t random = 1;

	for (unsigned i = 0; i < 2000; i++) {
		struct report_refused r = refusal(w, &id);
		unsigned char *p = (unsigned char *)&r + sizeof(r.slot);

		for (size_t at = 0; at < offsetof(struct report_refused, space) - sizeof(r.slot); at++) {
			random = random * 1664525 + 1013904223;
			p[at] = (unsigned char)(random >> 24);
		}
		memset(r.space.s + SP_ID_LEN, 'x', sizeof(r.space.s) - SP_ID_LEN);
		memset(r.reserved, 0xff, sizeof(r.reserved));
		take(w, REPORT_MSG_REFUSED, &r, sizeof(r));
	}
	test_loop_run(&w->loop, 100);
	assert_in_range(lines_with(w, &id, "was refused"), 1, 4 * SP_LIMIT_egress_refusals_told);
	STAGE_IS(w, &id, STAGE_RUNNING);
}

static void policies_have_names(void **state SP_UNUSED)
{
	enum launch_egress egress = EGRESS_ANY;

	assert_true(network_policy("web", &egress) && egress == EGRESS_WEB);
	assert_true(network_policy("any", &egress) && egress == EGRESS_ANY);
	assert_true(network_policy("none", &egress) && egress == EGRESS_NONE);
	egress = EGRESS_ANY;
	assert_false(network_policy("later", &egress));
	assert_int_equal(egress, EGRESS_NONE);
	assert_false(network_policy("", &egress));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_refusal_is_a_line_of_the_log, world_open, world_close),
		cmocka_unit_test_setup_teardown(reports_of_others_are_dropped, world_open, world_close),
		cmocka_unit_test_setup_teardown(figures_go_on_when_egress_is_started_anew, world_open, world_close),
		cmocka_unit_test_setup_teardown(an_egress_that_was_taken_over_floods_nothing, world_open, world_close),
		cmocka_unit_test(policies_have_names),
	};

	return fake_net() ? cmocka_run_group_tests(tests, NULL, NULL) : fake_net_skip();
}
