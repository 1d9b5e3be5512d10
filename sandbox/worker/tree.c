#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "str.h"

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

void tree_init(struct tree *t, int root, uint64_t max_files, uint64_t max_bytes)
{
	*t = (struct tree){ .root = root, .dir = -1, .max_files = max_files, .max_bytes = max_bytes };
}

void tree_fini(struct tree *t)
{
	sp_close_p(&t->dir);
	t->dir = -1;
}

static int count_file(struct tree *t, struct sp_err *e)
{
	if (t->files >= t->max_files)
		return sp_fail(e, SP_EQUOTA, 0, "there are more than %llu files", (unsigned long long)t->max_files);
	t->files++;
	return 0;
}

static int fail_at(struct sp_err *e, const char *path)
{
	if (errno == ENOTDIR || errno == ELOOP)
		return sp_fail(e, SP_EDENIED, errno, "'%.150s' lies behind a link or a file", path);
	if (errno == EEXIST)
		return sp_fail(e, SP_EDENIED, errno, "'%.150s' is there twice", path);
	if (errno == ENOSPC || errno == EDQUOT)
		return sp_fail(e, SP_EIO, errno, "the disk is full");
	return sp_fail(e, SP_EIO, errno, "write '%.150s'", path);
}

/* Step from DIR into NAME, making it if it is not there. */
static int step_down(struct tree *t, int dir, const char *name, int *ret_fd, struct sp_err *e)
{
	int fd = openat(dir, name, DIR_FLAGS), r;

	if (fd < 0 && errno == ENOENT) {
		r = count_file(t, e);
		if (r < 0)
			return r;
		if (mkdirat(dir, name, 0755) < 0)
			return fail_at(e, name);
		fd = openat(dir, name, DIR_FLAGS);
	}
	if (fd < 0)
		return fail_at(e, name);
	*ret_fd = fd;
	return 0;
}

/* Make PATH the folder at hand. */
static int go(struct tree *t, const char *path, struct sp_err *e)
{
	char copy[WORKER_PATH_MAX + 1], *save = NULL;
	sp_auto_close int at = -1;
	int r;

	if (t->dir >= 0 && strcmp(path, t->dir_path) == 0)
		return 0;
	r = sp_copy(copy, sizeof(copy), path);
	if (r < 0)
		return sp_fail(e, SP_EDENIED, 0, "a folder's name is too long");
	at = openat(t->root, ".", DIR_FLAGS);
	if (at < 0)
		return sp_fail(e, SP_EIO, errno, "open the tree");
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int down = -1;

		r = step_down(t, at, name, &down, e);
		if (r < 0)
			return r;
		close(at);
		at = down;
	}
	sp_close_p(&t->dir);
	t->dir = sp_take_fd(&at);
	memcpy(t->dir_path, path, strlen(path) + 1);
	return 0;
}

/* Go to PATH's folder; RET is its last part. */
static int go_to_parent(struct tree *t, const char *path, const char **ret, struct sp_err *e)
{
	const char *slash = strrchr(path, '/');
	char parent[WORKER_PATH_MAX + 1] = "";

	if (slash) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
	}
	*ret = slash ? slash + 1 : path;
	return go(t, parent, e);
}

int tree_dir(struct tree *t, const char *path, struct sp_err *e)
{
	return go(t, path, e);
}

int tree_link(struct tree *t, const char *path, const char *target, struct sp_err *e)
{
	const char *name;
	int r = go_to_parent(t, path, &name, e);

	if (r < 0)
		return r;
	r = count_file(t, e);
	if (r < 0)
		return r;
	if (symlinkat(target, t->dir, name) < 0)
		return fail_at(e, path);
	return 0;
}

int tree_file(struct tree *t, const char *path, bool executable, uint64_t size, int *ret_fd, struct sp_err *e)
{
	const char *name;
	int fd, r = go_to_parent(t, path, &name, e);

	if (r < 0)
		return r;
	r = count_file(t, e);
	if (r < 0)
		return r;
	if (size > t->max_bytes - t->bytes)
		return sp_fail(e, SP_EQUOTA, 0, "the files are larger than %llu MB together", (unsigned long long)(t->max_bytes / 1000000));
	fd = openat(t->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, executable ? 0755 : 0644);
	if (fd < 0)
		return fail_at(e, path);
	t->bytes += size;
	*ret_fd = fd;
	return 0;
}
