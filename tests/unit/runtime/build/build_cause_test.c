#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/build/build_int.h"

static void what_the_tools_say_becomes_one_sentence(void **state SP_UNUSED)
{
	static const struct { enum build_step step; int status; const char *output, *code, *text; } rows[] = {
		{ STEP_INSTALLING, STATUS_INSTALL, "Using Python\nerror: No solution found when resolving dependencies\n  cause: Because there is no version of\n"
		  "      requests==99.9, unsatisfiable.\n\nhint: x\n", "UNRESOLVABLE",
		  "The requirements cannot be installed: Because there is no version of requests==99.9, unsatisfiable." },
		{ STEP_INSTALLING, STATUS_INSTALL, "  \xc3\x97 No solution found when resolving dependencies:\n"
		  "  \xe2\x95\xb0\xe2\x94\x80\xe2\x96\xb6 Because a and\n      b.\n", "UNRESOLVABLE",
		  "The requirements cannot be installed: Because a and b." },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: Request failed after 3 retries in 7.7s\n  cause: Failed to fetch: http://i/simple/cowsay/\n"
		  "  cause: client error (Connect)\n  cause: tcp connect error\n  cause: Connection refused (os error 111)\n", "INDEX_UNREACHABLE",
		  "The package index could not be reached: Failed to fetch: http://i/simple/cowsay/ (Connection refused (os error 111))" },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: Failed to build `sklearn==0.0.post12`\n  cause: The build backend returned an error\n", "INSTALL_FAILED",
		  "Installing the requirements failed: Failed to build `sklearn==0.0.post12`" },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: Failed to extract x\n  cause: No space left on device (os error 28)\n", "DISK_FULL", "The server's disk is full." },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: Couldn't parse requirement in `r.txt` at position 0\n  cause: Expected\n", "UNRESOLVABLE",
		  "The requirements cannot be installed: Couldn't parse requirement in `r.txt` at position 0" },
		{ STEP_INSTALLING, STATUS_INSTALL, "something odd\n", "INSTALL_FAILED", "Installing the requirements failed: something odd" },
		{ STEP_SYSTEM, STATUS_APT_INSTALL, "Reading\nE: Unable to locate package nosuch\n", "PACKAGES_FAILED",
		  "Installing packages.txt failed: Unable to locate package nosuch" },
		{ STEP_SYSTEM, STATUS_APT_UPDATE, "Err:1 http://d\n  Could not connect to d:80\nE: x\n", "INDEX_UNREACHABLE",
		  "The package index could not be reached: Could not connect to d:80" },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: No solution found when resolving dependencies\n  cause: Because pandas==2.2.0 depends on\n"
		  "      numpy>=1.22.4 and you require numpy==1.20.0, unsatisfiable.\n", "CONFLICT", "The requirements contradict each other: pandas==2.2.0 and "
		  "numpy==1.20.0 cannot be installed together. Because pandas==2.2.0 depends on numpy>=1.22.4 and you require numpy==1.20.0, unsatisfiable." },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: No solution found when resolving dependencies\n  cause: Because you require idna==1 and idna==2, x.\n",
		  "CONFLICT", "The requirements contradict each other: idna==1 and idna==2 cannot be installed together. Because you require idna==1 and idna==2, x." },
		{ STEP_INSTALLING, STATUS_INSTALL, "error: No solution found when resolving dependencies\n  cause: Because the current Python version\n"
		  "      (3.11.2) does not satisfy Python>=3.13 and x==1 depends on Python>=3.13, no.\n", "PYTHON_VERSION",
		  "x==1 needs Python >=3.13, and this server has Python 3.11.2." },
		{ STEP_PACKING, 3, "too many\n", "ENV_TOO_BIG", "The installed requirements are more than 500000 files or 30 GB." },
		{ STEP_UNPACKING, 3, "too many\n", "REPO_TOO_BIG", "The repository has more than 100000 files or 10 GB." },
		{ STEP_PACKING, 6, "mkfs\n", "DISK_FULL", "The server's disk is full." },
		{ STEP_UNPACKING, 5, "bad\n", "BUILD_FAILED", "The build ended with status 5." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct launch_exited x = { .end = END_EXITED, .value = rows[i].status };
		struct fault f = { 0 };

		build_fault_of(&f, rows[i].step, &x, rows[i].output);
		assert_string_equal(f.text.code, rows[i].code);
		assert_string_equal(f.text.text, rows[i].text);
		assert_true(f.text.next[0] && f.evidence);
		fault_clear(&f);
	}
}

static void a_killed_step_says_how(void **state SP_UNUSED)
{
	struct launch_exited oom = { .end = END_OOM, .value = 8192 }, killed = { .end = END_SIGNALED, .value = 9 };
	struct fault f = { 0 };

	build_fault_of(&f, STEP_INSTALLING, &oom, "");
	assert_string_equal(f.text.text, "The build needed more than its 8 GB of memory and was ended.");
	build_fault_of(&f, STEP_INSTALLING, &killed, "");
	assert_string_equal(f.text.text, "The build ended with status 137.");
	fault_clear(&f);
}

/* What uv meets is the build's own disk; what the packing meets is the server's. */
static void a_full_disk_is_the_one_that_was_written(void **state SP_UNUSED)
{
	static const char said[] = "error: Failed to extract x\n  cause: No space left on device (os error 28)\n";
	struct launch_exited x = { .end = END_EXITED, .value = 1, .disk = { UINT64_C(32) << 30, 0, 2000000, 1000000 } };
	struct fault f = { 0 };

	build_fault_of(&f, STEP_INSTALLING, &x, said);
	assert_string_equal(f.text.text, "The build needed more than its disk's 32768 MB or 2000000 files.");
	build_fault_of(&f, STEP_PACKING, &x, said);
	assert_string_equal(f.text.text, "The server's disk is full.");
	fault_clear(&f);
}

static void a_disk_says_what_it_has_no_more_of(void **state SP_UNUSED)
{
	static const struct { struct launch_disk disk; const char *says; } rows[] = {
		{ { 0, 0, 0, 0 }, "" },
		{ { UINT64_C(10) << 30, UINT64_C(1) << 30, 640000, 1 }, "" },
		{ { UINT64_C(10) << 30, 15 << 20, 640000, 1000 }, "its disk of 10240 MB has no room" },
		{ { UINT64_C(10) << 30, UINT64_C(1) << 30, 640000, 0 }, "its disk has all of its 640000 files" },
		{ { 64 << 20, 15 << 20, 4096, 1000 }, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(cause_disk(&rows[i].disk).s, rows[i].says);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_tools_say_becomes_one_sentence),
		cmocka_unit_test(a_killed_step_says_how),
		cmocka_unit_test(a_full_disk_is_the_one_that_was_written),
		cmocka_unit_test(a_disk_says_what_it_has_no_more_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
