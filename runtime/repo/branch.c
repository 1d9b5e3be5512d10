#include "priv.h"

#include <stdio.h>
#include <string.h>

enum { REF_NAME_MAX = 250 };    /* a reference is a file of that name */

struct ref_name { char full[REF_NAME_MAX + 16]; };

/* FOLDER is "heads" or "tags". */
static int check_name(const char *folder, const char *name, struct ref_name *ret, struct sp_err *e)
{
	int ok = 0;

	if (strlen(name) > REF_NAME_MAX)
		return sp_fail(e, SP_EINVAL, 0, "a name of more than %d bytes", REF_NAME_MAX);
	snprintf(ret->full, sizeof(ret->full), "refs/%s/%s", folder, name);
	/* "HEAD" and "-x" are valid to git's plumbing and misread by its commands (git-check-ref-format(1), --branch). */
	if (git_reference_name_is_valid(&ok, ret->full) < 0 || !ok || strcmp(name, "HEAD") == 0 || name[0] == '-')
		return sp_fail(e, SP_EINVAL, 0, "'%.100s' is not a valid name: see git-check-ref-format", name);
	return 0;
}

static int ref_fail(struct sp_err *e, int r, const char *full)
{
	if (r == GIT_EEXISTS)
		return sp_fail(e, SP_EEXIST, 0, "Reference %.150s already exists", full);
	return repo_git_fail(e, r, "make %.100s", full);
}

static bool is_below(const char *name, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(name, folder, n) == 0 && name[n] == '/';
}

/* "a" and "a/b" cannot both be there: one is a file, the other its folder. */
static int check_room(git_repository *g, const char *full, struct sp_err *e)
{
	repo_auto(git_reference_iterator) git_reference_iterator *it = NULL;
	const char *name;
	int r = git_reference_iterator_new(&it, g);

	while (r >= 0 && (r = git_reference_next_name(&name, it)) == 0)
		if (is_below(name, full) || is_below(full, name))
			return sp_fail(e, SP_EEXIST, 0, "Reference %.100s collides with %.100s", full, name);
	return r == GIT_ITEROVER ? repo_ref_room(g, 1, e) : repo_git_fail(e, r, "list references");
}

static int create_ref(git_repository *g, const char *full, const char *commit, bool overwrite, struct sp_err *e)
{
	repo_auto(git_reference) git_reference *ref = NULL;
	git_oid at;
	int r = git_oid_fromstr(&at, commit);

	if (r >= 0)
		r = git_reference_create(&ref, g, full, &at, overwrite, NULL);
	return r < 0 ? ref_fail(e, r, full) : 0;
}

int repo_branch_add(struct repos *rs, const struct sp_id *id, const char *name, const char *commit, bool overwrite, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	struct ref_name ref;
	struct repo_lock *lock;
	int r = check_name("heads", name, &ref, e);

	if (r == 0)
		r = repo_open(rs, id, &g, e);
	if (r < 0)
		return r;
	lock = repo_lock_take(rs, id);
	r = check_room(g, ref.full, e);
	if (r == 0)
		r = create_ref(g, ref.full, commit, overwrite, e);
	repo_lock_drop(rs, lock);
	return r;
}

static int delete_ref(struct repos *rs, const struct sp_id *id, const char *full, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	struct repo_lock *lock;
	git_oid at;
	int r = repo_open(rs, id, &g, e);

	if (r < 0)
		return r;
	lock = repo_lock_take(rs, id);
	r = git_reference_name_to_id(&at, g, full);
	if (r >= 0)
		r = git_reference_remove(g, full);
	repo_lock_drop(rs, lock);
	return r < 0 ? repo_git_fail(e, r, "delete %.100s", full) : 0;
}

int repo_branch_del(struct repos *rs, const struct sp_id *id, const char *name, struct sp_err *e)
{
	struct ref_name ref;
	int r = check_name("heads", name, &ref, e);

	if (r < 0)
		return sp_fail(e, SP_ENOENT, 0, "no branch '%.100s'", name);
	if (strcmp(name, "main") == 0)
		return sp_fail(e, SP_EDENIED, 0, "Cannot delete refs/heads/main");
	return delete_ref(rs, id, ref.full, e);
}

int repo_tag_del(struct repos *rs, const struct sp_id *id, const char *name, struct sp_err *e)
{
	struct ref_name ref;
	int r = check_name("tags", name, &ref, e);

	return r < 0 ? sp_fail(e, SP_ENOENT, 0, "no tag '%.100s'", name) : delete_ref(rs, id, ref.full, e);
}

static int annotate(git_repository *g, const char *name, const char *commit, const char *message, const struct repo_author *by, struct sp_err *e)
{
	repo_auto(git_signature) git_signature *tagger = repo_sign(by);
	repo_auto(git_commit) git_commit *at = NULL;
	git_oid made;
	int r = repo_commit_of(g, commit, &at, e);

	if (r < 0)
		return r;
	r = git_tag_create(&made, g, name, (const git_object *)at, tagger, message, 0);
	return r < 0 ? ref_fail(e, r, name) : 0;
}

int repo_tag_add(struct repos *rs, const struct sp_id *id, const char *name, const char *commit, const char *message,
		const struct repo_author *by, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	struct ref_name ref;
	struct repo_lock *lock;
	git_oid was;
	int r = check_name("tags", name, &ref, e);

	if (r == 0)
		r = repo_open(rs, id, &g, e);
	if (r < 0)
		return r;
	lock = repo_lock_take(rs, id);
	r = check_room(g, ref.full, e);
	if (r == 0 && git_reference_name_to_id(&was, g, ref.full) == 0)
		r = sp_fail(e, SP_EEXIST, 0, "Reference %.150s already exists", ref.full);
	if (r == 0)
		r = message && *message ? annotate(g, name, commit, message, by, e) : create_ref(g, ref.full, commit, false, e);
	repo_lock_drop(rs, lock);
	return r;
}

/* One commit without parents that has the files of BRANCH's last one. */
static int squash_locked(git_repository *g, const char *full, const char *message, const struct repo_author *by, git_oid *ret, struct sp_err *e)
{
	repo_auto(git_signature) git_signature *sign = repo_sign(by);
	repo_auto(git_reference) git_reference *moved = NULL;
	repo_auto(git_commit) git_commit *head = NULL;
	repo_auto(git_tree) git_tree *tree = NULL;
	git_oid at;
	int r = git_reference_name_to_id(&at, g, full);

	if (r >= 0)
		r = git_commit_lookup(&head, g, &at);
	if (r >= 0)
		r = git_commit_tree(&tree, head);
	if (r >= 0)
		r = git_commit_create(ret, g, NULL, sign, sign, NULL, message, tree, 0, NULL);
	if (r >= 0)
		r = git_reference_create_matching(&moved, g, full, ret, 1, &at, NULL);
	return r < 0 ? repo_git_fail(e, r, "squash %.100s", full) : 0;
}

int repo_squash(struct repos *rs, const struct sp_id *id, const char *branch, const char *message, const struct repo_author *by,
		char ret_commit[41], struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	struct repo_lock *lock;
	struct ref_name ref;
	git_oid made;
	int r = check_name("heads", branch, &ref, e);

	if (r < 0)
		return sp_fail(e, SP_ENOENT, 0, "no branch '%.100s'", branch);
	r = repo_open(rs, id, &g, e);
	if (r < 0)
		return r;
	lock = repo_lock_take(rs, id);
	r = squash_locked(g, ref.full, message, by, &made, e);
	repo_lock_drop(rs, lock);
	if (r == 0)
		git_oid_tostr(ret_commit, 41, &made);
	return r;
}
