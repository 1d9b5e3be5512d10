#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "auto.h"
#include "sandbox/egress/dns.h"

#define HEAD(flags_hi, flags_lo, qd, an, ar) "\x12\x34" flags_hi flags_lo "\0" qd "\0" an "\0\0\0" ar
#define QUERY_HEAD HEAD("\x01", "\x00", "\x01", "\x00", "\x00")
#define NAME "\3Www\7example\3org\0"
#define A_IN "\0\1\0\1"
#define OPT "\0\0\x29\x10\0\0\0\x80\0\0\0"

struct bytes { const char *p; size_t n; };
#define B(s) { (s), sizeof(s) - 1 }

static int read_query(struct bytes b, struct dns_query *q, int *rcode)
{
	return dns_read_query((const uint8_t *)b.p, b.n, q, rcode, NULL);
}

static void a_plain_query_is_read(void **state)
{
	struct dns_query q;
	int rcode;

	(void)state;
	assert_int_equal(read_query((struct bytes)B(QUERY_HEAD NAME A_IN), &q, &rcode), 0);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_A);
	assert_string_equal(q.text, "www.example.org");
	assert_int_equal(q.name_len, 17);
	assert_false(q.edns);
	assert_int_equal(q.udp_size, 512);
}

static void an_opt_record_is_read_and_its_options_are_not_passed_on(void **state)
{
	static const char with_cookie[] = HEAD("\x01", "\x10", "\x01", "\x00", "\x01") NAME A_IN "\0\0\x29\x10\0\0\0\x80\0\0\xc" "\0\xa\0\x8" "tunnel!!";
	uint8_t out[DNS_WRITTEN_MAX];
	struct dns_query q;
	int rcode;
	size_t n;

	(void)state;
	assert_int_equal(read_query((struct bytes)B(with_cookie), &q, &rcode), 0);
	assert_true(q.edns && q.dnssec_ok && q.checking_disabled);
	assert_int_equal(q.udp_size, 4096);
	n = dns_write_query(&q, 0xabcd, out);
	assert_null(memmem(out, n, "tunnel", 6));
	assert_int_equal(out[0], 0xab);
	assert_int_equal(n, DNS_HEAD + 17 + 4 + 11);
	assert_memory_equal(out + DNS_HEAD, NAME, 17);          /* as it was spelt */
}

static void what_is_no_query_is_not_answered(void **state)
{
	static const struct { struct bytes b; int rcode; } rows[] = {
		{ B(""), -1 }, { B("\x12\x34\1\0\0\1\0\0\0\0\0"), -1 },
		{ B(HEAD("\x81", "\x80", "\1", "\0", "\0") NAME A_IN), -1 },                            /* an answer: loops between resolvers */
		{ B(HEAD("\x29", "\x00", "\1", "\0", "\0") NAME A_IN), DNS_NOTIMP },                    /* dynamic update */
		{ B(HEAD("\x01", "\x00", "\0", "\0", "\0")), DNS_FORMERR },
		{ B(HEAD("\x01", "\x00", "\2", "\0", "\0") NAME A_IN NAME A_IN), DNS_FORMERR },
		{ B(HEAD("\x01", "\x00", "\1", "\1", "\0") NAME A_IN NAME A_IN "\0\0\0\0\0\0"), DNS_FORMERR },
		{ B(QUERY_HEAD), DNS_FORMERR }, { B(QUERY_HEAD NAME), DNS_FORMERR }, { B(QUERY_HEAD NAME "\0\1\0"), DNS_FORMERR },
		{ B(QUERY_HEAD NAME A_IN "x"), DNS_FORMERR },
		{ B(QUERY_HEAD "\xc0\x0c" A_IN), DNS_FORMERR },                                         /* a pointer to itself */
		{ B(QUERY_HEAD "\x40" "abc" A_IN), DNS_FORMERR }, { B(QUERY_HEAD "\x3f" "short" A_IN), DNS_FORMERR },
		{ B(QUERY_HEAD NAME "\0\xff\0\1"), DNS_NOTIMP },                                        /* ANY */
		{ B(QUERY_HEAD NAME "\0\xfc\0\1"), DNS_NOTIMP },                                        /* AXFR */
		{ B(QUERY_HEAD NAME "\0\xa\0\1"), DNS_NOTIMP },                                         /* NULL */
		{ B(QUERY_HEAD NAME "\0\1\0\3"), DNS_NOTIMP },                                          /* class CHAOS */
		{ B(HEAD("\x01", "\x00", "\1", "\0", "\1") NAME A_IN), DNS_FORMERR },
		{ B(HEAD("\x01", "\x00", "\1", "\0", "\1") NAME A_IN "\0\0\x29\x10\0\0\0\0\0\0\xff"), DNS_FORMERR },
		{ B(HEAD("\x01", "\x00", "\1", "\0", "\1") NAME A_IN "\0\0\x10\x10\0\0\0\0\0\0\0"), DNS_FORMERR },
		{ B(HEAD("\x01", "\x00", "\1", "\0", "\2") NAME A_IN OPT OPT), DNS_FORMERR },
	};
	struct dns_query q;
	int rcode;

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		assert_int_equal(read_query(rows[i].b, &q, &rcode), -SP_EPROTO);
		assert_int_equal(rcode, rows[i].rcode);
	}
}

static void names_are_bounded(void **state)
{
	uint8_t p[DNS_QUERY_MAX + 1] = { 0x12, 0x34, 1, 0, 0, 1 };
	struct dns_query q;
	size_t at = DNS_HEAD;
	int rcode;

	(void)state;
	for (int i = 0; i < 3; i++, at += 64) {
		p[at] = 63;
		memset(p + at + 1, 'a' + i, 63);
	}
	p[at] = 61;                                     /* 3 * 64 + 62 + 1 = 255 */
	memset(p + at + 1, 'z', 61);
	p[at + 64] = 1;                                 /* type and class behind the root */
	p[at + 66] = 1;
	assert_int_equal(dns_read_query(p, at + 67, &q, &rcode, NULL), 0);
	assert_int_equal(q.name_len, DNS_NAME_MAX);
	p[at] = 62;
	p[at + 62] = 'z';
	assert_int_equal(dns_read_query(p, at + 68, &q, &rcode, NULL), -SP_EPROTO);
}

static void answers_must_fit_the_question(void **state)
{
	static const char good[] = "\x77\x77\x81\x80\0\1\0\1\0\0\0\0" NAME A_IN "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\5";
	char bad[sizeof(good)];
	struct dns_query q;
	int rcode;

	(void)state;
	assert_int_equal(read_query((struct bytes)B(QUERY_HEAD NAME A_IN), &q, &rcode), 0);
	assert_true(dns_is_answer((const uint8_t *)good, sizeof(good) - 1, &q, 0x7777));
	assert_false(dns_is_answer((const uint8_t *)good, sizeof(good) - 1, &q, 0x7778));
	assert_false(dns_is_answer((const uint8_t *)good, DNS_HEAD + 10, &q, 0x7777));
	memcpy(bad, good, sizeof(bad));
	bad[DNS_HEAD + 1] = 'w';                        /* the case of letters is part of the guess */
	assert_false(dns_is_answer((const uint8_t *)bad, sizeof(bad) - 1, &q, 0x7777));
	memcpy(bad, good, sizeof(bad));
	bad[2] = 1;                                     /* a query */
	assert_false(dns_is_answer((const uint8_t *)bad, sizeof(bad) - 1, &q, 0x7777));
}

struct seen { unsigned n; struct net_addr last; };

static void see(void *arg, const struct net_addr *a)
{
	struct seen *s = arg;

	s->n++;
	s->last = *a;
}

static void addresses_of_an_answer_are_found_and_what_we_write_is_read(void **state)
{
	static const uint8_t four[4] = { 203, 0, 113, 5 };
	const struct net_addr addrs[2] = { net_addr_v4("\x0a\1\2\3"), net_addr_v4(four) };
	uint8_t out[DNS_WRITTEN_MAX + 56];
	struct seen seen = { 0 };
	struct dns_query q;
	int rcode;
	size_t n;

	(void)state;
	assert_int_equal(read_query((struct bytes)B(QUERY_HEAD NAME A_IN), &q, &rcode), 0);
	n = dns_write_addresses(&q, addrs, 2, out);
	assert_true(dns_is_answer(out, n, &q, q.id));
	dns_each_address(out, n, see, &seen);
	assert_int_equal(seen.n, 2);
	assert_true(net_addr_eq(&seen.last, &addrs[1]));
	for (size_t cut = 0; cut < n; cut++)            /* never reads beyond */
		dns_each_address(out, cut, see, &seen);
}

static void reverse_names_are_whole_addresses_or_nothing(void **state)
{
	static const char *const bad[] = { "", "in-addr.arpa", "1.2.3.in-addr.arpa", "1.2.3.4.5.in-addr.arpa", "256.0.0.1.in-addr.arpa",
		"lan.1.168.192.in-addr.arpa", "1.0.0.10.in-addr.arpa.corp", "0.ip6.arpa", "b._dns-sd._udp.0.0.168.192.in-addr.arpa" };
	struct net_addr a, want;

	(void)state;
	assert_true(dns_reverse_address("5.113.0.203.in-addr.arpa", &a));
	want = net_addr_v4("\xcb\0\x71\5");
	assert_true(net_addr_eq(&a, &want));
	assert_true(dns_reverse_address("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", &a));
	assert_int_equal(net_addr_parse("2001:db8::1", &want), 0);
	assert_true(net_addr_eq(&a, &want));
	for (size_t i = 0; i < SP_COUNT(bad); i++)
		assert_false(dns_reverse_address(bad[i], &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_query_is_read),
		cmocka_unit_test(an_opt_record_is_read_and_its_options_are_not_passed_on),
		cmocka_unit_test(what_is_no_query_is_not_answered),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(answers_must_fit_the_question),
		cmocka_unit_test(addresses_of_an_answer_are_found_and_what_we_write_is_read),
		cmocka_unit_test(reverse_names_are_whole_addresses_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
