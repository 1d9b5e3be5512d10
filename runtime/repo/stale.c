/*
 * Lock files that a kill left behind. libgit2 writes a reference as NAME.lock and renames it; a server that dies in
 * between leaves the lock, and nobody could change that reference again. Only this server writes to its repositories,
 * and its writers take turns (repo_lock_take): whoever has the turn finds no lock but a dead one.
 */
#include "priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "log.h"
#include "str.h"

enum { DEPTH_MAX = 32 };

/* No reference is called so (git check-ref-format, rule 1). */
static bool is_lock(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".lock") == 0;
}

static void sweep(int at, const char *name, unsigned depth)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	sp_auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		if (e->d_name[0] == '.')        /* no part of a reference begins so either */
			continue;
		if (is_lock(e->d_name) && unlinkat(fd, e->d_name, 0) == 0)
			log_warn("removed a lock that a crash left behind name=%s", log_q(e->d_name).s);
		else if (e->d_type == DT_DIR && depth < DEPTH_MAX)
			sweep(fd, e->d_name, depth + 1);
	}
}

void repo_unlock_stale(const char *path)
{
	static const char *const locks[] = { "packed-refs.lock", "HEAD.lock", "config.lock" };
	sp_auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return;
	for (size_t i = 0; i < SP_COUNT(locks); i++)
		if (unlinkat(dir, locks[i], 0) == 0)
			log_warn("removed a lock that a crash left behind name=%s", locks[i]);
	sweep(dir, "refs", 0);
}
