#include "route.h"

static const struct sp_msg_row rows[ROUTE_TYPE_MAX] = {
#define X(name, dir, body) [ROUTE_MSG_##name] = { #name, dir, sizeof(body), sizeof(body), 0, 0 },
	ROUTE_MSGS(X)
#undef X
};

const struct sp_msg_table route_table = { rows, ROUTE_TYPE_MAX };
