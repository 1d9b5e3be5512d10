/* /spaces/{owner}/{name}/upload/{rev}[/{path...}] and /delete/{rev}/{path...}: files in, files out, one commit each. */
#include <string.h>
#include <unistd.h>

#include "server/http/http_status.h"
#include "server/pages/page_form.h"
#include "server/server.h"
#include "views.h"

enum { SUMMARY_MAX = 800, DESCRIPTION_MAX = 20000, README_MAX = 1 << 20 };

static bool is_ours(int r)
{
	return r == -SP_EIO || r == -SP_EBUG || r == -SP_ENOMEM;
}

static const char *path_of(struct http_req *rq, bool has_path)
{
	char *path = sp_arena_str(rq->arena, has_path ? http_param(rq, "path") : "");
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
	return path;
}

static void frame(struct http_req *rq, struct view_page *page, struct view_space_head *head, const char *title)
{
	const struct store_repo *repo = rq->repo;
	struct space_view s = page_space_view(rq, &repo->id);

	page_begin(rq, page, sp_arena_fmt(rq->arena, "%s · %s", title, repo->title[0] ? repo->title : repo->name));
	page->icon = repo->emoji;
	page->icon_state = stage_row(s.stage)->tone;
	page->forms = true;
	*head = page_space_head(rq, repo, &s, "files");
}

/* ---- upload ---- */

static int reply_upload(struct http_req *rq, struct http_resp *rs, struct view_upload *v, int status)
{
	struct sp_buf html = { 0 };

	frame(rq, &v->page, &v->head, "Upload");
	v->page.drops = true;
	v->owner = rq->repo->owner_name;
	v->name = rq->repo->name;
	v->cancel = page_tree_path(rq, v->branch, v->folder);
	view_upload(&html, v);
	return page_reply(rq, rs, status, &html, NULL);
}

static int show_upload(struct http_req *rq, struct http_resp *rs, bool has_path, struct sp_err *e)
{
	struct view_upload v = { .folder = path_of(rq, has_path), .summary = "", .description = "", .problem = "" };
	char head[41];
	int r = page_branch(rq, &v.branch, head, e);

	if (r == 0 && *v.folder)
		r = repo_check_path(v.folder, e);
	return r < 0 ? r : reply_upload(rq, rs, &v, 200);
}

int page_upload(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show_upload(rq, rs, false, e);
}

int page_upload_to(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show_upload(rq, rs, true, e);
}

/* A README that nobody could build is refused before it is committed, as in the editor. */
static int check_readme(struct http_req *rq, const struct repo_op *ops, size_t n, struct sp_err *e)
{
	for (size_t i = 0; i < n; i++) {
		char *text;
		ssize_t got;
		const char *wrong;

		if (strcmp(ops[i].path, "README.md") != 0 || ops[i].len > README_MAX)
			continue;
		text = sp_arena_get(rq->arena, (size_t)ops[i].len + 1);
		got = pread(ops[i].fd, text, (size_t)ops[i].len, (off_t)ops[i].offset);
		if (got >= 0 && page_check_readme(rq->arena, text, (size_t)got, &wrong) < 0)
			return sp_fail(e, SP_EINVAL, 0, "nothing was uploaded: %s", wrong);
	}
	return 0;
}

static int take_files(struct http_req *rq, const struct multipart *m, const struct view_upload *v, struct sp_err *e)
{
	struct page_form_commit c = { .branch = v->branch, .title = v->summary, .description = v->description };
	struct repo_op *ops;
	char commit[41];
	int r = page_form_files(rq, m, v->folder, &ops, &c.n_ops, e);

	if (r == 0 && c.n_ops == 0)
		return sp_fail(e, SP_EINVAL, 0, "no file was chosen: choose one or drop it on the field");
	if (r == 0)
		r = check_readme(rq, ops, c.n_ops, e);
	if (r < 0)
		return r;
	c.ops = ops;
	if (!*c.title)
		c.title = c.n_ops == 1 ? sp_arena_fmt(rq->arena, "Upload %s", ops[0].path) : sp_arena_fmt(rq->arena, "Upload %zu files", c.n_ops);
	return page_form_commit(rq, &c, commit, e);
}

static int post_upload(struct http_req *rq, struct http_resp *rs, bool has_path, struct sp_err *e)
{
	struct view_upload v = { .folder = path_of(rq, has_path) };
	struct multipart m;
	struct sp_err why = { 0 };
	char head[41];
	int r = page_branch(rq, &v.branch, head, e);

	if (r == 0)
		r = page_multipart(rq, &m, e);
	if (r == 0)
		r = multipart_text(&m, "summary", SUMMARY_MAX, rq->arena, &v.summary, e);
	if (r == 0)
		r = multipart_text(&m, "description", DESCRIPTION_MAX, rq->arena, &v.description, e);
	if (r < 0)
		return r;
	r = take_files(rq, &m, &v, &why);
	if (r == 0)
		return page_see_other(rq, rs, page_tree_path(rq, v.branch, v.folder));
	if (is_ours(r)) {
		if (e)
			*e = why;
		return r;
	}
	v.problem = page_sentence(rq->arena, &why);
	return reply_upload(rq, rs, &v, http_status_of((enum sp_code)-r));
}

int page_upload_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return post_upload(rq, rs, false, e);
}

int page_upload_to_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return post_upload(rq, rs, true, e);
}

/* ---- delete ---- */

static const char *parent_of(struct sp_arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? sp_arena_mem(a, path, (size_t)(slash - path)) : "";
}

/* What is to be deleted, and how many files that are. */
static int find(struct http_req *rq, struct view_delete *v, struct sp_err *e)
{
	struct repo_entry at, *below;
	char head[41];
	size_t n = 0;
	int r = page_branch(rq, &v->branch, head, e);

	if (r < 0)
		return r;
	v->path = path_of(rq, true);
	r = repo_stat(rq->srv->repos, &rq->repo->id, head, v->path, false, rq->arena, &at, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "there is no '%.100s' on %.60s: it may be deleted already", v->path, v->branch);
	if (r == 0 && at.is_dir)
		r = repo_tree(rq->srv->repos, &rq->repo->id, head, v->path, true, false, rq->arena, &below, &n, e);
	if (r < 0)
		return r;
	v->is_folder = at.is_dir;
	for (size_t i = 0; i < n; i++)
		v->files += !below[i].is_dir;
	v->owner = rq->repo->owner_name;
	v->name = rq->repo->name;
	v->cancel = page_tree_path(rq, v->branch, parent_of(rq->arena, v->path));
	return 0;
}

int page_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct view_delete v = { .summary = "", .problem = "" };
	struct sp_buf html = { 0 };
	int r = find(rq, &v, e);

	if (r < 0)
		return r;
	frame(rq, &v.page, &v.head, sp_arena_fmt(rq->arena, "Delete %s", v.path));
	view_delete(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

int page_delete_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *summary = http_form(rq, "summary");
	struct view_delete v = { .problem = "" };
	struct repo_op op;
	struct page_form_commit c;
	char commit[41];
	int r = find(rq, &v, e);

	if (r < 0)
		return r;
	if (summary && strlen(summary) > SUMMARY_MAX)
		return sp_fail(e, SP_EINVAL, 0, "the summary is longer than %d bytes", SUMMARY_MAX);
	op = (struct repo_op){ .kind = v.is_folder ? OP_DELETE_TREE : OP_DELETE, .path = v.path };
	c = (struct page_form_commit){ .branch = v.branch, .title = summary && *summary ? summary : sp_arena_fmt(rq->arena, "Delete %s", v.path),
		.description = "", .ops = &op, .n_ops = 1 };
	r = page_form_commit(rq, &c, commit, e);
	return r < 0 ? r : page_see_other(rq, rs, v.cancel);
}
