#include "lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

static void try_next(struct lookup *l);

static void finish(struct lookup *l, const uint8_t *p, size_t n)
{
	stub_done(l, p, n);
	lookup_end(l);
}

void lookup_end(struct lookup *l)
{
	struct slot *s = l->slot;

	LIST_REMOVE(l, of_slot);
	watch_drop(s->gw, &l->w);
	free(l->in);
	s->lookup_count--;
	s->gw->lookup_count--;
	gateway_bury(s->gw, l);
}

/* An answer that does not fit the question is dropped: it may be forged, and the right one may yet come. */
static void udp_ready(struct watch *w, uint32_t events)
{
	struct lookup *l = w->owner;
	static uint8_t in[DNS_REPLY_MAX];
	ssize_t n;

	(void)events;
	n = recv(w->fd, in, sizeof(in), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		try_next(l);                    /* ECONNREFUSED: no resolver there */
	else if (dns_is_answer(in, (size_t)n, &l->q, l->id))
		finish(l, in, (size_t)n);
}

static void tcp_read(struct lookup *l)
{
	size_t want = l->in_end < 2 ? 2 : 2 + ((size_t)l->in[0] << 8 | l->in[1]);
	ssize_t n;

	if (want > DNS_REPLY_MAX + 2) {
		try_next(l);
		return;
	}
	n = recv(l->w.fd, l->in + l->in_end, want - l->in_end, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		try_next(l);
		return;
	}
	l->in_end += (size_t)n;
	if (l->in_end > 2 && l->in_end == 2 + ((size_t)l->in[0] << 8 | l->in[1])) {
		if (dns_is_answer(l->in + 2, l->in_end - 2, &l->q, l->id))
			finish(l, l->in + 2, l->in_end - 2);
		else
			try_next(l);
	}
}

static void tcp_ready(struct watch *w, uint32_t events)
{
	struct lookup *l = w->owner;
	ssize_t n;

	if (events & EPOLLERR) {
		try_next(l);
		return;
	}
	if (l->out_at < l->out_end && events & EPOLLOUT) {
		n = send(w->fd, l->out + l->out_at, l->out_end - l->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			try_next(l);
			return;
		}
		l->out_at += n > 0 ? (size_t)n : 0;
		if (l->out_at == l->out_end && !watch_want(l->slot->gw, w, EPOLLIN))
			try_next(l);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		tcp_read(l);
}

/* Ask one resolver. False: it cannot even be tried. */
static bool ask(struct lookup *l, const struct known_server *server)
{
	bool tcp = l->client != NULL;
	int fd = socket(server->addr.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	size_t n;

	if (fd < 0)
		return false;
	watch_init(&l->w, fd, tcp ? tcp_ready : udp_ready, l);
	if (getrandom(&l->id, sizeof(l->id), 0) != sizeof(l->id))
		return false;
	if (connect(fd, (const struct sockaddr *)&server->addr, server->len) < 0 && errno != EINPROGRESS)
		return false;
	n = dns_write_query(&l->q, l->id, l->out + 2);
	l->out[0] = (uint8_t)(n >> 8);
	l->out[1] = (uint8_t)n;
	l->out_at = 0;
	l->out_end = n + 2;
	l->in_end = 0;
	l->deadline_ms = l->slot->gw->now_ms + LOOKUP_MS;
	if (tcp)
		return watch_want(l->slot->gw, &l->w, EPOLLOUT);
	return send(fd, l->out + 2, n, MSG_NOSIGNAL) == (ssize_t)n && watch_want(l->slot->gw, &l->w, EPOLLIN);
}

static void try_next(struct lookup *l)
{
	const struct known *k = &l->slot->gw->known;

	for (; l->attempt < LOOKUP_ROUNDS * k->server_count; ) {
		const struct known_server *server = &k->servers[l->attempt++ % k->server_count];

		watch_drop(l->slot->gw, &l->w);
		if (ask(l, server))
			return;
	}
	finish(l, NULL, 0);
}

bool lookup_start(struct slot *s, const struct dns_query *q, struct dns_tcp *client, const struct sockaddr_storage *from,
		socklen_t from_len)
{
	struct lookup *l;

	if (s->lookup_count >= LOOKUPS_PER_SLOT || s->gw->lookup_count >= LOOKUPS_MAX)
		return false;
	l = calloc(1, sizeof(*l));
	if (l && client)
		l->in = malloc(DNS_REPLY_MAX + 2);
	if (!l || (client && !l->in)) {
		free(l);
		return false;
	}
	l->slot = s;
	l->q = *q;
	l->client = client;
	if (from) {
		memcpy(&l->from, from, sizeof(*from));
		l->from_len = from_len;
	}
	l->w.fd = -1;
	LIST_INSERT_HEAD(&s->lookups, l, of_slot);
	s->lookup_count++;
	s->gw->lookup_count++;
	try_next(l);
	return true;
}

void lookup_tick(struct slot *s)
{
	struct lookup *l, *next;

	for (l = LIST_FIRST(&s->lookups); l; l = next) {
		next = LIST_NEXT(l, of_slot);
		if (l->deadline_ms <= s->gw->now_ms)
			try_next(l);
	}
}
