#include "network.h"

#include <string.h>

#include "auto.h"

bool network_policy(const char *name, enum launch_egress *ret)
{
	static const struct { const char *name; enum launch_egress egress; } rows[] = { { "none", EGRESS_NONE }, { "web", EGRESS_WEB }, { "any", EGRESS_ANY } };

	*ret = EGRESS_NONE;
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0) {
			*ret = rows[i].egress;
			return true;
		}
	return false;
}
