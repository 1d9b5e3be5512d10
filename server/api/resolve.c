/* Files of a revision as they are (hf-api.md 3.3). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/api/mime.h"
#include "server/api/repo_util.h"
#include "server/server.h"

/* A name for Content-Disposition: quoted ASCII for old readers, RFC 8187 for the rest. */
static void set_disposition(struct http_req *rq, struct http_resp *rs, const char *path, const char *type)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	bool shown = !http_query_bool(rq, "download") && strcmp(type, "application/octet-stream") != 0;
	char *plain = sp_arena_str(rq->arena, name);

	for (char *c = plain; *c; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c >= 0x7f || (unsigned char)*c < 0x20)
			*c = '_';
	http_setf(rq, rs, "Content-Disposition", "%s; filename*=UTF-8''%s; filename=\"%s\";", shown ? "inline" : "attachment",
		repo_percent(rq->arena, name, false), plain);
}

static void set_head(struct http_req *rq, struct http_resp *rs, const char *commit, const struct repo_entry *at)
{
	const char *type = mime_inert_of(at->path);

	http_set(rq, rs, "X-Repo-Commit", commit);
	http_setf(rq, rs, "ETag", "\"%s\"", at->lfs.is_lfs ? at->lfs.sha256 : at->oid);
	if (at->lfs.is_lfs) {
		http_setf(rq, rs, "X-Linked-Etag", "\"%s\"", at->lfs.sha256);
		http_setf(rq, rs, "X-Linked-Size", "%llu", (unsigned long long)at->size);
	}
	http_set(rq, rs, "Accept-Ranges", "bytes");
	http_set(rq, rs, "Content-Type", type);
	/* C-UI-04: whatever the file is, on this origin it runs nothing and frames nothing. */
	http_set(rq, rs, "Content-Security-Policy", "default-src 'none'; style-src 'none'; sandbox; frame-ancestors 'none'");
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	/* Apps are of the same site, so a visitor's cookie goes with what they embed: not with what only he may see. */
	http_set(rq, rs, "Cross-Origin-Resource-Policy", rq->repo->is_private ? "same-origin" : "cross-origin");
	set_disposition(rq, rs, at->path, type);
}

/* Does If-None-Match hold this tag? */
static bool is_known(const struct http_req *rq, const struct repo_entry *at)
{
	const char *known = http_header(rq, "if-none-match");

	return known && strstr(known, at->lfs.is_lfs ? at->lfs.sha256 : at->oid) != NULL;
}

static void set_body(struct http_resp *rs, struct repo_blob *b, uint64_t offset, uint64_t len)
{
	if (b->fd >= 0) {
		rs->file_fd = b->fd;
		rs->file_offset = offset;
		rs->file_len = len;
		return;
	}
	rs->body = (const char *)b->p + offset;
	rs->body_len = (size_t)len;
	rs->body_free = free;
	rs->body_free_arg = b->priv;
}

static int send_file(struct http_req *rq, struct http_resp *rs, const char *commit, const struct repo_entry *at, struct sp_err *e)
{
	struct repo_blob b;
	uint64_t offset = 0, len = at->size;
	int piece = http_range(rq, at->size, &offset, &len, e), r;

	if (piece == -SP_EINVAL) {
		http_reply_error(rq, rs, 416, NULL, "The range is outside of the file's %llu bytes.", (unsigned long long)at->size);
		http_setf(rq, rs, "Content-Range", "bytes */%llu", (unsigned long long)at->size);
		http_set(rq, rs, "X-Repo-Commit", commit);
		return 0;
	}
	if (piece < 0)
		return piece;
	r = repo_blob(rq->srv->repos, &rq->repo->id, at, &b, e);
	if (r < 0)
		return r;
	set_head(rq, rs, commit, at);
	if (piece > 0) {
		rs->status = 206;
		http_setf(rq, rs, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)offset, (unsigned long long)(offset + len - 1),
			(unsigned long long)at->size);
	} else {
		offset = 0;
		len = b.size;
	}
	set_body(rs, &b, offset, len);
	return 0;
}

int api_resolve(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *rev, *path;
	struct repo_entry at;
	char commit[41];
	int r;

	repo_rev_and_path(rq, &rev, &path);
	r = repo_revision(rq, rs, rev, commit, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = repo_stat(rq->srv->repos, &rq->repo->id, commit, path, false, rq->arena, &at, e);
	if (r == -SP_ENOENT || (r == 0 && at.is_dir))
		return repo_no_entry(rq, rs, commit, path);
	if (r < 0)
		return r;
	if (is_known(rq, &at)) {
		set_head(rq, rs, commit, &at);
		rs->status = 304;
		return 0;
	}
	if (rq->method == HTTP_HEAD) {
		set_head(rq, rs, commit, &at);
		http_setf(rq, rs, "Content-Length", "%llu", (unsigned long long)at.size);
		return 0;
	}
	return send_file(rq, rs, commit, &at, e);
}
