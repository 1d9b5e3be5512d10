#include "init.h"

static const struct sp_msg_row rows[INIT_TYPE_MAX] = {
#define X(name, dir, body) [INIT_##name] = { #name, dir, sizeof(body), sizeof(body), 0, 0 },
	INIT_MSGS(X)
#undef X
};

const struct sp_msg_table init_table = { rows, INIT_TYPE_MAX };
