#include "priv.h"

#include <errno.h>
#include <git2/sys/mempack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "limit.h"
#include "str.h"

/*
 * Few objects are written one file each. Many go into packs by way of memory, because one fsync for each
 * of 10,000 tiny files would take minutes; memory is bounded by writing a pack whenever it is full.
 */
enum { PACK_FROM_OPS = 24, STREAM_BYTES = 1 << 20, MEMORY_BYTES = 48 << 20, CHUNK_BYTES = 1 << 18, RETRY_S = 600, SHORT_HASH = 7 };

struct making {
	struct repos *rs;
	const struct sp_id *id;
	const struct repo_commit_req *req;
	git_repository *plain;          /* writes objects one by one */
	git_repository *writer;         /* the same, or one whose writes stay in memory until flush */
	git_odb_backend *memory;        /* NULL: writer is plain */
	size_t in_memory;
	git_oid *blobs;                 /* one for each operation */
	struct sp_err *e;
};

static void making_fini(struct making *m)
{
	if (m->memory)
		git_repository_free(m->writer);
	git_repository_free(m->plain);
	free(m->blobs);
}

static int open_memory(struct making *m)
{
	repo_auto(git_odb) git_odb *odb = NULL;
	int r = repo_open(m->rs, m->id, &m->writer, m->e);

	if (r < 0)
		return r;
	r = git_repository_odb(&odb, m->writer);
	if (r >= 0)
		r = git_mempack_new(&m->memory);
	if (r >= 0)
		r = git_odb_add_backend(odb, m->memory, 999);
	return r < 0 ? repo_git_fail(m->e, r, "collect objects in memory") : 0;
}

static int making_open(struct making *m)
{
	int r = repo_open(m->rs, m->id, &m->plain, m->e);

	if (r < 0)
		return r;
	m->blobs = calloc(m->req->n_ops + 1, sizeof(*m->blobs));
	if (!m->blobs)
		abort();
	m->writer = m->plain;
	return m->req->n_ops < PACK_FROM_OPS ? 0 : open_memory(m);
}

/* What is in memory becomes a pack on disk. */
static int flush(struct making *m)
{
	repo_auto(git_odb) git_odb *odb = NULL;
	git_odb_writepack *pack = NULL;
	git_indexer_progress seen = { 0 };
	git_buf bytes = { 0 };
	int r;

	if (!m->memory || m->in_memory == 0)
		return 0;
	r = git_mempack_dump(&bytes, m->writer, m->memory);
	if (r >= 0)
		r = git_repository_odb(&odb, m->plain);
	if (r >= 0)
		r = git_odb_write_pack(&pack, odb, NULL, NULL);
	if (r >= 0)
		r = pack->append(pack, bytes.ptr, bytes.size, &seen);
	if (r >= 0)
		r = pack->commit(pack, &seen);
	if (pack)
		pack->free(pack);
	git_buf_dispose(&bytes);
	if (r < 0)
		return repo_git_fail(m->e, r, "write a pack");
	git_mempack_reset(m->memory);
	m->in_memory = 0;
	return 0;
}

/* A large file goes to the disk as it is read. */
static int stream_blob(struct making *m, const struct repo_op *op, git_oid *ret)
{
	repo_auto(git_odb) git_odb *odb = NULL;
	sp_auto_free char *chunk = malloc(CHUNK_BYTES);
	git_odb_stream *to = NULL;
	uint64_t done = 0;
	int r = git_repository_odb(&odb, m->plain);

	if (!chunk)
		abort();
	if (r >= 0)
		r = git_odb_open_wstream(&to, odb, (git_object_size_t)op->len, GIT_OBJECT_BLOB);
	while (r >= 0 && done < op->len) {
		size_t want = op->len - done < CHUNK_BYTES ? (size_t)(op->len - done) : CHUNK_BYTES;
		ssize_t n = pread(op->fd, chunk, want, (off_t)(op->offset + done));

		if (n <= 0) {
			git_odb_stream_free(to);
			return sp_fail(m->e, SP_EIO, n < 0 ? errno : 0, "read upload of '%.60s'", op->path);
		}
		r = git_odb_stream_write(to, chunk, (size_t)n);
		done += (uint64_t)n;
	}
	if (r >= 0)
		r = git_odb_stream_finalize_write(ret, to);
	git_odb_stream_free(to);
	return r < 0 ? repo_git_fail(m->e, r, "store '%.60s'", op->path) : 0;
}

static int buffer_blob(struct making *m, const void *p, size_t n, git_oid *ret)
{
	int r = git_blob_create_from_buffer(ret, m->writer, p, n);

	if (r < 0)
		return repo_git_fail(m->e, r, "store a file");
	m->in_memory += n + 64;
	return m->in_memory > MEMORY_BYTES ? flush(m) : 0;
}

static int read_blob(struct making *m, const struct repo_op *op, git_oid *ret)
{
	sp_auto_free char *p = malloc((size_t)op->len + 1);
	size_t done = 0;

	if (!p)
		abort();
	while (done < op->len) {
		ssize_t n = pread(op->fd, p + done, (size_t)op->len - done, (off_t)(op->offset + done));

		if (n <= 0)
			return sp_fail(m->e, SP_EIO, n < 0 ? errno : 0, "read upload of '%.60s'", op->path);
		done += (size_t)n;
	}
	return buffer_blob(m, p, done, ret);
}

static int pointer_blob(struct making *m, const struct repo_op *op, git_oid *ret)
{
	char text[256];
	uint64_t size;
	int n, r = repo_lfs_has(m->rs, m->id, op->sha256, &size, m->e);

	if (r < 0)
		return sp_fail(m->e, SP_EINVAL, 0, "the large file '%.80s' was not uploaded before it was committed", op->path);
	n = snprintf(text, sizeof(text), "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %llu\n",
			op->sha256, (unsigned long long)size);
	return buffer_blob(m, text, (size_t)n, ret);
}

static int store_op(struct making *m, const struct repo_op *op, git_oid *ret)
{
	switch (op->kind) {
	case OP_PUT:
		if (op->fd < 0)
			return buffer_blob(m, op->bytes, (size_t)op->len, ret);
		return op->len > STREAM_BYTES ? stream_blob(m, op, ret) : read_blob(m, op, ret);
	case OP_PUT_LFS:
		return pointer_blob(m, op, ret);
	case OP_DELETE:
	case OP_DELETE_TREE:
	case OP_COPY:
		break;
	}
	return 0;
}

static int check_ops(const struct repo_commit_req *req, struct sp_err *e)
{
	if (req->n_ops > SP_LIMIT_commit_files)
		return sp_fail(e, SP_EQUOTA, 0, "more than %d files in one commit; send several commits", (int)SP_LIMIT_commit_files);
	for (size_t i = 0; i < req->n_ops; i++) {
		const struct repo_op *op = &req->ops[i];
		int r = repo_check_path(op->path, e);

		if (r == 0 && op->kind == OP_COPY)
			r = repo_check_path(op->bytes, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The index would drop what is put where a folder is, and a file (KEEPS: not) for the folder of its name, and say nothing. */
static int check_free(git_index *index, const char *path, bool keeps, struct sp_err *e)
{
	sp_auto_buf struct sp_buf at = { 0 };

	sp_buf_fmt(&at, "%s/", path);
	if (git_index_find_prefix(NULL, index, at.p) >= 0)
		return sp_fail(e, SP_EINVAL, 0, "'%.100s' is a folder: choose another name, or delete the folder first", path);
	for (char *slash = strchr(at.p, '/'); keeps && slash[1]; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (git_index_get_bypath(index, at.p, 0))
			return sp_fail(e, SP_EINVAL, 0, "'%.100s' is a file, so nothing can be in it: choose another name, or delete the file first", at.p);
		*slash = '/';
	}
	return 0;
}

/* Put BLOB at PATH; a program that was executable stays so. */
static int put(git_index *index, const char *path, const git_oid *blob, bool keeps, struct sp_err *e)
{
	const git_index_entry *was = git_index_get_bypath(index, path, 0);
	git_index_entry it = { .path = path, .id = *blob };
	int r = was ? 0 : check_free(index, path, keeps, e);

	if (r < 0)
		return r;
	it.mode = was && was->mode == GIT_FILEMODE_BLOB_EXECUTABLE ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
	r = git_index_add(index, &it);
	return r < 0 ? sp_fail(e, SP_EINVAL, 0, "the path '%.100s' is not allowed", path) : 0;
}

static int delete_tree(git_index *index, const char *path, struct sp_err *e)
{
	sp_auto_buf struct sp_buf prefix = { 0 };
	int r;

	sp_buf_fmt(&prefix, "%s/", path);
	if (git_index_find_prefix(NULL, index, prefix.p) < 0)
		return sp_fail(e, SP_ENOENT, 0, "there is no folder '%.100s' in this revision", path);
	r = git_index_remove_directory(index, path, 0);
	return r < 0 ? repo_git_fail(e, r, "delete folder '%.60s'", path) : 0;
}

static int copy(git_index *index, const char *from, const char *to, bool keeps, struct sp_err *e)
{
	const git_index_entry *was = git_index_get_bypath(index, from, 0);
	git_oid blob;

	if (!was)
		return sp_fail(e, SP_ENOENT, 0, "there is no file '%.100s' in this revision", from);
	blob = was->id;
	return put(index, to, &blob, keeps, e);
}

static int apply_op(git_index *index, const struct repo_op *op, const git_oid *blob, bool keeps, struct sp_err *e)
{
	switch (op->kind) {
	case OP_PUT:
	case OP_PUT_LFS:
		return put(index, op->path, blob, keeps, e);
	case OP_DELETE:
		if (git_index_remove(index, op->path, 0) < 0)
			return sp_fail(e, SP_ENOENT, 0, "there is no file '%.100s' in this revision", op->path);
		return 0;
	case OP_DELETE_TREE:
		return delete_tree(index, op->path, e);
	case OP_COPY:
		return copy(index, op->bytes, op->path, keeps, e);
	}
	return sp_fail(e, SP_EBUG, 0, "operation %d", op->kind);
}

/* The tree that the operations make out of FROM's. */
static int make_tree(struct making *m, git_commit *from, git_oid *ret, struct sp_err *e)
{
	repo_auto(git_index) git_index *index = NULL;
	repo_auto(git_tree) git_tree *tree = NULL;
	int r = git_index_new(&index);

	if (r >= 0)
		r = git_commit_tree(&tree, from);
	if (r >= 0)
		r = git_index_read_tree(index, tree);
	if (r < 0)
		return repo_git_fail(e, r, "read the branch's files");
	for (size_t i = 0; i < m->req->n_ops; i++) {
		r = apply_op(index, &m->req->ops[i], &m->blobs[i], m->req->keeps_files, e);
		if (r < 0)
			return r;
	}
	m->in_memory++;         /* trees and the commit follow: what is in memory is not empty */
	r = git_index_write_tree_to(ret, index, m->writer);
	return r < 0 ? repo_git_fail(e, r, "write the new tree") : 0;
}

/*
 * C-HF-72: was this very commit made already, and only its answer lost? Then the head is what these
 * operations make of its parent, under the same title, just now.
 */
static bool is_retry(struct making *m, git_commit *head)
{
	repo_auto(git_commit) git_commit *before = NULL;
	const char *text = git_commit_message(head);
	char parent[41] = "";
	git_oid tree;

	if (git_commit_time(head) + RETRY_S < time(NULL) || git_commit_parentcount(head) != 1 || git_commit_parent(&before, head, 0) < 0)
		return false;
	git_oid_tostr(parent, sizeof(parent), git_commit_id(before));
	if (m->req->parent && !sp_starts_with(parent, m->req->parent))
		return false;
	return strncmp(text, m->req->title, strlen(m->req->title)) == 0 && make_tree(m, before, &tree, NULL) == 0 &&
		git_oid_equal(&tree, git_commit_tree_id(head));
}

git_signature *repo_sign(const struct repo_author *by)
{
	git_signature *s = NULL;
	char name[128], email[128];

	snprintf(name, sizeof(name), "%s", by->name && *by->name ? by->name : "unknown");
	snprintf(email, sizeof(email), "%s", by->email && *by->email ? by->email : "unknown");
	for (char *c = name; *c; c++)   /* git's own field marks */
		if (*c == '<' || *c == '>' || (unsigned char)*c < 0x20)
			*c = ' ';
	if (git_signature_now(&s, name, email) < 0 && git_signature_now(&s, "unknown", "unknown") < 0)
		abort();
	return s;
}

static int write_commit(struct making *m, git_commit *head, const git_oid *tree_id, const char *ref_name, git_oid *ret)
{
	repo_auto(git_signature) git_signature *by = repo_sign(&m->req->author);
	repo_auto(git_reference) git_reference *moved = NULL;
	repo_auto(git_tree) git_tree *tree = NULL;
	sp_auto_buf struct sp_buf text = { 0 };
	const git_commit *parents[] = { head };
	int r = git_tree_lookup(&tree, m->writer, tree_id);

	sp_buf_puts(&text, m->req->title);
	if (m->req->message && *m->req->message)
		sp_buf_fmt(&text, "\n\n%s", m->req->message);
	if (r >= 0)
		r = git_commit_create(ret, m->writer, NULL, by, by, NULL, text.p, tree, 1, parents);
	if (r < 0)
		return repo_git_fail(m->e, r, "write the commit");
	r = flush(m);
	if (r < 0)
		return r;
	r = git_reference_create_matching(&moved, m->plain, ref_name, ret, 1, git_commit_id(head), NULL);
	return r < 0 ? repo_git_fail(m->e, r, "move branch '%.60s'", m->req->branch) : 0;
}

static int read_head(struct making *m, const char *ref_name, git_commit **ret)
{
	git_oid at;
	int r = git_reference_name_to_id(&at, m->plain, ref_name);

	if (r >= 0)
		r = git_commit_lookup(ret, m->writer, &at);
	return r < 0 ? repo_git_fail(m->e, r, "find branch '%.60s'", m->req->branch) : 0;
}

static bool is_parent_ok(const char *wanted, const char *head)
{
	size_t n = wanted ? strlen(wanted) : 0;

	return !wanted || (n >= SHORT_HASH && n <= 40 && strncmp(head, wanted, n) == 0);
}

/* Under the repository's lock. */
static int commit_locked(struct making *m, char ret_commit[41], bool *ret_changed)
{
	repo_auto(git_commit) git_commit *head = NULL;
	sp_auto_buf struct sp_buf ref_name = { 0 };
	char head_hex[41];
	git_oid tree, made;
	bool changed;
	int r;

	sp_buf_fmt(&ref_name, "refs/heads/%s", m->req->branch);
	r = read_head(m, ref_name.p, &head);
	if (r < 0)
		return r;
	git_oid_tostr(head_hex, sizeof(head_hex), git_commit_id(head));
	if (is_parent_ok(m->req->parent, head_hex))
		r = make_tree(m, head, &tree, m->e);
	else
		r = sp_fail(m->e, SP_ESTALE, 0, "the branch '%.60s' has moved to %.7s since %.40s", m->req->branch, head_hex, m->req->parent);
	if ((r == -SP_ESTALE || r == -SP_ENOENT) && is_retry(m, head)) {
		tree = *git_commit_tree_id(head);
		r = 0;
	}
	if (r < 0)
		return r;

	changed = !git_oid_equal(&tree, git_commit_tree_id(head));
	made = *git_commit_id(head);
	if (changed)
		r = write_commit(m, head, &tree, ref_name.p, &made);
	if (r < 0)
		return r;
	git_oid_tostr(ret_commit, 41, &made);
	*ret_changed = changed;
	return 0;
}

int repo_commit(struct repos *rs, const struct sp_id *id, const struct repo_commit_req *req,
		char ret_commit[41], bool *ret_changed, struct sp_err *e)
{
	sp_auto(making_fini) struct making m = { .rs = rs, .id = id, .req = req, .e = e };
	struct repo_lock *lock;
	int r = check_ops(req, e);

	if (r == 0)
		r = making_open(&m);
	for (size_t i = 0; i < req->n_ops && r == 0; i++)
		r = store_op(&m, &req->ops[i], &m.blobs[i]);
	if (r < 0)
		return r;
	lock = repo_lock_take(rs, id);
	r = commit_locked(&m, ret_commit, ret_changed);
	repo_lock_drop(rs, lock);
	return r;
}
