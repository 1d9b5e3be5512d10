/* A revision as a pax archive (POSIX.1-2017 pax, "ustar Interchange Format"): written by hand, never read here. */
#include "priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"
#include "str.h"

enum { BLOCK = 512, NAME_FIELD = 100, CHUNK_BYTES = 1 << 18, LINK_BYTES = 4095, DEPTH_MAX = 512 };
#define OCTAL_SIZE_MAX UINT64_C(077777777777)

struct tar {
	struct repos *rs;
	const struct sp_id *id;
	git_repository *g;
	struct sp_arena *a;
	int fd;
	struct sp_buf out;              /* gathers small writes */
	uint64_t files, bytes;
	int64_t mtime;
	struct sp_err *e;
};

struct header { char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2],
	uname[32], gname[32], major[8], minor[8], prefix[155], pad[12]; };
_Static_assert(sizeof(struct header) == BLOCK, "one tar block");

static int emit(struct tar *t, const void *p, size_t n)
{
	int r = 0;

	sp_buf_add(&t->out, p, n);
	if (t->out.n >= CHUNK_BYTES) {
		r = sp_write_all(t->fd, t->out.p, t->out.n, t->e);
		t->out.n = 0;
	}
	return r;
}

static int pad(struct tar *t, uint64_t size)
{
	static const char zeros[BLOCK];
	size_t rest = (size_t)(size % BLOCK);

	return rest ? emit(t, zeros, BLOCK - rest) : 0;
}

/* Fields are not terminated when full. */
static void field(char *to, size_t size, const char *from)
{
	size_t n = strnlen(from, size);

	memcpy(to, from, n);
}

static int emit_header(struct tar *t, const char *name, char type, unsigned mode, uint64_t size, const char *link)
{
	struct header h = { .type = type };
	unsigned sum = 0;
	char text[24];

	field(h.name, sizeof(h.name), name);
	field(h.link, sizeof(h.link), link);
	snprintf(h.mode, sizeof(h.mode), "%07o", mode & 0777);
	snprintf(h.uid, sizeof(h.uid), "%07o", 0);
	snprintf(h.gid, sizeof(h.gid), "%07o", 0);
	snprintf(text, sizeof(text), "%011llo", (unsigned long long)(size > OCTAL_SIZE_MAX ? 0 : size));
	field(h.size, sizeof(h.size), text);
	snprintf(text, sizeof(text), "%011llo", (unsigned long long)t->mtime);
	field(h.mtime, sizeof(h.mtime), text);
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	memset(h.sum, ' ', sizeof(h.sum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(h.sum, text, 7);
	return emit(t, &h, sizeof(h));
}

/* One "LEN key=value\n" record; LEN counts itself. */
static void pax_record(struct sp_buf *to, const char *key, const char *value)
{
	size_t body = strlen(key) + strlen(value) + 3, len = body;
	char digits[24];

	for (;;) {
		int n = snprintf(digits, sizeof(digits), "%zu", len);

		if (body + (size_t)n == len)
			break;
		len = body + (size_t)n;
	}
	sp_buf_fmt(to, "%zu %s=%s\n", len, key, value);
}

static bool needs_pax(const char *s)
{
	if (strlen(s) >= NAME_FIELD)
		return true;
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return true;
	return false;
}

static int emit_member(struct tar *t, const char *path, char type, unsigned mode, uint64_t size, const char *link)
{
	sp_auto_buf struct sp_buf pax = { 0 };
	char digits[24];
	int r = 0;

	if (needs_pax(path))
		pax_record(&pax, "path", path);
	if (needs_pax(link))
		pax_record(&pax, "linkpath", link);
	if (size > OCTAL_SIZE_MAX) {
		snprintf(digits, sizeof(digits), "%llu", (unsigned long long)size);
		pax_record(&pax, "size", digits);
	}
	if (pax.n) {
		r = emit_header(t, "pax", 'x', 0644, pax.n, "");
		if (r == 0)
			r = emit(t, pax.p, pax.n);
		if (r == 0)
			r = pad(t, pax.n);
	}
	return r < 0 ? r : emit_header(t, path, type, mode, size, link);
}

static int emit_lfs(struct tar *t, const char *path, unsigned mode, const struct repo_lfs *lfs)
{
	sp_auto_free char *chunk = malloc(CHUNK_BYTES);
	sp_auto_close int fd = -1;
	uint64_t size, at = 0;
	int r = repo_lfs_open(t->rs, lfs->sha256, &fd, &size, t->e);

	if (!chunk)
		abort();
	if (r == 0)
		r = emit_member(t, path, '0', mode, size, "");
	while (r == 0 && at < size) {
		ssize_t n = pread(fd, chunk, CHUNK_BYTES, (off_t)at);

		if (n <= 0)
			return sp_fail(t->e, SP_EIO, errno, "read large file of '%.60s'", path);
		r = emit(t, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	return r < 0 ? r : pad(t, size);
}

static int emit_blob(struct tar *t, const char *path, unsigned mode, git_blob *blob)
{
	uint64_t size = (uint64_t)git_blob_rawsize(blob);
	int r = emit_member(t, path, '0', mode, size, "");

	if (r == 0 && size > 0)
		r = emit(t, git_blob_rawcontent(blob), (size_t)size);
	return r < 0 ? r : pad(t, size);
}

static int emit_file(struct tar *t, const git_tree_entry *te, const char *path)
{
	repo_auto(git_blob) git_blob *blob = NULL;
	git_filemode_t kind = git_tree_entry_filemode(te);
	unsigned mode = kind == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644;
	struct repo_lfs lfs = { 0 };
	uint64_t size;
	int r = git_blob_lookup(&blob, t->g, git_tree_entry_id(te));

	if (r < 0)
		return repo_git_fail(t->e, r, "read '%.60s'", path);
	size = (uint64_t)git_blob_rawsize(blob);
	if (kind == GIT_FILEMODE_LINK) {
		if (size == 0 || size > LINK_BYTES)
			return sp_fail(t->e, SP_EINVAL, 0, "the link '%.100s' leads nowhere", path);
		return emit_member(t, path, '2', 0777, 0, sp_arena_mem(t->a, git_blob_rawcontent(blob), (size_t)size));
	}
	if (repo_lfs_parse(git_blob_rawcontent(blob), (size_t)size, &lfs) && repo_lfs_named(t->rs, t->id, lfs.sha256))
		size = lfs.size;
	else
		lfs.is_lfs = false;
	t->bytes += size;
	if (t->bytes > SP_LIMIT_space_bytes)
		return sp_fail(t->e, SP_EQUOTA, 0, "%lld bytes", (long long)SP_LIMIT_space_bytes);
	return lfs.is_lfs ? emit_lfs(t, path, mode, &lfs) : emit_blob(t, path, mode, blob);
}

static int emit_tree(struct tar *t, const git_tree *tree, const char *prefix, unsigned depth)
{
	size_t n = git_tree_entrycount(tree);
	int r = 0;

	if (depth > DEPTH_MAX)
		return sp_fail(t->e, SP_EQUOTA, 0, "folders nested %d deep", DEPTH_MAX);
	for (size_t i = 0; i < n && r == 0; i++) {
		const git_tree_entry *te = git_tree_entry_byindex(tree, i);
		git_object_t type = git_tree_entry_type(te);
		repo_auto(git_tree) git_tree *sub = NULL;
		sp_auto_buf struct sp_buf path = { 0 };

		sp_buf_fmt(&path, "%s%s%s", prefix, *prefix ? "/" : "", git_tree_entry_name(te));
		if (type != GIT_OBJECT_TREE && type != GIT_OBJECT_BLOB)
			continue;       /* a submodule: its files are not here */
		if (++t->files > SP_LIMIT_space_files)
			return sp_fail(t->e, SP_EQUOTA, 0, "%d files", (int)SP_LIMIT_space_files);
		if (type == GIT_OBJECT_BLOB) {
			r = emit_file(t, te, path.p);
			continue;
		}
		r = emit_member(t, path.p, '5', 0755, 0, "");
		if (r == 0 && git_tree_lookup(&sub, t->g, git_tree_entry_id(te)) < 0)
			r = repo_git_fail(t->e, -1, "read folder '%.60s'", path.p);
		if (r == 0)
			r = emit_tree(t, sub, path.p, depth + 1);
	}
	return r;
}

int repo_archive(struct repos *rs, const struct sp_id *id, const char *commit, int fd, struct sp_err *e)
{
	static const char end[2 * BLOCK];
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_commit) git_commit *c = NULL;
	repo_auto(git_tree) git_tree *tree = NULL;
	struct tar t = { .rs = rs, .id = id, .fd = fd, .e = e };
	struct sp_arena a;
	int r = repo_open(rs, id, &g, e);

	if (r == 0)
		r = repo_commit_of(g, commit, &c, e);
	if (r == 0)
		r = repo_tree_of(g, commit, &tree, e);
	if (r < 0)
		return r;
	sp_arena_init(&a);
	t.g = g;
	t.a = &a;
	t.mtime = git_commit_time(c) > 0 ? git_commit_time(c) : 0;
	r = emit_tree(&t, tree, "", 0);
	if (r == 0)
		r = emit(&t, end, sizeof(end));
	if (r == 0)
		r = sp_write_all(fd, t.out.p, t.out.n, e);
	sp_buf_fini(&t.out);
	sp_arena_fini(&a);
	return r;
}
