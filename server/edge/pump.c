/* Sockets and bodies: one read, one write, and what is left over stays where it was read. */
#include "edge.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { JOIN_MAX = 4096 };

size_t side_has(const struct side *s)
{
	return buf_n(s->in);
}

char *side_at(const struct side *s)
{
	return s->in ? s->in->p + s->in->at : NULL;
}

static struct buf *take_scratch(struct edge *e)
{
	struct buf *b = e->scratch;

	if (!b)
		return buf_new(&e->bufs, buf_room(BUF_BIG));
	e->scratch = NULL;
	b->at = b->end = 0;
	return b;
}

static void give_back(struct edge *e, struct buf *b)
{
	if (!e->scratch && b->cap == buf_room(BUF_BIG))
		e->scratch = b;
	else
		buf_free(&e->bufs, b);
}

/* Room behind the filled bytes, by moving them or by a larger buffer. */
static bool make_room(struct edge *e, struct side *s)
{
	struct buf *b = s->in;

	if (b->at == b->end)
		b->at = b->end = 0;
	if (b->end < b->cap)
		return true;
	if (b->cap < buf_room(BUF_BIG)) {
		s->in = take_scratch(e);
		s->in->end = (uint32_t)buf_n(b);
		memcpy(s->in->p, b->p + b->at, s->in->end);
		buf_free(&e->bufs, b);
		return true;
	}
	if (b->at == 0)
		return false;
	memmove(b->p, b->p + b->at, buf_n(b));
	b->end -= b->at;
	b->at = 0;
	return true;
}

bool side_fill(struct edge *e, struct side *s, size_t most)
{
	size_t room;
	ssize_t n;

	if (!s->can_read)
		return false;
	if (!s->in)
		s->in = take_scratch(e);
	if (side_has(s) >= most || !make_room(e, s))
		return false;
	room = s->in->cap - s->in->end;
	if (room > most - side_has(s))
		room = most - side_has(s);
	do {
		n = recv(s->fd, s->in->p + s->in->end, room, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->in->end += (uint32_t)n;
		/* A short read emptied the socket, and what comes later is a new edge; only an end that is known already is not. */
		s->can_read = (size_t)n == room || s->fin;
		return true;
	}
	s->can_read = false;
	if (n == 0)
		s->eof = true;
	else if (errno != EAGAIN)
		s->broken = true;
	return false;
}

void side_settle(struct edge *e, struct side *s)
{
	struct buf *b = s->in, *small;
	size_t n = buf_n(b);

	if (!b || (n > 0 && (b->cap < buf_room(BUF_BIG) || n > buf_room(BUF_MID))))
		return;
	s->in = NULL;
	if (n > 0) {
		small = buf_new(&e->bufs, n);
		memcpy(small->p, b->p + b->at, n);
		small->end = (uint32_t)n;
		s->in = small;
	}
	give_back(e, b);
}

void side_eat(struct side *s, size_t n)
{
	if (s->in)
		s->in->at += (uint32_t)n;
}

/* Keep what the socket did not take. */
static void keep_out(struct edge *e, struct side *to, const char *p, size_t n)
{
	struct buf *b = to->out;

	if (n == 0)
		return;
	if (!b || b->cap - b->end < n) {
		struct buf *larger = buf_new(&e->bufs, buf_n(b) + n);

		if (larger->cap < buf_n(b) + n) {       /* nothing of ours is that long: a peer that never reads */
			buf_free(&e->bufs, larger);
			to->mute = true;
			return;
		}
		if (b) {
			memcpy(larger->p, b->p + b->at, buf_n(b));
			larger->end = (uint32_t)buf_n(b);
			buf_free(&e->bufs, b);
		}
		to->out = b = larger;
	}
	memcpy(b->p + b->end, p, n);
	b->end += (uint32_t)n;
}

static size_t send_vector(struct side *to, struct iovec *iov, unsigned count, size_t total)
{
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n;

	if (!to->can_write || to->mute)
		return 0;
	do {
		n = count == 1 ? send(to->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL) : sendmsg(to->fd, &mh, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		to->mute = true;
		to->can_read = true;    /* whoever reads finds out the rest */
	}
	if (n < (ssize_t)total)
		to->can_write = false;
	return n < 0 ? 0 : (size_t)n;
}

static void vector_add(struct iovec *iov, unsigned *count, size_t *total, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(&iov[*count].iov_base, &p, sizeof(p));           /* iovec is not const; send does not write */
	iov[*count].iov_len = n;
	++*count;
	*total += n;
}

size_t side_push(struct edge *e, struct side *to, const char *head, size_t head_n, const char *body, size_t body_n)
{
	size_t out_n = buf_n(to->out), total = 0, sent;
	struct iovec iov[3];
	unsigned count = 0;

	if (out_n > 0)
		vector_add(iov, &count, &total, to->out->p + to->out->at, out_n);
	if (head == e->head_out && body_n > 0 && body_n <= JOIN_MAX && head_n <= HEAD_OUT_BYTES - JOIN_MAX) {
		memcpy(e->head_out + head_n, body, body_n);     /* cheaper than a vector of two */
		vector_add(iov, &count, &total, head, head_n + body_n);
	} else {
		vector_add(iov, &count, &total, head, head_n);
		vector_add(iov, &count, &total, body, body_n);
	}
	if (count == 0)
		return 0;
	sent = send_vector(to, iov, count, total);
	if (out_n > 0) {
		size_t n = sent < out_n ? sent : out_n;

		to->out->at += (uint32_t)n;
		sent -= n;
	}
	if (sent < head_n) {
		keep_out(e, to, head + sent, head_n - sent);
		sent = head_n;
	}
	if (to->out && buf_n(to->out) == 0) {
		buf_free(&e->bufs, to->out);
		to->out = NULL;
	}
	return sent - head_n;
}

bool side_flush(struct edge *e, struct side *to)
{
	if (to->out)
		side_push(e, to, NULL, 0, NULL, 0);
	return !to->out && !to->mute;
}

void side_close(struct edge *e, struct side *s)
{
	buf_free(&e->bufs, s->in);
	buf_free(&e->bufs, s->out);
	s->in = s->out = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->kind = SIDE_DEAD;
}

void body_start(struct edge *e, struct body *b, enum head_body kind, uint64_t length, bool decode)
{
	body_stop(e, b);
	*b = (struct body){ .kind = (uint8_t)kind, .left = length, .ended = kind == HEAD_NO_BODY };
	if (kind == HEAD_CHUNKED)
		chunk_start(&b->chunk, decode);
}

static int admit_chunks(struct body *b, struct side *from, size_t n, struct sp_err *err)
{
	char *p = side_at(from) + b->ok;
	size_t used, kept;
	int r = chunk_pass(&b->chunk, p, n, &used, &kept, err);

	if (kept < used) {
		memmove(p + kept, p + used, n - used);
		from->in->end -= (uint32_t)(used - kept);
	}
	b->ok += (uint32_t)kept;
	b->ended = r > 0;
	return r < 0 ? r : 0;
}

int body_admit(struct body *b, struct side *from, struct sp_err *err)
{
	size_t n = side_has(from) - b->ok;

	if (b->ended || n == 0)
		return 0;
	if (b->kind == HEAD_CHUNKED)
		return admit_chunks(b, from, n, err);
	if (b->kind == HEAD_LENGTH) {
		if (n > b->left)
			n = (size_t)b->left;
		b->left -= n;
		b->ended = b->left == 0;
	}
	b->ok += (uint32_t)n;
	return 0;
}

bool body_done(const struct body *b)
{
	return b->ended && b->ok == 0;
}

int body_step(struct edge *e, struct body *b, struct side *from, struct side *to, struct sp_err *err)
{
	size_t n;
	int r;

	if (!side_flush(e, to))
		return 0;
	if (splice_wants(e, b, from, to))
		return splice_step(e, b, from, to);
	if (b->ok == 0 && !b->ended) {
		if (!to->can_write || !side_fill(e, from, buf_room(BUF_BIG)))
			return 0;
		r = body_admit(b, from, err);
		if (r < 0)
			return r;
	}
	if (b->ok == 0)
		return 1;
	n = side_push(e, to, NULL, 0, side_at(from), b->ok);
	side_eat(from, n);
	b->ok -= (uint32_t)n;
	return n > 0;
}
