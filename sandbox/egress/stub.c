#include "stub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "lookup.h"

enum {
	PACKETS_A_TURN = 32, DNS_CLIENTS_PER_SLOT = 16, CLIENT_MS = 10000, V6_CHECK_MS = 30000, HOSTS_ANSWERS = 8,
	SMALL_ANSWER = DNS_WRITTEN_MAX + 28 * HOSTS_ANSWERS,
	FLAGS_AT = 2, FLAG_TC_BYTE = 0x02,
};

/* A sandbox's DNS connection: one query at a time. */
struct dns_tcp {
	LIST_ENTRY(dns_tcp) of_slot;
	struct slot *slot;
	struct watch w;
	uint64_t deadline_ms;
	uint8_t in[2 + DNS_QUERY_MAX];
	size_t in_end;
	uint8_t *out;                   /* the answer that did not go out yet */
	size_t out_at, out_end;
};

static void client_answer(struct dns_tcp *c, const uint8_t *p, size_t n);

static void client_end(struct dns_tcp *c)
{
	struct slot *s = c->slot;
	struct lookup *l, *next;

	for (l = LIST_FIRST(&s->lookups); l; l = next) {
		next = LIST_NEXT(l, of_slot);
		if (l->client == c)
			lookup_end(l);
	}
	LIST_REMOVE(c, of_slot);
	watch_drop(s->gw, &c->w);
	free(c->out);
	s->dns_client_count--;
	s->gw->dns_client_count--;
	gateway_bury(s->gw, c);
}

/* Has this host a way into the IPv6 Internet? Connecting a UDP socket asks the routing table and sends nothing. */
static bool look_for_v6(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(53),
		.sin6_addr = { { { 0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [15] = 0x30 } } } };        /* a.root-servers.net */
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;

	if (fd >= 0)
		close(fd);
	return found;
}

static bool has_v6(struct gateway *gw)
{
	if (gw->v6_checked_ms == 0 || gw->now_ms - gw->v6_checked_ms > V6_CHECK_MS) {
		gw->has_v6 = look_for_v6();
		gw->v6_checked_ms = gw->now_ms;
	}
	return gw->has_v6;
}

static size_t answer_from_hosts(struct slot *s, const struct dns_query *q, uint8_t *out)
{
	struct net_addr addrs[HOSTS_ANSWERS];
	unsigned n = 0;

	if (q->type == DNS_A || q->type == DNS_AAAA)
		n = known_addresses(&s->gw->known, q->text, q->type == DNS_A, addrs, HOSTS_ANSWERS);
	for (unsigned i = 0; i < n; i++)
		allow_learn(&s->gw->allow, q->text, &addrs[i]);
	return dns_write_addresses(q, addrs, n, out);
}

/* An answer that needs no resolver, in OUT of SMALL_ANSWER bytes; 0: ask one. */
static size_t answer_here(struct slot *s, const struct dns_query *q, uint8_t *out)
{
	bool for_build = s->policy == EGRESS_BUILD && allow_has_name(&s->gw->allow, q->text);
	struct net_addr addr;

	if (s->policy == EGRESS_NONE)
		return dns_write_answer(q, DNS_REFUSED, out);
	if (known_is_private_name(&s->gw->known, q->text))
		return for_build ? answer_from_hosts(s, q, out) : dns_write_answer(q, DNS_NXDOMAIN, out);
	/* Names of the host's neighbours are not an app's business. */
	if (q->type == DNS_PTR && (!dns_reverse_address(q->text, &addr) || !net_addr_is_public(&addr)))
		return dns_write_answer(q, DNS_NXDOMAIN, out);
	/* Clients would wait for addresses that cannot be reached. */
	if (q->type == DNS_AAAA && !has_v6(s->gw))
		return dns_write_answer(q, DNS_NOERROR, out);
	return 0;
}

static bool take_token(struct slot *s)
{
	return bucket_take(&s->dns_rate, s->gw->now_ms, SP_LIMIT_egress_dns_per_s, SP_LIMIT_egress_dns_per_s);
}

/* The answer to N bytes at P that needs no look-up, in OUT of SMALL_ANSWER bytes; 0: none, *RET_ASK says whether to ask. */
static size_t first_answer(struct slot *s, const uint8_t *p, size_t n, struct dns_query *q, uint8_t *out, bool *ret_ask)
{
	int rcode;

	*ret_ask = false;
	if (dns_read_query(p, n, q, &rcode, NULL) < 0)
		return rcode < 0 ? 0 : dns_write_answer(q, (unsigned)rcode, out);
	n = answer_here(s, q, out);
	*ret_ask = n == 0;
	return n;
}

static void udp_answer(struct slot *s, const struct sockaddr_storage *to, socklen_t to_len, const uint8_t *p, size_t n)
{
	/* A client that does not read loses answers, as with any resolver. */
	(void)sendto(s->dns_udp.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to, to_len);
}

void stub_udp_ready(struct watch *w, uint32_t events)
{
	struct slot *s = w->owner;
	uint8_t in[DNS_QUERY_MAX + 1], out[SMALL_ANSWER];

	(void)events;
	for (int i = 0; i < PACKETS_A_TURN && s->open; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		struct dns_query q;
		size_t size;
		bool go_and_ask;
		ssize_t n = recvfrom(w->fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return;
		if (!take_token(s))
			continue;
		size = first_answer(s, in, (size_t)n, &q, out, &go_and_ask);
		if (go_and_ask && !lookup_start(s, &q, NULL, &from, from_len))
			size = dns_write_answer(&q, DNS_SERVFAIL, out);
		if (size > 0)
			udp_answer(s, &from, from_len, out, size);
	}
}

struct learn { struct allow *allow; const char *name; };

static void learn_one(void *arg, const struct net_addr *a)
{
	const struct learn *l = arg;

	allow_learn(l->allow, l->name, a);
}

void stub_done(struct lookup *l, const uint8_t *p, size_t n)
{
	static uint8_t copy[DNS_REPLY_MAX];
	struct slot *s = l->slot;
	uint8_t small[DNS_WRITTEN_MAX];
	struct dns_tcp *client = l->client;

	if (!p) {
		n = dns_write_answer(&l->q, DNS_SERVFAIL, small);
		p = small;
	} else if (!client && n > l->q.udp_size) {
		n = dns_write_answer(&l->q, DNS_NOERROR, small);
		small[FLAGS_AT] |= FLAG_TC_BYTE;        /* it asks again by TCP */
		p = small;
	} else if (s->policy == EGRESS_BUILD && allow_has_name(&s->gw->allow, l->q.text)) {
		struct learn learn = { &s->gw->allow, l->q.text };

		dns_each_address(p, n, learn_one, &learn);
	}
	memcpy(copy, p, n);
	copy[0] = (uint8_t)(l->q.id >> 8);
	copy[1] = (uint8_t)l->q.id;
	if (client) {
		l->client = NULL;
		client_answer(client, copy, n);
	} else {
		udp_answer(s, &l->from, l->from_len, copy, n);
	}
}

/* Send what is left of the answer, then wait for the next query. */
static void client_flush(struct dns_tcp *c)
{
	while (c->out_at < c->out_end) {
		ssize_t n = send(c->w.fd, c->out + c->out_at, c->out_end - c->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			if (!watch_want(c->slot->gw, &c->w, EPOLLOUT))
				client_end(c);
			return;
		}
		if (n < 0 && errno != EINTR) {
			client_end(c);
			return;
		}
		c->out_at += n > 0 ? (size_t)n : 0;
	}
	free(c->out);
	c->out = NULL;
	c->in_end = 0;
	if (!watch_want(c->slot->gw, &c->w, EPOLLIN))
		client_end(c);
}

static void client_answer(struct dns_tcp *c, const uint8_t *p, size_t n)
{
	c->out = malloc(n + 2);
	if (!c->out) {
		client_end(c);
		return;
	}
	c->out[0] = (uint8_t)(n >> 8);
	c->out[1] = (uint8_t)n;
	memcpy(c->out + 2, p, n);
	c->out_at = 0;
	c->out_end = n + 2;
	c->deadline_ms = c->slot->gw->now_ms + CLIENT_MS;
	client_flush(c);
}

static void client_query(struct dns_tcp *c)
{
	struct slot *s = c->slot;
	uint8_t out[SMALL_ANSWER];
	struct dns_query q;
	bool go_and_ask;
	size_t n;

	if (!take_token(s)) {
		client_end(c);
		return;
	}
	n = first_answer(s, c->in + 2, c->in_end - 2, &q, out, &go_and_ask);
	if (go_and_ask) {
		watch_rest(s->gw, &c->w);       /* nothing is read until the answer is out; the time-out ends a client that left */
		if (lookup_start(s, &q, c, NULL, 0))
			return;
		n = dns_write_answer(&q, DNS_SERVFAIL, out);
	}
	if (n == 0)
		client_end(c);
	else
		client_answer(c, out, n);
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct dns_tcp *c = w->owner;
	size_t want;
	ssize_t n;

	if (c->out) {
		if (events & (EPOLLERR | EPOLLHUP))
			client_end(c);
		else
			client_flush(c);
		return;
	}
	want = c->in_end < 2 ? 2 : 2 + ((size_t)c->in[0] << 8 | c->in[1]);
	n = recv(w->fd, c->in + c->in_end, want - c->in_end, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->in_end += (size_t)n;
	if (c->in_end < 2)
		return;
	want = 2 + ((size_t)c->in[0] << 8 | c->in[1]);
	if (want < 2 + DNS_HEAD || want > sizeof(c->in))
		client_end(c);
	else if (c->in_end == want)
		client_query(c);
}

void stub_accept(struct watch *listener, uint32_t events)
{
	struct slot *s = listener->owner;
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct dns_tcp *c;

	(void)events;
	if (fd < 0)
		return;
	c = s->dns_client_count < DNS_CLIENTS_PER_SLOT ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->slot = s;
	c->deadline_ms = s->gw->now_ms + CLIENT_MS;
	watch_init(&c->w, fd, client_ready, c);
	LIST_INSERT_HEAD(&s->dns_clients, c, of_slot);
	s->dns_client_count++;
	s->gw->dns_client_count++;
	if (!watch_want(s->gw, &c->w, EPOLLIN))
		client_end(c);
}

void stub_end_all(struct slot *s)
{
	while (!LIST_EMPTY(&s->dns_clients))
		client_end(LIST_FIRST(&s->dns_clients));
	while (!LIST_EMPTY(&s->lookups))
		lookup_end(LIST_FIRST(&s->lookups));
}

bool stub_has_deadlines(const struct gateway *gw)
{
	return gw->lookup_count > 0 || gw->dns_client_count > 0;
}

void stub_tick(struct gateway *gw)
{
	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		struct slot *s = &gw->slots[i];
		struct dns_tcp *c, *next;

		lookup_tick(s);
		for (c = LIST_FIRST(&s->dns_clients); c; c = next) {
			next = LIST_NEXT(c, of_slot);
			if (c->deadline_ms <= gw->now_ms)
				client_end(c);
		}
	}
}
