#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auto.h"
#include "exec_block.h"
#include "fd.h"

static char *pointers[EXEC_ARGS_MAX + EXEC_ENV_MAX + 2];

static size_t written(const char *const *argv, const char *const *envp, const char *cwd, char *out, size_t size)
{
	sp_auto_close int fd = -1;
	size_t n = 0;

	assert_int_equal(exec_block_write(argv, envp, cwd, &fd, NULL), 0);
	assert_int_equal(sp_read_full(fd, out, size, &n, NULL), 0);
	return n;
}

static const char *const argv_[] = { "python", "app.py", "", NULL };
static const char *const envp_[] = { "A=1", "EMPTY=", NULL };

static void what_is_written_is_read(void **state SP_UNUSED)
{
	char bytes[512];
	size_t n = written(argv_, envp_, "/home/user/app", bytes, sizeof(bytes));
	struct exec_block b;

	assert_int_equal(exec_block_parse(bytes, n, pointers, &b, NULL), 0);
	assert_string_equal(b.argv[0], "python");
	assert_string_equal(b.argv[1], "app.py");
	assert_string_equal(b.argv[2], "");
	assert_null(b.argv[3]);
	assert_string_equal(b.envp[0], "A=1");
	assert_string_equal(b.envp[1], "EMPTY=");
	assert_null(b.envp[2]);
	assert_string_equal(b.cwd, "/home/user/app");
}

/* Each prefix in a block of exactly its size, so that a sanitizer sees one byte too many. */
static void no_prefix_is_accepted(void **state SP_UNUSED)
{
	char bytes[512];
	size_t n = written(argv_, envp_, "/", bytes, sizeof(bytes));
	struct exec_block b;

	for (size_t i = 0; i < n; i++) {
		sp_auto_free char *part = malloc(i ? i : 1);

		assert_non_null(part);
		memcpy(part, bytes, i);
		assert_int_equal(exec_block_parse(part, i, pointers, &b, NULL), -SP_EPROTO);
	}
}

static void bytes_behind_the_end_are_refused(void **state SP_UNUSED)
{
	char bytes[512] = "";
	size_t n = written(argv_, envp_, "/", bytes, sizeof(bytes));
	struct exec_block b;

	assert_int_equal(exec_block_parse(bytes, n + 1, pointers, &b, NULL), -SP_EPROTO);
}

static void counts_that_lie_are_refused(void **state SP_UNUSED)
{
	static const uint32_t lies[] = { 0, EXEC_ARGS_MAX + 1, UINT32_MAX, UINT32_MAX - 2 };
	struct exec_block b;

	for (unsigned at = 8; at <= 20; at += 4)
		for (unsigned i = 0; i < SP_COUNT(lies); i++) {
			char bytes[512];
			size_t n = written(argv_, envp_, "/", bytes, sizeof(bytes));

			if (lies[i] == 0 && at > 12)
				continue;       /* flags and the reserved word are 0 */
			memcpy(bytes + at, &lies[i], 4);
			assert_int_equal(exec_block_parse(bytes, n, pointers, &b, NULL), -SP_EPROTO);
		}
}

static void limits_are_kept_when_writing(void **state SP_UNUSED)
{
	static const char *many[EXEC_ARGS_MAX + 2];
	static char big[EXEC_BLOCK_MAX];
	const char *const huge[] = { big, NULL }, *const none[] = { NULL };
	int fd = -1;

	for (unsigned i = 0; i <= EXEC_ARGS_MAX; i++)
		many[i] = "x";
	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(exec_block_write(many, none, "/", &fd, NULL), -SP_EQUOTA);
	assert_int_equal(exec_block_write(huge, none, "/", &fd, NULL), -SP_EQUOTA);
	assert_int_equal(exec_block_write(none, none, "/", &fd, NULL), -SP_EQUOTA);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(no_prefix_is_accepted),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(counts_that_lie_are_refused),
		cmocka_unit_test(limits_are_kept_when_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
