/*
 * user_json.h - a person as the Hub's clients read one (hf-api.md 6.5).
 */
#pragma once

#include <jansson.h>

#include "server/http/http.h"

/* {"user", "fullname", "avatarUrl", "type"}; NAME and FULLNAME are lent. */
json_t *user_json(const struct http_req *rq, const char *name, const char *fullname);

const char *user_avatar_url(const struct http_req *rq, const char *name);
