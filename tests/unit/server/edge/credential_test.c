#include "server/edge/credential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "auto.h"
#include "server/edge/siphash.h"

static void the_claim_leaves_the_target(void **state)
{
	static const struct { const char *target, *clean; } rows[] = {
		{ "/", "/" }, { "/?", "/?" }, { "/?a&&b", "/?a&&b" },
		{ "/?__sign=x", "/" }, { "/?__sign", "/" }, { "/?a&__sign=x", "/?a" }, { "/?__sign=x&a", "/?a" }, { "/?a&__sign=x&b=%26", "/?a&b=%26" },
		{ "/?a&__sign=x&", "/?a&" }, { "/?__sign=x&__sign=y", "/" }, { "/?%5F%5fsign=x", "/" }, { "/?__%73ign=x&q", "/?q" },
		{ "/?__sign?=x", "/?__sign?=x" }, { "/?__SIGN=x", "/?__SIGN=x" }, { "/?__sign%=x", "/?__sign%=x" }, { "/?%255F_sign=x", "/?%255F_sign=x" },
		{ "/__sign=x", "/__sign=x" }, { "/?a=__sign=x", "/?a=__sign=x" }, { "/?a?__sign=x", "/?a?__sign=x" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		struct sp_str target = sp_str_of(rows[i].target);
		size_t n = target_without_sign(target, out);

		assert_true(sp_str_eq((struct sp_str){ out, n }, sp_str_of(rows[i].clean)));
		assert_int_equal(target_has_sign(target), strcmp(rows[i].target, rows[i].clean) != 0);
	}
}

static unsigned of(const char *text, struct credential by[CREDENTIALS_MAX])
{
	static struct head h;
	int status;

	assert_int_equal(head_parse_request(text, strlen(text), &h, &status, NULL), 0);
	return credentials_of(&h, SP_STR("vitrine_app"), by);
}

static void credentials_come_in_their_order(void **state)
{
	struct credential by[CREDENTIALS_MAX];
	static const char *const want[] = { "hf_x", "hf_a", "s.1.g", "c.1.k", "d.1.k" };

	(void)state;
	assert_int_equal(of("GET /?__sign=s.1.g HTTP/1.1\r\nHost: a\r\nCookie: a=b; vitrine_app=c.1.k\r\nCookie: vitrine_app=d.1.k; vitrine_app=e.1.k\r\n"
			    "Authorization: BEARER  hf_a\r\nX-HF-Authorization: Bearer hf_x\r\n\r\n", by), 5);
	for (unsigned i = 0; i < SP_COUNT(want); i++)
		assert_true(sp_str_eq(by[i].value, sp_str_of(want[i])));
}

static void what_cannot_be_ours_is_none(void **state)
{
	struct credential by[CREDENTIALS_MAX];

	(void)state;
	assert_int_equal(of("GET /?__sign=a&__sign=a HTTP/1.1\r\nHost: a\r\n\r\n", by), 0);
	assert_int_equal(of("GET /?__sign=a%2Eb HTTP/1.1\r\nHost: a\r\n\r\n", by), 0);
	assert_int_equal(of("GET / HTTP/1.1\r\nHost: a\r\nCookie: Vitrine_App=a; xvitrine_app=b; vitrine_app\r\n\r\n", by), 0);
	assert_int_equal(of("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic abc\r\nX-HF-Authorization: Bearer\r\n\r\n", by), 0);
}

/* The first three of vectors_sip128 of the authors' reference code. */
static void siphash_is_siphash(void **state)
{
	static const unsigned char want[3][16] = {
		{ 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 },
		{ 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 },
		{ 0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a, 0xff, 0xe4 },
	};
	const struct siphash_key key = { { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) } };

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct siphash_digest d = siphash(&key, "\0\1", n);

		assert_memory_equal(&d, want[n], sizeof(d));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_claim_leaves_the_target),
		cmocka_unit_test(credentials_come_in_their_order),
		cmocka_unit_test(what_cannot_be_ours_is_none),
		cmocka_unit_test(siphash_is_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
