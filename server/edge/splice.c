/*
 * Large bodies of known length without copying them: socket, pipe, socket (proxy.md 7.10). A pipe is lent to
 * a body only while bytes are in it, as the shared buffer is.
 */
#include "edge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIPE_BYTES = 524288, PIPES_MAX = 64 };   /* 32 MB: half of what one user's pipes may hold */

struct pipe { struct pipe *next; int fd[2]; uint32_t n; };

static struct pipe *pipe_take(struct edge *e)
{
	struct pipe *p = e->pipes;

	if (p) {
		e->pipes = p->next;
		return p;
	}
	if (e->npipes >= PIPES_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p || pipe2(p->fd, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(p);
		return NULL;
	}
	fcntl(p->fd[1], F_SETPIPE_SZ, PIPE_BYTES);      /* if it may not be larger, 64 KB work too */
	e->npipes++;
	return p;
}

static void pipe_give(struct edge *e, struct pipe *p)
{
	if (p->n == 0) {
		p->next = e->pipes;
		e->pipes = p;
		return;
	}
	close(p->fd[0]);
	close(p->fd[1]);
	free(p);
	e->npipes--;
}

void body_stop(struct edge *e, struct body *b)
{
	if (b->pipe)
		pipe_give(e, b->pipe);
	b->pipe = NULL;
}

bool splice_wants(struct edge *e, struct body *b, const struct side *from, const struct side *to)
{
	if (b->pipe)
		return true;
	if (e->no_splice || b->kind != HEAD_LENGTH || b->ok > 0 || b->left < SP_LIMIT_edge_splice_bytes || side_has(from) > 0 ||
	    !from->can_read || !to->can_write)
		return false;
	b->pipe = pipe_take(e);
	return b->pipe != NULL;
}

static void fill(struct edge *e, struct body *b, struct side *from)
{
	size_t want = b->left < PIPE_BYTES ? (size_t)b->left : PIPE_BYTES;
	ssize_t n;

	do {
		n = splice(from->fd, NULL, b->pipe->fd[1], NULL, want, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		b->left -= (uint64_t)n;
		b->pipe->n = (uint32_t)n;
		return;
	}
	if (n < 0 && (errno == EINVAL || errno == ENOSYS || errno == EPERM)) {
		e->no_splice = true;            /* a kernel or a filter that does not have it: copy */
		return;
	}
	from->can_read = false;
	if (n == 0)
		from->eof = true;
	else if (errno != EAGAIN)
		from->broken = true;
}

/* Without SPLICE_F_MORE: it would keep back the last piece while the sender pauses. */
static bool empty(struct body *b, struct side *to)
{
	ssize_t n;

	if (!to->can_write)
		return false;
	do {
		n = splice(b->pipe->fd[0], NULL, to->fd, NULL, b->pipe->n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		b->pipe->n -= (uint32_t)n;
		return true;
	}
	to->can_write = false;
	if (n == 0 || errno != EAGAIN) {
		to->mute = true;
		to->can_read = true;
	}
	return false;
}

bool splice_step(struct edge *e, struct body *b, struct side *from, struct side *to)
{
	bool moved = false;

	if (b->pipe->n == 0 && b->left > 0 && from->can_read && to->can_write)
		fill(e, b, from);
	if (b->pipe->n > 0)
		moved = empty(b, to);
	if (b->pipe->n == 0) {
		body_stop(e, b);
		b->ended = b->left == 0;
	}
	return moved || (e->no_splice && from->can_read);
}
