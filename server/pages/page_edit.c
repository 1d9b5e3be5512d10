/*
 * /spaces/{owner}/{name}/new/{rev}[/{path...}] and /edit/{rev}/{path...}: one text file in a textarea, and its commit.
 *
 * The form remembers which blob it began with. When the file is another one by then, nothing is written: the page
 * comes back with what was typed, the difference, and a form that would now replace theirs.
 */
#include <string.h>

#include "auto.h"
#include "server/http/http_status.h"
#include "server/pages/page_form.h"
#include "server/server.h"
#include "views.h"

enum { TEXT_MAX = 1 << 20, SUMMARY_MAX = 200, DESCRIPTION_MAX = 5000, DIFF_LINES = 300, TRIES = 3 };

struct edit {
	const char *branch;
	char head[41];
	const char *was, *path, *text, *blob, *eol, *summary, *description;
	const char *problem;
	bool is_new, is_conflict, is_gone;
	const char *theirs;
	int status;
};

/* Why a textarea would not give this text back as it got it; NULL: it does. */
static const char *why_no_text(const char *p, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = (unsigned char)p[i];

		len = sp_utf8_len(p + i, n - i);
		if (len == 0 || (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
			return "it is no UTF-8 text";
		if (c == '\r' && (i + 1 == n || p[i + 1] != '\n'))
			return "a line of it ends with CR alone";
	}
	return NULL;
}

/* The file as it is at COMMIT. *RET_TEXT NULL: no text to edit here, and the error says why. SP_ENOENT. */
static int read_file(struct http_req *rq, const char *commit, const char *path, const char **ret_blob, const char **ret_text, struct sp_err *e)
{
	struct repo_entry at;
	struct repo_blob b;
	const char *why;
	int r = repo_stat(rq->srv->repos, &rq->repo->id, commit, path, false, rq->arena, &at, e);

	if (r < 0)
		return r;
	if (at.is_dir)
		return sp_fail(e, SP_EINVAL, 0, "'%.80s' is a folder: open one of its files", path);
	if (at.lfs.is_lfs || at.is_link || at.size > TEXT_MAX)
		return sp_fail(e, SP_EINVAL, 0, "'%.80s' cannot be edited here (%s): upload a new version of it", path,
			at.lfs.is_lfs ? "it is stored by git-lfs" : at.is_link ? "it is a link" : "it is larger than 1 MB");
	r = repo_blob(rq->srv->repos, &rq->repo->id, &at, &b, e);
	if (r < 0)
		return r;
	*ret_blob = sp_arena_str(rq->arena, at.oid);
	*ret_text = b.p ? sp_arena_mem(rq->arena, b.p, b.n) : "";
	why = why_no_text(*ret_text, b.n);
	repo_blob_free(&b);
	return why ? sp_fail(e, SP_EINVAL, 0, "'%.80s' cannot be edited here (%s): upload a new version of it", path, why) : 0;
}

/* ---- what differs: the lines between the same beginning and the same end ---- */

struct lines { const char **at; size_t n; };

static struct lines split(struct sp_arena *a, const char *text)
{
	struct lines l = { 0 };
	size_t n = 1;
	char *copy = sp_arena_str(a, text);

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	l.at = sp_arena_get(a, n * sizeof(*l.at));
	for (char *p = copy; p && *p; ) {
		char *end = strchr(p, '\n');

		if (end)
			*end = '\0';
		l.at[l.n++] = p;
		p = end ? end + 1 : NULL;
	}
	return l;
}

static void set_diff(struct http_req *rq, struct view_edit *v, const char *theirs, const char *mine)
{
	struct lines a = split(rq->arena, theirs), b = split(rq->arena, mine);
	struct view_edit_line *to = sp_arena_get(rq->arena, (2 * DIFF_LINES + 2) * sizeof(*to));
	size_t from = 0, end_a = a.n, end_b = b.n, n = 0;

	while (from < end_a && from < end_b && strcmp(a.at[from], b.at[from]) == 0)
		from++;
	while (end_a > from && end_b > from && strcmp(a.at[end_a - 1], b.at[end_b - 1]) == 0) {
		end_a--;
		end_b--;
	}
	for (size_t i = from; i < end_a && n < DIFF_LINES; i++)
		to[n++] = (struct view_edit_line){ a.at[i], false, true };
	for (size_t i = from; i < end_b && n < 2 * DIFF_LINES; i++)
		to[n++] = (struct view_edit_line){ b.at[i], true, false };
	v->lines = to;
	v->n_lines = n;
}

static const char *folder_of(struct sp_arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? sp_arena_mem(a, path, (size_t)(slash - path)) : "";
}

const char *page_tree_path(struct http_req *rq, const char *branch, const char *folder)
{
	struct sp_buf b = { 0 };
	const char *path;

	sp_buf_fmt(&b, "/spaces/%s/%s/tree/", rq->repo->owner_name, rq->repo->name);
	vt_path(&b, branch);
	if (*folder) {
		sp_buf_puts(&b, "/");
		vt_paths(&b, folder);
	}
	path = sp_arena_str(rq->arena, b.p);
	sp_buf_fini(&b);
	return path;
}

static int reply(struct http_req *rq, struct http_resp *rs, const struct edit *x)
{
	const struct store_repo *repo = rq->repo;
	struct space_view s = page_space_view(rq, &repo->id);
	struct view_edit v = { .owner = repo->owner_name, .name = repo->name, .branch = x->branch, .problem = x->problem, .was = x->was,
		.path = x->path, .text = x->text, .blob = x->blob, .eol = x->eol, .summary = x->summary, .description = x->description,
		.is_new = x->is_new, .is_conflict = x->is_conflict, .is_gone = x->is_gone };
	struct sp_buf html = { 0 };

	v.heading = x->is_new ? "New file" : sp_arena_fmt(rq->arena, "Edit %s", x->was);
	v.cancel = page_tree_path(rq, x->branch, folder_of(rq->arena, x->was));
	v.hint = strcmp(x->branch, "main") == 0 ? "A commit to main builds a new version; the one that runs keeps running until it answers." : "";
	if (x->is_conflict)
		set_diff(rq, &v, x->theirs, x->text);
	page_begin(rq, &v.page, sp_arena_fmt(rq->arena, "%s · %s", v.heading, repo->title[0] ? repo->title : repo->name));
	v.page.icon = repo->emoji;
	v.page.icon_state = stage_row(s.stage)->tone;
	v.page.forms = v.page.editor = true;
	v.head = page_space_head(rq, repo, &s, "files");
	view_edit(&html, &v);
	return page_reply(rq, rs, x->status ? x->status : 200, &html, NULL);
}

/* The path of the request without slashes at its end; "" when the route has none. */
static const char *asked_path(struct http_req *rq, bool has_path)
{
	char *path = sp_arena_str(rq->arena, has_path ? http_param(rq, "path") : "");
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
	return path;
}

static int show_new(struct http_req *rq, struct http_resp *rs, bool has_path, struct sp_err *e)
{
	struct edit x = { .is_new = true, .was = "", .text = "", .blob = "", .eol = "", .summary = "", .description = "", .problem = "" };
	const char *path = asked_path(rq, has_path);
	struct repo_entry at;
	int r = page_branch(rq, &x.branch, x.head, e);

	if (r < 0)
		return r;
	r = *path ? repo_stat(rq->srv->repos, &rq->repo->id, x.head, path, false, rq->arena, &at, e) : -SP_ENOENT;
	if (r < 0 && r != -SP_ENOENT)
		return r;
	x.path = *path && r == 0 && at.is_dir ? sp_arena_fmt(rq->arena, "%s/", path) : path;
	if (strcmp(path, strcmp(rq->repo->sdk, "static") == 0 ? "index.html" : "app.py") == 0)
		x.text = page_first_app(rq->repo->sdk);
	return reply(rq, rs, &x);
}

int page_new_file(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show_new(rq, rs, false, e);
}

int page_new_file_at(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return show_new(rq, rs, true, e);
}

int page_edit(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct edit x = { .summary = "", .description = "", .problem = "" };
	int r = page_branch(rq, &x.branch, x.head, e);

	if (r < 0)
		return r;
	x.was = x.path = asked_path(rq, true);
	r = read_file(rq, x.head, x.path, &x.blob, &x.text, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "there is no file '%.100s' on %.60s: open the files to see what is there", x.path, x.branch);
	if (r < 0)
		return r;
	x.eol = strstr(x.text, "\r\n") ? "crlf" : "";
	return reply(rq, rs, &x);
}

/* ---- saving ---- */

/* Browsers send every line end as CR LF; the file keeps the kind that it had. */
static const char *with_line_ends(struct sp_arena *a, const char *text, bool crlf)
{
	char *out = sp_arena_get(a, strlen(text) * 2 + 1), *to = out;

	for (const char *p = text; *p; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		if (*p == '\n' && crlf)
			*to++ = '\r';
		*to++ = *p;
	}
	return out;
}

static int read_form(struct http_req *rq, struct edit *x, struct sp_err *e)
{
	struct multipart m;
	const char *text;
	int r = page_multipart(rq, &m, e);

	if (r == 0)
		r = multipart_text(&m, "was", 2048, rq->arena, &x->was, e);
	if (r == 0)
		r = multipart_text(&m, "path", 2048, rq->arena, &x->path, e);
	if (r == 0)
		r = multipart_text(&m, "blob", 64, rq->arena, &x->blob, e);
	if (r == 0)
		r = multipart_text(&m, "eol", 8, rq->arena, &x->eol, e);
	if (r == 0)
		r = multipart_text(&m, "text", 2 * TEXT_MAX, rq->arena, &text, e);
	if (r == 0)
		r = multipart_text(&m, "summary", SUMMARY_MAX * 4, rq->arena, &x->summary, e);
	if (r == 0)
		r = multipart_text(&m, "description", DESCRIPTION_MAX * 4, rq->arena, &x->description, e);
	if (r < 0)
		return r;
	x->text = with_line_ends(rq->arena, text, strcmp(x->eol, "crlf") == 0);
	x->is_new = !*x->was;
	return 0;
}

/* Is the file that the form began with still there? 1: no, X is the answer. */
static int check_stale(struct http_req *rq, struct edit *x, struct sp_err *e)
{
	const char *path = *x->was && strcmp(x->was, x->path) == 0 ? x->was : x->path, *now = "", *theirs = "";
	struct sp_err why;
	struct repo_entry at;
	int r = 0;

	if (*x->was && strcmp(x->was, x->path) != 0) {          /* renamed: what was edited, not what is there already */
		r = repo_stat(rq->srv->repos, &rq->repo->id, x->head, x->path, false, rq->arena, &at, e);
		if (r == 0)
			return sp_fail(e, SP_EEXIST, 0, "there is a file '%.100s' already: choose another name", x->path);
		path = x->was;
	}
	r = read_file(rq, x->head, path, &now, &theirs, &why);
	if (r == -SP_EINVAL && *now == '\0')
		return sp_fail(e, SP_EEXIST, 0, "%s", why.msg);
	if (r < 0 && r != -SP_ENOENT && r != -SP_EINVAL)
		return r;
	if (strcmp(now, x->blob) == 0)
		return 0;
	x->is_conflict = true;
	x->is_gone = r == -SP_ENOENT;
	x->theirs = theirs;
	x->problem = x->is_gone ? "Nothing was saved: the file was deleted while you were editing. Commit again to make it anew." :
		*x->blob ? "Nothing was saved: somebody changed this file while you were editing. Look at the difference, then commit again to keep yours." :
		"Nothing was saved: there is a file of this name already. Look at the difference, then commit again to replace it.";
	x->was = x->is_gone ? "" : path;
	x->blob = now;
	x->is_new = x->is_gone;
	x->status = 409;
	return 1;
}

static int save(struct http_req *rq, struct edit *x, struct sp_err *e)
{
	bool renames = *x->was && strcmp(x->was, x->path) != 0;
	const struct repo_op ops[2] = {
		{ .kind = OP_DELETE, .path = x->was },          /* first: "a" may become "a/b" */
		{ .kind = OP_PUT, .path = x->path, .fd = -1, .bytes = x->text, .len = strlen(x->text) },
	};
	const struct page_form_commit c = { .branch = x->branch, .parent = x->head, .ops = renames ? ops : &ops[1], .n_ops = renames ? 2 : 1,
		.description = x->description,
		.title = *x->summary ? x->summary : sp_arena_fmt(rq->arena, "%s %s", x->is_new ? "Create" : "Update", x->path) };
	char commit[41];

	return page_form_commit(rq, &c, commit, e);
}

/* 1: X is the answer. */
static int try_save(struct http_req *rq, struct edit *x, struct sp_err *e)
{
	const char *wrong = NULL;
	int r = *x->path ? repo_check_path(x->path, e) : sp_fail(e, SP_EINVAL, 0, "the file has no name: say one");

	if (r == 0 && strlen(x->text) > TEXT_MAX)
		r = sp_fail(e, SP_EQUOTA, 0, "the text is longer than 1 MB: upload the file instead");
	if (r == 0 && strcmp(x->path, "README.md") == 0 && page_check_readme(rq->arena, x->text, strlen(x->text), &wrong) < 0) {
		x->problem = wrong;
		x->status = 422;
		return 1;
	}
	for (unsigned i = 0; i < TRIES && r == 0; i++) {
		r = page_branch(rq, &x->branch, x->head, e);
		if (r == 0)
			r = check_stale(rq, x, e);
		if (r != 0)
			return r;
		r = save(rq, x, e);
		if (r != -SP_ESTALE)    /* otherwise another commit came between: is it about this file? */
			return r;
		r = 0;
	}
	return r < 0 ? r : sp_fail(e, SP_EBUSY, 0, "others commit all the time: try again");
}

int page_edit_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct edit x = { .problem = "" };
	struct sp_err why = { 0 };
	int r = read_form(rq, &x, e);

	if (r == 0)
		r = page_branch(rq, &x.branch, x.head, e);
	if (r < 0)
		return r;
	r = try_save(rq, &x, &why);
	if (r == -SP_EIO || r == -SP_EBUG || r == -SP_ENOMEM) {
		if (e)
			*e = why;
		return r;
	}
	if (r == 0)
		return page_see_other(rq, rs, page_tree_path(rq, x.branch, folder_of(rq->arena, x.path)));
	if (r < 0) {
		x.problem = page_sentence(rq->arena, &why);
		x.status = http_status_of((enum sp_code)-r);
	}
	return reply(rq, rs, &x);
}
