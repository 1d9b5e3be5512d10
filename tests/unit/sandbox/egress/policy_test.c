#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "auto.h"
#include "sandbox/egress/policy.h"

static struct net_dest dest(const char *addr, uint16_t port)
{
	struct net_dest d = { .port = port };

	assert_int_equal(net_addr_parse(addr, &d.addr), 0);
	return d;
}

static enum egress_verdict decide(enum launch_egress policy, const char *addr, uint16_t port)
{
	static const struct allow none;
	const struct net_dest d = dest(addr, port);
	struct net_dest to;

	return egress_decide(policy, &none, &d, &to);
}

static void public_addresses_pass(void **state)
{
	static const char *const rows[] = {
		"1.1.1.1", "8.8.8.8", "203.0.113.5", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
		"168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:db8::7", "2a00:1450::1", "2001:1::1",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "3fff::1",
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		assert_int_equal(decide(EGRESS_WEB, rows[i], 443), EGRESS_PASS);
}

static void private_addresses_are_refused_in_every_form(void **state)
{
	static const char *const rows[] = {
		"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"168.63.129.16", "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.192", "192.88.99.1",
		"192.168.0.0", "192.168.255.255", "198.18.0.1", "198.19.255.255", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::2", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.1.2.3", "::ffff:0:7f00:1",
		"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "100::1",
		"2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:c0a8:1::", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
		"fc00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "1::1", "ff::1",
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		assert_int_equal(decide(EGRESS_WEB, rows[i], 443), EGRESS_BAD_ADDRESS);
		assert_int_equal(decide(EGRESS_ANY, rows[i], 443), EGRESS_BAD_ADDRESS);
		assert_int_equal(decide(EGRESS_BUILD, rows[i], 443), EGRESS_BAD_ADDRESS);
	}
}

static void ports_follow_the_level(void **state)
{
	static const struct { uint16_t port; enum egress_verdict web, any; } rows[] = {
		{ 80, EGRESS_PASS, EGRESS_PASS }, { 443, EGRESS_PASS, EGRESS_PASS }, { 8080, EGRESS_PASS, EGRESS_PASS },
		{ 22, EGRESS_BAD_PORT, EGRESS_PASS }, { 5432, EGRESS_BAD_PORT, EGRESS_PASS }, { 65535, EGRESS_BAD_PORT, EGRESS_PASS },
		{ 25, EGRESS_BAD_PORT, EGRESS_BAD_PORT }, { 465, EGRESS_BAD_PORT, EGRESS_BAD_PORT }, { 587, EGRESS_BAD_PORT, EGRESS_BAD_PORT },
		{ 0, EGRESS_BAD_PORT, EGRESS_BAD_PORT },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		assert_int_equal(decide(EGRESS_WEB, "8.8.8.8", rows[i].port), rows[i].web);
		assert_int_equal(decide(EGRESS_BUILD, "8.8.8.8", rows[i].port), rows[i].web);
		assert_int_equal(decide(EGRESS_ANY, "8.8.8.8", rows[i].port), rows[i].any);
		assert_int_equal(decide(EGRESS_NONE, "8.8.8.8", rows[i].port), EGRESS_NO_NETWORK);
	}
}

static void builds_reach_what_the_operator_named_and_no_more(void **state)
{
	static struct allow a;
	struct net_dest d, to;

	(void)state;
	assert_int_equal(allow_add(&a, "10.1.2.3:3141", NULL), 0);
	assert_int_equal(allow_add(&a, "[fd12::5]:8080", NULL), 0);
	d = dest("10.1.2.3", 3141);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_PASS);
	assert_int_equal(egress_decide(EGRESS_WEB, &a, &d, &to), EGRESS_BAD_ADDRESS);
	assert_int_equal(egress_decide(EGRESS_ANY, &a, &d, &to), EGRESS_BAD_ADDRESS);
	assert_int_equal(egress_decide(EGRESS_NONE, &a, &d, &to), EGRESS_NO_NETWORK);
	d = dest("10.1.2.3", 443);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_BAD_ADDRESS);
	d = dest("10.1.2.4", 3141);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_BAD_ADDRESS);
	d = dest("fd12::5", 8080);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_PASS);
}

static void a_name_counts_with_the_addresses_it_was_seen_to_have(void **state)
{
	static struct allow a;
	struct net_dest d = dest("10.9.9.9", 8443), loop = dest("127.0.0.1", 8443), to;

	(void)state;
	assert_int_equal(allow_add(&a, "PyPI.corp:8443", NULL), 0);
	assert_true(allow_has_name(&a, "pypi.corp"));
	assert_false(allow_has_name(&a, ""));
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_BAD_ADDRESS);
	allow_learn(&a, "pypi.corp", &d.addr);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_PASS);
	allow_learn(&a, "pypi.corp", &loop.addr);       /* rebinding of the index's own name */
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &loop, &to), EGRESS_BAD_ADDRESS);
	for (unsigned i = 0; i < 3 * ALLOW_ADDRS_MAX; i++) {
		d.addr.b[15] = (uint8_t)i;
		allow_learn(&a, "pypi.corp", &d.addr);
	}
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &d, &to), EGRESS_PASS);
}

static void the_gate_leads_to_the_hosts_loopback_for_named_ports_of_builds(void **state)
{
	static struct allow a;
	const struct net_dest gate = dest("198.18.0.1", 3141), other = dest("198.18.0.1", 22), loop = dest("127.0.0.1", 3141);
	struct net_dest to;

	(void)state;
	assert_int_equal(allow_add(&a, "127.0.0.1:3141", NULL), 0);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &gate, &to), EGRESS_PASS);
	assert_string_equal(net_dest_text(&to).s, "127.0.0.1:3141");
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &other, &to), EGRESS_BAD_ADDRESS);
	assert_int_equal(egress_decide(EGRESS_WEB, &a, &gate, &to), EGRESS_BAD_ADDRESS);
	assert_int_equal(egress_decide(EGRESS_BUILD, &a, &loop, &to), EGRESS_BAD_ADDRESS);
}

static void malformed_rows_are_told(void **state)
{
	static const char *const rows[] = { "", ":", "host", "host:", ":80", "host:0", "host:65536", "host:8o", "host:-1" };
	static struct allow a;

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		assert_int_equal(allow_add(&a, rows[i], NULL), -SP_EINVAL);
	for (unsigned i = 0; i < ALLOW_MAX; i++)
		assert_int_equal(allow_add(&a, "h:1", NULL), 0);
	assert_int_equal(allow_add(&a, "h:1", NULL), -SP_EQUOTA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses_pass),
		cmocka_unit_test(private_addresses_are_refused_in_every_form),
		cmocka_unit_test(ports_follow_the_level),
		cmocka_unit_test(builds_reach_what_the_operator_named_and_no_more),
		cmocka_unit_test(a_name_counts_with_the_addresses_it_was_seen_to_have),
		cmocka_unit_test(the_gate_leads_to_the_hosts_loopback_for_named_ports_of_builds),
		cmocka_unit_test(malformed_rows_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
