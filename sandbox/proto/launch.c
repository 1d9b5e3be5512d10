#include "launch.h"

static const struct sp_msg_row rows[LAUNCH_TYPE_MAX] = {
#define X(name, dir, body, fmin, fmax) [LAUNCH_##name] = { #name, dir, sizeof(body), sizeof(body), fmin, fmax },
	LAUNCH_MSGS(X)
#undef X
};

const struct sp_msg_table launch_table = { rows, LAUNCH_TYPE_MAX };
