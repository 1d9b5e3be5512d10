/*
 * routes.c - routes.def as a table. A file of its own: it refers to every handler there is.
 */
#include "server/http/router.h"

static const struct http_route rows[] = {
#define ROUTE(method, pattern, handler, verb, body) { method, pattern, handler, #handler, verb, body },
#include "server/http/routes.def"
#undef ROUTE
};

static const struct http_app_host hosts[] = {
	{ "static", app_host_static },
	{ "waiting", app_host_waiting },
	{ "down", app_host_down },
	{ "unknown", app_host_unknown },
};

const struct http_table http_routes = { rows, sizeof(rows) / sizeof(rows[0]), hosts, sizeof(hosts) / sizeof(hosts[0]) };
