#include "server/http/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"

uint64_t body_limit(enum http_body kind)
{
	if (kind == BODY_LINK)
		return SP_LIMIT_lfs_object_bytes;
	if (kind == BODY_PUSH)
		return SP_LIMIT_git_push_bytes;
	if (kind == BODY_FETCH)
		return SP_LIMIT_git_fetch_bytes;
	return kind == BODY_SPOOL ? SP_LIMIT_http_upload_bytes : SP_LIMIT_http_small_body_bytes;
}

bool body_may_be_gzip(enum http_body kind)
{
	return kind == BODY_PUSH || kind == BODY_FETCH;
}

bool body_in_file(enum http_body kind)
{
	return kind == BODY_SPOOL || kind == BODY_LINK || body_may_be_gzip(kind);
}

static void wipe(struct sp_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->n);
	sp_buf_fini(b);
}

/* Small bodies carry secrets and passwords: no copy of them stays behind in freed memory. */
static void make_room(struct sp_buf *b, size_t n)
{
	struct sp_buf bigger = { .n = b->n, .cap = 2 * b->cap > b->n + n ? 2 * b->cap : b->n + n + 1 };

	if (b->cap > b->n + n)
		return;
	bigger.p = malloc(bigger.cap);
	if (!bigger.p)
		abort();
	if (b->n)
		memcpy(bigger.p, b->p, b->n);
	wipe(b);
	*b = bigger;
}

int body_add(struct body *b, const char *p, size_t n, size_t *ret_taken, struct sp_err *e)
{
	uint64_t max = b->max ? b->max : body_limit(b->kind);

	if (b->size + n > max)
		return sp_fail(e, SP_EQUOTA, 0, "the body is larger than the %llu bytes that are taken here", (unsigned long long)max);
	if (body_in_file(b->kind) && n > BODY_PIECE - b->piece.n)
		n = BODY_PIECE - b->piece.n;
	if (b->kind == BODY_SMALL)
		make_room(&b->piece, n);
	if (b->kind != BODY_NONE)
		sp_buf_add(&b->piece, p, n);
	b->size += n;
	*ret_taken = n;
	return 0;
}

bool body_is_full(const struct body *b)
{
	return body_in_file(b->kind) && b->piece.n >= BODY_PIECE;
}

/* Some file systems have no O_TMPFILE: then a name that is gone at once. */
static int open_unlinked(int dirfd, struct sp_err *e)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[SP_ID_LEN + 8];

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return sp_fail(e, SP_EIO, errno, "make a file for the request's body");
	snprintf(name, sizeof(name), "%s.body", sp_id_new().s);
	fd = openat(dirfd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "make a file for the request's body");
	unlinkat(dirfd, name, 0);
	return fd;
}

int body_spool(struct body *b, int dirfd, struct sp_err *e)
{
	int r;

	if (b->fd < 0) {
		r = open_unlinked(dirfd, e);
		if (r < 0)
			return r;
		b->fd = r;
	}
	r = sp_write_all(b->fd, b->piece.p, b->piece.n, e);
	b->piece.n = 0;
	if (r < 0 && e->sys == ENOSPC)
		return sp_fail(e, SP_EQUOTA, ENOSPC, "the server's disk is full: ask its operator to make room");
	return r;
}

int body_finish(struct body *b, int dirfd, struct http_req *rq, struct sp_err *e)
{
	int r;

	rq->body_size = b->size;
	if (b->kind == BODY_SMALL) {
		rq->body = b->piece.p ? b->piece.p : "";
		rq->body_len = b->piece.n;
	}
	if (!body_in_file(b->kind))
		return 0;
	r = body_spool(b, dirfd, e);
	if (r < 0)
		return r;
	if (lseek(b->fd, 0, SEEK_SET) < 0)
		return sp_fail(e, SP_EIO, errno, "rewind the request's body");
	rq->body_fd = sp_take_fd(&b->fd);
	return 0;
}

void body_fini(struct body *b)
{
	if (b->kind == BODY_SMALL)
		wipe(&b->piece);
	sp_buf_fini(&b->piece);
	sp_close_p(&b->fd);
	b->fd = -1;
}
