/*
 * files.h - what the pages of files, of their history and of commits share. Pool threads only.
 */
#pragma once

#include "runtime/repo/history.h"
#include "server/pages/page.h"

/* The bar for PATH of revision REV; KIND is the page's own word in its address. Failing to list references leaves them out. */
struct view_files_bar files_bar(struct http_req *rq, const char *kind, const char *rev, const char *path);
struct view_commit files_commit(struct http_req *rq, const struct repo_commit_info *c);
/* The commit that changed PATH last as of COMMIT; id "" when it is not known. */
struct view_commit files_last(struct http_req *rq, const char *commit, const char *path);
/* The page of a Space's files: title, icon, head. */
void files_page(struct http_req *rq, struct view_page *page, struct view_space_head *head, const char *title);
/* {path...} without a slash at its end. */
const char *files_path(struct http_req *rq);
/* Folder of PATH, "" for the root. */
const char *files_dir(struct http_req *rq, const char *path);
/* How the Markdown file PATH of REV is rendered. */
struct sanitize;
struct sanitize files_sanitize(struct http_req *rq, const char *rev, const char *path);
