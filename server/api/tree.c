#include <string.h>

#include "clock.h"
#include "limit.h"
#include "server/api/repo_util.h"
#include "server/server.h"

enum { PAGE_WITH_COMMITS = 100, PATHS_MAX = 1000 };

static json_t *entry_json(const struct repo_entry *it, bool expand)
{
	json_t *j = json_pack("{s:s, s:s, s:I, s:o}", "type", it->is_dir ? "directory" : "file", "oid", it->oid,
		"size", (json_int_t)it->size, "path", repo_text(it->path));

	if (it->lfs.is_lfs)
		json_object_set_new(j, "lfs", json_pack("{s:s, s:I, s:I}", "oid", it->lfs.sha256, "size", (json_int_t)it->lfs.size,
			"pointerSize", (json_int_t)it->lfs.pointer_size));
	if (expand && it->last_commit[0]) {
		struct sp_iso at = sp_iso_ms(it->last_ms);

		json_object_set_new(j, "lastCommit", json_pack("{s:s, s:o, s:s}", "id", it->last_commit, "title", repo_text(it->last_title),
			"date", at.s));
	}
	return j;
}

static const char *next_url(struct http_req *rq, const char *commit, const char *path, const struct repo_page *page, bool has_limit)
{
	return sp_arena_fmt(rq->arena, "/api/spaces/%s/%s/tree/%s%s%s?recursive=%s&expand=%s%s", rq->repo->owner_name, rq->repo->name, commit,
		*path ? "/" : "", repo_percent(rq->arena, path, true), page->recursive ? "true" : "false",
		page->with_last_commit ? "true" : "false", has_limit ? sp_arena_fmt(rq->arena, "&limit=%zu", page->limit) : "");
}

static int read_page(struct http_req *rq, struct repo_page *page, struct sp_err *e)
{
	int64_t most = http_query_bool(rq, "expand") ? PAGE_WITH_COMMITS : SP_LIMIT_tree_page, skip, limit;
	int r = http_query_int(rq, "cursor", 0, INT32_MAX, 0, &skip, e);

	if (r == 0)
		r = http_query_int(rq, "limit", 1, INT32_MAX, most, &limit, e);
	if (r < 0)
		return r;
	*page = (struct repo_page){ .skip = (size_t)skip, .limit = (size_t)(limit < most ? limit : most),
		.recursive = http_query_bool(rq, "recursive"), .with_last_commit = http_query_bool(rq, "expand") };
	return 0;
}

int api_repo_tree(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *rev, *path;
	struct repo_page page;
	struct repo_entry *v;
	char commit[41];
	size_t n;
	bool more;
	json_t *all;
	int r = read_page(rq, &page, e);

	if (r < 0)
		return r;
	repo_rev_and_path(rq, &rev, &path);
	r = repo_revision(rq, rs, rev, commit, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = repo_tree_page(rq->srv->repos, &rq->repo->id, commit, path, &page, rq->arena, &v, &n, &more, e);
	if (r == -SP_ENOENT)
		return repo_no_entry(rq, rs, commit, path);
	if (r < 0)
		return r;

	all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, entry_json(&v[i], page.with_last_commit));
	if (more)       /* the commit, not its branch: the next page is of the same tree */
		repo_link_next(rq, rs, next_url(rq, commit, path, &page, http_query(rq, "limit") != NULL), page.skip + n);
	http_set(rq, rs, "X-Repo-Commit", commit);
	return http_reply_json(rq, rs, 200, all);
}

static bool is_json_body(const struct http_req *rq)
{
	const char *type = http_header(rq, "content-type");

	return type && sp_starts_with(type, "application/json");
}

/* The paths asked for: a form from Python, JSON from JavaScript (C-HF-52). */
static int read_paths(struct http_req *rq, const char ***ret, size_t *ret_n, bool *ret_expand, struct sp_err *e)
{
	const char **v = sp_arena_get(rq->arena, (PATHS_MAX + 1) * sizeof(*v)), *expand;
	json_t *body, *list;
	size_t n = 0;
	int r;

	if (!is_json_body(rq)) {
		for (; n <= PATHS_MAX && (v[n] = http_form_at(rq, "paths", (unsigned)n)) != NULL; n++)
			;
		expand = http_form(rq, "expand");
		*ret_expand = expand && (strcmp(expand, "true") == 0 || strcmp(expand, "True") == 0 || strcmp(expand, "1") == 0);
	} else {
		r = http_json(rq, &body, e);
		if (r < 0)
			return r;
		list = json_object_get(body, "paths");
		*ret_expand = json_is_true(json_object_get(body, "expand"));
		if (json_is_string(list))
			v[n++] = json_string_value(list);
		for (size_t i = 0; i < json_array_size(list) && n <= PATHS_MAX; i++)
			if (json_is_string(json_array_get(list, i)))
				v[n++] = json_string_value(json_array_get(list, i));
	}
	if (n > PATHS_MAX)
		return sp_fail(e, SP_EQUOTA, 0, "at most %d paths in one request: send several", PATHS_MAX);
	*ret = v;
	*ret_n = n;
	return 0;
}

int api_paths_info(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	char commit[41];
	const char **paths = NULL;
	struct repo_entry *v;
	size_t n = 0;
	bool expand = false;
	json_t *all;
	int r = repo_revision(rq, rs, http_param(rq, "rev"), commit, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = read_paths(rq, &paths, &n, &expand, e);
	if (r == 0)
		r = repo_stat_many(rq->srv->repos, &rq->repo->id, commit, paths, n, expand, rq->arena, &v, e);
	if (r < 0)
		return r;
	all = json_array();
	for (size_t i = 0; i < n; i++)
		if (v[i].path)
			json_array_append_new(all, entry_json(&v[i], expand));
	http_set(rq, rs, "X-Repo-Commit", commit);
	return http_reply_json(rq, rs, 200, all);
}
