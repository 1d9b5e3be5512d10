/*
 * repo_util.h - what the handlers of repositories share: revisions, URLs, text out of git, the card.
 */
#pragma once

#include <jansson.h>

#include "runtime/repo/repo.h"
#include "runtime/store/store.h"
#include "server/http/http.h"

/*
 * The commit of revision REV of rq->repo. 1: there is none, and RS says so (C-HF-04); the handler returns
 * 0 at once. Only other failures are errors.
 */
SP_MUST int repo_revision(struct http_req *rq, struct http_resp *rs, const char *rev, char ret_commit[41], struct sp_err *e);

/* {rev}/{path...} of the route. A raw "refs/pr/1/a/b" means revision refs/pr/1 (C-HF-14). PATH has no slash at its ends. */
void repo_rev_and_path(struct http_req *rq, const char **ret_rev, const char **ret_path);

const char *repo_percent(struct sp_arena *a, const char *s, bool keep_slashes);  /* RFC 3986 unreserved stays */
/* "%41" decoded. NULL: holds %00. */
const char *repo_unpercent(struct sp_arena *a, const char *s);

/* A JSON string of S; bytes that are not UTF-8, which a push can bring, become '?'. */
json_t *repo_text(const char *s);

/* Link to the page that starts at NEXT: URL has its path and all other parameters (C-HF-11). */
void repo_link_next(struct http_req *rq, struct http_resp *rs, const char *url, size_t next);

/* EntryNotFound in the Hub's words, with X-Repo-Commit (C-HF-05, C-HF-54). */
int repo_no_entry(struct http_req *rq, struct http_resp *rs, const char *commit, const char *path);

/*
 * main of R may have moved: bring the row up to date with it (head, card) and tell the runtime. Callers of
 * one Space take turns, so that the row cannot end on an older head.
 */
SP_MUST int repo_publish(struct server *srv, const struct sp_id *id, struct sp_err *e);

/* Loop thread, once the Spaces are loaded: the same for whatever moved, and then the row could not be written or the server died. */
void repo_publish_missed(struct server *srv);

/* Title, emoji, sdk, card and tags of R as this README says; its old ones where the README says nothing good. */
void repo_card_read(struct sp_arena *a, const char *readme, size_t len, struct store_repo *r);
