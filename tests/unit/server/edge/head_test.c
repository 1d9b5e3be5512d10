#include "server/edge/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct head_limits limits = { .head = 32768, .line = 16384, .first_line = 8272, .lines = 100 };

/* Scan and parse; 0, or the status that a client would get. */
static int parse(const char *text, struct head *h)
{
	struct head_scan s = { 0 };
	size_t size;
	int status = 0, r = head_scan(&s, text, strlen(text), &limits, &size, &status, NULL);

	if (r == 0)
		return -1;
	if (r < 0 || head_parse_request(text, size, h, &status, NULL) < 0)
		return status;
	assert_int_equal(h->size, size);
	return 0;
}

static int status_of(const char *text)
{
	struct head h;

	return parse(text, &h);
}

static void assert_str(struct sp_str v, const char *want)
{
	assert_int_equal(v.n, strlen(want));
	assert_memory_equal(v.p, want, v.n);
}

static void a_plain_request_is_read(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(parse("GET /a%2Fb//../x?y=1 HTTP/1.1\r\nHost: ada.localhost:7860\r\nX-A:  caf\xc3\xa9 \r\n\r\n", &h), 0);
	assert_str(h.method, "GET");
	assert_str(h.target, "/a%2Fb//../x?y=1");
	assert_str(h.host, "ada.localhost:7860");
	assert_str(h.lines[1].value, "caf\xc3\xa9");
	assert_true(h.keep_alive);
	assert_int_equal(h.body, HEAD_NO_BODY);
	assert_int_equal(h.method_id, METHOD_GET);
}

#define R "GET / HTTP/1.1\r\nHost: a.b\r\n"
#define P "POST / HTTP/1.1\r\nHost: a.b\r\n"

static void ambiguous_requests_are_refused(void **state)
{
	static const struct { int status; const char *text; } rows[] = {
		{ 400, P "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400, P "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n" },
		{ 400, P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 501, P "Transfer-Encoding: gzip, chunked\r\n\r\n" },
		{ 501, P "Transfer-Encoding: \r\n\r\n" },
		{ 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400, P "Content-Length: 5\r\nContent-Length: 5\r\n\r\n" },
		{ 400, P "Content-Length: 5, 5\r\n\r\n" },
		{ 400, P "Content-Length: +5\r\n\r\n" },
		{ 400, P "Content-Length: 0x5\r\n\r\n" },
		{ 400, P "Content-Length: \r\n\r\n" },
		{ 400, P "Content-Length: 1000000000000000000\r\n\r\n" },
		{ 400, P "Content-Length : 5\r\n\r\n" },
		{ 400, R "X-A: 1\r\n folded\r\n\r\n" },
		{ 400, R " X-A: 1\r\n\r\n" },
		{ 400, R ": 1\r\n\r\n" },
		{ 400, R "X-A\r\n\r\n" },
		{ 400, R "X(A): 1\r\n\r\n" },
		{ 400, R "X-A: a\rb\r\n\r\n" },
		{ 400, R "X-A: a\x7f\r\n\r\n" },
		{ 400, R "X-A: 1\n\r\n" },
		{ 400, "GET / HTTP/1.1\nHost: a\n\n" },
		{ 400, "\n" },
		{ 400, "\r\n\r\nGET / HTTP/1.1\r\n\r\n" },
		{ 400, " GET / HTTP/1.1\r\n\r\n" },
		{ 400, "\x16\x03\x01" },
		{ 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n" },
		{ 400, "GET /\r\nHost: a\r\n\r\n" },
		{ 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET / http/1.1\r\nHost: a\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
		{ 505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n" },
		{ 405, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 405, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 417, P "Content-Length: 5\r\nExpect: more\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: \r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a/x\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (status_of(rows[i].text) != rows[i].status)
			fail_msg("row %zu: %d instead of %d: %s", i, status_of(rows[i].text), rows[i].status, rows[i].text);
}

static void a_nul_is_refused(void **state)
{
	static const char text[] = R "X-A: b\0c\r\n\r\n";
	struct head h;
	int status;

	(void)state;
	assert_true(head_parse_request(text, sizeof(text) - 1, &h, &status, NULL) < 0);
	assert_int_equal(status, 400);
}

static void fine_requests_pass(void **state)
{
	static const char *const rows[] = {
		"\r\n" R "\r\n",
		"GET / HTTP/1.9\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"PROPFIND /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
		R "X-Empty:\r\nX-Tab:\tx\ty\t\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: A_b-c.d.:\r\n\r\n",
		P "Transfer-Encoding: Chunked\r\n\r\n",
		P "Content-Length: 999999999999999999\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (status_of(rows[i]) != 0)
			fail_msg("row %zu: %d: %s", i, status_of(rows[i]), rows[i]);
}

static void absolute_targets_lose_their_authority(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(parse("GET http://evil.localhost:1/t?x HTTP/1.1\r\nHost: a\r\n\r\n", &h), 0);
	assert_str(h.target, "/t?x");
	assert_str(h.host, "evil.localhost:1");
	assert_false(h.target_bare);
	assert_int_equal(parse("GET HTTPS://b?x HTTP/1.1\r\nHost: a\r\n\r\n", &h), 0);
	assert_str(h.target, "?x");
	assert_true(h.target_bare);
}

static void only_a_whole_websocket_upgrade_counts(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(parse(R "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", &h), 0);
	assert_true(h.upgrade);
	assert_int_equal(parse(R "Upgrade: websocket\r\n\r\n", &h), 0);
	assert_false(h.upgrade);
	assert_int_equal(parse(R "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n", &h), 0);
	assert_false(h.upgrade);
	assert_int_equal(parse(P "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", &h), 0);
	assert_false(h.upgrade);
	assert_int_equal(parse(R "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\n", &h), 0);
	assert_false(h.upgrade);
}

/* However a head is cut into pieces, the answer is the same, and it comes with the last byte. */
static void every_split_gives_the_same_head(void **state)
{
	static const char text[] = "\r\nPOST /abc HTTP/1.1\r\nHost: a.b\r\nContent-Length: 5\r\n\r\n";
	size_t n = sizeof(text) - 1, size;
	int status;

	(void)state;
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			struct head_scan s = { 0 };
			int r = head_scan(&s, text, a, &limits, &size, &status, NULL);

			assert_int_equal(r, a == n);
			if (r == 0)
				r = head_scan(&s, text, b, &limits, &size, &status, NULL);
			if (r == 0)
				r = head_scan(&s, text, n, &limits, &size, &status, NULL);
			assert_int_equal(r, 1);
			assert_int_equal(size, n);
		}
}

static int scan_long(const char *start, char fill, size_t count, const char *end)
{
	size_t n = strlen(start), m = strlen(end), size;
	char *p = malloc(n + count + m);
	struct head_scan s = { 0 };
	int status = 0, r;

	assert_non_null(p);
	memcpy(p, start, n);
	memset(p + n, fill, count);
	memcpy(p + n + count, end, m);
	r = head_scan(&s, p, n + count + m, &limits, &size, &status, NULL);
	free(p);
	return r < 0 ? status : r;
}

static void limits_hold_before_the_line_ends(void **state)
{
	(void)state;
	assert_int_equal(scan_long("GET /", 'a', 7000, " HTTP/1.1\r\nHost: a\r\n\r\n"), 1);
	assert_int_equal(scan_long("GET /", 'a', 9000, ""), 414);
	assert_int_equal(scan_long(R "X: ", 'a', 16000, "\r\n\r\n"), 1);
	assert_int_equal(scan_long(R "X: ", 'a', 17000, ""), 431);
	assert_int_equal(scan_long(R "X: ", 'a', 17000, "\r\n\r\n"), 431);
}

static void too_many_lines_are_refused(void **state)
{
	char text[4096] = R;
	struct head_scan s = { 0 };
	size_t size;
	int status = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		memcpy(text + strlen(text), "X: 1\r\n", 7);
	memcpy(text + strlen(text), "\r\n", 3);
	assert_true(head_scan(&s, text, strlen(text), &limits, &size, &status, NULL) < 0);
	assert_int_equal(status, 431);
}

static int response(const char *text, bool is_head, struct head *h)
{
	return head_parse_response(text, strlen(text), is_head, h, NULL);
}

static void responses_say_how_long_their_body_is(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", false, &h), 0);
	assert_int_equal(h.body, HEAD_LENGTH);
	assert_true(h.keep_alive);
	assert_int_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, &h), 0);
	assert_int_equal(h.body, HEAD_NO_BODY);
	assert_int_equal(response("HTTP/1.1 304 x\r\nContent-Length: 2\r\n\r\n", false, &h), 0);
	assert_int_equal(h.body, HEAD_NO_BODY);
	assert_int_equal(response("HTTP/1.1 204\r\nTransfer-Encoding: chunked\r\n\r\n", false, &h), 0);
	assert_int_equal(h.body, HEAD_NO_BODY);
	assert_int_equal(response("HTTP/1.0 200 OK\r\n\r\n", false, &h), 0);
	assert_int_equal(h.body, HEAD_UNTIL_EOF);
	assert_false(h.keep_alive);
	assert_int_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n", false, &h), 0);
	assert_int_equal(h.body, HEAD_CHUNKED);
	assert_false(h.keep_alive);
}

static void bad_responses_are_refused(void **state)
{
	static const char *const rows[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: 1\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 600 OK\r\n\r\n",
		"HTTP/1.1 200OK\r\n\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"\r\nHTTP/1.1 200 OK\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
	};
	struct head h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (response(rows[i], false, &h) == 0)
			fail_msg("row %zu passed: %s", i, rows[i]);
}

static void fields_are_known_in_any_spelling(void **state)
{
	(void)state;
	assert_int_equal(field_of("HOST", 4), FIELD_HOST);
	assert_int_equal(field_of("x-Forwarded-For", 15), FIELD_X_FORWARDED);
	assert_int_equal(field_of("X-Forwarded-", 12), FIELD_OTHER);
	assert_int_equal(field_of("X_Forwarded_For", 15), FIELD_ALIAS);
	assert_int_equal(field_of("Content_Length", 14), FIELD_ALIAS);
	assert_int_equal(field_of("x-vitrine-space", 15), FIELD_X_VITRINE);
	assert_int_equal(field_of("sec-websocket-key", 17), FIELD_SEC_WEBSOCKET);
	assert_int_equal(field_of("sec-fetch-mode", 14), FIELD_SEC_FETCH_MODE);
	assert_int_equal(field_of("my_own", 6), FIELD_OTHER);
	assert_int_equal(field_of("", 0), FIELD_OTHER);
#define FIELD(id, name, use) \
	if (!((use) & FIELD_PREFIX)) \
		assert_int_equal(field_of(name, sizeof(name) - 1), FIELD_##id);
#include "server/edge/fields.def"
#undef FIELD
}

static void navigations_and_quiet_visits_are_told_apart(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(parse(R "Sec-Fetch-Mode: navigate\r\n\r\n", &h), 0);
	assert_true(head_is_navigation(&h));
	assert_int_equal(parse(R "Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n\r\n", &h), 0);
	assert_false(head_is_navigation(&h));
	assert_int_equal(parse(R "Accept: text/html,*/*\r\n\r\n", &h), 0);
	assert_true(head_is_navigation(&h));
	assert_false(head_is_quiet(&h));
	assert_int_equal(parse(R "User-Agent: Slackbot-LinkExpanding 1.0\r\n\r\n", &h), 0);
	assert_true(head_is_quiet(&h));
	assert_int_equal(parse(R "Sec-Purpose: prefetch;prerender\r\n\r\n", &h), 0);
	assert_true(head_is_quiet(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_read),
		cmocka_unit_test(ambiguous_requests_are_refused),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(fine_requests_pass),
		cmocka_unit_test(absolute_targets_lose_their_authority),
		cmocka_unit_test(only_a_whole_websocket_upgrade_counts),
		cmocka_unit_test(every_split_gives_the_same_head),
		cmocka_unit_test(limits_hold_before_the_line_ends),
		cmocka_unit_test(too_many_lines_are_refused),
		cmocka_unit_test(responses_say_how_long_their_body_is),
		cmocka_unit_test(bad_responses_are_refused),
		cmocka_unit_test(fields_are_known_in_any_spelling),
		cmocka_unit_test(navigations_and_quiet_visits_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
