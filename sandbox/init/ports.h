/*
 * ports.h - which TCP ports the slot's programs listen on: /proc/net/tcp and tcp6, state 0A
 * (Linux Documentation/networking/proc_net_tcp.rst). The platform's own listeners are left out.
 */
#pragma once

#include <stdbool.h>

#include "launch.h"

void ports_read(struct launch_ports *ret);

/* One line of family 4 or 6; false: not a listener, or one already known, or the table is full. */
bool ports_add(struct launch_ports *p, const char *line, unsigned family);
