#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "auto.h"
#include "server/git/git_int.h"

static const struct repo_update updates[] = { { .ref = "refs/heads/a", .moved = true }, { .ref = "refs/heads/b" } };

static void without_side_band_the_report_stands_alone(void **state)
{
	sp_auto_buf struct sp_buf out = { 0 };

	(void)state;
	git_report(&out, false, updates, 2, "moved\nmeanwhile");
	assert_string_equal(out.p, "000eunpack ok\n0014ok refs/heads/a\n0024ng refs/heads/b moved meanwhile\n0000");
}

static void with_side_band_the_sentence_comes_first(void **state)
{
	sp_auto_buf struct sp_buf out = { 0 };

	(void)state;
	git_report(&out, true, updates + 1, 1, "no");
	assert_string_equal(out.p, "0008\2no\n002e\1" "000eunpack ok\n0017ng refs/heads/b no\n00000000");
}

static void a_long_report_is_cut_into_packets(void **state)
{
	static struct repo_update many[3000];
	sp_auto_buf struct sp_buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < SP_COUNT(many); i++)
		many[i].ref = "refs/heads/one-of-a-great-many-branches";
	git_report(&out, true, many, SP_COUNT(many), "no");
	assert_memory_equal(out.p + 8, "fff0\1", 5);
	assert_memory_equal(out.p + 8 + 0xfff0 + 4, "\1", 1);
	assert_string_equal(out.p + out.n - 4, "0000");
}

static void refusals_that_know_no_reference(void **state)
{
	sp_auto_buf struct sp_buf out = { 0 };

	(void)state;
	git_report_fatal(&out, true, "no");
	git_report_fatal(&out, false, "no");
	git_pkt_err(&out, "no");
	assert_string_equal(out.p, "0008\3no\n0000000eunpack no\n0000000aERR no");
}

static void an_ok_is_found(void **state)
{
	sp_auto_buf struct sp_buf out = { 0 };

	(void)state;
	assert_false(git_says_ok(&out));
	git_report(&out, true, updates + 1, 1, "no");
	assert_false(git_says_ok(&out));
	git_report(&out, true, updates, 2, "no");
	assert_true(git_says_ok(&out));
}

static void side_band_is_a_word_of_the_first_line(void **state)
{
	static const char with[] = "00a0old new refs/heads/x\0 report-status side-band-64k\n", without[] = "00a0old side-band-64k\0 report-status\nside-band-64k";

	(void)state;
	assert_true(git_wants_sideband(with, sizeof(with) - 1));
	assert_false(git_wants_sideband(without, sizeof(without) - 1));
	assert_false(git_wants_sideband("side-band-64k", 13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_side_band_the_report_stands_alone), cmocka_unit_test(with_side_band_the_sentence_comes_first),
		cmocka_unit_test(a_long_report_is_cut_into_packets), cmocka_unit_test(refusals_that_know_no_reference),
		cmocka_unit_test(an_ok_is_found), cmocka_unit_test(side_band_is_a_word_of_the_first_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
