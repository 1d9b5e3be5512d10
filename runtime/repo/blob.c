#include "priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"

enum { CHUNK_BYTES = 1 << 18, IN_MEMORY_BYTES = 1 << 20 };      /* a larger blob goes to a file: a slow client must not hold memory */

/* A large file is stored as a loose object and read in pieces; 1: it is in a pack, which cannot be. */
static int stream_out(git_odb *odb, const git_oid *oid, int to, struct sp_err *e)
{
	sp_auto_free char *chunk = malloc(CHUNK_BYTES);
	git_odb_stream *from = NULL;
	git_object_t type;
	size_t size, done = 0;
	int n = 0, r = 0;

	if (!chunk)
		abort();
	if (git_odb_open_rstream(&from, &size, &type, odb, oid) < 0)
		return 1;
	while (done < size && r == 0 && (n = git_odb_stream_read(from, chunk, CHUNK_BYTES)) > 0) {
		r = sp_write_all(to, chunk, (size_t)n, e);
		done += (size_t)n;
	}
	git_odb_stream_free(from);
	return r == 0 && done < size ? repo_git_fail(e, n, "read an object") : r;
}

static int spill(struct repos *rs, git_repository *g, git_odb *odb, const git_oid *oid, size_t n, struct repo_blob *ret, struct sp_err *e)
{
	sp_auto_close int fd = -1;
	int r = repo_tmp_new(rs, &fd, e);

	if (r < 0)
		return r;
	r = stream_out(odb, oid, fd, e);
	if (r == 1) {
		repo_auto(git_blob) git_blob *blob = NULL;

		r = git_blob_lookup(&blob, g, oid);
		if (r < 0)
			return repo_git_fail(e, r, "read an object");
		r = sp_write_all(fd, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), e);
	}
	if (r < 0)
		return r;
	*ret = (struct repo_blob){ .fd = sp_take_fd(&fd), .size = n };
	return 0;
}

static int read_small(git_repository *g, const git_oid *oid, size_t n, struct repo_blob *ret, struct sp_err *e)
{
	repo_auto(git_blob) git_blob *blob = NULL;
	int r = git_blob_lookup(&blob, g, oid);

	if (r < 0)
		return repo_git_fail(e, r, "read an object");
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

static int read_blob(struct repos *rs, const struct sp_id *id, const struct repo_entry *at, struct repo_blob *ret, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_odb) git_odb *odb = NULL;
	git_object_t type;
	git_oid oid;
	size_t n;
	int r = repo_open(rs, id, &g, e);

	if (r < 0)
		return r;
	r = git_oid_fromstr(&oid, at->oid);
	if (r >= 0)
		r = git_repository_odb(&odb, g);
	if (r >= 0)
		r = git_odb_read_header(&n, &type, odb, &oid);
	if (r < 0 || type != GIT_OBJECT_BLOB)
		return repo_git_fail(e, r < 0 ? r : -1, "read '%.60s'", at->path);
	return n > IN_MEMORY_BYTES ? spill(rs, g, odb, &oid, n, ret, e) : read_small(g, &oid, n, ret, e);
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
