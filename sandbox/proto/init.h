/*
 * init.h - messages between the launcher and vitrine-init, pid 1 of a slot.
 *
 * Init runs with the app's trust: whatever comes from it is hostile. A malformed message ends the slot.
 */
#pragma once

#include "launch.h"

enum init_direction { INIT_TO_INIT, INIT_FROM_INIT };

struct init_ended { uint32_t end; int32_t value; };     /* enum launch_end: EXITED, SIGNALED, SYSCALL or EXEC */
struct init_signal { int32_t signal; uint32_t reserved; };
struct init_none { char nothing[8]; };

#define INIT_MSGS(X) \
	X(SIGNAL,    INIT_TO_INIT,   struct init_signal) \
	X(PORTS,     INIT_TO_INIT,   struct init_none) \
	X(ENDED,     INIT_FROM_INIT, struct init_ended) \
	X(PORTS_ARE, INIT_FROM_INIT, struct launch_ports)

enum init_type {
#define X(name, dir, body) INIT_##name,
	INIT_MSGS(X)
#undef X
	INIT_TYPE_MAX
};

extern const struct sp_msg_table init_table;
