/*
 * egress.h - messages from the launcher to vitrine-egress.
 *
 * A slot's network namespace has only lo; its nftables rules turn every outgoing TCP connection to
 * 127.0.0.1:3129 (or [::1]:3129) and every DNS query to 127.0.0.1:5353. The launcher made these
 * listeners inside the namespace and hands them over here; SO_ORIGINAL_DST tells the wanted address
 * (sandbox.md 1.5). Nothing ever flows back to the launcher.
 */
#pragma once

#include "launch.h"

enum egress_direction { EGRESS_TO_EGRESS };

/* Four descriptors in this order: TCP on 127.0.0.1:3129, TCP on [::1]:3129, UDP on 127.0.0.1:5353, TCP on 127.0.0.1:5353. */
struct egress_open { struct launch_slot slot; uint32_t policy /* enum launch_egress */, reserved; struct sp_id space; };

#define EGRESS_MSGS(X) \
	X(OPEN,  EGRESS_TO_EGRESS, struct egress_open, 4) \
	X(CLOSE, EGRESS_TO_EGRESS, struct launch_slot, 0)

enum egress_type {
#define X(name, dir, body, fds) EGRESS_MSG_##name,
	EGRESS_MSGS(X)
#undef X
	EGRESS_TYPE_MAX
};

enum { EGRESS_TCP_PORT = 3129, EGRESS_DNS_PORT = 5353 };

extern const struct sp_msg_table egress_table;
