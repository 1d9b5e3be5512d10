#include "sandbox/init/ports.h"

#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "egress.h"

bool ports_add(struct launch_ports *p, const char *line, unsigned family)
{
	char addr[33];
	unsigned port, state;
	bool loopback;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X", addr, &port, &state) != 3 || state != 0x0A)
		return false;
	if (port == EGRESS_TCP_PORT || port == EGRESS_DNS_PORT || p->count == SP_COUNT(p->at))
		return false;
	/* Words in host order: 127.0.0.1 is 0100007F, ::1 ends in 01000000, ::ffff:127.0.0.1 in 0100007F. */
	loopback = family == 4 ? strcmp(addr + 6, "7F") == 0 : strcmp(addr, "00000000000000000000000001000000") == 0 ||
		(strncmp(addr, "0000000000000000FFFF0000", 24) == 0 && strcmp(addr + 30, "7F") == 0);
	for (uint32_t i = 0; i < p->count; i++)
		if (p->at[i].port == port && p->at[i].family == family && p->at[i].loopback == loopback)
			return false;
	p->at[p->count].port = (uint16_t)port;
	p->at[p->count].family = (uint8_t)family;
	p->at[p->count++].loopback = loopback;
	return true;
}

void ports_read(struct launch_ports *ret)
{
	static const struct { const char *path; unsigned family; } files[] = { { "/proc/net/tcp", 4 }, { "/proc/net/tcp6", 6 } };
	char line[512];

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < SP_COUNT(files); i++) {
		sp_auto_fclose FILE *f = fopen(files[i].path, "re");

		while (f && fgets(line, sizeof(line), f))
			ports_add(ret, line, files[i].family);
	}
}
