/*
 * router.h - which row of routes.def answers a request. Pure.
 */
#pragma once

#include "server/http/conn.h"

/* The table of routes.def and its number of rows. */
extern const struct http_route http_routes[];
extern const unsigned http_routes_count;

/*
 * The row of TABLE that fits METHOD and the raw PATH best: compared segment by segment, literal before parameter before
 * rest, then the earlier row. HEAD takes a GET row. PARAMS gets the decoded parameters, allocated from A.
 * SP_ENOENT: no pattern fits the path. SP_EUNSUPPORTED: only with other methods, named in ALLOW ("GET, HEAD").
 * SP_EINVAL: a parameter holds %00.
 */
SP_MUST int router_find(const struct http_route *table, unsigned count, enum http_method method, const char *path,
		struct sp_arena *a, const struct http_route **ret, struct http_pair **ret_params, char allow[64], struct sp_err *e);

const char *http_method_name(enum http_method m);
