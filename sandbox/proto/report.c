#include "report.h"

static const struct sp_msg_row rows[REPORT_TYPE_MAX] = {
#define X(name, dir, body) [REPORT_MSG_##name] = { #name, dir, sizeof(body), sizeof(body), 0, 0 },
	REPORT_MSGS(X)
#undef X
};

const struct sp_msg_table report_table = { rows, REPORT_TYPE_MAX };
