/*
 * router.h - which row of routes.def answers a request. Pure.
 */
#pragma once

#include "server/http/conn.h"

struct http_app_host { const char *why; http_handler *handler; };        /* by X-Vitrine-Why */

struct http_table { const struct http_route *rows; unsigned count; const struct http_app_host *hosts; unsigned hosts_count; };

/* routes.def and app_host_*: what vitrine answers (routes.c). */
extern const struct http_table http_routes;

/* The table in use; main takes http_routes, tests their own. Before the first request. */
void router_use(const struct http_table *t);
const struct http_table *router_table(void);

/*
 * The row of TABLE that fits METHOD and the raw PATH best: compared segment by segment, literal before parameter before
 * rest, then the earlier row. HEAD takes a GET row. PARAMS gets the decoded parameters, allocated from A.
 * SP_ENOENT: no pattern fits the path. SP_EUNSUPPORTED: only with other methods, named in ALLOW ("GET, HEAD").
 * SP_EINVAL: a parameter holds %00.
 */
SP_MUST int router_find(const struct http_table *table, enum http_method method, const char *path, struct sp_arena *a,
		const struct http_route **ret, struct http_pair **ret_params, char allow[64], struct sp_err *e);

const char *http_method_name(enum http_method m);
