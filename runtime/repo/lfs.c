#include "priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "num.h"
#include "str.h"

#define NAMES "lfs-names"       /* directory in a repository: one empty file for each object that was given to it */

/* git-lfs docs/spec.md: version, then keys in order; we write and read exactly these three lines. */
bool repo_lfs_parse(const char *p, size_t n, struct repo_lfs *ret)
{
	static const char head[] = "version https://git-lfs.github.com/spec/v1\noid sha256:", mid[] = "\nsize ";
	const size_t sha_at = sizeof(head) - 1, mid_at = sha_at + 64, size_at = mid_at + sizeof(mid) - 1;
	struct repo_lfs got = { .is_lfs = true };

	if (n < size_at + 2 || memcmp(p, head, sha_at) != 0 || !sp_is_hex(p + sha_at, 64) ||
			memcmp(p + mid_at, mid, sizeof(mid) - 1) != 0 || p[n - 1] != '\n')
		return false;
	if (sp_parse_u64(p + size_at, n - 1 - size_at, INT64_MAX, &got.size) < 0)
		return false;
	memcpy(got.sha256, p + sha_at, 64);
	got.pointer_size = (uint32_t)n;
	*ret = got;
	return true;
}

/* STATE/lfs/ab/cd/HASH, or its folder; "ab/cd" are the first digits of the hash. */
static void object_path(const struct repos *rs, const char *sha256, bool folder, struct sp_buf *to)
{
	sp_buf_fmt(to, "%s/%.2s/%.2s", rs->lfs, sha256, sha256 + 2);
	if (!folder)
		sp_buf_fmt(to, "/%s", sha256);
}

bool repo_lfs_named(struct repos *rs, const struct sp_id *id, const char *sha256)
{
	sp_auto_buf struct sp_buf below = { 0 };
	sp_auto_free char *path = NULL;

	if (!sp_is_hex(sha256, 64) || sha256[64])
		return false;
	sp_buf_fmt(&below, NAMES "/%s", sha256);
	path = repo_path_dup(rs, id, below.p);
	return access(path, F_OK) == 0;
}

int repo_lfs_open(struct repos *rs, const char *sha256, int *ret_fd, uint64_t *ret_size, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 };
	sp_auto_close int fd = -1;
	struct stat st;

	object_path(rs, sha256, false, &path);
	fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "open large file %.12s", sha256);
	*ret_fd = sp_take_fd(&fd);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int repo_lfs_has(struct repos *rs, const struct sp_id *id, const char *sha256, uint64_t *ret_size, struct sp_err *e)
{
	sp_auto_close int fd = -1;

	if (!repo_lfs_named(rs, id, sha256))
		return sp_fail(e, SP_ENOENT, 0, "the large file %.64s was not uploaded to this repository", sha256);
	return repo_lfs_open(rs, sha256, &fd, ret_size, e);
}

/* Copy FROM to TO, telling the hash of what was copied. */
static int copy_hashed(int from, int to, char ret_hex[65], struct sp_err *e)
{
	enum { CHUNK = 1 << 18 };
	sp_auto_free char *chunk = malloc(CHUNK);
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state h;
	off_t at = 0;
	ssize_t n;

	if (!chunk)
		abort();
	crypto_hash_sha256_init(&h);
	while ((n = pread(from, chunk, CHUNK, at)) != 0) {
		int r;

		if (n < 0)
			return sp_fail(e, SP_EIO, errno, "read an upload");
		crypto_hash_sha256_update(&h, (const unsigned char *)chunk, (unsigned long long)n);
		r = sp_write_all(to, chunk, (size_t)n, e);
		if (r < 0)
			return r;
		at += n;
	}
	crypto_hash_sha256_final(&h, sum);
	sp_hex(sum, sizeof(sum), ret_hex);
	return 0;
}

static int sync_folder(const char *path, struct sp_err *e)
{
	sp_auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? sp_fail(e, SP_EIO, errno, "sync '%.100s'", path) : 0;
}

static int make_folders(struct repos *rs, const char *sha256, struct sp_err *e)
{
	sp_auto_buf struct sp_buf outer = { 0 }, inner = { 0 };
	int r;

	sp_buf_fmt(&outer, "%s/%.2s", rs->lfs, sha256);
	object_path(rs, sha256, true, &inner);
	if ((mkdir(outer.p, 0700) < 0 && errno != EEXIST) || (mkdir(inner.p, 0700) < 0 && errno != EEXIST))
		return sp_fail(e, SP_EIO, errno, "make '%.100s'", inner.p);
	r = sync_folder(rs->lfs, e);
	return r < 0 ? r : sync_folder(outer.p, e);
}

/* Write to a temporary name, sync, rename: a reader never sees half an object. */
static int store_object(struct repos *rs, int fd, const char *sha256, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 }, folder = { 0 }, tmp = { 0 };
	sp_auto_close int to = -1;
	char got[65];
	int r = make_folders(rs, sha256, e);

	if (r < 0)
		return r;
	object_path(rs, sha256, false, &path);
	object_path(rs, sha256, true, &folder);
	sp_buf_fmt(&tmp, "%s/lfs.XXXXXX", rs->tmp);
	to = mkostemp(tmp.p, O_CLOEXEC);
	if (to < 0)
		return sp_fail(e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "make a temporary file");
	r = copy_hashed(fd, to, got, e);
	if (r == 0 && strcmp(got, sha256) != 0)
		r = sp_fail(e, SP_EINVAL, 0, "the bytes have the hash %s, not %s", got, sha256);
	if (r == 0 && (fsync(to) < 0 || rename(tmp.p, path.p) < 0))
		r = sp_fail(e, SP_EIO, errno, "store large file %.12s", sha256);
	if (r < 0) {
		unlink(tmp.p);
		return r;
	}
	return sync_folder(folder.p, e);
}

static int hash_matches(int fd, const char *sha256, struct sp_err *e)
{
	sp_auto_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char got[65];
	int r = copy_hashed(fd, null, got, e);

	if (r == 0 && strcmp(got, sha256) != 0)
		r = sp_fail(e, SP_EINVAL, 0, "the bytes have the hash %s, not %s", got, sha256);
	return r;
}

int repo_lfs_put(struct repos *rs, const struct sp_id *id, int fd, const char *sha256, struct sp_err *e)
{
	sp_auto_free char *names = repo_path_dup(rs, id, NAMES);
	sp_auto_buf struct sp_buf mark = { 0 }, path = { 0 };
	sp_auto_close int made = -1;
	int r;

	if (strlen(sha256) != 64 || !sp_is_hex(sha256, 64))
		return sp_fail(e, SP_EINVAL, 0, "not a SHA-256");
	object_path(rs, sha256, false, &path);
	r = access(path.p, F_OK) == 0 ? hash_matches(fd, sha256, e) : store_object(rs, fd, sha256, e);
	if (r < 0)
		return r;
	if (mkdir(names, 0700) < 0 && errno != EEXIST)
		return sp_fail(e, SP_EIO, errno, "name a large file");
	sp_buf_fmt(&mark, "%s/%s", names, sha256);
	made = open(mark.p, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (made < 0)
		return sp_fail(e, SP_EIO, errno, "name a large file");
	return sync_folder(names, e);
}
