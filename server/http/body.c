#include "server/http/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"

uint64_t body_limit(enum http_body kind)
{
	return kind == BODY_SPOOL ? SP_LIMIT_http_upload_bytes : SP_LIMIT_http_small_body_bytes;
}

int body_add(struct body *b, const char *p, size_t n, size_t *ret_taken, struct sp_err *e)
{
	if (b->size + n > body_limit(b->kind))
		return sp_fail(e, SP_EQUOTA, 0, "the body is larger than the %llu bytes that are taken here",
			(unsigned long long)body_limit(b->kind));
	if (b->kind == BODY_SPOOL && n > BODY_PIECE - b->piece.n)
		n = BODY_PIECE - b->piece.n;
	if (b->kind != BODY_NONE)
		sp_buf_add(&b->piece, p, n);
	b->size += n;
	*ret_taken = n;
	return 0;
}

bool body_is_full(const struct body *b)
{
	return b->kind == BODY_SPOOL && b->piece.n >= BODY_PIECE;
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
	if (b->kind != BODY_SPOOL)
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
	sp_buf_fini(&b->piece);
	sp_close_p(&b->fd);
	b->fd = -1;
}
