/* GET /spaces/{owner}/{name}/commits/{rev}[/{path...}]: what changed when. GET …/commit/{sha}: what one commit changed. */
#include <string.h>

#include "limit.h"
#include "server/api/repo_util.h"
#include "server/pages/files.h"
#include "server/server.h"
#include "views.h"

enum { COMMITS = 30, PAGES_MAX = 100000 };

static json_t *commits_json(const struct view_commit *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s}", "id", v[i].id, "title", repo_text(v[i].title), "author", repo_text(v[i].author),
			"date", v[i].at.iso));
	return list;
}

static int show_commits(struct http_req *rq, struct http_resp *rs, const char *path, struct sp_err *e)
{
	struct view_commits v = { .owner = rq->repo->owner_name, .name = rq->repo->name, .rev = http_param(rq, "rev"), .path = path };
	struct repo_commit_info *at;
	struct view_commit *commits;
	struct sp_buf html = { 0 };
	char commit[41];
	enum repo_rest rest;
	size_t n = 0;
	int64_t p;
	int r = http_query_int(rq, "p", 0, PAGES_MAX, 0, &p, e);

	if (r == 0)
		r = repo_resolve(rq->srv->repos, &rq->repo->id, v.rev, commit, e);
	if (r == 0)
		r = repo_history(rq->srv->repos, &rq->repo->id, commit, path, (size_t)p * COMMITS, COMMITS, rq->arena, &at, &n, &rest, e);
	if (r < 0)
		return r;
	commits = sp_arena_get(rq->arena, (n + 1) * sizeof(*commits));
	for (size_t i = 0; i < n; i++)
		commits[i] = files_commit(rq, &at[i]);
	if (page_wants_json(rq))
		return http_reply_json(rq, rs, 200, commits_json(commits, n));
	v.commits = commits;
	v.n_commits = n;
	v.has_next = rest == REST_MORE;
	v.is_unseen = rest == REST_UNSEEN;
	v.has_previous = p > 0;
	v.previous = p - 1;
	v.next = p + 1;
	files_page(rq, &v.page, &v.head, "History");
	v.bar = files_bar(rq, "commits", v.rev, path);
	view_commits(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

int page_commits(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show_commits(rq, rs, "", e);
}

int page_commits_path(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show_commits(rq, rs, files_path(rq), e);
}

static const char *number(struct http_req *rq, int n)
{
	return n ? sp_arena_fmt(rq->arena, "%d", n) : "";
}

static void set_lines(struct http_req *rq, struct view_diff_file *to, const struct repo_diff_file *f)
{
	struct view_change_line *lines = sp_arena_get(rq->arena, (f->n_lines + 1) * sizeof(*lines));

	for (size_t i = 0; i < f->n_lines; i++) {
		const struct repo_diff_line *l = &f->lines[i];

		lines[i] = (struct view_change_line){
			.kind = l->kind == '+' ? "add" : l->kind == '-' ? "del" : l->kind == '@' ? "at" : "same",
			.sign = l->kind == '+' ? "+" : l->kind == '-' ? "−" : "", .text = l->text,
			.old_line = number(rq, l->old_line), .new_line = number(rq, l->new_line),
		};
	}
	to->lines = lines;
	to->n_lines = f->n_lines;
}

static void set_diff(struct http_req *rq, struct view_commit_page *v, const struct repo_diff *d)
{
	struct view_diff_file *files = sp_arena_get(rq->arena, (d->n_files + 1) * sizeof(*files));

	for (size_t i = 0; i < d->n_files; i++) {
		const struct repo_diff_file *f = &d->files[i];

		files[i] = (struct view_diff_file){
			.owner = v->owner, .name = v->name, .commit = v->commit.id, .path = f->path, .old_path = f->old_path, .is_gone = f->status == 'D',
			.word = f->status == 'A' ? "added" : f->status == 'D' ? "deleted" : f->status == 'R' ? "renamed" : "changed",
			.added = (long)f->added, .removed = (long)f->removed,
			.note = f->is_binary ? "Not text, or too long to compare." : f->is_cut ? "The rest of the difference is not shown." : "",
		};
		set_lines(rq, &files[i], f);
		v->added += files[i].added;
		v->removed += files[i].removed;
	}
	v->files = files;
	v->n_files = d->n_files;
	v->is_cut = d->is_cut;
	v->parent = sp_arena_str(rq->arena, d->parent);
	v->parent_short = sp_arena_mem(rq->arena, d->parent, strnlen(d->parent, 7));
}

int page_commit(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct view_commit_page v = { .owner = rq->repo->owner_name, .name = rq->repo->name };
	struct repo_commit_info *at;
	struct sp_buf html = { 0 };
	struct repo_diff d;
	char commit[41];
	enum repo_rest rest;
	size_t n = 0;
	int r = repo_resolve(rq->srv->repos, &rq->repo->id, http_param(rq, "rev"), commit, e);

	if (r == 0)
		r = repo_history(rq->srv->repos, &rq->repo->id, commit, "", 0, 1, rq->arena, &at, &n, &rest, e);
	if (r == 0)
		r = repo_diff(rq->srv->repos, &rq->repo->id, commit, rq->arena, &d, e);
	if (r < 0 || n == 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such commit");
	v.commit = files_commit(rq, at);
	if (page_wants_json(rq))
		return http_reply_json(rq, rs, 200, json_pack("{s:s, s:o, s:o, s:s, s:s}", "id", v.commit.id, "title", repo_text(v.commit.title),
			"author", repo_text(v.commit.author), "date", v.commit.at.iso, "parent", d.parent));
	set_diff(rq, &v, &d);
	files_page(rq, &v.page, &v.head, v.commit.title);
	view_commit_page(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}
