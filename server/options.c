#include "server/options.h"

#include <stddef.h>
#include <string.h>

#include "num.h"

struct row { const char *name; size_t at; enum { TEXT, NUMBER } kind; };

static const struct row rows[] = {
	{ "--state",       offsetof(struct server_options, state),       TEXT },
	{ "--domain",      offsetof(struct server_options, domain),      TEXT },
	{ "--listen-name", offsetof(struct server_options, listen_name), TEXT },
	{ "--launch-fd",   offsetof(struct server_options, launch_fd),   NUMBER },
	{ "--http-fd",     offsetof(struct server_options, http_fd),     NUMBER },
	{ "--ws-fd",       offsetof(struct server_options, ws_fd),       NUMBER },
	{ "--route-fd",    offsetof(struct server_options, route_fd),    NUMBER },
	{ "--admin-fd",    offsetof(struct server_options, admin_fd),    NUMBER },
	{ "--report-fd",   offsetof(struct server_options, report_fd),   NUMBER },
	{ "--operator-fd", offsetof(struct server_options, operator_fd), NUMBER },
	{ "--edge-uid",    offsetof(struct server_options, edge_uid),    NUMBER },
};

static int set(struct server_options *o, const struct row *row, const char *value, struct sp_err *e)
{
	char *base = (char *)o + row->at;
	uint64_t n;

	if (row->kind == TEXT) {
		memcpy(base, &value, sizeof(value));
		return 0;
	}
	if (strcmp(value, "-1") == 0)
		return 0;
	if (sp_parse_u64(value, strlen(value), INT32_MAX, &n) < 0)
		return sp_fail(e, SP_EINVAL, 0, "%s wants a number, not '%s'", row->name, value);
	memcpy(base, &(int){ (int)n }, sizeof(int));
	return 0;
}

int options_parse(int argc, char **argv, struct server_options *ret, struct sp_err *e)
{
	struct server_options o = { .domain = "localhost", .listen_name = "localhost:7860", .launch_fd = -1, .http_fd = -1, .ws_fd = -1,
		.route_fd = -1, .admin_fd = -1, .report_fd = -1, .operator_fd = -1, .edge_uid = -1 };

	for (int i = 1; i < argc; i += 2) {
		const struct row *row = rows, *end = rows + sizeof(rows) / sizeof(rows[0]);
		int r;

		while (row < end && strcmp(row->name, argv[i]) != 0)
			row++;
		if (row == end)
			return sp_fail(e, SP_EINVAL, 0, "no such option: '%s'", argv[i]);
		if (i + 1 == argc)
			return sp_fail(e, SP_EINVAL, 0, "%s wants a value", argv[i]);
		r = set(&o, row, argv[i + 1], e);
		if (r < 0)
			return r;
	}
	if (!o.state)
		return sp_fail(e, SP_EINVAL, 0, "--state is missing");
	*ret = o;
	return 0;
}
