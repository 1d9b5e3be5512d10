#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "limit.h"
#include "server/http/multipart.h"
#include "str.h"

#define TYPE "multipart/form-data; boundary=----x"
#define FIELD(name, text) "------x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define END "------x--\r\n"

struct ctx { int fd; struct sp_arena a; struct multipart m; struct sp_err e; };

static int parse_n(struct ctx *x, const char *type, const char *p, size_t n)
{
	*x = (struct ctx){ .fd = memfd_create("form", 0) };
	sp_arena_init(&x->a);
	assert_int_equal(write(x->fd, p, n), n);
	return multipart_parse(x->fd, n, type, &x->a, &x->m, &x->e);
}

static int parse(struct ctx *x, const char *text)
{
	return parse_n(x, TYPE, text, strlen(text));
}

static void done(struct ctx *x)
{
	sp_arena_fini(&x->a);
	close(x->fd);
}

static void text_is(struct ctx *x, const char *name, const char *want)
{
	const char *got;

	assert_int_equal(multipart_text(&x->m, name, 1000, &x->a, &got, &x->e), 0);
	assert_string_equal(got, want);
}

static void fields_and_files_are_found_where_they_lie(void **state)
{
	static const char text[] = FIELD("summary", "line\r\nand --more") "------x\r\ncontent-type: text/plain\r\n"
		"content-disposition: form-data; filename=\"sub/a b.txt\"; name=\"file\"\r\n\r\n\r\n------\r\n------\r\n" FIELD("empty", "") END;
	char bytes[16] = "";
	struct ctx x;

	(void)state;
	assert_int_equal(parse(&x, text), 0);
	assert_int_equal(x.m.n, 3);
	text_is(&x, "summary", "line\r\nand --more");
	text_is(&x, "empty", "");
	text_is(&x, "absent", "");
	assert_string_equal(x.m.parts[1].name, "file");
	assert_string_equal(x.m.parts[1].filename, "sub/a b.txt");
	assert_int_equal(x.m.parts[1].len, 16);
	assert_int_equal(pread(x.fd, bytes, 16, (off_t)x.m.parts[1].offset), 16);
	assert_memory_equal(bytes, "\r\n------\r\n------", 16);
	done(&x);
}

static void names_are_unescaped_as_browsers_escape_them(void **state)
{
	struct ctx x;

	(void)state;
	assert_int_equal(parse(&x, "------x\r\nContent-Disposition: form-data; filename=\"a;name=%22%0d%0A%41\\\".t\"; name=\"n\"\r\n\r\n\r\n" END), 0);
	assert_string_equal(x.m.parts[0].filename, "a;name=\"\r\n%41\".t");
	assert_string_equal(x.m.parts[0].name, "n");
	done(&x);
}

static void a_boundary_across_two_reads_is_found(void **state)
{
	struct sp_buf b = { 0 };
	struct ctx x;

	(void)state;
	for (size_t fill = (1 << 18) - 80; fill < (1 << 18) + 8; fill += 3) {
		sp_buf_drop(&b, b.n);
		sp_buf_puts(&b, "------x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n");
		for (size_t i = 0; i < fill; i++)
			sp_buf_puts(&b, "-");
		sp_buf_puts(&b, "\r\n" END);
		assert_int_equal(parse_n(&x, TYPE, b.p, b.n), 0);
		assert_int_equal(x.m.parts[0].len, fill);
		done(&x);
	}
	sp_buf_fini(&b);
}

static void what_is_no_form_is_refused(void **state)
{
	static const char *const bad[] = { "", "------x", "------x\r\n", "------y\r\n", FIELD("a", "b"), FIELD("a", "b") "------x",
		"------x\r\n\r\n\r\n" END, "------x\r\nContent-Disposition: form-data\r\n\r\nx\r\n" END,
		"------x\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n" END, "------xy\r\n" END };
	static const char *const types[] = { NULL, "application/json", "multipart/form-data", "multipart/form-data; boundary=",
		"multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890" };
	struct ctx x;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&x, bad[i]), -SP_EINVAL);
		assert_int_equal(x.m.n, 0);
		done(&x);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(parse_n(&x, types[i], END, strlen(END)), -SP_EINVAL);
		done(&x);
	}
}

static void heads_and_parts_are_bounded(void **state)
{
	struct sp_buf b = { 0 };
	struct ctx x;

	(void)state;
	sp_buf_puts(&b, "------x\r\nX: ");
	for (unsigned i = 0; i < 5000; i++)
		sp_buf_puts(&b, "x");
	sp_buf_puts(&b, "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n" END);
	assert_int_equal(parse_n(&x, TYPE, b.p, b.n), -SP_EINVAL);
	done(&x);
	sp_buf_drop(&b, b.n);
	for (unsigned i = 0; i <= SP_LIMIT_form_parts; i++)
		sp_buf_puts(&b, FIELD("a", ""));
	sp_buf_puts(&b, END);
	assert_int_equal(parse_n(&x, TYPE, b.p, b.n), -SP_EQUOTA);
	done(&x);
	sp_buf_drop(&b, b.n);
	for (unsigned i = 0; i < SP_LIMIT_form_head_bytes / 3900 + 2; i++) {
		sp_buf_puts(&b, "------x\r\nContent-Disposition: form-data; name=\"a\"\r\n");
		sp_buf_fmt(&b, "X: %03940d\r\n\r\n\r\n", 0);
	}
	sp_buf_puts(&b, END);
	assert_int_equal(parse_n(&x, TYPE, b.p, b.n), -SP_EQUOTA);
	done(&x);
	sp_buf_fini(&b);
}

static void a_long_field_or_a_nul_is_no_text(void **state)
{
	static const char nul[] = "------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\0c\r\n" END;
	const char *got = NULL;
	struct ctx x;

	(void)state;
	assert_int_equal(parse(&x, FIELD("a", "12345") END), 0);
	assert_int_equal(multipart_text(&x.m, "a", 4, &x.a, &got, &x.e), -SP_EQUOTA);
	assert_int_equal(multipart_text(&x.m, "a", 5, &x.a, &got, &x.e), 0);
	done(&x);
	assert_int_equal(parse_n(&x, TYPE, nul, sizeof(nul) - 1), 0);
	assert_int_equal(multipart_text(&x.m, "a", 100, &x.a, &got, &x.e), -SP_EINVAL);
	done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_files_are_found_where_they_lie),
		cmocka_unit_test(names_are_unescaped_as_browsers_escape_them),
		cmocka_unit_test(a_boundary_across_two_reads_is_found),
		cmocka_unit_test(what_is_no_form_is_refused),
		cmocka_unit_test(heads_and_parts_are_bounded),
		cmocka_unit_test(a_long_field_or_a_nul_is_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
