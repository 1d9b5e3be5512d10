/*
 * repo.h - git repositories under STATE/repos by libgit2, and large files under STATE/lfs.
 *
 * A repository is bare, named by id. Commits through the API are made here; pushes are taken by git's own
 * programs in a worker, which leaves them in STATE/incoming/RUN, and brought in from there (import.c). All functions block: pool threads only. Writers of one repository are serialised
 * inside (C-HF-67). What was acknowledged is on disk (core.fsyncObjectFiles / fsync of refs).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "id.h"

struct repos;           /* the store of repositories */

SP_MUST int repos_open(const char *state_dir, struct repos **ret, struct sp_err *e);
void repos_close(struct repos *rs);
/* Remove repositories that KEEP does not want: a crash between making one and writing its row leaves one. Before requests are taken. */
SP_MUST int repos_sweep(struct repos *rs, bool (*keep)(void *arg, const struct sp_id *id), void *arg, struct sp_err *e);

struct repo_author { const char *name, *email; };

/* A new repository with branch main and one commit "initial commit" of these files. */
struct repo_file { const char *path; const void *bytes; size_t len; };
SP_MUST int repo_create(struct repos *rs, const struct sp_id *id, const struct repo_file *files, size_t n,
		const struct repo_author *author, char ret_commit[41], struct sp_err *e);
SP_MUST int repo_delete(struct repos *rs, const struct sp_id *id, struct sp_err *e);   /* renamed away first, then removed: crash-safe; absent is fine */

/*
 * A new repository TO with everything of FROM: history, branches, tags, large files. Objects are hard links: they never
 * change, and only this process writes them. SP_ENOENT: FROM has no branch main.
 */
SP_MUST int repo_copy(struct repos *rs, const struct sp_id *from, const struct sp_id *to, char ret_commit[41], struct sp_err *e);

/* "main", "HEAD", a branch, a tag, refs/…, a full or unique short hash (C-HF-44) to a commit. SP_ENOENT. */
SP_MUST int repo_resolve(struct repos *rs, const struct sp_id *id, const char *rev, char ret_commit[41], struct sp_err *e);

struct repo_lfs { bool is_lfs; char sha256[65]; uint64_t size; uint32_t pointer_size; };
struct repo_entry {
	const char *path;
	bool is_dir, is_link;
	char oid[41];                   /* blob or tree; for LFS the pointer's */
	uint64_t size;                  /* the real one, also for LFS */
	uint32_t mode;
	struct repo_lfs lfs;
	char last_commit[41];           /* filled when asked for; "" otherwise */
	const char *last_title;
	int64_t last_ms;
};

/* Entries below PATH ("" for the root), directories before their children, in git's order. SP_ENOENT: no such path. */
SP_MUST int repo_tree(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, bool recursive, bool with_last_commit,
		struct sp_arena *a, struct repo_entry **ret, size_t *ret_n, struct sp_err *e);

/* The same, only entries SKIP .. SKIP + LIMIT - 1: what is outside the page costs no look at the files. *RET_MORE: the list goes on. */
struct repo_page { size_t skip, limit; bool recursive, with_last_commit; };
SP_MUST int repo_tree_page(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, const struct repo_page *page,
		struct sp_arena *a, struct repo_entry **ret, size_t *ret_n, bool *ret_more, struct sp_err *e);

/* One entry. SP_ENOENT. */
SP_MUST int repo_stat(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, bool with_last_commit,
		struct sp_arena *a, struct repo_entry *ret, struct sp_err *e);

/* Of N paths those that exist: an array of N, path NULL where there is none. */
SP_MUST int repo_stat_many(struct repos *rs, const struct sp_id *id, const char *commit, const char *const *paths, size_t n, bool with_last_commit,
		struct sp_arena *a, struct repo_entry **ret, struct sp_err *e);

/*
 * Which of N paths the .gitignore text RULES (NULL: the one in the root of COMMIT) tells to leave out.
 */
SP_MUST int repo_ignored(struct repos *rs, const struct sp_id *id, const char *commit, const char *rules, const char *const *paths, size_t n,
		bool *ret, struct sp_err *e);

/*
 * The content: small blobs in memory (*ret_p owned by the blob; release with repo_blob_free), LFS objects
 * as a descriptor. LFS objects are read only through a repository that names them.
 */
struct repo_blob { const void *p; size_t n; int fd; uint64_t size; void *priv; };
SP_MUST int repo_blob(struct repos *rs, const struct sp_id *id, const struct repo_entry *at, struct repo_blob *ret, struct sp_err *e);
void repo_blob_free(struct repo_blob *b);

/*
 * Large files. An object is stored once for all repositories, but a repository reads it only after these
 * bytes were given to it: a pointer alone, whose hash somebody learned elsewhere, stays plain text.
 * repo_lfs_put reads FD from its start; SP_EINVAL when the bytes have another hash. repo_lfs_has: SP_ENOENT.
 */
SP_MUST int repo_lfs_put(struct repos *rs, const struct sp_id *id, int fd, const char *sha256, struct sp_err *e);
SP_MUST int repo_lfs_has(struct repos *rs, const struct sp_id *id, const char *sha256, uint64_t *ret_size, struct sp_err *e);

struct repo_commit_info { char id[41]; const char *title, *message, *author; int64_t at_ms; };
SP_MUST int repo_log(struct repos *rs, const struct sp_id *id, const char *commit, size_t skip, size_t limit, struct sp_arena *a,
		struct repo_commit_info **ret, size_t *ret_n, size_t *ret_total, struct sp_err *e);

struct repo_ref { const char *name, *full; char commit[41]; };
SP_MUST int repo_refs(struct repos *rs, const struct sp_id *id, struct sp_arena *a, struct repo_ref **ret, size_t *ret_n, struct sp_err *e);

/*
 * Branches and tags (branch.c); COMMIT is a whole hash that is there. SP_EINVAL: git does not allow the name. SP_EEXIST:
 * it is taken, the text is the one that clients look for (hf-api.md 2.2). SP_EDENIED: main stays. SP_ENOENT.
 */
SP_MUST int repo_branch_add(struct repos *rs, const struct sp_id *id, const char *name, const char *commit, bool overwrite, struct sp_err *e);
SP_MUST int repo_branch_del(struct repos *rs, const struct sp_id *id, const char *name, struct sp_err *e);
/* With MESSAGE (NULL or "": none) it is an annotated one. */
SP_MUST int repo_tag_add(struct repos *rs, const struct sp_id *id, const char *name, const char *commit, const char *message,
		const struct repo_author *by, struct sp_err *e);
SP_MUST int repo_tag_del(struct repos *rs, const struct sp_id *id, const char *name, struct sp_err *e);
/* BRANCH becomes one commit without history, of the files that it has. The old ones stay readable by their hashes. */
SP_MUST int repo_squash(struct repos *rs, const struct sp_id *id, const char *branch, const char *message, const struct repo_author *by,
		char ret_commit[41], struct sp_err *e);

/* One commit of many operations, applied in order. */
enum repo_op_kind { OP_PUT, OP_DELETE, OP_DELETE_TREE, OP_PUT_LFS, OP_COPY };
struct repo_op {
	enum repo_op_kind kind;
	const char *path;
	int fd;                         /* OP_PUT: bytes from this file at `offset`, `len` of them; or fd -1 and `bytes` */
	uint64_t offset, len;
	const void *bytes;              /* OP_COPY: path of the source, as it is at this point of the commit */
	const char *sha256;             /* OP_PUT_LFS: the object must be stored */
};
struct repo_commit_req {
	const char *branch;             /* "main" */
	const char *parent;             /* expected head or NULL. SP_ESTALE when it moved (412) */
	const char *title, *message;
	struct repo_author author;
	const struct repo_op *ops;
	size_t n_ops;
	bool keeps_files;               /* SP_EINVAL where "a/b" would take the place of the file "a"; a folder's place is never taken */
};
/*
 * SP_EINVAL: a bad path ("..", absolute, ".git", NUL, backslash, over repo_path_bytes; 422). SP_ENOENT: a
 * deleted file that is not there. Nothing changed: the head's id, *ret_changed false (C-HF-70); so is a
 * commit that is sent again because its answer was lost (C-HF-72). SP_EQUOTA: over commit_files, or the
 * disk is full.
 */
SP_MUST int repo_commit(struct repos *rs, const struct sp_id *id, const struct repo_commit_req *req,
		char ret_commit[41], bool *ret_changed, struct sp_err *e);

/* SP_EINVAL and a sentence unless PATH may be in a repository. Pure. */
SP_MUST int repo_check_path(const char *path, struct sp_err *e);

/*
 * Write the tree of COMMIT to FD as a pax archive for the worker (runtime never unpacks): regular files
 * with LFS content, links as links, modes 0644/0755. Stops at space_files / space_bytes with SP_EQUOTA.
 */
SP_MUST int repo_archive(struct repos *rs, const struct sp_id *id, const char *commit, int fd, struct sp_err *e);

/*
 * Pushes. A worker writes beneath STATE/incoming/RUN; everything there is hostile. repo_incoming_drop is for
 * after its end; what a crash leaves is removed by repos_open.
 */
SP_MUST int repo_incoming_make(struct repos *rs, const struct sp_id *run, struct sp_err *e);
void repo_incoming_drop(struct repos *rs, const struct sp_id *run);

struct repo_update { const char *ref; char old[41], new[41]; bool moved; };     /* forty zeros: not there */
bool repo_update_creates(const struct repo_update *u);
bool repo_update_deletes(const struct repo_update *u);

/* Lines "OLD NEW REF". SP_EPROTO: malformed; SP_EDENIED: main deleted, no branch or tag; SP_EQUOTA: over git_updates. Pure. */
SP_MUST int repo_updates_parse(const char *p, size_t n, struct sp_arena *a, struct repo_update **ret, size_t *ret_n, struct sp_err *e);

struct repo_push {
	struct sp_arena *arena;         /* for updates */
	/* Says what is wrong with the README of main's new commit, before anything moves. May be NULL. */
	int (*check_readme)(void *arg, const char *text, size_t len, struct sp_err *e);
	void *check_arg;
	struct repo_update *updates;    /* filled also when something is refused later; `moved` tells what is on disk */
	size_t n;                       /* 0: the worker accepted nothing */
};
/*
 * Take the packs and move the references, each wholly or not at all, under the lock of repo_commit. SP_ESTALE:
 * one has another value than the push saw, none was moved.
 */
SP_MUST int repo_import(struct repos *rs, const struct sp_id *id, const struct sp_id *run, struct repo_push *push, struct sp_err *e);

/* More loose objects than git_loose_objects? Then a worker packs them, and repo_repacked takes the pack and drops what is in it. */
bool repo_is_loose(struct repos *rs, const struct sp_id *id);
SP_MUST int repo_repacked(struct repos *rs, const struct sp_id *id, const struct sp_id *run, struct sp_err *e);

/* Git's blob id of these bytes, and the SHA-256, without storing. */
void repo_blob_oid(const void *p, size_t n, char ret[41]);
