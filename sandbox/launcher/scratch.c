#include "launcher.h"

void scratch_slot_name(const struct slot *s, char name[64])
{
	snprintf(name, 64, "slot-%d-%u-%u", getpid(), s->index, s->generation);
}

bool scratch_is_dead(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	long pid = strncmp(name, prefix, n) == 0 ? strtol(name + n, NULL, 10) : 0;

	return pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Empty DIR of what can be removed at once. Returns the first directory that is not empty, open, or -1. */
static int empty_dir(int dir)
{
	sp_auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_closedir DIR *d = fdopendir(fd);

	if (!d)
		return -1;
	fd = -1;
	for (const struct dirent *at = readdir(d); at; at = readdir(d)) {
		if (is_dots(at->d_name) || unlinkat(dir, at->d_name, 0) == 0)
			continue;
		if (unlinkat(dir, at->d_name, AT_REMOVEDIR) < 0)
			return openat(dir, at->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return -1;
}

/*
 * One descriptor at any depth: down by name without following links, up by "..", which nothing can move
 * any more: every process that could is dead. The parent's listing then finds the emptied child again.
 */
int scratch_remove(int at, const char *name)
{
	sp_auto_close int dir = -1;
	unsigned depth = 0;

	if (unlinkat(at, name, 0) == 0 || unlinkat(at, name, AT_REMOVEDIR) == 0)
		return 0;
	dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (dir >= 0) {
		int next = empty_dir(dir);

		if (next >= 0)
			depth++;
		else if (depth == 0)
			break;
		else
			next = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), depth--;
		close(dir);
		dir = next;
	}
	return unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

void scratch_clean(const struct launcher *l)
{
	sp_auto_close int fd = openat(l->scratch, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_closedir DIR *d = fdopendir(fd);

	if (!d)
		return;
	fd = -1;
	for (const struct dirent *at = readdir(d); at; at = readdir(d))
		if (scratch_is_dead(at->d_name, "slot-") || scratch_is_dead(at->d_name, "drop-"))
			if (scratch_remove(l->scratch, at->d_name) < 0)
				log_warn("ignoring scratch %s that cannot be removed: %m", at->d_name);
}
