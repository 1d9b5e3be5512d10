#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "server/cmd/folder.h"
#include "server/cmd/options.h"

struct tree { char path[64]; int fd; struct sp_arena a; };

static int tree_make(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	snprintf(t->path, sizeof(t->path), "/tmp/folder_test.XXXXXX");
	t->fd = mkdtemp(t->path) ? open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	sp_arena_init(&t->a);
	*state = t;
	return t->fd < 0;
}

static int tree_drop(void **state)
{
	static const char *const files[] = { "app.py", "README.md", "sub/x.txt", ".env", ".git/config", "link", "index.html", "Dockerfile" };
	struct tree *t = *state;

	for (size_t i = 0; i < SP_COUNT(files); i++)
		unlinkat(t->fd, files[i], 0);
	unlinkat(t->fd, "sub", AT_REMOVEDIR);
	unlinkat(t->fd, ".git", AT_REMOVEDIR);
	close(t->fd);
	rmdir(t->path);
	sp_arena_fini(&t->a);
	free(t);
	return 0;
}

static void put(const struct tree *t, const char *name, const char *text)
{
	int fd = openat(t->fd, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void files_are_found_with_gits_ids_and_secrets_left_out(void **state)
{
	struct tree *t = *state;
	struct folder f;

	mkdirat(t->fd, "sub", 0700);
	mkdirat(t->fd, ".git", 0700);
	put(t, "app.py", "hello\n");
	put(t, "sub/x.txt", "");
	put(t, ".env", "SECRET=1");
	put(t, ".git/config", "x");
	assert_int_equal(folder_scan(t->path, &t->a, &f, NULL), 0);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.files[0].path, "app.py");
	assert_string_equal(f.files[0].oid, "ce013625030ba8dba906f756967f9e9ca394464a");      /* git hash-object */
	assert_string_equal(f.files[1].path, "sub/x.txt");
	assert_string_equal(f.files[1].oid, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
	assert_non_null(strstr(f.skipped, ".env"));
}

static void a_link_is_named_not_followed(void **state)
{
	struct tree *t = *state;
	struct folder f;
	struct sp_err e;

	assert_int_equal(symlinkat("/etc/passwd", t->fd, "link"), 0);
	assert_int_equal(folder_scan(t->path, &t->a, &f, &e), -SP_EINVAL);
	assert_non_null(strstr(e.msg, "link"));
}

static void an_absent_folder_is_said(void **state)
{
	struct tree *t = *state;
	struct folder f;

	assert_int_equal(folder_scan("/nonexistent/folder", &t->a, &f, NULL), -SP_ENOENT);
}

static const char *guess(struct tree *t)
{
	struct folder f;

	assert_int_equal(folder_scan(t->path, &t->a, &f, NULL), 0);
	return folder_guess_sdk(&f, &t->a);
}

static void the_sdk_follows_from_what_lies_there(void **state)
{
	struct tree *t = *state;

	assert_null(guess(t));
	put(t, "index.html", "<p>");
	assert_string_equal(guess(t), "static");
	put(t, "app.py", "import gradio as gr\n");
	assert_string_equal(guess(t), "gradio");
	put(t, "app.py", "import streamlit as st\n");
	assert_string_equal(guess(t), "streamlit");
	put(t, "Dockerfile", "FROM x\n");
	assert_string_equal(guess(t), "docker");
}

static void options_take_values_flags_and_repeats(void **state)
{
	char a0[] = "serve", a1[] = "--state", a2[] = "/s", a3[] = "--listen=a:1", a4[] = "--listen", a5[] = "b:2", a6[] = "--examples", a7[] = "op";
	char *argv[] = { a0, a1, a2, a3, a4, a5, a6, a7, NULL };
	const char *dir = NULL, *listen[OPTION_MANY_MAX + 1] = { NULL }, *operands[2];
	bool examples = false;
	const struct option_row rows[] = {
		{ "--state", &dir, NULL, NULL }, { "--listen", NULL, NULL, listen }, { "--examples", NULL, &examples, NULL },
	};

	(void)state;
	assert_true(options_parse(8, argv, rows, SP_COUNT(rows), operands, 1));
	assert_string_equal(dir, "/s");
	assert_string_equal(listen[0], "a:1");
	assert_string_equal(listen[1], "b:2");
	assert_null(listen[2]);
	assert_true(examples);
	assert_string_equal(operands[0], "op");
	assert_false(options_parse(8, argv, rows, SP_COUNT(rows), operands, 0));
	assert_false(options_parse(2, argv, rows, SP_COUNT(rows), operands, 1));
	assert_false(options_parse(8, argv, rows, 2, operands, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_found_with_gits_ids_and_secrets_left_out, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(a_link_is_named_not_followed, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(an_absent_folder_is_said, tree_make, tree_drop),
		cmocka_unit_test_setup_teardown(the_sdk_follows_from_what_lies_there, tree_make, tree_drop),
		cmocka_unit_test(options_take_values_flags_and_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
