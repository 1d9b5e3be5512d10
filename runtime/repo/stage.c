/*
 * Packs out of STATE/incoming/RUN, where a worker on hostile bytes wrote whatever it liked, into a folder of
 * the server's own. Only regular files of one name each and of the right names come along, and each pack
 * with its index; the worker is dead, so nothing changes under our eyes.
 */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"
#include "str.h"

enum { SUFFIX_PACK, SUFFIX_IDX };

/* "pack-40HEX.pack" or ".idx". */
static bool parse_name(const char *name, char hex[41], unsigned *ret_suffix)
{
	static const char *const suffixes[] = { ".pack", ".idx" };

	if (!sp_starts_with(name, "pack-") || strlen(name) < 46 || !sp_is_hex(name + 5, 40))
		return false;
	for (unsigned i = 0; i < SP_COUNT(suffixes); i++) {
		if (strcmp(name + 45, suffixes[i]) != 0)
			continue;
		memcpy(hex, name + 5, 40);
		hex[40] = '\0';
		*ret_suffix = i;
		return true;
	}
	return false;
}

static int take_file(struct stage *s, int from, const char *name, struct sp_err *e)
{
	sp_auto_close int fd = -1;
	struct stat st;
	int r = sp_open_beneath(from, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return sp_fail(e, SP_EIO, errno, "look at '%.60s'", name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return sp_fail(e, SP_EDENIED, 0, "'%.60s' is not a plain file", name);
	s->bytes += (uint64_t)st.st_size;
	if (s->bytes > 2 * SP_LIMIT_git_push_bytes)
		return sp_fail(e, SP_EQUOTA, 0, "the push is larger than %llu MB", (unsigned long long)(SP_LIMIT_git_push_bytes >> 20));
	if (fchmod(fd, 0400) < 0 || fsync(fd) < 0 || renameat(from, name, s->packs, name) < 0)
		return sp_fail(e, SP_EIO, errno, "take '%.60s'", name);
	return 0;
}

static int find_pack(struct stage *s, const char *hex, struct sp_err *e)
{
	unsigned i = 0;

	while (i < s->n && strcmp(s->hex[i], hex) != 0)
		i++;
	if (i == STAGE_PACKS)
		return sp_fail(e, SP_EQUOTA, 0, "more than %d packs", STAGE_PACKS);
	if (i == s->n) {
		memcpy(s->hex[s->n++], hex, 41);
		s->seen[i] = 0;
	}
	return (int)i;
}

static int take_all(struct stage *s, int from, struct sp_err *e)
{
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_closedir DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d)
		return sp_fail(e, SP_EIO, errno, "list packs");
	for (const struct dirent *at = readdir(d); at; at = readdir(d)) {
		unsigned suffix;
		char hex[41];
		int i, r;

		if (!parse_name(at->d_name, hex, &suffix))
			continue;
		i = find_pack(s, hex, e);
		r = i < 0 ? i : take_file(s, from, at->d_name, e);
		if (r < 0)
			return r;
		s->seen[i] |= 1u << suffix;
	}
	for (unsigned i = 0; i < s->n; i++)
		if (s->seen[i] != (1u << SUFFIX_PACK | 1u << SUFFIX_IDX))
			return sp_fail(e, SP_EPROTO, 0, "a pack without its index");
	return 0;
}

int stage_packs(struct repos *rs, const struct sp_id *run, int incoming, struct stage *s, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 };
	sp_auto_close int from = -1;
	int r;

	sp_buf_fmt(&path, "%s/%s.staged", rs->incoming, run->s);
	if (mkdir(path.p, 0700) < 0)
		return sp_fail(e, SP_EIO, errno, "make a place for packs");
	s->path = strdup(path.p);
	sp_buf_puts(&path, "/pack");
	if (!s->path || mkdir(path.p, 0700) < 0 || (s->packs = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return sp_fail(e, SP_EIO, errno, "make a place for packs");
	r = sp_open_beneath(incoming, "repo.git/objects/pack", O_RDONLY | O_DIRECTORY, 0, &from, e);
	return r < 0 ? r : take_all(s, from, e);
}

int stage_move(struct repos *rs, const struct sp_id *id, const struct stage *s, struct sp_err *e)
{
	static const char *const suffixes[] = { "pack", "idx" };        /* a pack counts when its index is there: last */
	sp_auto_free char *path = repo_path_dup(rs, id, "objects/pack");
	sp_auto_close int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[64];

	if (to < 0)
		return sp_fail(e, SP_EIO, errno, "open the repository's packs");
	for (unsigned i = 0; i < s->n; i++) {
		for (unsigned k = 0; k < SP_COUNT(suffixes); k++) {
			snprintf(name, sizeof(name), "pack-%s.%s", s->hex[i], suffixes[k]);
			/* Never over one that is there: its name was the worker's to choose. */
			if (renameat2(s->packs, name, to, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
				return sp_fail(e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "move a pack");
		}
	}
	return fsync(to) < 0 ? sp_fail(e, SP_EIO, errno, "sync the repository's packs") : 0;
}

void stage_fini(struct stage *s)
{
	if (s->packs >= 0)
		close(s->packs);
	if (s->path)
		repo_remove_tree(AT_FDCWD, s->path);
	free(s->path);
}
