#include "runtime/repo/history.h"

#include <string.h>

#include "auto.h"
#include "limit.h"
#include "priv.h"
#include "str.h"

REPO_AUTO_FREE(git_diff)
REPO_AUTO_FREE(git_patch)

/* What is at PATH: an all-zero id when nothing is. */
static git_oid at_path(const git_tree *tree, const char *path)
{
	repo_auto(git_tree_entry) git_tree_entry *at = NULL;
	git_oid none = { .id = { 0 } };

	return tree && git_tree_entry_bypath(&at, tree, path) == 0 ? *git_tree_entry_id(at) : none;
}

/* Did C change PATH? *RET_PARENT: its first parent, NULL at the beginning. */
static int changed(git_commit *c, const char *path, git_commit **ret_parent, bool *ret, struct sp_err *e)
{
	repo_auto(git_commit) git_commit *parent = NULL;
	repo_auto(git_tree) git_tree *now = NULL, *before = NULL;
	git_oid x, y;
	int r = *path ? git_commit_tree(&now, c) : 0;

	if (r >= 0 && git_commit_parentcount(c) > 0) {
		r = git_commit_parent(&parent, c, 0);
		if (r >= 0 && *path)
			r = git_commit_tree(&before, parent);
	}
	if (r < 0)
		return repo_git_fail(e, r, "walk back");
	*ret = true;
	if (*path) {
		x = at_path(now, path);
		y = at_path(before, path);
		*ret = !git_oid_equal(&x, &y);
	}
	*ret_parent = sp_take_ptr(&parent);
	return 0;
}

int repo_history(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, size_t skip, size_t limit,
		struct sp_arena *a, struct repo_commit_info **ret, size_t *ret_n, enum repo_rest *ret_rest, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_commit) git_commit *c = NULL;
	struct repo_commit_info *v = sp_arena_get(a, (limit + 1) * sizeof(*v));
	struct repo_walk walk = { 0 };
	size_t seen = 0, n = 0;
	int r = repo_open(rs, id, &g, e);

	if (r == 0)
		r = repo_commit_of(g, commit, &c, e);
	if (r < 0)
		return r;
	while (c && n <= limit && repo_walk_on(&walk)) {
		git_commit *parent = NULL;
		bool it = false;

		r = changed(c, path, &parent, &it, e);
		if (r < 0)
			return r;
		if (it && seen++ >= skip) {
			if (n < limit)
				repo_describe(c, a, &v[n]);
			n++;
		}
		git_commit_free(c);
		c = parent;
	}
	*ret_rest = n > limit ? REST_MORE : c ? REST_UNSEEN : REST_NONE;
	*ret_n = n > limit ? limit : n;
	*ret = v;
	return 0;
}

/* ---- one commit ---- */

struct reading { struct sp_arena *a; size_t left; };

static void read_line(struct reading *rd, const git_diff_line *l, struct repo_diff_line *to)
{
	size_t n = l->content_len;

	while (n && (l->content[n - 1] == '\n' || l->content[n - 1] == '\r'))
		n--;
	if (n > SP_LIMIT_diff_line_bytes)
		n = SP_LIMIT_diff_line_bytes;
	*to = (struct repo_diff_line){
		.kind = l->origin == '+' || l->origin == '-' ? l->origin : ' ', .text = sp_arena_mem(rd->a, l->content, n),
		.old_line = l->old_lineno > 0 ? l->old_lineno : 0, .new_line = l->new_lineno > 0 ? l->new_lineno : 0,
	};
}

static int read_hunk(struct reading *rd, git_patch *patch, size_t h, struct sp_buf *lines, struct repo_diff_file *f, struct sp_err *e)
{
	const git_diff_hunk *hunk;
	struct repo_diff_line line = { .kind = '@' };
	size_t n;
	int r = git_patch_get_hunk(&hunk, &n, patch, h);

	if (r < 0)
		return repo_git_fail(e, r, "read a difference");
	line.text = sp_arena_mem(rd->a, hunk->header, strcspn(hunk->header, "\r\n"));
	sp_buf_add(lines, &line, sizeof(line));
	for (size_t i = 0; i < n; i++) {
		const git_diff_line *l;

		if (rd->left == 0) {
			f->is_cut = true;
			return 0;
		}
		r = git_patch_get_line_in_hunk(&l, patch, h, i);
		if (r < 0)
			return repo_git_fail(e, r, "read a difference");
		if (l->origin != '+' && l->origin != '-' && l->origin != ' ')
			continue;       /* "no newline at the end" */
		rd->left--;
		read_line(rd, l, &line);
		sp_buf_add(lines, &line, sizeof(line));
	}
	return 0;
}

static int read_lines(struct reading *rd, git_diff *diff, size_t i, struct repo_diff_file *f, struct sp_err *e)
{
	repo_auto(git_patch) git_patch *patch = NULL;
	sp_auto_buf struct sp_buf lines = { 0 };
	struct repo_diff_line *copy;
	int r = git_patch_from_diff(&patch, diff, i);

	if (r < 0)
		return repo_git_fail(e, r, "compare '%.60s'", f->path);
	f->is_binary = !patch || (git_patch_get_delta(patch)->flags & GIT_DIFF_FLAG_BINARY) != 0;
	if (f->is_binary)
		return 0;
	git_patch_line_stats(NULL, &f->added, &f->removed, patch);
	for (size_t h = 0; h < git_patch_num_hunks(patch) && r >= 0 && !f->is_cut; h++)
		r = read_hunk(rd, patch, h, &lines, f, e);
	if (r < 0)
		return r;
	copy = sp_arena_get(rd->a, lines.n + 1);
	if (lines.n)
		memcpy(copy, lines.p, lines.n);
	f->lines = copy;
	f->n_lines = lines.n / sizeof(*copy);
	return 0;
}

static char status_of(git_delta_t s)
{
	return s == GIT_DELTA_ADDED ? 'A' : s == GIT_DELTA_DELETED ? 'D' : s == GIT_DELTA_RENAMED ? 'R' : 'M';
}

static int read_files(struct reading *rd, git_diff *diff, struct repo_diff *ret, struct sp_err *e)
{
	size_t n = git_diff_num_deltas(diff);
	struct repo_diff_file *files;
	int r = 0;

	ret->is_cut = n > SP_LIMIT_diff_files;
	n = ret->is_cut ? SP_LIMIT_diff_files : n;
	files = sp_arena_get(rd->a, (n + 1) * sizeof(*files));
	for (size_t i = 0; i < n && r == 0; i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);

		files[i] = (struct repo_diff_file){ .status = status_of(d->status), .old_path = "", .is_cut = rd->left == 0 };
		files[i].path = sp_arena_str(rd->a, d->status == GIT_DELTA_DELETED ? d->old_file.path : d->new_file.path);
		if (d->status == GIT_DELTA_RENAMED)
			files[i].old_path = sp_arena_str(rd->a, d->old_file.path);
		if (rd->left > 0)
			r = read_lines(rd, diff, i, &files[i], e);
	}
	ret->files = files;
	ret->n_files = n;
	return r;
}

int repo_diff(struct repos *rs, const struct sp_id *id, const char *commit, struct sp_arena *a, struct repo_diff *ret, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_commit) git_commit *c = NULL, *parent = NULL;
	repo_auto(git_tree) git_tree *now = NULL, *before = NULL;
	repo_auto(git_diff) git_diff *diff = NULL;
	git_diff_options options;
	git_diff_find_options find;
	struct reading rd = { a, SP_LIMIT_diff_lines };
	struct repo_diff got = { .parent = "" };
	int r = repo_open(rs, id, &g, e);

	if (r == 0)
		r = repo_commit_of(g, commit, &c, e);
	if (r < 0)
		return r;
	r = git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
	if (r >= 0)
		r = git_diff_find_options_init(&find, GIT_DIFF_FIND_OPTIONS_VERSION);
	if (r < 0)
		return repo_git_fail(e, r, "compare '%.40s' with what was before", commit);
	options.max_size = SP_LIMIT_diff_file_bytes;    /* longer ones count as binary */
	find.flags = GIT_DIFF_FIND_RENAMES | GIT_DIFF_FIND_EXACT_MATCH_ONLY;     /* by content is quadratic */
	r = git_commit_tree(&now, c);
	if (r >= 0 && git_commit_parentcount(c) > 0) {
		r = git_commit_parent(&parent, c, 0);
		if (r >= 0)
			r = git_commit_tree(&before, parent);
		if (r >= 0)
			git_oid_tostr(got.parent, sizeof(got.parent), git_commit_id(parent));
	}
	if (r >= 0)
		r = git_diff_tree_to_tree(&diff, g, before, now, &options);
	if (r >= 0 && git_diff_num_deltas(diff) <= SP_LIMIT_diff_files)
		r = git_diff_find_similar(diff, &find);
	if (r < 0)
		return repo_git_fail(e, r, "compare '%.40s' with what was before", commit);
	r = read_files(&rd, diff, &got, e);
	if (r < 0)
		return r;
	*ret = got;
	return 0;
}
