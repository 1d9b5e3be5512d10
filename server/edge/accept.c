/* Taking visitors in: batches, a limit, and no spinning when descriptors run out. */
#include "edge.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { BATCH = 64, PAUSE_MS = 100, KEEPALIVE_S = 60, LOG_MS = 10000 };

/* Accepted sockets inherit these from their listener: no call per connection. */
static void prepare(int fd)
{
	int one = 1, idle = KEEPALIVE_S;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
}

static void stop(struct edge *e, unsigned listeners)
{
	for (unsigned i = 0; i < listeners; i++)
		epoll_ctl(e->epoll, EPOLL_CTL_DEL, e->listeners[i].fd, NULL);
}

void accept_start(struct edge *e)
{
	if (e->accepting || e->draining || e->now < e->accept_after || e->nconns >= e->max_conns)
		return;
	for (unsigned i = 0; i < e->nlisteners; i++) {
		struct sp_err err;

		prepare(e->listeners[i].fd);
		if (loop_watch(e, &e->listeners[i], EPOLLIN, &err) < 0) {
			log_err("listener not watched: %s", err.msg);
			stop(e, i);     /* the chores come again */
			return;
		}
	}
	e->accepting = true;
}

void accept_stop(struct edge *e)
{
	if (e->accepting)
		stop(e, e->nlisteners);
	e->accepting = false;
}

static void pause_accepting(struct edge *e, const char *why)
{
	if (!e->accept_logged || e->now - e->accept_logged > LOG_MS) {
		log_warn("not accepting for %d ms at a time: %s", PAUSE_MS, why);
		e->accept_logged = e->now;
	}
	e->accept_after = e->now + PAUSE_MS;
	accept_stop(e);
	chores_soon(e);
}

static void set_peer(struct conn *c, const struct sockaddr_storage *from)
{
	c->peer_family = (uint8_t)from->ss_family;
	if (from->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, from, sizeof(in6));
		memcpy(c->peer, &in6.sin6_addr, sizeof(c->peer));
	} else {
		struct sockaddr_in in4;

		memcpy(&in4, from, sizeof(in4));
		memcpy(c->peer, &in4.sin_addr, sizeof(in4.sin_addr));
	}
}

void accept_turn(struct edge *e, const struct side *listener)
{
	for (unsigned i = 0; i < BATCH && e->accepting; i++) {         /* the other listener of this turn may have stopped it */
		struct sockaddr_storage from = { 0 };
		socklen_t n = sizeof(from);
		struct conn *c;
		int fd;

		if (e->nconns >= e->max_conns) {
			pause_accepting(e, "the limit edge_connections is reached");
			return;
		}
		fd = accept4(listener->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				pause_accepting(e, strerror(errno));
			if (errno != ECONNABORTED && errno != EINTR)
				return;
			continue;
		}
		c = conn_new(e, fd);
		if (!c) {
			close(fd);
			continue;
		}
		set_peer(c, &from);
		conn_clock(e, c, CLOCK_FIRST, SP_LIMIT_edge_head_ms);
	}
}
