#include "priv.h"

#include <string.h>

#include "auto.h"
#include "str.h"

enum { RULES_MAX = 1 << 16 };

/* The text of .gitignore in the root of COMMIT, "" when there is none. */
static int read_rules(git_repository *g, const char *commit, struct sp_buf *to, struct sp_err *e)
{
	repo_auto(git_tree) git_tree *root = NULL;
	repo_auto(git_blob) git_blob *blob = NULL;
	const git_tree_entry *at;
	int r = repo_tree_of(g, commit, &root, e);

	sp_buf_puts(to, "");
	if (r < 0)
		return r;
	at = git_tree_entry_byname(root, ".gitignore");
	if (!at || git_tree_entry_type(at) != GIT_OBJECT_BLOB)
		return 0;
	r = git_blob_lookup(&blob, g, git_tree_entry_id(at));
	if (r < 0)
		return repo_git_fail(e, r, "read .gitignore");
	if (git_blob_rawsize(blob) <= RULES_MAX && !git_blob_is_binary(blob))
		sp_buf_add(to, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
	return 0;
}

int repo_ignored(struct repos *rs, const struct sp_id *id, const char *commit, const char *rules, const char *const *paths, size_t n,
		bool *ret, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	sp_auto_buf struct sp_buf text = { 0 };
	int r = repo_open(rs, id, &g, e);

	if (r == 0 && rules)
		sp_buf_add(&text, rules, strnlen(rules, RULES_MAX));
	else if (r == 0)
		r = read_rules(g, commit, &text, e);
	if (r < 0)
		return r;
	memset(ret, 0, n * sizeof(*ret));
	if (text.n == 0)
		return 0;
	r = git_ignore_add_rule(g, text.p);
	if (r < 0)
		return repo_git_fail(e, r, "read the rules of .gitignore");
	for (size_t i = 0; i < n; i++) {
		int ignored = 0;

		/* A path that git has no opinion on (bad, too long) is the commit's business. */
		if (repo_check_path(paths[i], NULL) == 0 && git_ignore_path_is_ignored(&ignored, g, paths[i]) == 0)
			ret[i] = ignored != 0;
	}
	return 0;
}
