/*
 * app_link.h - the way from the dashboard into a private app (CONTRACTS 9.3, server/app_access.h).
 */
#pragma once

#include "server/http/http.h"

struct store_repo;

/*
 * The address of REPO's app for a frame of this page: with the query of the page itself (C-UI-14), and for a private
 * Space with a claim that lets this visitor in, once.
 */
const char *app_frame_url(struct http_req *rq, const struct store_repo *repo);
