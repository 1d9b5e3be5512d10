#include "server/pages/files.h"

#include <string.h>

#include "auto.h"
#include "server/api/repo_util.h"
#include "server/pages/sanitize.h"
#include "server/server.h"

enum { REFS_SHOWN = 60 };

const char *files_path(struct http_req *rq)
{
	char *path = sp_arena_str(rq->arena, http_param(rq, "path"));
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
	return path;
}

const char *files_dir(struct http_req *rq, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? sp_arena_mem(rq->arena, path, (size_t)(slash - path)) : "";
}

static void set_crumbs(struct http_req *rq, struct view_files_bar *v, const char *path)
{
	size_t n = 1, at = 1;
	struct view_crumb *crumbs;

	for (const char *p = path; *p; p++)
		n += *p == '/' || p == path;
	crumbs = sp_arena_get(rq->arena, n * sizeof(*crumbs));
	crumbs[0] = (struct view_crumb){ v->name, "", n == 1 };
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		crumbs[at] = (struct view_crumb){ page_name(rq->arena, sp_arena_mem(rq->arena, p, len)), sp_arena_mem(rq->arena, path, (size_t)(p - path) + len), at + 1 == n };
		at++;
		p += len + (p[len] == '/');
	}
	v->crumbs = crumbs;
	v->n_crumbs = n;
}

/* Branches, then tags. *RET: REV is a branch, so that files can be put on it. */
static void set_refs(struct http_req *rq, struct view_files_bar *v, bool *ret)
{
	struct repo_ref *refs = NULL;
	struct view_ref *shown;
	size_t n = 0, at = 0;

	if (repo_refs(rq->srv->repos, &rq->repo->id, rq->arena, &refs, &n, NULL) < 0)
		n = 0;
	shown = sp_arena_get(rq->arena, (n + 1) * sizeof(*shown));
	for (int tags = 0; tags <= 1; tags++) {
		for (size_t i = 0; i < n && at < REFS_SHOWN; i++) {
			bool is_tag = sp_starts_with(refs[i].full, "refs/tags/"), is_on = strcmp(refs[i].name, v->rev) == 0;

			if (is_tag != tags || (!is_tag && !sp_starts_with(refs[i].full, "refs/heads/")))
				continue;
			*ret = *ret || (is_on && !is_tag);
			shown[at++] = (struct view_ref){ refs[i].name, is_on, is_tag };
		}
	}
	v->refs = shown;
	v->n_refs = at;
}

struct view_files_bar files_bar(struct http_req *rq, const char *kind, const char *rev, const char *path)
{
	struct view_files_bar v = { .owner = rq->repo->owner_name, .name = rq->repo->name, .rev = rev, .path = path, .kind = kind };
	bool is_branch = false;

	set_crumbs(rq, &v, path);
	set_refs(rq, &v, &is_branch);
	v.can_add = strcmp(kind, "tree") == 0 && page_may_write(rq, rq->repo) && (is_branch || (v.n_refs == 0 && strcmp(rev, "main") == 0));
	v.has_history = strcmp(kind, "commits") != 0 && v.n_refs > 0;
	return v;
}

struct view_commit files_commit(struct http_req *rq, const struct repo_commit_info *c)
{
	return (struct view_commit){
		.owner = rq->repo->owner_name, .name = rq->repo->name, .id = sp_arena_str(rq->arena, c->id),
		.short_id = sp_arena_mem(rq->arena, c->id, strnlen(c->id, 7)), .title = *c->title ? c->title : "(no message)",
		.message = c->message, .author = c->author, .at = page_when(rq->arena, c->at_ms),
	};
}

struct view_commit files_last(struct http_req *rq, const char *commit, const char *path)
{
	struct repo_commit_info *at;
	enum repo_rest rest;
	size_t n = 0;

	if (*commit && repo_history(rq->srv->repos, &rq->repo->id, commit, path, 0, 1, rq->arena, &at, &n, &rest, NULL) == 0 && n)
		return files_commit(rq, at);
	return (struct view_commit){ .id = "" };
}

void files_page(struct http_req *rq, struct view_page *page, struct view_space_head *head, const char *title)
{
	const struct store_repo *r = rq->repo;
	struct space_view s = page_space_view(rq, &r->id);

	page_begin(rq, page, sp_arena_fmt(rq->arena, "%s · %s", title, r->title[0] ? r->title : r->name));
	page->icon = r->emoji;
	page->icon_state = stage_row(s.stage)->tone;
	page->files = true;
	*head = page_space_head(rq, r, &s, "files");
}

struct sanitize files_sanitize(struct http_req *rq, const char *rev, const char *path)
{
	const char *space = sp_arena_fmt(rq->arena, "/spaces/%s/%s", rq->repo->owner_name, rq->repo->name), *at = repo_percent(rq->arena, rev, false);

	return (struct sanitize){
		.pages = sp_arena_fmt(rq->arena, "%s/blob/%s", space, at), .files = sp_arena_fmt(rq->arena, "%s/resolve/%s", space, at),
		.dir = repo_percent(rq->arena, files_dir(rq, path), true), .shift_headings = true,
	};
}
