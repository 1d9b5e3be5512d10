#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "auto.h"
#include "clock.h"
#include "fd.h"
#include "id.h"
#include "log.h"
#include "sm.h"
#include "str.h"

static void a_failure_returns_its_negative_code_and_its_text(void **state)
{
	struct sp_err e;

	(void)state;
	assert_int_equal(sp_fail(&e, SP_EIO, ENOSPC, "write '%s'", "x"), -SP_EIO);
	assert_string_equal(e.msg, "write 'x': No space left on device");
	assert_int_equal(sp_err_wrap(&e, -SP_EIO, "commit"), -SP_EIO);
	assert_string_equal(e.msg, "commit: write 'x': No space left on device");
	assert_int_equal(sp_fail(NULL, SP_EBUG, 0, "nobody listens"), -SP_EBUG);
	assert_string_equal(sp_code_name((enum sp_code)99), "internal-error");
}

static void a_long_text_is_cut_not_overrun(void **state)
{
	char long_text[600];
	struct sp_err e;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(sp_fail(&e, SP_EIO, EIO, "%s", long_text), -SP_EIO);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(sp_err_wrap(&e, -1, "%s", long_text), -1);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

static void untrusted_log_values_stay_on_their_line(void **state)
{
	char flood[5000];

	(void)state;
	assert_string_equal(log_q("a\nb\"c\\").s, "\"a\\x0ab\\x22c\\x5c\"");
	memset(flood, '\n', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	assert_int_equal(strlen(log_q(flood).s), 2 + 200 * 4);
}

static void ids_are_24_lower_case_hex_digits(void **state)
{
	struct sp_id a = sp_id_new(), b = sp_id_new(), c;

	(void)state;
	assert_int_equal(strlen(a.s), SP_ID_LEN);
	assert_false(sp_id_eq(&a, &b));
	assert_int_equal(sp_id_parse(a.s, &c), 0);
	assert_true(sp_id_eq(&a, &c));
	assert_int_equal(sp_id_parse("", &c), -SP_EINVAL);
	assert_int_equal(sp_id_parse("0123456789ABCDEF01234567", &c), -SP_EINVAL);
	assert_int_equal(sp_id_parse("0123456789abcdef012345678", &c), -SP_EINVAL);
	assert_int_equal(sp_id_parse("../../../../etc/passwd00", &c), -SP_EINVAL);
}

static void dates_end_in_z(void **state)
{
	(void)state;
	assert_string_equal(sp_iso_ms(1741350258657).s, "2025-03-07T12:24:18.657Z");
	assert_string_equal(sp_iso_ms(0).s, "1970-01-01T00:00:00.000Z");
}

static void an_arena_holds_small_and_large_things(void **state)
{
	struct sp_arena a;
	char *big;

	(void)state;
	sp_arena_init(&a);
	assert_string_equal(sp_arena_fmt(&a, "%d-%s", 7, "x"), "7-x");
	assert_null(sp_arena_str(&a, NULL));
	for (int i = 0; i < 10000; i++)
		assert_int_equal(*(char *)sp_arena_get(&a, 33), 0);
	big = sp_arena_get(&a, 1 << 20);
	big[(1 << 20) - 1] = 1;
	sp_arena_fini(&a);
	assert_null(a.head);
}

static void a_buffer_grows_and_drops(void **state)
{
	sp_auto_buf struct sp_buf b = { 0 };
	char *taken;

	(void)state;
	for (int i = 0; i < 1000; i++)
		sp_buf_fmt(&b, "%03d", i);
	assert_int_equal(b.n, 3000);
	sp_buf_drop(&b, 2997);
	assert_string_equal(b.p, "999");
	taken = sp_buf_take(&b);
	assert_string_equal(taken, "999");
	free(taken);
	taken = sp_buf_take(&b);
	assert_string_equal(taken, "");
	free(taken);
}

static void a_copy_that_does_not_fit_is_refused(void **state)
{
	char out[4] = "abc";

	(void)state;
	assert_int_equal(sp_copy(out, sizeof(out), "xyz"), 0);
	assert_string_equal(out, "xyz");
	assert_int_equal(sp_copy(out, sizeof(out), "wxyz"), -SP_EINVAL);
	assert_string_equal(out, "");
}

static void names_do_not_lead_out_of_their_folder(void **state)
{
	char path[] = "/tmp/base_test.XXXXXX";
	sp_auto_close int dir = -1, fd = -1;
	struct sp_err e;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "in", 0700), 0);
	assert_int_equal(symlinkat("/etc", dir, "out"), 0);
	assert_int_equal(symlinkat("in", dir, "also-in"), 0);
	assert_int_equal(sp_open_beneath(dir, "out/passwd", O_RDONLY, 0, &fd, &e), -SP_EDENIED);
	assert_int_equal(sp_open_beneath(dir, "../passwd", O_RDONLY, 0, &fd, &e), -SP_EDENIED);
	assert_int_equal(sp_open_beneath(dir, "/etc/passwd", O_RDONLY, 0, &fd, &e), -SP_EDENIED);
	assert_int_equal(sp_open_beneath(dir, "also-in/x", O_RDONLY, 0, &fd, &e), -SP_EDENIED);
	assert_int_equal(sp_open_beneath(dir, "in/x", O_RDONLY, 0, &fd, &e), -SP_ENOENT);
	assert_int_equal(fd, -1);
	assert_int_equal(sp_open_beneath(dir, "in/x", O_RDWR | O_CREAT | O_EXCL, 0600, &fd, &e), 0);
	unlinkat(dir, "in/x", 0);
	unlinkat(dir, "in", AT_REMOVEDIR);
	unlinkat(dir, "out", 0);
	unlinkat(dir, "also-in", 0);
	rmdir(path);
}

static void a_sealed_file_cannot_be_changed(void **state)
{
	sp_auto_close int fd = -1;
	char text[8] = "";
	size_t n;

	(void)state;
	assert_int_equal(sp_memfd_sealed("t", "secret", 6, &fd, NULL), 0);
	assert_int_equal(sp_read_full(fd, text, sizeof(text), &n, NULL), 0);
	assert_int_equal(n, 6);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_returns_its_negative_code_and_its_text),
		cmocka_unit_test(a_long_text_is_cut_not_overrun),
		cmocka_unit_test(untrusted_log_values_stay_on_their_line),
		cmocka_unit_test(ids_are_24_lower_case_hex_digits),
		cmocka_unit_test(dates_end_in_z),
		cmocka_unit_test(an_arena_holds_small_and_large_things),
		cmocka_unit_test(a_buffer_grows_and_drops),
		cmocka_unit_test(a_copy_that_does_not_fit_is_refused),
		cmocka_unit_test(names_do_not_lead_out_of_their_folder),
		cmocka_unit_test(a_sealed_file_cannot_be_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
