/*
 * page_form.h - what the pages with forms share: calling the API's own handlers, files out of a form, messages
 * after a redirect.
 *
 * A form does what a program does through the API, so it runs the API's handler with the JSON that a program
 * would have sent: one set of checks and events, whatever the way in.
 */
#pragma once

#include <jansson.h>

#include "runtime/repo/repo.h"
#include "server/http/http.h"
#include "server/http/multipart.h"
#include "server/pages/page.h"

/* What an API handler answered. SENTENCE is "" when STATUS is below 400. JSON: its answer, the caller's to release, or NULL. */
struct page_answer { int status; const char *sentence; json_t *json; };

/*
 * Run HANDLER on BODY (taken; NULL: {}) as this request's actor, with this request's path and query parameters.
 * Failures that are the server's own come back as errors; all others in RET.
 */
SP_MUST int page_call(struct http_req *rq, http_handler *handler, json_t *body, struct page_answer *ret, struct sp_err *e);

/* The multipart form of this request. */
SP_MUST int page_multipart(struct http_req *rq, struct multipart *ret, struct sp_err *e);

/*
 * Its files as operations that put them below FOLDER ("" for the root). Fields called "folder" hold a whole folder:
 * its own name, which every file begins with, is left out. SP_EINVAL: a bad path. *RET_N may be 0.
 */
SP_MUST int page_form_files(struct http_req *rq, const struct multipart *m, const char *folder, struct repo_op **ret, size_t *ret_n, struct sp_err *e);

/* Commit OPS to BRANCH and publish it as the API does. PARENT NULL: whatever is there. SP_ESTALE: another was faster. */
struct page_form_commit { const char *branch, *parent, *title, *description; const struct repo_op *ops; size_t n_ops; };
SP_MUST int page_form_commit(struct http_req *rq, const struct page_form_commit *c, char ret_commit[41], struct sp_err *e);

/* The branch {rev} of this request and its head. SP_ENOENT: there is no such branch, so nothing can be changed there. */
SP_MUST int page_branch(struct http_req *rq, const char **ret_branch, char ret_commit[41], struct sp_err *e);

/* The sentence of ?done=CODE, "" for none. Only codes of our own table: an address cannot put words on a page. */
const char *page_done(const struct http_req *rq);

/* The text of E as a sentence. */
const char *page_sentence(struct sp_arena *a, const struct sp_err *e);

/* May this be README.md? -SP_EINVAL and why, with line and column, in *RET_WRONG. */
SP_MUST int page_check_readme(struct sp_arena *a, const char *text, size_t n, const char **ret_wrong);

/* A first app.py (index.html) of this SDK. */
const char *page_first_app(const char *sdk);

/* The address of FOLDER on BRANCH among this Space's files. */
const char *page_tree_path(struct http_req *rq, const char *branch, const char *folder);

/* The names of this Space's secrets, what they are for and when they were set; never a value. */
struct view_secret;
SP_MUST int page_secrets(struct http_req *rq, const struct view_secret **ret, size_t *ret_n, struct sp_err *e);
