/*
 * GET /spaces/{owner}/{name}/tree/{rev}[/{path...}]: what is in a folder. Files themselves come from /resolve,
 * which never serves them as pages (C-UI-04).
 */
#include <string.h>

#include "runtime/repo/repo.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

enum { FILES_MAX = 1000 };

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void set_crumbs(struct http_req *rq, struct view_files *v, const char *path)
{
	size_t n = 1, at = 1;
	struct view_crumb *crumbs;
	const char *last = strrchr(path, '/');

	for (const char *p = path; *p; p++)
		n += *p == '/' || p == path;
	crumbs = sp_arena_get(rq->arena, n * sizeof(*crumbs));
	crumbs[0] = (struct view_crumb){ v->name, "", n == 1 };
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		crumbs[at] = (struct view_crumb){ sp_arena_mem(rq->arena, p, len), sp_arena_mem(rq->arena, path, (size_t)(p - path) + len), at + 1 == n };
		at++;
		p += len + (p[len] == '/');
	}
	v->crumbs = crumbs;
	v->n_crumbs = n;
	v->has_parent = *path != '\0';
	v->parent = last ? sp_arena_mem(rq->arena, path, (size_t)(last - path)) : "";
}

static void set_files(struct http_req *rq, struct view_files *v, const struct repo_entry *entries, size_t n)
{
	struct view_file *files = sp_arena_get(rq->arena, (n + 1) * sizeof(*files));
	size_t at = 0;

	if (n > FILES_MAX)
		n = FILES_MAX;
	for (int dirs = 1; dirs >= 0; dirs--) {
		for (size_t i = 0; i < n; i++) {
			const struct repo_entry *x = &entries[i];

			if (x->is_dir != dirs)
				continue;
			files[at++] = (struct view_file){
				.name = last_name(x->path), .path = x->path, .size = x->is_dir ? "" : page_size(rq->arena, x->size),
				.title = x->last_title ? x->last_title : "", .is_dir = x->is_dir, .is_lfs = x->lfs.is_lfs, .is_link = x->is_link,
				.at = page_when(rq->arena, x->last_ms),
			};
		}
	}
	v->files = files;
	v->n_files = n;
}

static json_t *files_json(const struct repo_entry *entries, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s*, s:s, s:I}", "type", entries[i].is_dir ? "directory" : "file",
			"path", entries[i].path, "oid", entries[i].oid, "size", (json_int_t)entries[i].size));
	return list;
}

static int show(struct http_req *rq, struct http_resp *rs, const char *path, struct sp_err *e)
{
	const struct store_repo *r = rq->repo;
	struct view_files v = { .owner = r->owner_name, .name = r->name, .rev = http_param(rq, "rev"), .origin = rq->origin };
	struct space_view s;
	struct repo_entry *entries = NULL;
	struct sp_buf html = { 0 };
	char commit[41] = "";
	size_t n = 0;
	int rc = repo_resolve(rq->srv->repos, &r->id, v.rev, commit, e);

	if (rc >= 0)
		rc = repo_tree(rq->srv->repos, &r->id, commit, path, false, true, rq->arena, &entries, &n, e);
	if (rc == -SP_ENOENT && !*path && strcmp(v.rev, "main") == 0)
		rc = 0;         /* nothing was pushed yet */
	if (rc < 0)
		return rc;
	if (page_wants_json(rq))
		return http_reply_json(rq, rs, 200, files_json(entries, n));
	s = page_space_view(rq, &r->id);
	page_begin(rq, &v.page, sp_arena_fmt(rq->arena, "Files · %s", r->title[0] ? r->title : r->name));
	v.page.icon = r->emoji;
	v.page.icon_state = stage_row(s.stage)->tone;
	v.page.copies = true;
	v.head = page_space_head(rq, r, &s, "files");
	v.commit = sp_arena_str(rq->arena, commit);
	v.commit_short = sp_arena_mem(rq->arena, commit, strnlen(commit, 7));
	set_crumbs(rq, &v, path);
	set_files(rq, &v, entries, n);
	view_files(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

int page_space_tree(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show(rq, rs, "", e);
}

int page_space_tree_path(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	char *path = sp_arena_str(rq->arena, http_param(rq, "path"));
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
	return show(rq, rs, path, e);
}
