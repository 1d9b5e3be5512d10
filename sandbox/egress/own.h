/*
 * own.h - is an address one of this machine's? The kernel's routing table is asked at each connection, so an address that came a
 * moment ago counts, and so does whatever else leads back here.
 */
#pragma once

#include "policy.h"

/* A descriptor to ask with, or -1. */
SP_MUST int own_open(void);

/* Would a packet to A, or to an IPv4 address that A embeds, end at this machine? In doubt, yes. */
bool own_is(int netlink, const struct net_addr *a);
