#include "priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"

enum { IN_MEMORY_BYTES = 1 << 20 };     /* a larger blob goes to a file: a slow client must not hold memory */

static int spill(struct repos *rs, git_blob *blob, struct repo_blob *ret, struct sp_err *e)
{
	sp_auto_close int fd = -1;
	int r = repo_tmp_new(rs, &fd, e);

	if (r == 0)
		r = sp_write_all(fd, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), e);
	if (r < 0)
		return r;
	*ret = (struct repo_blob){ .fd = sp_take_fd(&fd), .size = (uint64_t)git_blob_rawsize(blob) };
	return 0;
}

static int read_blob(struct repos *rs, const struct sp_id *id, const struct repo_entry *at, struct repo_blob *ret, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_blob) git_blob *blob = NULL;
	size_t n;
	git_oid oid;
	int r = repo_open(rs, id, &g, e);

	if (r < 0)
		return r;
	r = git_oid_fromstr(&oid, at->oid);
	if (r >= 0)
		r = git_blob_lookup(&blob, g, &oid);
	if (r < 0)
		return repo_git_fail(e, r, "read '%.60s'", at->path);
	n = (size_t)git_blob_rawsize(blob);
	if (n > IN_MEMORY_BYTES)
		return spill(rs, blob, ret, e);
	*ret = (struct repo_blob){ .fd = -1, .n = n, .size = n };
	ret->priv = malloc(n + 1);
	if (!ret->priv)
		abort();
	if (n)
		memcpy(ret->priv, git_blob_rawcontent(blob), n);
	((char *)ret->priv)[n] = '\0';
	ret->p = ret->priv;
	return 0;
}

int repo_blob(struct repos *rs, const struct sp_id *id, const struct repo_entry *at, struct repo_blob *ret, struct sp_err *e)
{
	struct repo_blob got = { .fd = -1 };
	int r;

	if (at->is_dir)
		return sp_fail(e, SP_EINVAL, 0, "'%.100s' is a folder", at->path);
	if (!at->lfs.is_lfs)
		return read_blob(rs, id, at, ret, e);
	if (!repo_lfs_named(rs, id, at->lfs.sha256))
		return sp_fail(e, SP_ENOENT, 0, "the large file '%.100s' was never uploaded", at->path);
	r = repo_lfs_open(rs, at->lfs.sha256, &got.fd, &got.size, e);
	if (r < 0)
		return r;
	*ret = got;
	return 0;
}

void repo_blob_free(struct repo_blob *b)
{
	free(b->priv);
	if (b->fd >= 0)
		close(b->fd);
	*b = (struct repo_blob){ .fd = -1 };
}

void repo_blob_oid(const void *p, size_t n, char ret[41])
{
	git_oid oid;

	if (git_odb_hash(&oid, p, n, GIT_OBJECT_BLOB) < 0)
		abort();        /* only out of memory */
	git_oid_tostr(ret, 41, &oid);
}
