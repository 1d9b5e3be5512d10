/* One large file, by the signed address that a batch gave out. */
#include <string.h>

#include "runtime/repo/repo.h"
#include "server/git/lfs_link.h"
#include "server/server.h"

int git_lfs_upload(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct lfs_link l;
	uint64_t stored = 0;
	int r = lfs_link_read(rq, MAY_WRITE, &l, e);

	if (r < 0)
		return r;
	if (rq->body_size != l.size)
		return http_reply_error(rq, rs, 400, NULL, "%llu bytes came instead of %llu. Upload the file again.",
			(unsigned long long)rq->body_size, (unsigned long long)l.size);
	r = repo_lfs_has(rq->srv->repos, &l.repo, l.oid, &stored, e);
	if (r == -SP_ENOENT)
		r = repo_lfs_put(rq->srv->repos, &l.repo, rq->body_fd, l.oid, e);
	if (r == -SP_EINVAL)
		return http_reply_error(rq, rs, 400, NULL, "The upload does not have the announced hash. Upload the file again.");
	if (r < 0)
		return r;
	return http_reply_json(rq, rs, 200, json_object());
}

/* The client believes that it is through: say whether it is. */
int git_lfs_verify(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct lfs_link l;
	uint64_t stored = 0;
	json_t *body;
	int r = lfs_link_read(rq, MAY_WRITE, &l, e);

	if (r == 0)
		r = http_json(rq, &body, e);
	if (r < 0)
		return r;
	r = repo_lfs_has(rq->srv->repos, &l.repo, l.oid, &stored, e);
	if (r == -SP_ENOENT)
		return http_reply_error(rq, rs, 404, NULL, "The object was not uploaded. Upload it again.");
	if (r < 0)
		return r;
	if (stored != l.size)
		return http_reply_error(rq, rs, 422, NULL, "The object has %llu bytes, not %llu.", (unsigned long long)stored, (unsigned long long)l.size);
	return http_reply_json(rq, rs, 200, json_object());
}

static int answer_range(struct http_req *rq, struct http_resp *rs, uint64_t size, struct sp_err *e)
{
	uint64_t offset = 0, len = size;
	int piece = http_range(rq, size, &offset, &len, e);

	if (piece == -SP_EINVAL) {
		http_reply_error(rq, rs, 416, NULL, "The range is outside of the file's %llu bytes.", (unsigned long long)size);
		http_setf(rq, rs, "Content-Range", "bytes */%llu", (unsigned long long)size);
		return 1;
	}
	if (piece < 0)
		return piece;
	if (piece > 0) {
		rs->status = 206;
		http_setf(rq, rs, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)offset, (unsigned long long)(offset + len - 1),
			(unsigned long long)size);
	}
	rs->file_offset = piece > 0 ? offset : 0;
	rs->file_len = piece > 0 ? len : size;
	return 0;
}

int git_lfs_download(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct repo_entry at = { .path = "object", .lfs = { .is_lfs = true } };
	struct repo_blob b;
	struct lfs_link l;
	int r = lfs_link_read(rq, MAY_READ, &l, e);

	if (r < 0)
		return r;
	memcpy(at.lfs.sha256, l.oid, sizeof(at.lfs.sha256));
	at.size = at.lfs.size = l.size;
	r = answer_range(rq, rs, l.size, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = repo_blob(rq->srv->repos, &l.repo, &at, &b, e);
	if (r < 0)
		return r;
	rs->file_fd = b.fd;
	http_set(rq, rs, "Content-Type", "application/octet-stream");
	http_set(rq, rs, "Content-Disposition", "attachment");
	http_set(rq, rs, "Accept-Ranges", "bytes");
	http_setf(rq, rs, "ETag", "\"%s\"", l.oid);
	/* Whatever the bytes are, on this origin they run nothing (C-UI-04). */
	http_set(rq, rs, "Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'");
	return 0;
}
