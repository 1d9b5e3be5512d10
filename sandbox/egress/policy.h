/*
 * policy.h - where a sandbox may connect to. Pure: decided on the binary address, so that no spelling
 * of it (octal, decimal, mapped, a name that resolves there) makes a difference (sandbox.md 4.4 #61-63).
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "egress.h"
#include "err.h"
#include "report.h"

enum { ALLOW_MAX = 64, ALLOW_HOST_MAX = 255, ALLOW_ADDRS_MAX = 16 };

/* An address as 16 bytes, IPv4 in its mapped form ::ffff:a.b.c.d. */
struct net_addr { uint8_t b[16]; };

struct net_dest { struct net_addr addr; uint16_t port; };

/*
 * What the operator's package settings name: builds reach it also at a private address.
 * A name's addresses are those that the last look-up of it through the stub answered.
 */
struct allow_row {
	char host[ALLOW_HOST_MAX + 1];          /* lower case, no trailing dot; "" for a numeric row */
	uint16_t port;
	bool loopback;                          /* this machine's own loopback, reached by way of the gate */
	unsigned count, next;
	struct net_addr addrs[ALLOW_ADDRS_MAX];
};

struct allow { struct allow_row rows[ALLOW_MAX]; unsigned count; };

struct net_addr net_addr_v4(const void *four_bytes);
bool net_addr_is_v4(const struct net_addr *a);
bool net_addr_eq(const struct net_addr *a, const struct net_addr *b);

/* A numeric address of either family, [brackets] and zones not accepted. SP_EINVAL otherwise. */
SP_MUST int net_addr_parse(const char *s, struct net_addr *ret);

/* "203.0.113.5:80", "[2001:db8::1]:443". */
struct net_text { char s[INET6_ADDRSTRLEN + 9]; };
struct net_text net_dest_text(const struct net_dest *d);

/* The IPv4 address that A is, or leads to by NAT64 or 6to4. */
bool net_addr_v4_of(const struct net_addr *a, uint8_t ret[4]);

/* Is A on the public Internet, whatever it embeds? */
bool net_addr_is_public(const struct net_addr *a);

/* Add HOST:PORT or [V6]:PORT. SP_EINVAL: malformed. SP_EQUOTA: more than ALLOW_MAX. */
SP_MUST int allow_add(struct allow *a, const char *host_port, struct sp_err *e);

/* Does a row name HOST (lower case)? */
bool allow_has_name(const struct allow *a, const char *host);

/* HOST was seen to have ADDR. */
void allow_learn(struct allow *a, const char *host, const struct net_addr *addr);

/* Is D listed for builds? *RET_DIAL: what to connect to, D or this machine's loopback for the gate. */
bool allow_passes(const struct allow *a, const struct net_dest *d, struct net_dest *ret_dial);

/* The decision. On EGRESS_PASS, RET_DIAL is what to connect to: D, or this machine's loopback for the gate. */
enum egress_verdict egress_decide(enum launch_egress policy, const struct allow *allow, const struct net_dest *d,
		struct net_dest *ret_dial);

/* "no-network", "address", "own-address", "port", …; for the log. */
const char *egress_verdict_name(enum egress_verdict v);
