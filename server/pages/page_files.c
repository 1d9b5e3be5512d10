/*
 * GET /spaces/{owner}/{name}/tree/{rev}[/{path...}]: what is in a folder, with its README. Files themselves come from
 * /resolve, which never serves them as pages (C-UI-04).
 */
#include <string.h>
#include <strings.h>

#include "limit.h"
#include "server/api/repo_util.h"
#include "server/pages/files.h"
#include "server/pages/markdown.h"
#include "server/server.h"
#include "views.h"

enum { FILES_PAGE = 1000, PAGES_MAX = 1000, FIND_LOOK = 100000, FIND_SHOWN = 200 };

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void set_files(struct http_req *rq, struct view_files *v, const struct repo_entry *entries, size_t n)
{
	struct view_file *files = sp_arena_get(rq->arena, (n + 1) * sizeof(*files));
	size_t at = 0;

	for (int dirs = 1; dirs >= 0; dirs--) {
		for (size_t i = 0; i < n; i++) {
			const struct repo_entry *x = &entries[i];

			if (x->is_dir != dirs)
				continue;
			files[at++] = (struct view_file){
				.name = page_name(rq->arena, last_name(x->path)), .path = x->path, .size = x->is_dir ? "" : page_size(rq->arena, x->size),
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
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:I}", "type", entries[i].is_dir ? "directory" : "file",
			"path", repo_text(entries[i].path), "oid", entries[i].oid, "size", (json_int_t)entries[i].size));
	return list;
}

struct safe_html page_readme(struct http_req *rq, const char *rev, const struct repo_entry *at)
{
	struct sanitize how = files_sanitize(rq, rev, at->path);
	struct safe_html html = { "", 0 };
	struct repo_blob b;

	if (at->is_dir || at->is_link || at->lfs.is_lfs || at->size > SP_LIMIT_markdown_bytes)
		return html;
	if (repo_blob(rq->srv->repos, &rq->repo->id, at, &b, NULL) < 0)
		return html;
	if (b.p) {
		size_t body = page_body_at(b.p, b.n);

		html = markdown_cached(at->oid, (const char *)b.p + body, b.n - body, &how, rq->arena);
	}
	repo_blob_free(&b);
	return html;
}

static void set_readme(struct http_req *rq, struct view_files *v, const struct repo_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(last_name(entries[i].path), "README.md") != 0)
			continue;
		v->readme = page_readme(rq, v->rev, &entries[i]);
		v->readme_path = entries[i].path;
		return;
	}
}

/* Every file of the revision whose path has FIND in it. */
static int find_files(struct http_req *rq, struct view_files *v, const char *commit, struct sp_err *e)
{
	struct repo_page all = { .limit = FIND_LOOK, .recursive = true };
	struct view_found *found = sp_arena_get(rq->arena, FIND_SHOWN * sizeof(*found));
	struct repo_entry *entries;
	size_t n;
	int r = repo_tree_page(rq->srv->repos, &rq->repo->id, commit, "", &all, rq->arena, &entries, &n, &v->is_cut, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (entries[i].is_dir || !strcasestr(entries[i].path, v->find))
			continue;
		v->is_cut = v->is_cut || v->n_found == FIND_SHOWN;
		if (v->n_found < FIND_SHOWN)
			found[v->n_found++].path = entries[i].path;
	}
	v->found = found;
	return 0;
}

static int show(struct http_req *rq, struct http_resp *rs, const char *path, struct sp_err *e)
{
	const struct store_repo *r = rq->repo;
	const char *find = http_query(rq, "find");
	struct view_files v = { .owner = r->owner_name, .name = r->name, .rev = http_param(rq, "rev"), .origin = rq->origin, .path = path,
			.find = find ? find : "", .is_finding = find && *find };
	struct repo_page page = { .limit = FILES_PAGE, .with_last_commit = true };
	struct repo_entry *entries = NULL;
	struct sp_buf html = { 0 };
	char commit[41] = "";
	int64_t p;
	size_t n = 0;
	int rc = http_query_int(rq, "p", 0, PAGES_MAX, 0, &p, e);

	if (rc < 0)
		return rc;
	page.skip = (size_t)p * FILES_PAGE;
	rc = repo_resolve(rq->srv->repos, &r->id, v.rev, commit, e);
	if (rc >= 0 && v.is_finding)
		rc = find_files(rq, &v, commit, e);
	else if (rc >= 0)
		rc = repo_tree_page(rq->srv->repos, &r->id, commit, path, &page, rq->arena, &entries, &n, &v.has_more, e);
	if (rc == -SP_ENOENT && !*path && strcmp(v.rev, "main") == 0)
		rc = 0;         /* nothing was pushed yet */
	if (rc < 0)
		return rc;
	if (page_wants_json(rq))
		return http_reply_json(rq, rs, 200, files_json(entries, n));
	files_page(rq, &v.page, &v.head, *path ? path : "Files");
	v.bar = files_bar(rq, "tree", v.rev, path);
	v.last = files_last(rq, commit, path);
	v.next = p + 1;
	v.has_parent = *path != '\0';
	v.parent = files_dir(rq, path);
	v.can_start = n == 0 && !*path && v.head.may_write;
	set_files(rq, &v, entries, n);
	set_readme(rq, &v, entries, n);
	view_files(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

int page_space_tree(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show(rq, rs, "", e);
}

int page_space_tree_path(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show(rq, rs, files_path(rq), e);
}
