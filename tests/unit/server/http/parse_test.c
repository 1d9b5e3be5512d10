#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/http/auth.h"
#include "server/http/parse.h"

static struct sp_arena arena;

static int begin(SP_UNUSED void **state)
{
	sp_arena_init(&arena);
	return 0;
}

static int end(SP_UNUSED void **state)
{
	sp_arena_fini(&arena);
	return 0;
}

static const char *pct(const char *s, bool plus)
{
	return parse_pct(&arena, sp_str_of(s), plus);
}

static void percent_encoding_is_undone_once(SP_UNUSED void **state)
{
	assert_string_equal(pct("refs%2Fpr%2f1", false), "refs/pr/1");
	assert_string_equal(pct("a+b", false), "a+b");
	assert_string_equal(pct("a+b", true), "a b");
	assert_string_equal(pct("%252F", false), "%2F");
	assert_string_equal(pct("%e2%9c%93", false), "\xe2\x9c\x93");
}

static void broken_percent_signs_stay_as_they_are(SP_UNUSED void **state)
{
	assert_string_equal(pct("100%", false), "100%");
	assert_string_equal(pct("%4", false), "%4");
	assert_string_equal(pct("%zz%", false), "%zz%");
	assert_string_equal(pct("", false), "");
	assert_null(pct("a%00b", false));
}

static const char *at(const struct http_pair *list, unsigned i, const char **ret_value)
{
	while (list && i--)
		list = list->next;
	*ret_value = list ? list->value : NULL;
	return list ? list->name : NULL;
}

static void query_keeps_order_repeats_and_brackets(SP_UNUSED void **state)
{
	const struct http_pair *q = parse_query(&arena, sp_str_of("expand=a&expand%5B%5D=b&expand[]=c&full=true&x"));
	const char *v;

	assert_string_equal(at(q, 0, &v), "expand");
	assert_string_equal(v, "a");
	assert_string_equal(at(q, 1, &v), "expand");
	assert_string_equal(v, "b");
	assert_string_equal(at(q, 2, &v), "expand");
	assert_string_equal(v, "c");
	assert_string_equal(at(q, 3, &v), "full");
	assert_string_equal(at(q, 4, &v), "x");
	assert_string_equal(v, "");
	assert_null(at(q, 5, &v));
}

static void malformed_queries_lose_only_what_is_broken(SP_UNUSED void **state)
{
	const struct http_pair *q = parse_query(&arena, sp_str_of("&&=1&a=%00&b=2=3&%zz=%"));

	assert_string_equal(http_pair_get(q, "b", false), "2=3");
	assert_string_equal(http_pair_get(q, "%zz", false), "%");
	assert_string_equal(http_pair_get(q, "", false), "1");
	assert_null(http_pair_get(q, "a", false));
	assert_null(parse_query(&arena, sp_str_of("")));
}

static void first_cookie_of_the_name_counts(SP_UNUSED void **state)
{
	const char *header = "a=1; vitrine_session=one ;vitrine_session=two; b";

	assert_string_equal(parse_cookie(&arena, header, "vitrine_session"), "one");
	assert_string_equal(parse_cookie(&arena, header, "a"), "1");
	assert_null(parse_cookie(&arena, header, "session"));
	assert_null(parse_cookie(&arena, header, "b"));
	assert_null(parse_cookie(&arena, NULL, "a"));
	assert_string_equal(parse_cookie(&arena, "x=", "x"), "");
}

struct range_row { const char *header; int r; uint64_t at, len; };

static void ranges(SP_UNUSED void **state)
{
	static const struct range_row rows[] = {
		{ NULL, 0, 0, 0 },
		{ "bytes=0-0", 1, 0, 1 },
		{ "bytes=10-19", 1, 10, 10 },
		{ "bytes=90-", 1, 90, 10 },
		{ "bytes=90-999", 1, 90, 10 },
		{ "bytes=-7", 1, 93, 7 },
		{ "bytes=-700", 1, 0, 100 },
		{ "bytes=100-", -SP_EINVAL, 0, 0 },
		{ "bytes=-0", -SP_EINVAL, 0, 0 },
		{ "bytes=5-4", 0, 0, 0 },
		{ "bytes=0-1,3-4", 0, 0, 0 },
		{ "bytes=-", 0, 0, 0 },
		{ "bytes=a-b", 0, 0, 0 },
		{ "items=0-1", 0, 0, 0 },
		{ "bytes=99999999999999999999-", 0, 0, 0 },
		{ "bytes=0-9223372036854775807", 1, 0, 100 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t from = 0, len = 0;

		assert_int_equal(parse_range(rows[i].header, 100, &from, &len, NULL), rows[i].r);
		assert_int_equal(from, rows[i].at);
		assert_int_equal(len, rows[i].len);
	}
}

static void nothing_of_an_empty_file_can_be_had(SP_UNUSED void **state)
{
	uint64_t from, len;

	assert_int_equal(parse_range("bytes=0-", 0, &from, &len, NULL), -SP_EINVAL);
	assert_int_equal(parse_range("bytes=-5", 0, &from, &len, NULL), -SP_EINVAL);
}

static void base64_of_credentials(SP_UNUSED void **state)
{
	unsigned char out[64];

	assert_int_equal(parse_base64("aGY6aGZfYQ==", 12, out), 7);
	assert_memory_equal(out, "hf:hf_a", 7);
	assert_int_equal(parse_base64("", 0, out), 0);
	assert_int_equal(parse_base64("a*b=", 4, out), -1);
}

static void hosts_that_may_be_in_our_urls(SP_UNUSED void **state)
{
	assert_true(parse_is_host("localhost:7860"));
	assert_true(parse_is_host("[::1]:7860"));
	assert_false(parse_is_host(""));
	assert_false(parse_is_host("a/b"));
	assert_false(parse_is_host("a\"b"));
	assert_false(parse_is_host("a b"));
	assert_false(parse_is_host("user@host"));
}

static bool same_origin(const char *site, const char *origin)
{
	struct http_conn c = { 0 };

	c.rq.conn = &c;
	c.rq.arena = &arena;
	c.rq.origin = "http://localhost:7860";
	if (site)
		http_pair_add(&arena, &c.headers, "Sec-Fetch-Site", site);
	if (origin)
		http_pair_add(&arena, &c.headers, "Origin", origin);
	return auth_is_same_origin(&c.rq);
}

static void only_pages_of_our_own_origin_pass(SP_UNUSED void **state)
{
	assert_true(same_origin("same-origin", NULL));
	assert_false(same_origin("same-site", "http://localhost:7860"));       /* an app on a sibling host name */
	assert_false(same_origin("cross-site", NULL));
	assert_false(same_origin("none", NULL));
	assert_true(same_origin(NULL, "http://localhost:7860"));
	assert_false(same_origin(NULL, "http://localhost:78600"));
	assert_false(same_origin(NULL, "https://localhost:7860"));
	assert_false(same_origin(NULL, "null"));
	assert_false(same_origin(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percent_encoding_is_undone_once),
		cmocka_unit_test(broken_percent_signs_stay_as_they_are),
		cmocka_unit_test(query_keeps_order_repeats_and_brackets),
		cmocka_unit_test(malformed_queries_lose_only_what_is_broken),
		cmocka_unit_test(first_cookie_of_the_name_counts),
		cmocka_unit_test(ranges),
		cmocka_unit_test(nothing_of_an_empty_file_can_be_had),
		cmocka_unit_test(base64_of_credentials),
		cmocka_unit_test(hosts_that_may_be_in_our_urls),
		cmocka_unit_test(only_pages_of_our_own_origin_pass),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
