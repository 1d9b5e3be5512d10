/*
 * repo_make.h - what creating, duplicating and moving a Space share: names, owners, wishes (hf-api.md 2.1, 2.2).
 */
#pragma once

#include <jansson.h>

#include "runtime/store/store.h"
#include "server/http/http.h"

/* Why NAME cannot be one of a repository, as the end of a sentence; NULL: it can. Pure. */
const char *repo_name_fault(const char *name);

/* "http://…/spaces/OWNER/NAME" for this client. */
const char *repo_url(struct http_req *rq, const char *owner, const char *name);

/* The user NAME (NULL or "": the caller), and may the caller create there? 1: answered. */
SP_MUST int repo_owner(struct http_req *rq, struct http_resp *rs, const char *name, struct store_user *ret, struct sp_err *e);

/* "owner/name" of a body. 1: answered. */
SP_MUST int repo_target(struct http_req *rq, struct http_resp *rs, const char *id, struct store_user *ret_owner, const char **ret_name, struct sp_err *e);

/* private or public out of "visibility" or the older "private" (C-HF-33). 1: answered. */
SP_MUST int repo_visibility(struct http_req *rq, struct http_resp *rs, const json_t *body, bool *ret, bool *ret_given);

/* 409 with the url, which clients with exist_ok read out of it (C-HF-32). */
int repo_already_there(struct http_req *rq, struct http_resp *rs, const char *owner, const char *name);

/* What comes with a new Space beside its files: checked as a whole before anything is made. Lent from the body. */
struct repo_wish { const json_t *secrets, *variables; int64_t sleep_s; };

/* Notes hardware that this server does not have in X-HF-Warning. 1: answered. */
SP_MUST int repo_wish_read(struct http_req *rq, struct http_resp *rs, const json_t *body, struct repo_wish *ret, struct sp_err *e);

/*
 * The row R of a repository that is on disk, with variables (those of FROM too, NULL: none), secrets and an event WHAT. All or
 * nothing: when it fails, row and repository are gone again. SP_EEXIST: another request was faster.
 */
SP_MUST int repo_row_add(struct http_req *rq, const struct store_repo *r, const struct sp_id *from, const struct repo_wish *w,
		const char *what, struct sp_err *e);
