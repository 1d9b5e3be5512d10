#include "conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "own.h"
#include "tell.h"

enum {
	CHUNK = 65536,
	ACCEPTS_A_TURN = 32,
	READS_A_TURN = 4,               /* so that one fast connection does not starve the others */
	ORIGINAL_DST = 80               /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: linux/netfilter_ipv4.h, ip6_tables.h */
};

/* One side of a connection. `held` are bytes on their way to it that it did not take yet. */
struct side {
	struct watch w;
	char *held;
	size_t at, end;
	bool eof;                       /* it has sent its FIN */
	bool shut;                      /* we have sent ours */
	bool paced;                     /* not read until its slot may move more */
	struct flow *from, *to;         /* that its bytes, and those that it gets, are counted in */
};

struct conn {
	LIST_ENTRY(conn) of_slot;
	TAILQ_ENTRY(conn) of_dialing;
	struct slot *slot;
	struct side app, net;
	bool dialing;
	uint64_t deadline_ms;
};

static void reset_fd(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/*
 * A plain-http client is answered in the place of its destination: the reason phrase is what libraries put into their
 * errors, so the app's own log says who refused it and what (runtime/space/crash_cause.c). It fits any socket buffer.
 */
static bool answer_http(int fd, const struct net_dest *d, const char *why)
{
	char text[400];
	int n;

	if (d->port != 80 && d->port != 8080)
		return false;
	n = snprintf(text, sizeof(text), "HTTP/1.1 403 Refused by vitrine: %s (%s)\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n", net_dest_text(d).s, why);
	return send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}

static void refuse(struct slot *s, int fd, const struct net_dest *d, enum egress_verdict verdict)
{
	const char *why = egress_verdict_name(verdict);

	if (!answer_http(fd, d, why))
		reset_fd(fd);
	close(fd);
	tell_refused(s, d, verdict);
	if (!bucket_take(&s->log_rate, s->gw->now_ms, LOG_PER_S, LOG_BURST)) {
		s->log_dropped++;
		return;
	}
	log_info("egress refused slot=%u.%u space=%.24s dst=%s why=%s unsaid=%llu", s->name.index, s->name.generation, s->space.s,
			net_dest_text(d).s, why, (unsigned long long)s->log_dropped);
	s->log_dropped = 0;
}

static void conn_end(struct conn *c, bool reset)
{
	struct slot *s = c->slot;

	if (reset) {
		reset_fd(c->app.w.fd);
		if (!c->dialing)
			reset_fd(c->net.w.fd);
	}
	if (c->dialing)
		TAILQ_REMOVE(&s->gw->dialing, c, of_dialing);
	LIST_REMOVE(c, of_slot);
	watch_drop(s->gw, &c->app.w);
	watch_drop(s->gw, &c->net.w);
	free(c->app.held);
	free(c->net.held);
	s->conn_count--;
	s->gw->conn_count--;
	gateway_bury(s->gw, c);
}

/* FIN is passed on when all that came before it has been. */
static void pass_fin(struct side *from, struct side *to)
{
	if (from->eof && !to->shut && !to->held) {
		shutdown(to->w.fd, SHUT_WR);
		to->shut = true;
	}
}

/* Give SIDE the bytes that are held for it. False: it is broken. */
static bool flush(struct side *side)
{
	while (side->held) {
		ssize_t n = send(side->w.fd, side->held + side->at, side->end - side->at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		side->at += (size_t)n;
		side->to->bytes += (size_t)n;
		if (side->at == side->end) {
			free(side->held);
			side->held = NULL;
		}
	}
	return true;
}

static bool hold(struct side *to, const char *p, size_t n)
{
	to->held = malloc(n);
	if (!to->held)
		return false;
	memcpy(to->held, p, n);
	to->at = 0;
	to->end = n;
	return true;
}

/* Move what FROM sent to TO, while TO takes it and S may. False: one of them is broken. */
static bool move(struct slot *s, struct side *from, struct side *to)
{
	static char chunk[CHUNK];

	for (int i = 0; i < READS_A_TURN && !to->held && !from->eof; i++) {
		uint64_t left = flow_left(from->from, s->gw->now_ms);
		ssize_t n, sent;

		if (left == 0) {
			from->paced = true;
			slot_pause(s);
			break;
		}
		n = recv(from->w.fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk), 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0) {
			from->eof = true;
			break;
		}
		from->from->left -= (uint64_t)n;
		sent = send(to->w.fd, chunk, (size_t)n, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (sent < 0)
			sent = 0;
		to->to->bytes += (size_t)sent;
		slot_changed(s);
		if (sent < n && !hold(to, chunk + sent, (size_t)(n - sent)))
			return false;
	}
	return true;
}

/* Listen for what SIDE can do next. Where it can do nothing more, hang-ups are not wanted either. */
static bool want(struct gateway *gw, struct side *side, const struct side *other)
{
	uint32_t events = (!side->eof && !other->held && !side->paced ? EPOLLIN : 0u) | (side->held ? EPOLLOUT : 0u);

	if (events == 0 && ((side->eof && side->shut) || side->paced)) {
		watch_rest(gw, &side->w);
		return true;
	}
	return watch_want(gw, &side->w, events);
}

static void conn_go_on(struct conn *c, bool well)
{
	struct gateway *gw = c->slot->gw;

	if (!well) {
		conn_end(c, true);
		return;
	}
	pass_fin(&c->app, &c->net);
	pass_fin(&c->net, &c->app);
	if (c->app.shut && c->net.shut)
		conn_end(c, false);
	else if (!want(gw, &c->app, &c->net) || !want(gw, &c->net, &c->app))
		conn_end(c, true);
}

static void side_ready(struct conn *c, struct side *side, struct side *other, uint32_t events)
{
	bool well = !(events & EPOLLERR);

	if (well && side->held)
		well = flush(side);
	if (well && !other->held && !side->paced)
		well = move(c->slot, side, other);
	/* A hang-up while the other side does not take bytes: there may still be some to read, so come back then. */
	if (well && events & EPOLLHUP && other->held) {
		watch_rest(c->slot->gw, &side->w);
		if (!watch_want(c->slot->gw, &other->w, EPOLLOUT | (other->w.events & EPOLLIN)))
			conn_end(c, true);
		return;
	}
	conn_go_on(c, well);
}

static void app_ready(struct watch *w, uint32_t events)
{
	struct conn *c = w->owner;

	side_ready(c, &c->app, &c->net, events);
}

static void net_ready(struct watch *w, uint32_t events)
{
	struct conn *c = w->owner;

	side_ready(c, &c->net, &c->app, events);
}

static void dial_ready(struct watch *w, uint32_t events)
{
	struct conn *c = w->owner;
	socklen_t len = sizeof(int);
	int why = 0;

	(void)events;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0 || why != 0) {
		conn_end(c, true);
		return;
	}
	TAILQ_REMOVE(&c->slot->gw->dialing, c, of_dialing);
	c->dialing = false;
	w->ready = net_ready;
	conn_go_on(c, true);
}

static socklen_t to_sockaddr(const struct net_dest *d, struct sockaddr_storage *ret)
{
	if (net_addr_is_v4(&d->addr)) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(d->port) };

		memcpy(&in.sin_addr, d->addr.b + 12, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(d->port) };

	memcpy(&in6.sin6_addr, d->addr.b, 16);
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}

/* Returns the connecting socket, or -1. */
static int dial(const struct net_dest *d)
{
	struct sockaddr_storage to;
	socklen_t len = to_sockaddr(d, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));      /* a peer that vanished must not keep the slot's place */
	if (connect(fd, (const struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* APP becomes ours in any case. */
static void conn_new(struct slot *s, int app, const struct net_dest *to)
{
	struct gateway *gw = s->gw;
	int net = dial(to), on = 1;
	struct conn *c = net >= 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		reset_fd(app);
		close(app);
		if (net >= 0)
			close(net);
		return;
	}
	setsockopt(app, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->slot = s;
	c->app.from = c->net.to = &s->out;
	c->net.from = c->app.to = &s->in;
	c->dialing = true;
	c->deadline_ms = gw->now_ms + DIAL_MS;
	watch_init(&c->app.w, app, app_ready, c);
	watch_init(&c->net.w, net, dial_ready, c);
	LIST_INSERT_HEAD(&s->conns, c, of_slot);
	TAILQ_INSERT_TAIL(&gw->dialing, c, of_dialing);
	s->conn_count++;
	gw->conn_count++;
	s->connections++;
	slot_changed(s);
	if (!watch_want(gw, &c->net.w, EPOLLOUT))
		conn_end(c, true);
}

/* Where the app wanted to go, which the kernel kept when it turned the connection to us. */
static bool original_dest(int fd, bool v6, struct net_dest *ret)
{
	if (v6) {
		struct sockaddr_in6 in6;
		socklen_t len = sizeof(in6);

		if (getsockopt(fd, SOL_IPV6, ORIGINAL_DST, &in6, &len) < 0 || in6.sin6_family != AF_INET6)
			return false;
		memcpy(ret->addr.b, &in6.sin6_addr, 16);
		ret->port = ntohs(in6.sin6_port);
		return true;
	}
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	if (getsockopt(fd, SOL_IP, ORIGINAL_DST, &in, &len) < 0 || in.sin_family != AF_INET)
		return false;
	ret->addr = net_addr_v4(&in.sin_addr);
	ret->port = ntohs(in.sin_port);
	return true;
}

/* This machine's own services are for the Internet, not for apps that speak from behind its firewall; the platform's own port is both. */
static bool is_own(const struct slot *s, const struct net_dest *d)
{
	struct net_dest to;

	if (d->port == s->gw->own_port || (s->policy == EGRESS_BUILD && allow_passes(&s->gw->allow, d, &to)))
		return false;
	return own_is(s->gw->own, &d->addr);
}

static void take(struct slot *s, int fd, bool v6)
{
	struct net_dest d = { 0 }, to;
	enum egress_verdict v;

	if (!original_dest(fd, v6, &d)) {
		refuse(s, fd, &d, EGRESS_BAD_ADDRESS);
		return;
	}
	v = egress_decide(s->policy, &s->gw->allow, &d, &to);
	if (v == EGRESS_PASS && is_own(s, &d))
		v = EGRESS_OWN_ADDRESS;
	if (v != EGRESS_PASS)
		refuse(s, fd, &d, v);
	else if (s->conn_count >= SP_LIMIT_egress_connections)
		refuse(s, fd, &d, EGRESS_TOO_MANY);
	else if (s->gw->conn_count >= s->gw->conn_max)
		refuse(s, fd, &d, EGRESS_FULL);
	else
		conn_new(s, fd, &to);
}

void conn_accept(struct watch *listener, uint32_t events)
{
	struct slot *s = listener->owner;

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd;

		if (!bucket_take(&s->connect_rate, s->gw->now_ms, SP_LIMIT_egress_connects_per_s, SP_LIMIT_egress_connections)) {
			watch_rest(s->gw, listener);
			slot_pause(s);
			return;
		}
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			bucket_give(&s->connect_rate);
			return;                 /* conn_max leaves descriptors free, so EMFILE cannot make this spin */
		}
		take(s, fd, listener == &s->tcp6);
	}
}

void conn_end_all(struct slot *s)
{
	while (!LIST_EMPTY(&s->conns))
		conn_end(LIST_FIRST(&s->conns), false);
}

static void resume(struct slot *s)
{
	struct conn *c, *next;

	s->paused = false;
	s->gw->paused_count--;
	if (!s->open)
		return;
	if (!watch_want(s->gw, &s->tcp4, EPOLLIN) || !watch_want(s->gw, &s->tcp6, EPOLLIN))
		slot_pause(s);
	for (c = LIST_FIRST(&s->conns); c; c = next) {
		next = LIST_NEXT(c, of_slot);
		if (!c->app.paced && !c->net.paced)
			continue;
		c->app.paced = c->net.paced = false;
		conn_go_on(c, true);
	}
}

void conn_resume(struct gateway *gw)
{
	for (unsigned i = 0; i < SP_LIMIT_slots && gw->paused_count > 0; i++)
		if (gw->slots[i].paused)
			resume(&gw->slots[i]);
}

void conn_tick(struct gateway *gw)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&gw->dialing)) && c->deadline_ms <= gw->now_ms)
		conn_end(c, true);
}
