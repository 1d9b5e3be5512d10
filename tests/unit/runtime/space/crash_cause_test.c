#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/space/crash_cause.h"

#define TRACE "Traceback (most recent call last):\n  File \"/home/user/app/app.py\", line 1, in <module>\n"

static void last_words_name_the_cause(void **state)
{
	static const struct { const char *output, *code, *says; } rows[] = {
		{ TRACE "ModuleNotFoundError: No module named 'sklearn.svm'\n", "MISSING_MODULE", "scikit-learn" },
		{ TRACE "ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n", "MISSING_LIBRARY", "libgl1" },
		{ TRACE "ImportError: libodd.so.7: cannot open shared object file: x\n", "MISSING_LIBRARY", "has libodd.so.7" },
		{ TRACE "FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'\n", "MISSING_PROGRAM", "ffmpeg" },
		{ TRACE "FileNotFoundError: [Errno 2] No such file or directory: 'model.bin'\n", "CRASHED", "status 1" },
		{ TRACE "OSError: [Errno 28] No space left on device\n", "APP_DISK_FULL", "/tmp" },
		{ "  File \"/home/user/app/lib/a.py\", line 12\n    x =\n       ^\nSyntaxError: invalid syntax\n", "SYNTAX_ERROR", "lib/a.py has a mistake in line 12" },
		{ TRACE "HTTPError: HTTP Error 403: Refused by vitrine: 10.0.0.1:80 (address)\n", "NETWORK_REFUSED", "10.0.0.1:80" },
		{ TRACE "ConnectionRefusedError: [Errno 111] Connection refused\n", "CRASHED", "status 1" },
		{ TRACE "OperationalError: connection to 192.168.1.5 failed: Connection refused\n", "NETWORK_LIKELY", "(\"Connection refused\")" },
		{ "it took 10.5 s\nConnectionRefusedError: [Errno 111] Connection refused\n", "CRASHED", "status 1" },
		{ "ConnectionResetError: Connection reset by peer\n200 OK\n200 OK\n\n200 OK\n", "CRASHED", "status 1" },
		{ "No permissions to create new namespace\n", "BLOCKED_SYSCALL", "clone" },
		{ TRACE "PermissionError: [Errno 1] Operation not permitted: 'x'\n", "CRASHED", "status 1" },
		{ "io_uring_setup: Function not implemented\n", "BLOCKED_SYSCALL", "io_uring_setup" },
		{ "Failed to move to new namespace: Operation not permitted\n", "BLOCKED_SYSCALL", "clone" },
		{ "\xff\xfe nothing\n", "CRASHED", "status 1" },
		{ "", "CRASHED", "status 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fault f = { 0 };

		fault_set(&f, CAUSE_CRASHED, "1", NULL);
		crash_cause_find(&f, 1, rows[i].output);
		assert_string_equal(f.text.code, rows[i].code);
		if (!strstr(f.text.text, rows[i].says) && !strstr(f.text.next, rows[i].says))
			fail_msg("%s %s", f.text.text, f.text.next);
		fault_clear(&f);
	}
}

/* Everybody who may see the Space reads the sentence; the log is for its owner. */
static void lines_of_the_log_stay_there(void **state)
{
	static const char *const outputs[] = {
		TRACE "RedisError: redis://:hunter2@10.0.0.1: Connection refused\n", TRACE "hunter2 unshare: Operation not permitted\n",
		"unshare('hunter2'): EPERM\n", TRACE "hunter2 at 10.0.0.1:5432: Connection reset by peer\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		struct fault f = { 0 };

		fault_set(&f, CAUSE_CRASHED, "1", NULL);
		crash_cause_find(&f, 1, outputs[i]);
		assert_true(f.code == CAUSE_NETWORK_LIKELY || f.code == CAUSE_BLOCKED_SYSCALL);
		assert_null(strstr(f.text.text, "hunter2"));
		fault_clear(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(last_words_name_the_cause), cmocka_unit_test(lines_of_the_log_stay_there) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
