#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "limit.h"
#include "server/api/commit_parse.h"
#include "str.h"

#define HEADER "{\"key\":\"header\",\"value\":{\"summary\":\"s\",\"description\":\"d\"}}\n"

struct ctx { int body, spool; struct sp_arena a; struct commit_parsed c; struct sp_err e; };

static int parse(struct ctx *x, const char *text, size_t n)
{
	*x = (struct ctx){ .body = memfd_create("body", 0), .spool = memfd_create("spool", 0) };
	sp_arena_init(&x->a);
	assert_int_equal(write(x->body, text, n), n);
	lseek(x->body, 0, SEEK_SET);
	return commit_parse(x->body, x->spool, &x->a, &x->c, &x->e);
}

static void done(struct ctx *x)
{
	sp_arena_fini(&x->a);
	close(x->body);
	close(x->spool);
}

static void content_is(const struct ctx *x, size_t i, const char *want)
{
	char got[256] = "";

	assert_int_equal(x->c.ops[i].len, strlen(want));
	assert_int_equal(pread(x->spool, got, x->c.ops[i].len, (off_t)x->c.ops[i].offset), (ssize_t)strlen(want));
	assert_string_equal(got, want);
}

static void every_kind_of_line_is_read(void **state)
{
	static const char text[] = "{\"key\":\"header\",\"value\":{\"summary\":\"\\u00e4\\ud83d\\ude00\",\"description\":\"a\\nb\",\"parentCommit\":\"abc\"}}\n"
		"{\"key\":\"file\",\"value\":{\"content\":\"aGVsbG8=\",\"path\":\"a.txt\",\"encoding\":\"base64\"}}\r\n"
		"\n"
		"{\"value\":{\"encoding\":\"utf-8\",\"path\":\"b\",\"content\":\"\\\"x\\\\\",\"oldPath\":\"c\",\"more\":[1,{\"path\":null}]},\"key\":\"file\"}\n"
		"{\"key\":\"deletedFolder\",\"value\":{\"path\":\"sub/\"}}\n"
		"{\"key\":\"lfsFile\",\"value\":{\"path\":\"m\",\"algo\":\"sha256\",\"size\":5,"
		"\"oid\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"}}\n"
		"{\"key\":\"deletedFile\",\"value\":{\"path\":\"y\"}}";
	struct ctx x;

	(void)state;
	assert_int_equal(parse(&x, text, strlen(text)), 0);
	assert_string_equal(x.c.summary, "ä😀");
	assert_string_equal(x.c.description, "a\nb");
	assert_string_equal(x.c.parent, "abc");
	assert_int_equal(x.c.n_ops, 6);
	assert_string_equal(x.c.ops[0].path, "a.txt");
	content_is(&x, 0, "hello");
	assert_string_equal(x.c.ops[1].path, "b");
	content_is(&x, 1, "\"x\\");
	assert_int_equal(x.c.ops[2].kind, OP_DELETE);
	assert_string_equal(x.c.ops[2].path, "c");
	assert_int_equal(x.c.ops[3].kind, OP_DELETE_TREE);
	assert_string_equal(x.c.ops[3].path, "sub");
	assert_int_equal(x.c.ops[4].kind, OP_PUT_LFS);
	assert_int_equal(x.c.ops[5].kind, OP_DELETE);
	done(&x);
}

static void bad_lines_name_their_number(void **state)
{
	static const char *const bad[] = { "x", "[]", "{}", "{\"key\":\"file\",\"value\":{\"path\":\"a\"}}", "{\"key\":\"file\",\"value\":{\"content\":\"\"}}",
		"{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\"a\"}}", "{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\"a=aa\"}}",
		"{\"key\":\"file\",\"value\":{\"path\":\"a\",\"path\":\"b\",\"content\":\"\"}}", "{\"key\":\"what\",\"value\":{\"path\":\"a\"}}",
		"{\"key\":\"file\",\"value\":{\"path\":\"a\\u0000b\",\"content\":\"\"}}", "{\"key\":\"file\",\"value\":{\"path\":\"\\ud800\",\"content\":\"\"}}",
		"{\"key\":\"file\",\"value\":{\"path\":\"a", "{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\"\"}} x", "{\"key\" \"file\"}",
		"{\"key\":\"lfsFile\",\"value\":{\"path\":\"a\",\"oid\":\"../../etc/passwd\"}}", "{\"key\":\"header\",\"value\":{}}", "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}" };
	struct ctx x;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sp_auto_buf struct sp_buf text = { 0 };

		sp_buf_fmt(&text, HEADER "%s\n", bad[i]);
		assert_int_equal(parse(&x, text.p, text.n), -SP_EINVAL);
		assert_non_null(strstr(x.e.msg, "line 2"));
		done(&x);
	}
	assert_int_equal(parse(&x, "", 0), -SP_EINVAL);
	done(&x);
	assert_int_equal(parse(&x, bad[3], strlen(bad[3])), -SP_EINVAL);        /* no header before it */
	done(&x);
}

/* Larger than every buffer on the way, and not a multiple of one. */
static void long_contents_go_through_the_spool(void **state)
{
	enum { N = 3 * 700001 };
	static const char head[] = HEADER "{\"key\":\"file\",\"value\":{\"content\":\"", tail[] = "\",\"path\":\"big\"}}\n";
	sp_auto_buf struct sp_buf text = { 0 };
	char *back = malloc(N);
	struct ctx x;

	(void)state;
	sp_buf_puts(&text, head);
	for (int i = 0; i < N / 3; i++)
		sp_buf_add(&text, "YWJj", 4);
	sp_buf_puts(&text, tail);
	assert_int_equal(parse(&x, text.p, text.n), 0);
	assert_int_equal(x.c.ops[0].len, N);
	assert_int_equal(pread(x.spool, back, N, (off_t)x.c.ops[0].offset), N);
	for (int i = 0; i < N; i++)
		assert_int_equal(back[i], "abc"[i % 3]);
	done(&x);
	free(back);
}

static void too_large_a_file_is_over_the_limit(void **state)
{
	static const char head[] = HEADER "{\"key\":\"file\",\"value\":{\"content\":\"", tail[] = "\",\"path\":\"big\"}}\n";
	size_t n = (size_t)SP_LIMIT_regular_file_bytes / 3 * 4 + 64;
	sp_auto_buf struct sp_buf text = { 0 };
	char *a = malloc(n);
	struct ctx x;

	(void)state;
	memset(a, 'A', n);
	sp_buf_puts(&text, head);
	sp_buf_add(&text, a, n);
	sp_buf_puts(&text, tail);
	assert_int_equal(parse(&x, text.p, text.n), -SP_EQUOTA);
	done(&x);
	free(a);
}

static void too_many_operations_are_over_the_limit(void **state)
{
	sp_auto_buf struct sp_buf text = { 0 };
	struct ctx x;

	(void)state;
	sp_buf_puts(&text, HEADER);
	for (int i = 0; i <= SP_LIMIT_commit_files; i++)
		sp_buf_puts(&text, "{\"key\":\"deletedFile\",\"value\":{\"path\":\"y\"}}\n");
	assert_int_equal(parse(&x, text.p, text.n), -SP_EQUOTA);
	done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_line_is_read), cmocka_unit_test(bad_lines_name_their_number),
		cmocka_unit_test(long_contents_go_through_the_spool), cmocka_unit_test(too_large_a_file_is_over_the_limit),
		cmocka_unit_test(too_many_operations_are_over_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
