/*
 * dns.h - DNS messages as far as a forwarding stub needs them (RFC 1035, 6891). Pure; fuzzed (tests/fuzz/dns.c).
 *
 * A query is taken apart and written anew, so that nothing of the sandbox's bytes but one question
 * reaches the resolver: no options, no further records.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "policy.h"

enum {
	DNS_HEAD = 12,
	DNS_NAME_MAX = 255,             /* on the wire */
	DNS_QUERY_MAX = 512,
	DNS_WRITTEN_MAX = DNS_HEAD + DNS_NAME_MAX + 4 + 11,
	DNS_REPLY_MAX = 16384,
	DNS_UDP_SIZE = 1232             /* fits every path (DNS flag day 2020) */
};

enum {
	DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_OPT = 41,
	DNS_SVCB = 64, DNS_HTTPS = 65
};
enum { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };

struct dns_query {
	uint16_t id, type;
	bool edns, dnssec_ok, checking_disabled;
	uint16_t udp_size;                      /* what the client can take by UDP */
	uint8_t name[DNS_NAME_MAX];             /* wire form, as the client spelt it */
	size_t name_len;
	char text[DNS_NAME_MAX + 1];            /* "www.example.org", lower case; bytes that are no host-name become '?' */
};

/*
 * Read one query of N bytes. SP_EPROTO: not a query that a stub answers; RET->id is set when the head was there
 * (N >= DNS_HEAD), and *RET_RCODE says what to answer, or -1: nothing.
 */
SP_MUST int dns_read_query(const uint8_t *p, size_t n, struct dns_query *ret, int *ret_rcode, struct sp_err *e);

/* Write Q as a query with number ID into OUT of DNS_WRITTEN_MAX bytes. Returns its size. */
size_t dns_write_query(const struct dns_query *q, uint16_t id, uint8_t *out);

/* An answer without records: RCODE for Q, or (Q->name_len 0) a bare head. OUT of DNS_WRITTEN_MAX bytes. Returns its size. */
size_t dns_write_answer(const struct dns_query *q, unsigned rcode, uint8_t *out);

/* The same with COUNT addresses of Q's type (A or AAAA); OUT of DNS_WRITTEN_MAX + 28 * COUNT bytes. */
size_t dns_write_addresses(const struct dns_query *q, const struct net_addr *addrs, unsigned count, uint8_t *out);

/* Does the N-byte message answer Q asked with number ID? */
bool dns_is_answer(const uint8_t *p, size_t n, const struct dns_query *q, uint16_t id);
bool dns_is_truncated(const uint8_t *p, size_t n);

/* Call FN for each address of the answer section. Stops quietly at the first malformed byte. */
void dns_each_address(const uint8_t *p, size_t n, void (*fn)(void *arg, const struct net_addr *a), void *arg);

/* A name of the reverse tree, "5.113.0.203.in-addr.arpa": returns whether it is a whole address. */
bool dns_reverse_address(const char *text, struct net_addr *ret);
