#include "server/edge/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char out[8192];

static const char *request(const char *text, enum rewrite_to to)
{
	struct rewrite_request how = {
		.to = to, .peer = SP_STR("10.0.0.9"), .proto = SP_STR("http"), .domain = SP_STR("localhost"),
		.space = SP_STR("0123456789abcdef01234567"), .why = SP_STR("static"), .request_id = SP_STR("0011223344556677"),
	};
	struct head h;
	int status;
	size_t n;

	assert_int_equal(head_parse_request(text, strlen(text), &h, &status, NULL), 0);
	how.upgrade = h.upgrade;
	n = rewrite_request(&h, &how, out, sizeof(out) - 1);
	assert_true(n > 0);
	out[n] = '\0';
	return out;
}

static const char *response(const char *text, enum rewrite_to from, bool close)
{
	struct rewrite_response how = { .from = from, .close = close, .added = SP_STR("X-Mine: 1\r\n") };
	struct head h;
	size_t n;

	assert_int_equal(head_parse_response(text, strlen(text), false, &h, NULL), 0);
	n = rewrite_response(&h, &how, out, sizeof(out) - 1);
	assert_true(n > 0);
	out[n] = '\0';
	return out;
}

#define R "GET /x HTTP/1.1\r\nHost: a.localhost:7860\r\n"
#define FORWARDED "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.localhost:7860\r\n"

static void spoofed_fields_never_reach_an_app(void **state)
{
	(void)state;
	assert_string_equal(request(R "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Anything: x\r\nForwarded: for=1\r\nx-real-ip: 1\r\n"
			"X-Vitrine-User: root\r\nX-IP-Token: t\r\nx-gradio-server: s\r\nx-gradio-port: 1\r\nx-gradio-original-url: u\r\n"
			"x-gradio-mounted-path: p\r\nX-Streamlit-User: u\r\nX_Streamlit_User: u\r\nX_Forwarded_For: 1\r\nX-HF-Authorization: Bearer x\r\n"
			"Authorization: Bearer hf_secret\r\nX-Kept: 1\r\n\r\n", TO_APP), R "X-Kept: 1\r\n" FORWARDED "\r\n");
}

static void an_apps_own_authorization_passes(void **state)
{
	(void)state;
	assert_string_equal(request(R "Authorization: Basic YTpi\r\n\r\n", TO_APP), R "Authorization: Basic YTpi\r\n" FORWARDED "\r\n");
	assert_string_equal(request(R "authorization: Bearer sk-1\r\n\r\n", TO_APP), R "authorization: Bearer sk-1\r\n" FORWARDED "\r\n");
}

static void platform_cookies_are_cut_out(void **state)
{
	(void)state;
	assert_string_equal(request(R "Cookie: a=1; vitrine_session=s; b=2\r\n\r\n", TO_APP), R "Cookie: a=1; b=2\r\n" FORWARDED "\r\n");
	assert_string_equal(request(R "Cookie: __Host-vitrine=s\r\n\r\n", TO_APP), R FORWARDED "\r\n");
	assert_string_equal(request(R "Cookie: __Host-Vitrine_x = s;c=3\r\n\r\n", TO_APP), R "Cookie: c=3\r\n" FORWARDED "\r\n");
	assert_string_equal(request(R "Cookie:  odd;;a=1 \r\n\r\n", TO_APP), R "Cookie:  odd;;a=1 \r\n" FORWARDED "\r\n");
}

static void nominated_fields_go_and_protected_ones_stay(void **state)
{
	(void)state;
	assert_string_equal(request("POST /x HTTP/1.1\r\nHost: a.localhost:7860\r\nConnection: X-Foo, Host, Content-Length\r\nX-Foo: 1\r\n"
			"Content-Length: 5\r\nKeep-Alive: 5\r\nTE: gzip\r\nProxy-Connection: x\r\n\r\n", TO_APP),
			"POST /x HTTP/1.1\r\nHost: a.localhost:7860\r\nContent-Length: 5\r\n" FORWARDED "\r\n");
}

static void an_upgrade_keeps_its_fields(void **state)
{
	(void)state;
	assert_string_equal(request(R "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\nOrigin: http://o\r\n\r\n", TO_APP),
			R "Sec-WebSocket-Key: k\r\nOrigin: http://o\r\n" FORWARDED "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static void the_platform_is_told_who_asks(void **state)
{
	(void)state;
	assert_string_equal(request(R "Cookie: vitrine_session=s\r\nAuthorization: Bearer hf_x\r\nX-Vitrine-Space: evil\r\nX-Request-Id: x\r\n\r\n", TO_PLATFORM),
			R "Cookie: vitrine_session=s\r\nAuthorization: Bearer hf_x\r\nX-Vitrine-Peer: 10.0.0.9\r\nX-Vitrine-Proto: http\r\n"
			"X-Vitrine-Space: 0123456789abcdef01234567\r\nX-Vitrine-Why: static\r\nX-Request-Id: 0011223344556677\r\n\r\n");
}

static void a_chunked_body_is_announced_once(void **state)
{
	(void)state;
	assert_string_equal(request("POST http://b.localhost/y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\nTE: trailers\r\n\r\n", TO_APP),
			"POST /y HTTP/1.1\r\nHost: b.localhost\r\nX-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\n"
			"X-Forwarded-Host: b.localhost\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n");
}

#define OK "HTTP/1.1 200 OK\r\n"

static void an_app_cannot_steer_the_front_end(void **state)
{
	(void)state;
	assert_string_equal(response(OK "X-Accel-Redirect: /x\r\nX-Sendfile: /x\r\nClear-Site-Data: *\r\nStrict-Transport-Security: max-age=1\r\n"
			"X-IP-Token: t\r\nConnection: X-Foo\r\nX-Foo: 1\r\nKeep-Alive: 1\r\nX-Bar: 2\r\nContent-Length: 0\r\n\r\n", TO_APP, false),
			OK "X-Bar: 2\r\nContent-Length: 0\r\nX-Mine: 1\r\n\r\n");
}

static void the_platform_may(void **state)
{
	(void)state;
	assert_string_equal(response(OK "Strict-Transport-Security: max-age=1\r\nSet-Cookie: vitrine_session=1; Domain=x\r\nContent-Length: 0\r\n\r\n",
			TO_PLATFORM, true), OK "Strict-Transport-Security: max-age=1\r\nSet-Cookie: vitrine_session=1; Domain=x\r\nContent-Length: 0\r\n"
			"X-Mine: 1\r\nConnection: close\r\n\r\n");
}

static void cookies_of_apps_stay_at_home(void **state)
{
	(void)state;
	assert_string_equal(response(OK "Set-Cookie: a=1; Domain=localhost; Path=/;  domain = .x ; Secure\r\nSet-Cookie: b=domain; Path=/\r\n"
			"Set-Cookie: __Host-vitrine=x\r\nSet-Cookie: vitrine_session=x; Path=/\r\nContent-Length: 0\r\n\r\n", TO_APP, false),
			OK "Set-Cookie: a=1; Path=/; Secure\r\nSet-Cookie: b=domain; Path=/\r\nContent-Length: 0\r\nX-Mine: 1\r\n\r\n");
}

static void echoed_request_fields_are_dropped_from_206_only(void **state)
{
	(void)state;
	assert_string_equal(response("HTTP/1.1 206 Partial Content\r\nCookie: c\r\nHost: h\r\nUser-Agent: u\r\nx-forwarded-for: p\r\nRange: bytes=0-1\r\n"
			"Content-Range: bytes 0-1/2\r\nETag: e\r\nContent-Length: 2\r\n\r\n", TO_APP, false),
			"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/2\r\nETag: e\r\nContent-Length: 2\r\nX-Mine: 1\r\n\r\n");
	assert_string_equal(response(OK "Origin: o\r\nContent-Length: 2\r\n\r\n", TO_APP, false), OK "Origin: o\r\nContent-Length: 2\r\nX-Mine: 1\r\n\r\n");
}

static void a_head_that_does_not_fit_is_not_written(void **state)
{
	struct rewrite_request how = { .to = TO_APP, .peer = SP_STR("1"), .proto = SP_STR("http"), .domain = SP_STR("d") };
	struct head h;
	int status;

	(void)state;
	assert_int_equal(head_parse_request(R "\r\n", sizeof(R "\r\n") - 1, &h, &status, NULL), 0);
	for (size_t cap = 0; cap < 60; cap++)
		assert_int_equal(rewrite_request(&h, &how, out, cap), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoofed_fields_never_reach_an_app),
		cmocka_unit_test(an_apps_own_authorization_passes),
		cmocka_unit_test(platform_cookies_are_cut_out),
		cmocka_unit_test(nominated_fields_go_and_protected_ones_stay),
		cmocka_unit_test(an_upgrade_keeps_its_fields),
		cmocka_unit_test(the_platform_is_told_who_asks),
		cmocka_unit_test(a_chunked_body_is_announced_once),
		cmocka_unit_test(an_app_cannot_steer_the_front_end),
		cmocka_unit_test(the_platform_may),
		cmocka_unit_test(cookies_of_apps_stay_at_home),
		cmocka_unit_test(echoed_request_fields_are_dropped_from_206_only),
		cmocka_unit_test(a_head_that_does_not_fit_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
