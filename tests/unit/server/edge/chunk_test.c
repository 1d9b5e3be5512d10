#include "server/edge/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Feed TEXT in pieces that end at A and B; what passes goes to OUT. Returns the last result; *BEHIND: bytes not used. */
static int feed(const char *text, size_t n, size_t a, size_t b, bool decode, char *out, size_t *out_n, size_t *behind)
{
	size_t ends[3] = { a, b, n }, from = 0, used, kept;
	char work[512];
	struct chunk c;
	int r = 0;

	chunk_start(&c, decode);
	*out_n = 0;
	for (unsigned i = 0; i < 3 && r == 0; i++) {
		size_t m = ends[i] - from;

		memcpy(work, text + from, m);
		r = chunk_pass(&c, work, m, &used, &kept, NULL);
		assert_true(kept <= used && used <= m);
		memcpy(out + *out_n, work, kept);
		*out_n += kept;
		from += used;
	}
	*behind = n - from;
	return r;
}

static void assert_passes(const char *text, const char *raw, const char *data, size_t want_behind)
{
	size_t n = strlen(text), out_n, behind;
	char out[512];

	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++)
			for (unsigned decode = 0; decode < 2; decode++) {
				const char *want = decode ? data : raw;

				assert_int_equal(feed(text, n, a, b, decode, out, &out_n, &behind), 1);
				assert_int_equal(out_n, strlen(want));
				assert_memory_equal(out, want, out_n);
				assert_int_equal(behind, want_behind);
			}
}

static void every_split_passes_the_same_bytes(void **state)
{
	(void)state;
	assert_passes("5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", 0);
	assert_passes("5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", "hello0123456789", 0);
	assert_passes("0\r\n\r\nGET /", "0\r\n\r\n", "", 5);
	assert_passes("000\r\nX-T: v\r\n\r\n", "000\r\nX-T: v\r\n\r\n", "", 0);
}

static void framing_fields_in_trailers_are_dropped(void **state)
{
	(void)state;
	assert_passes("1\r\nx\r\n0\r\nContent-Length: 9\r\nX-T: v\r\nCookie: a\r\n\r\n", "1\r\nx\r\n0\r\nX-T: v\r\n\r\n", "x", 0);
}

static void bad_chunks_are_refused_in_every_split(void **state)
{
	static const char *const rows[] = {
		"5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "0x5\r\nhello\r\n", "1234567890abcdef\r\n", "5\r\nhelloXX0\r\n\r\n",
		"0\r\n\n", "\r\n", ";a\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n", "g\r\n", "-1\r\n", "0\r\nX : 1\r\n\r\n", "0\r\n X: 1\r\n\r\n",
		"0\r\nX\r\n\r\n", "5\rXhello", "1;\x01\r\n",
	};
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i]), out_n, behind;

		for (size_t a = 0; a <= n; a++)
			if (feed(rows[i], n, a, n, false, out, &out_n, &behind) != -SP_EPROTO)
				fail_msg("row %zu split at %zu passed", i, a);
	}
}

static void long_extensions_and_trailers_are_refused(void **state)
{
	char text[8192];
	size_t used, kept;
	struct chunk c;
	int n;

	(void)state;
	chunk_start(&c, false);
	n = snprintf(text, sizeof(text), "5;%0300d\r\n", 0);
	assert_int_equal(chunk_pass(&c, text, (size_t)n, &used, &kept, NULL), -SP_EPROTO);
	chunk_start(&c, false);
	n = snprintf(text, sizeof(text), "0\r\nX: %05000d", 0);
	assert_int_equal(chunk_pass(&c, text, (size_t)n, &used, &kept, NULL), -SP_EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_passes_the_same_bytes),
		cmocka_unit_test(framing_fields_in_trailers_are_dropped),
		cmocka_unit_test(bad_chunks_are_refused_in_every_split),
		cmocka_unit_test(long_extensions_and_trailers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
