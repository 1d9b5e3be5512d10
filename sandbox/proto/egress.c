#include "egress.h"

static const struct sp_msg_row rows[EGRESS_TYPE_MAX] = {
#define X(name, dir, body, fds) [EGRESS_MSG_##name] = { #name, dir, sizeof(body), sizeof(body), fds, fds },
	EGRESS_MSGS(X)
#undef X
};

const struct sp_msg_table egress_table = { rows, EGRESS_TYPE_MAX };
