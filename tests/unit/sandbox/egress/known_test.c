#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "auto.h"
#include "sandbox/egress/known.h"

static FILE *text(const char *s)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fputs(s, f) < 0, 0);
	rewind(f);
	return f;
}

static void resolvers_are_read_as_resolv_conf_says(void **state)
{
	sp_auto_fclose FILE *f = text("# nameserver 1.2.3.4\nsearch corp\nnameserver 192.0.2.1\nnameserver\nnameserver not.numeric\n"
			"nameserver 2001:db8::53\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n");
	static struct known k;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&k.servers[0].addr;

	(void)state;
	known_read_servers(&k, f);
	assert_int_equal(k.server_count, KNOWN_SERVERS);
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohs(in->sin_port), 53);
	assert_int_equal(k.servers[1].addr.ss_family, AF_INET6);
}

static void names_of_the_host_are_its_own_matter(void **state)
{
	sp_auto_fclose FILE *f = text("127.0.0.1 localhost\n10.1.1.1\tDB.corp db # secret.corp\n10.1.1.2 db.corp\nfd00::1 db.corp\nbad name\n#9.9.9.9 x\n");
	static struct known k;
	struct net_addr a[4];

	(void)state;
	known_read_hosts(&k, f);
	assert_true(known_is_private_name(&k, "db.corp"));
	assert_true(known_is_private_name(&k, "db"));
	assert_true(known_is_private_name(&k, "localhost"));
	assert_true(known_is_private_name(&k, "x.localhost"));
	assert_false(known_is_private_name(&k, "secret.corp"));
	assert_false(known_is_private_name(&k, "name"));
	assert_false(known_is_private_name(&k, "example.org"));
	assert_int_equal(known_addresses(&k, "db.corp", true, a, 4), 2);
	assert_int_equal(known_addresses(&k, "db.corp", false, a, 4), 1);
	assert_int_equal(known_addresses(&k, "db.corp", true, a, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolvers_are_read_as_resolv_conf_says),
		cmocka_unit_test(names_of_the_host_are_its_own_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
