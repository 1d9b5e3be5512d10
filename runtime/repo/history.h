/*
 * history.h - what changed when: commits that touched a path, and what one commit changed.
 *
 * Blocks: pool threads only. Everything is bounded: somebody else's repository decides how much there is.
 */
#pragma once

#include "runtime/repo/repo.h"

/*
 * Commits from COMMIT back along first parents that changed PATH ("" for any), newest first, without the first SKIP, at most
 * LIMIT. What *RET_REST says of older ones: no walk is longer than repo_walk_on (priv.h) lets it.
 */
enum repo_rest { REST_NONE, REST_MORE, REST_UNSEEN };
SP_MUST int repo_history(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, size_t skip, size_t limit,
		struct sp_arena *a, struct repo_commit_info **ret, size_t *ret_n, enum repo_rest *ret_rest, struct sp_err *e);

/* kind: ' ' as before, '+' added, '-' removed, '@' the place of what follows. Line numbers are 0 where there is none. */
struct repo_diff_line { char kind; int old_line, new_line; const char *text; };

struct repo_diff_file {
	const char *path, *old_path;    /* old_path "" unless it was another one */
	char status;                    /* 'A' added, 'D' deleted, 'M' changed, 'R' renamed */
	bool is_binary, is_cut;         /* its lines are not, or not all, here */
	size_t added, removed;
	const struct repo_diff_line *lines;
	size_t n_lines;
};

struct repo_diff { char parent[41] /* "" for a first commit */; const struct repo_diff_file *files; size_t n_files; bool is_cut; };

/* COMMIT against its first parent; at most diff_files files and diff_lines lines. */
SP_MUST int repo_diff(struct repos *rs, const struct sp_id *id, const char *commit, struct sp_arena *a, struct repo_diff *ret, struct sp_err *e);
