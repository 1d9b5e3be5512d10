/*
 * report.h - what vitrine-egress tells the server of sandboxes' connections. The launcher only made the socket: it keeps both ends,
 * so that either program can be started anew, and reads nothing of it. What does not fit in the socket is lost; totals come again.
 */
#pragma once

#include "launch.h"

enum report_direction { REPORT_TO_SERVER };

enum egress_verdict {
	EGRESS_PASS,
	EGRESS_NO_NETWORK,
	EGRESS_BAD_ADDRESS,     /* not on the public Internet */
	EGRESS_OWN_ADDRESS,     /* public, but this machine's */
	EGRESS_BAD_PORT,
	EGRESS_TOO_MANY,        /* connections of this slot */
	EGRESS_FULL,            /* of all slots */
	EGRESS_VERDICT_MAX
};

/* Once for each destination of a slot's life. */
struct report_refused {
	struct launch_slot slot;
	uint8_t addr[16];                       /* IPv4 in its mapped form */
	uint16_t port, is_last;                 /* 1: from here on they are only counted */
	uint32_t why, policy;                   /* enum egress_verdict, enum launch_egress */
	struct sp_id space;
	char reserved[3];
};

/* Since this egress has the slot; SINCE_MS names that time, and another one when egress was started anew. */
struct report_traffic {
	struct launch_slot slot;
	uint64_t since_ms, bytes_out, bytes_in, connections, refused;
	struct sp_id space;
	char reserved[7];
};

#define REPORT_MSGS(X) \
	X(REFUSED, REPORT_TO_SERVER, struct report_refused) \
	X(TRAFFIC, REPORT_TO_SERVER, struct report_traffic)

enum report_type {
#define X(name, dir, body) REPORT_MSG_##name,
	REPORT_MSGS(X)
#undef X
	REPORT_TYPE_MAX
};

extern const struct sp_msg_table report_table;
