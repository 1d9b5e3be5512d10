/*
 * priv.h - what the files of runtime/repo share; nobody else includes it.
 */
#pragma once

#include <git2.h>

#include "repo.h"

struct repo_lock;

struct repos {
	char *dir, *lfs, *tmp, *incoming;       /* STATE/repos, STATE/lfs, STATE/tmp, STATE/incoming */
	void *mutex;                    /* guards the list of locks */
	struct repo_lock *locks;
};

#define REPO_AUTO_FREE(type) \
	static inline void type##_free_p(type **p) { type##_free(*p); }
REPO_AUTO_FREE(git_repository)
REPO_AUTO_FREE(git_commit)
REPO_AUTO_FREE(git_tree)
REPO_AUTO_FREE(git_tree_entry)
REPO_AUTO_FREE(git_reference)
REPO_AUTO_FREE(git_reference_iterator)
REPO_AUTO_FREE(git_object)
REPO_AUTO_FREE(git_odb)
REPO_AUTO_FREE(git_index)
REPO_AUTO_FREE(git_revwalk)
REPO_AUTO_FREE(git_signature)
REPO_AUTO_FREE(git_blob)
REPO_AUTO_FREE(git_config)
#define repo_auto(type) __attribute__((cleanup(type##_free_p)))

/* Turn libgit2's answer R (< 0) and its last message into E; returns -CODE. */
int repo_git_fail(struct sp_err *e, int r, const char *fmt, ...) SP_PRINTF(3, 4);

SP_MUST int repo_open(struct repos *rs, const struct sp_id *id, git_repository **ret, struct sp_err *e);
char *repo_path_dup(struct repos *rs, const struct sp_id *id, const char *below);       /* "…/repos/ID.git/BELOW" */

/* Remove NAME beneath DIRFD with everything in it, at any depth; nothing is followed. */
void repo_remove_tree(int dirfd, const char *name);

/*
 * A repository begins under another name, *ret_made (yours to free), and is seen once it is finished: R is how what was
 * done to it went; below 0 it is removed. Returns R, or why it could not be published.
 */
SP_MUST int repo_begin(struct repos *rs, const struct sp_id *id, char **ret_made, git_repository **ret, struct sp_err *e);
SP_MUST int repo_finish(struct repos *rs, const struct sp_id *id, const char *made, int r, struct sp_err *e);
SP_MUST int repo_fsync_dir(const char *path, struct sp_err *e);

/* Writers of one repository take turns. */
struct repo_lock *repo_lock_take(struct repos *rs, const struct sp_id *id);
void repo_lock_drop(struct repos *rs, struct repo_lock *l);
/* Remove lock files of git beneath PATH. Only for who has the turn. */
void repo_unlock_stale(const char *path);

/* Of a commit's text, which a push may make of any length, so much as a page shows: a list has a thousand of them. */
const char *repo_title(const char *message, struct sp_arena *a);
struct repo_commit_info *repo_describe(git_commit *c, struct sp_arena *a, struct repo_commit_info *to);
/*
 * A walk back through history, of which a push makes any length and any weight (a commit's text may have megabytes):
 * false after history_commits steps or WALK_MS of the processor.
 */
struct repo_walk { unsigned steps; int64_t end_ns; };
bool repo_walk_on(struct repo_walk *w);
SP_MUST int repo_commit_of(git_repository *g, const char *hex40, git_commit **ret, struct sp_err *e);
SP_MUST int repo_tree_of(git_repository *g, const char *hex40, git_tree **ret, struct sp_err *e);

/* AUTHOR as git can write it, now. */
git_signature *repo_sign(const struct repo_author *by);

/* Is BLOB the text of an LFS pointer? Pure. */
bool repo_lfs_parse(const char *p, size_t n, struct repo_lfs *ret);
/* Did this repository get the bytes of that object? */
bool repo_lfs_named(struct repos *rs, const struct sp_id *id, const char *sha256);
SP_MUST int repo_lfs_open(struct repos *rs, const char *sha256, int *ret_fd, uint64_t *ret_size, struct sp_err *e);

/* Fill size, lfs of files whose path, oid and mode are known. */
SP_MUST int repo_entries_fill(struct repos *rs, const struct sp_id *id, git_repository *g, struct repo_entry *v, size_t n, struct sp_err *e);
/* Fill last_commit of N entries as of COMMIT. */
SP_MUST int repo_entries_last(git_repository *g, const char *commit, struct repo_entry *v, size_t n, struct sp_arena *a, struct sp_err *e);

/* SP_EQUOTA unless MORE references fit into git_refs. */
SP_MUST int repo_ref_room(git_repository *g, size_t more, struct sp_err *e);

/* An unlinked file in STATE/tmp, open for reading and writing. */
SP_MUST int repo_tmp_new(struct repos *rs, int *ret_fd, struct sp_err *e);
