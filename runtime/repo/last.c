/* Which commit touched a path last: walk back along first parents until it is absent or different. */
#include "priv.h"

#include <string.h>

#include "auto.h"

static void note(git_commit *c, struct sp_arena *a, struct repo_entry *it)
{
	const char *text = git_commit_message(c);

	git_oid_tostr(it->last_commit, sizeof(it->last_commit), git_commit_id(c));
	it->last_title = repo_title(text, a);
	it->last_ms = (int64_t)git_commit_time(c) * 1000;
}

static bool is_same(const git_tree *before, const struct repo_entry *it)
{
	repo_auto(git_tree_entry) git_tree_entry *at = NULL;
	git_oid oid;

	return before && git_tree_entry_bypath(&at, before, it->path) == 0 && git_oid_fromstr(&oid, it->oid) == 0 &&
		git_oid_equal(&oid, git_tree_entry_id(at));
}

/* Settle the entries that C changed against BEFORE, its parent's tree (NULL: none); returns how many are left. */
static size_t settle(git_commit *c, const git_tree *before, struct sp_arena *a, struct repo_entry *v, size_t n, bool all)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].path || v[i].last_commit[0])
			continue;
		if (all || !is_same(before, &v[i]))
			note(c, a, &v[i]);
		else
			left++;
	}
	return left;
}

int repo_entries_last(git_repository *g, const char *commit, struct repo_entry *v, size_t n, struct sp_arena *a, struct sp_err *e)
{
	repo_auto(git_commit) git_commit *c = NULL;
	int r = repo_commit_of(g, commit, &c, e);
	struct repo_walk walk = { 0 };
	size_t left = n;

	if (r < 0)
		return r;
	while (left > 0) {
		repo_auto(git_commit) git_commit *parent = NULL;
		repo_auto(git_tree) git_tree *before = NULL;
		bool on = repo_walk_on(&walk);  /* older changes are shown as of the last commit looked at */

		if (git_commit_parentcount(c) > 0) {
			r = git_commit_parent(&parent, c, 0);
			if (r >= 0 && !git_oid_equal(git_commit_tree_id(parent), git_commit_tree_id(c)))
				r = git_commit_tree(&before, parent);
			if (r < 0)
				return repo_git_fail(e, r, "walk back from '%.40s'", commit);
			if (!before && on) {
				git_commit_free(c);
				c = sp_take_ptr(&parent);
				continue;
			}
		}
		left = settle(c, before, a, v, n, !on);
		if (!parent)
			break;
		git_commit_free(c);
		c = sp_take_ptr(&parent);
	}
	return 0;
}
