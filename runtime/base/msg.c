#include "msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "auto.h"

int sp_msg_send(int sock, uint16_t type, uint32_t seq, const void *body, size_t len,
		const int *fds, unsigned nfds, struct sp_err *e)
{
	struct sp_msg_head head = { .version = SP_MSG_VERSION, .type = type, .seq = seq, .len = (uint32_t)len };
	struct iovec iov[2] = { { &head, sizeof(head) }, { 0 } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * SP_MSG_FDS)]; } control;
	ssize_t n;

	if (len > SP_MSG_BODY || nfds > SP_MSG_FDS)
		return sp_fail(e, SP_EBUG, 0, "message too large");

	memcpy(&iov[1].iov_base, &body, sizeof(body));          /* iovec is not const; sendmsg does not write */
	iov[1].iov_len = len;
	if (nfds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do {
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return sp_fail(e, SP_EBUSY, errno, "send message");
	if (n < 0)
		return sp_fail(e, SP_EIO, errno, "send message");
	return 0;
}

int sp_msg_check(const struct sp_msg_table *table, unsigned direction, const struct sp_msg_head *head,
		size_t len, unsigned nfds, struct sp_err *e)
{
	const struct sp_msg_row *row;

	if (head->version != SP_MSG_VERSION)
		return sp_fail(e, SP_EPROTO, 0, "message version %u", head->version);
	if (head->type >= table->count || !table->rows[head->type].name)
		return sp_fail(e, SP_EPROTO, 0, "message type %u", head->type);
	row = &table->rows[head->type];
	if (row->direction != direction)
		return sp_fail(e, SP_EPROTO, 0, "message %s in the wrong direction", row->name);
	if (head->len != len || len < row->min || len > row->max)
		return sp_fail(e, SP_EPROTO, 0, "message %s with %zu bytes", row->name, len);
	if (nfds < row->fds_min || nfds > row->fds_max)
		return sp_fail(e, SP_EPROTO, 0, "message %s with %u descriptors", row->name, nfds);
	return 0;
}

static void collect_fds(struct msghdr *mh, struct sp_msg *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		size_t bytes;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		bytes = c->cmsg_len - CMSG_LEN(0);
		for (size_t i = 0; i + sizeof(int) <= bytes; i += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i, sizeof(fd));
			if (m->nfds < SP_MSG_FDS)
				m->fds[m->nfds++] = fd;
			else
				close(fd);
		}
	}
}

int sp_msg_recv(int sock, const struct sp_msg_table *table, unsigned direction, struct sp_msg *m, struct sp_err *e)
{
	struct iovec iov[2] = { { &m->head, sizeof(m->head) }, { m->body, sizeof(m->body) } };
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * SP_MSG_FDS)]; } control;
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n;
	int r;

	m->nfds = 0;
	for (unsigned i = 0; i < SP_MSG_FDS; i++)
		m->fds[i] = -1;
	do {
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return sp_fail(e, SP_EBUSY, errno, "receive message");
	if (n < 0)
		return sp_fail(e, SP_EIO, errno, "receive message");
	if (n == 0)
		return 0;

	collect_fds(&mh, m);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		r = sp_fail(e, SP_EPROTO, 0, "message truncated");
	else if ((size_t)n < sizeof(m->head))
		r = sp_fail(e, SP_EPROTO, 0, "message of %zd bytes", n);
	else
		r = sp_msg_check(table, direction, &m->head, (size_t)n - sizeof(m->head), m->nfds, e);
	if (r < 0) {
		sp_msg_close(m);
		return r;
	}
	return 1;
}

void sp_msg_close(struct sp_msg *m)
{
	for (unsigned i = 0; i < m->nfds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->nfds = 0;
}

int sp_msg_take_fd(struct sp_msg *m, unsigned i)
{
	return i < m->nfds ? sp_take_fd(&m->fds[i]) : -1;
}
