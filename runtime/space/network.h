/*
 * network.h - what a Space may reach (sandbox.md 4.4): its row says it by name, a START by number.
 */
#pragma once

#include "launch.h"

/* "none", "web", "any". False: no such policy; *RET is then EGRESS_NONE. */
bool network_policy(const char *name, enum launch_egress *ret);
