/* fuzz: sandbox/egress/dns.c sandbox/egress/policy.c */
#include <stdint.h>
#include <string.h>

#include "sandbox/egress/dns.h"

static void see(void *arg, const struct net_addr *a)
{
	(*(unsigned *)arg)++;
	(void)net_addr_is_public(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[DNS_WRITTEN_MAX + 28];
	struct dns_query q, again;
	struct net_addr addr = net_addr_v4("\1\2\3\4");
	unsigned seen = 0;
	size_t n;
	int rcode;

	dns_each_address(data, size, see, &seen);
	if (dns_read_query(data, size, &q, &rcode, NULL) < 0) {
		if (rcode >= 0 && dns_write_answer(&q, (unsigned)rcode, out) > DNS_WRITTEN_MAX)
			__builtin_trap();
		return 0;
	}
	/* What goes to the resolver is a query that reads the same, and our answers answer it. */
	n = dns_write_query(&q, q.id, out);
	if (n > DNS_WRITTEN_MAX || dns_read_query(out, n, &again, &rcode, NULL) < 0 || again.type != q.type ||
			strcmp(again.text, q.text) != 0 || again.name_len != q.name_len || memcmp(again.name, q.name, q.name_len) != 0)
		__builtin_trap();
	n = dns_write_answer(&q, DNS_NXDOMAIN, out);
	if (!dns_is_answer(out, n, &q, q.id))
		__builtin_trap();
	if (q.type == DNS_A) {
		seen = 0;
		n = dns_write_addresses(&q, &addr, 1, out);
		dns_each_address(out, n, see, &seen);
		if (seen != 1 || !dns_is_answer(out, n, &q, q.id))
			__builtin_trap();
	}
	(void)dns_reverse_address(q.text, &addr);
	return 0;
}
