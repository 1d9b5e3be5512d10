#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "id.h"
#include "limit.h"
#include "str.h"

static const char *const left_out[] = {
	".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "node_modules", ".DS_Store", ".env", ".cache", ".pytest_cache", ".gradio",
};

static bool is_left_out(const char *name)
{
	for (size_t i = 0; i < SP_COUNT(left_out); i++)
		if (!strcmp(name, left_out[i]))
			return true;
	return false;
}

/* Git's blob id: SHA-1 over "blob SIZE\0" and the bytes. The server compares it to leave unchanged files out. */
static int blob_oid(const char *path, uint64_t size, char ret[41], struct sp_err *e)
{
	sp_auto_fclose FILE *f = fopen(path, "re");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE], bytes[65536];
	char head[40];
	size_t n;
	int r = 0;

	if (!f || !md) {
		EVP_MD_CTX_free(md);
		return sp_fail(e, SP_EIO, errno, "cannot read '%s'", path);
	}
	EVP_DigestInit_ex(md, EVP_sha1(), NULL);
	EVP_DigestUpdate(md, head, (size_t)snprintf(head, sizeof(head), "blob %llu", (unsigned long long)size) + 1);
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		EVP_DigestUpdate(md, bytes, n);
	if (ferror(f))
		r = sp_fail(e, SP_EIO, errno, "cannot read '%s'", path);
	EVP_DigestFinal_ex(md, sum, NULL);
	EVP_MD_CTX_free(md);
	sp_hex(sum, 20, ret);
	return r;
}

struct scan { struct sp_arena *a; struct folder *f; size_t cap, root_len; struct sp_buf skipped; };

static int scan_file(struct scan *s, FTSENT *at, struct sp_err *e)
{
	struct folder_file file = { .path = sp_arena_str(s->a, at->fts_path + s->root_len + 1), .size = (uint64_t)at->fts_statp->st_size };

	if (file.size > SP_LIMIT_regular_file_bytes)
		return sp_fail(e, SP_EQUOTA, 0, "'%s' has %llu MB; one file may have %llu MB: load larger ones when the app starts", file.path,
				(unsigned long long)(file.size >> 20), (unsigned long long)SP_LIMIT_regular_file_bytes >> 20);
	if (s->f->n == (size_t)SP_LIMIT_commit_files)
		return sp_fail(e, SP_EQUOTA, 0, "the folder has more than %d files", (int)SP_LIMIT_commit_files);
	if (s->f->n == s->cap) {
		struct folder_file *more = sp_arena_get(s->a, (s->cap * 2 + 64) * sizeof(*more));

		if (s->f->n)
			memcpy(more, s->f->files, s->f->n * sizeof(*more));
		s->f->files = more;
		s->cap = s->cap * 2 + 64;
	}
	s->f->bytes += file.size;
	s->f->files[s->f->n++] = file;
	return blob_oid(at->fts_path, file.size, s->f->files[s->f->n - 1].oid, e);
}

static int scan_entry(struct scan *s, FTS *fts, FTSENT *at, struct sp_err *e)
{
	if (at->fts_level > 0 && is_left_out(at->fts_name)) {
		fts_set(fts, at, FTS_SKIP);
		if (at->fts_info != FTS_DP)
			sp_buf_fmt(&s->skipped, "%s%s", s->skipped.n ? ", " : "", at->fts_path + s->root_len + 1);
		return 0;
	}
	switch (at->fts_info) {
	case FTS_F:
		return scan_file(s, at, e);
	case FTS_D:
	case FTS_DP:
		return 0;
	case FTS_SL:
	case FTS_SLNONE:
		return sp_fail(e, SP_EINVAL, 0, "'%s' is a symbolic link; put the file itself there", at->fts_path);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return sp_fail(e, SP_EIO, at->fts_errno, "cannot read '%s'", at->fts_path);
	default:
		return sp_fail(e, SP_EINVAL, 0, "'%s' is not a regular file", at->fts_path);
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int folder_scan(const char *root, struct sp_arena *a, struct folder *ret, struct sp_err *e)
{
	char *copy = sp_arena_str(a, root);
	char *const roots[] = { copy, NULL };
	struct folder f = { .root = copy };
	struct scan s = { .a = a, .f = &f };
	struct stat st;
	FTSENT *at;
	FTS *fts;
	int r = 0;

	while (strlen(copy) > 1 && sp_ends_with(copy, "/"))
		copy[strlen(copy) - 1] = '\0';
	s.root_len = strlen(copy);
	if (stat(copy, &st) < 0)
		return sp_fail(e, SP_ENOENT, errno, "cannot open the folder '%s'", copy);
	if (!S_ISDIR(st.st_mode))
		return sp_fail(e, SP_EINVAL, 0, "'%s' is not a folder", copy);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!fts)
		return sp_fail(e, SP_EIO, errno, "cannot open the folder '%s'", copy);
	while (r >= 0 && (at = fts_read(fts)))
		r = scan_entry(&s, fts, at, e);
	fts_close(fts);
	f.skipped = s.skipped.n ? sp_arena_str(a, s.skipped.p) : NULL;
	sp_buf_fini(&s.skipped);
	if (r < 0)
		return r;
	*ret = f;
	return 0;
}

const char *folder_read(const char *root, const char *path, size_t max, struct sp_arena *a, size_t *ret_n)
{
	const char *full = sp_arena_fmt(a, "%s/%s", root, path);
	sp_auto_fclose FILE *f = fopen(full, "re");
	struct stat st;
	char *bytes;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return NULL;
	bytes = sp_arena_get(a, (size_t)st.st_size + 1);
	n = fread(bytes, 1, (size_t)st.st_size, f);
	if (ret_n)
		*ret_n = n;
	return bytes;
}

const char *folder_guess_sdk(const struct folder *f, struct sp_arena *a)
{
	const char *app = folder_read(f->root, "app.py", 1 << 20, a, NULL);
	const char *needs = folder_read(f->root, "requirements.txt", 1 << 20, a, NULL);

	if (folder_read(f->root, "Dockerfile", 1 << 20, a, NULL))
		return "docker";
	if (app && (strstr(app, "import streamlit") || (needs && strstr(needs, "streamlit") && !strstr(app, "gradio"))))
		return "streamlit";
	if (app)
		return "gradio";
	return folder_read(f->root, "index.html", 16 << 20, a, NULL) ? "static" : NULL;
}
