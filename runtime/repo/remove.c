#include "priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"

/* Remove what can be removed at once. Returns the first folder that is not empty, open, or -1. */
static int empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_closedir DIR *d = copy < 0 ? NULL : fdopendir(copy);

	for (const struct dirent *at = d ? readdir(d) : NULL; at; at = readdir(d)) {
		int next;

		if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0 || unlinkat(dir, at->d_name, 0) == 0 ||
				unlinkat(dir, at->d_name, AT_REMOVEDIR) == 0)
			continue;
		/* A folder, or it would be gone. Its mode may lock us out. */
		next = fchmodat(dir, at->d_name, 0700, 0) < 0 ? -1 : openat(dir, at->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next >= 0)
			return next;
	}
	return -1;
}

/* One descriptor at any depth: down by name, up by "..", which nothing can move: whoever wrote here is dead. */
void repo_remove_tree(int dirfd, const char *name)
{
	unsigned depth = 0;
	int dir;

	if (unlinkat(dirfd, name, 0) == 0 || unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return;
	dir = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (dir >= 0) {
		int next = empty(dir);

		if (next < 0 && depth > 0)
			next = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), depth--;
		else if (next >= 0)
			depth++;
		close(dir);
		dir = next;
	}
	unlinkat(dirfd, name, AT_REMOVEDIR);
}
