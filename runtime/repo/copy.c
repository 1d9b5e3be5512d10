#include "priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "str.h"

enum { PIECE = 1 << 20 };

/* "pack-HEX.pack", a loose object's 38 digits, a large file's 64; not what is half written, nor info/alternates. */
static bool is_object(const char *name)
{
	return sp_starts_with(name, "pack-") || ((strlen(name) == 38 || strlen(name) == 64) && sp_is_hex(name, strlen(name)));
}

static int copy_bytes(int from_dir, int to_dir, const char *name, struct sp_err *e)
{
	sp_auto_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	sp_auto_close int to = from < 0 ? -1 : openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	ssize_t n = 1;

	while (to >= 0 && n > 0)
		n = copy_file_range(from, NULL, to, NULL, PIECE, 0);
	if (to < 0 || n < 0 || fsync(to) < 0)
		return sp_fail(e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "copy an object");
	return 0;
}

/* A file has at most so many names (ext4: 65,000): then a copy. */
static int take_one(int from_dir, int to_dir, const char *name, struct sp_err *e)
{
	if (linkat(from_dir, name, to_dir, name, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return sp_fail(e, SP_EBUSY, errno, "the repository is being packed: try again");
	return errno == EMLINK || errno == EPERM ? copy_bytes(from_dir, to_dir, name, e) : sp_fail(e, SP_EIO, errno, "link an object");
}

/* The objects in folder NAME; a folder that is not there has none. */
static int take_folder(int from, int to, const char *name, struct sp_err *e)
{
	int dir = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	sp_auto_closedir DIR *d = dir < 0 ? NULL : fdopendir(dir);
	sp_auto_close int made = -1;

	if (!d)
		return errno == ENOENT ? 0 : sp_fail(e, SP_EIO, errno, "open '%.60s'", name);
	if (mkdirat(to, name, 0700) < 0 && errno != EEXIST)
		return sp_fail(e, SP_EIO, errno, "make '%.60s'", name);
	made = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0)
		return sp_fail(e, SP_EIO, errno, "open '%.60s'", name);
	for (const struct dirent *at; r == 0 && (at = readdir(d)) != NULL; )
		if (is_object(at->d_name))
			r = take_one(dirfd(d), made, at->d_name, e);
	return r == 0 && fsync(made) < 0 ? sp_fail(e, SP_EIO, errno, "sync '%.60s'", name) : r;
}

static int take_objects(const char *from, const char *to, struct sp_err *e)
{
	sp_auto_close int src = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dst = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[16];
	int r;

	if (src < 0 || dst < 0)
		return sp_fail(e, SP_EIO, errno, "open a repository's folders");
	r = take_folder(src, dst, "lfs-names", e);
	for (unsigned i = 0; i < 256 && r == 0; i++) {
		snprintf(name, sizeof(name), "objects/%02x", i);
		r = take_folder(src, dst, name, e);
	}
	return r == 0 ? take_folder(src, dst, "objects/pack", e) : r;
}

/* Symbolic ones stay behind: HEAD is main everywhere. */
static int take_refs(git_repository *from, git_repository *to, struct sp_err *e)
{
	repo_auto(git_reference_iterator) git_reference_iterator *it = NULL;
	const char *name;
	int r = git_reference_iterator_new(&it, from);

	while (r >= 0 && (r = git_reference_next_name(&name, it)) == 0) {
		repo_auto(git_reference) git_reference *was = NULL, *made = NULL;

		r = git_reference_lookup(&was, from, name);
		if (r >= 0 && git_reference_type(was) == GIT_REFERENCE_DIRECT)
			r = git_reference_create(&made, to, name, git_reference_target(was), 1, NULL);
	}
	return r == GIT_ITEROVER ? 0 : repo_git_fail(e, r, "copy references");
}

static int copy_locked(struct repos *rs, const struct sp_id *from, const char *made, git_repository *to, git_oid *ret, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	sp_auto_free char *path = repo_path_dup(rs, from, "");
	int r = repo_open(rs, from, &g, e);

	if (r == 0)
		r = take_objects(path, made, e);
	if (r == 0)
		r = take_refs(g, to, e);
	if (r < 0)
		return r;
	r = git_reference_name_to_id(ret, to, "refs/heads/main");
	return r < 0 ? repo_git_fail(e, r, "find main") : 0;
}

int repo_copy(struct repos *rs, const struct sp_id *from, const struct sp_id *to, char ret_commit[41], struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	sp_auto_free char *made = NULL;
	struct repo_lock *lock;
	git_oid at;
	int r = repo_begin(rs, to, &made, &g, e);

	if (r < 0)
		return r;
	lock = repo_lock_take(rs, from);        /* nothing is packed or removed meanwhile */
	r = copy_locked(rs, from, made, g, &at, e);
	repo_lock_drop(rs, lock);
	r = repo_finish(rs, to, made, r, e);
	if (r == 0)
		git_oid_tostr(ret_commit, 41, &at);
	return r;
}
