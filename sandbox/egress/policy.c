#include "policy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "num.h"
#include "str.h"

/* Of RFC 2544's range for benchmarks; sandbox/images/operator_settings.py writes it for services on the host's loopback. */
static const uint8_t gate[4] = { 198, 18, 0, 1 };
static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct range4 { uint32_t net; unsigned bits; };

/* IANA's special-purpose registry, and addresses where clouds keep metadata. Documentation ranges are left: nothing is there. */
static const struct range4 closed4[] = {
	{ 0x00000000, 8 },      /* this network */
	{ 0x0a000000, 8 },      /* private */
	{ 0x64400000, 10 },     /* carrier NAT; metadata of Alibaba */
	{ 0x7f000000, 8 },      /* loopback */
	{ 0xa83f8110, 32 },     /* 168.63.129.16: metadata of Azure */
	{ 0xa9fe0000, 16 },     /* link-local; metadata of most clouds */
	{ 0xac100000, 12 },     /* private */
	{ 0xc0000000, 24 },     /* protocol assignments; metadata of Oracle */
	{ 0xc0586300, 24 },     /* 6to4 relays */
	{ 0xc0a80000, 16 },     /* private */
	{ 0xc6120000, 15 },     /* benchmarks; the gate */
	{ 0xe0000000, 4 },      /* multicast */
	{ 0xf0000000, 4 },      /* reserved, broadcast */
};

struct range6 { uint8_t net[16]; unsigned bits; };

static const struct range6 closed6[] = {
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 },         /* local NAT64 (RFC 8215) */
	{ { 0x01, 0x00 }, 64 },                                 /* discard */
	{ { 0x20, 0x01, 0x00, 0x00 }, 32 },                     /* Teredo: hides two IPv4 addresses */
	{ { 0xfc, 0x00 }, 7 },                                  /* unique local; metadata of EC2 */
	{ { 0xfe, 0x80 }, 10 },                                 /* link-local */
	{ { 0xfe, 0xc0 }, 10 },                                 /* site-local */
	{ { 0xff, 0x00 }, 8 },                                  /* multicast */
};

static const uint8_t nat64_prefix[12] = { 0x00, 0x64, 0xff, 0x9b };
static const uint16_t web_ports[] = { 80, 443, 8080 };
static const uint16_t mail_ports[] = { 25, 465, 587 };

struct net_addr net_addr_v4(const void *four_bytes)
{
	struct net_addr a;

	memcpy(a.b, mapped_prefix, sizeof(mapped_prefix));
	memcpy(a.b + 12, four_bytes, 4);
	return a;
}

bool net_addr_is_v4(const struct net_addr *a)
{
	return memcmp(a->b, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool net_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int net_addr_parse(const char *s, struct net_addr *ret)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, s, v4) == 1)
		*ret = net_addr_v4(v4);
	else if (inet_pton(AF_INET6, s, ret->b) != 1)
		return -SP_EINVAL;
	return 0;
}

struct net_text net_dest_text(const struct net_dest *d)
{
	char addr[INET6_ADDRSTRLEN] = "?";
	struct net_text t;

	if (net_addr_is_v4(&d->addr)) {
		inet_ntop(AF_INET, d->addr.b + 12, addr, sizeof(addr));
		snprintf(t.s, sizeof(t.s), "%s:%u", addr, d->port);
	} else {
		inet_ntop(AF_INET6, d->addr.b, addr, sizeof(addr));
		snprintf(t.s, sizeof(t.s), "[%s]:%u", addr, d->port);
	}
	return t;
}

static bool v4_is_public(const uint8_t *b)
{
	uint32_t a = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

	for (size_t i = 0; i < SP_COUNT(closed4); i++)
		if ((a ^ closed4[i].net) >> (32 - closed4[i].bits) == 0)
			return false;
	return true;
}

static bool in_range6(const uint8_t *b, const struct range6 *r)
{
	unsigned bytes = r->bits / 8, rest = r->bits % 8;

	if (memcmp(b, r->net, bytes) != 0)
		return false;
	return rest == 0 || (b[bytes] ^ r->net[bytes]) >> (8 - rest) == 0;
}

bool net_addr_v4_of(const struct net_addr *a, uint8_t ret[4])
{
	bool is_6to4 = a->b[0] == 0x20 && a->b[1] == 0x02;      /* RFC 3056 */

	if (!is_6to4 && !net_addr_is_v4(a) && memcmp(a->b, nat64_prefix, sizeof(nat64_prefix)) != 0)
		return false;
	memcpy(ret, a->b + (is_6to4 ? 2 : 12), 4);
	return true;
}

bool net_addr_is_public(const struct net_addr *a)
{
	uint8_t v4[4];

	if (net_addr_v4_of(a, v4))
		return v4_is_public(v4);
	for (size_t i = 0; i < SP_COUNT(closed6); i++)
		if (in_range6(a->b, &closed6[i]))
			return false;
	/* Everything else below 100::/8 is loopback, unspecified, IPv4-compatible or unassigned. */
	return a->b[0] != 0;
}

static bool is_loopback(const struct net_addr *a)
{
	static const struct net_addr one = { { [15] = 1 } };

	return (net_addr_is_v4(a) && a->b[12] == 127) || net_addr_eq(a, &one);
}

int allow_add(struct allow *a, const char *host_port, struct sp_err *e)
{
	const char *colon = strrchr(host_port, ':');
	size_t n = colon ? (size_t)(colon - host_port) : 0;
	struct allow_row row = { 0 };
	struct net_addr addr;
	uint64_t port;

	if (a->count == ALLOW_MAX)
		return sp_fail(e, SP_EQUOTA, 0, "more than %d allowed hosts", ALLOW_MAX);
	if (!colon || n == 0 || n > ALLOW_HOST_MAX || sp_parse_u64(colon + 1, strlen(colon + 1), 65535, &port) < 0 || port == 0)
		return sp_fail(e, SP_EINVAL, 0, "'%.80s' is not HOST:PORT", host_port);
	if (host_port[0] == '[' && host_port[n - 1] == ']')
		memcpy(row.host, host_port + 1, n - 2);
	else
		memcpy(row.host, host_port, n);
	for (char *p = row.host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	row.port = (uint16_t)port;
	if (strcmp(row.host, "localhost") == 0) {
		row.loopback = true;
		row.host[0] = '\0';
	} else if (net_addr_parse(row.host, &addr) == 0) {
		row.loopback = is_loopback(&addr);
		row.host[0] = '\0';
		row.addrs[row.count++] = addr;
	}
	a->rows[a->count++] = row;
	return 0;
}

bool allow_has_name(const struct allow *a, const char *host)
{
	for (unsigned i = 0; i < a->count; i++)
		if (a->rows[i].host[0] && strcmp(a->rows[i].host, host) == 0)
			return true;
	return false;
}

static void row_learn(struct allow_row *row, const struct net_addr *addr)
{
	for (unsigned i = 0; i < row->count; i++)
		if (net_addr_eq(&row->addrs[i], addr))
			return;
	row->addrs[row->next] = *addr;                  /* the oldest goes */
	row->next = (row->next + 1) % ALLOW_ADDRS_MAX;
	if (row->count < ALLOW_ADDRS_MAX)
		row->count++;
}

void allow_learn(struct allow *a, const char *host, const struct net_addr *addr)
{
	/* Loopback is reached by a numeric row and the gate only: a name must not lead there by its owner's whim. */
	if (is_loopback(addr))
		return;
	for (unsigned i = 0; i < a->count; i++)
		if (a->rows[i].host[0] && strcmp(a->rows[i].host, host) == 0)
			row_learn(&a->rows[i], addr);
}

bool allow_passes(const struct allow *a, const struct net_dest *d, struct net_dest *ret_dial)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	const struct net_addr gate_addr = net_addr_v4(gate);

	for (unsigned i = 0; i < a->count; i++) {
		const struct allow_row *row = &a->rows[i];

		if (row->port != d->port)
			continue;
		if (row->loopback) {
			if (!net_addr_eq(&d->addr, &gate_addr))
				continue;
			*ret_dial = (struct net_dest){ row->count > 0 ? row->addrs[0] : net_addr_v4(loopback), row->port };
			return true;
		}
		for (unsigned k = 0; k < row->count; k++) {
			if (!net_addr_eq(&row->addrs[k], &d->addr))
				continue;
			*ret_dial = *d;
			return true;
		}
	}
	return false;
}

static bool has_port(const uint16_t *ports, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i] == port)
			return true;
	return false;
}

enum egress_verdict egress_decide(enum launch_egress policy, const struct allow *allow, const struct net_dest *d,
		struct net_dest *ret_dial)
{
	bool port_is_good = false;

	switch (policy) {
	case EGRESS_WEB:
	case EGRESS_BUILD:
		port_is_good = has_port(web_ports, SP_COUNT(web_ports), d->port);
		break;
	case EGRESS_ANY:
		port_is_good = d->port != 0 && !has_port(mail_ports, SP_COUNT(mail_ports), d->port);
		break;
	case EGRESS_NONE:
	default:
		return EGRESS_NO_NETWORK;
	}
	if (policy == EGRESS_BUILD && allow_passes(allow, d, ret_dial))
		return EGRESS_PASS;
	if (!net_addr_is_public(&d->addr))
		return EGRESS_BAD_ADDRESS;
	if (!port_is_good)
		return EGRESS_BAD_PORT;
	*ret_dial = *d;
	return EGRESS_PASS;
}

const char *egress_verdict_name(enum egress_verdict v)
{
	static const char *const names[EGRESS_VERDICT_MAX] = { "pass", "no-network", "address", "own-address", "port", "too-many-connections",
		"gateway-full" };

	return names[v];
}
