/*
 * Apps: sockets that the launcher made inside the app's network namespace, so that 127.0.0.1 is the app's
 * own (C-PROXY-24). They come in batches and are connected here.
 */
#include "edge.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "log.h"

enum { BATCH = 16, LOW = 4, REST_MS = 60000, SEEN_MS = 5000, FAILING_MS = 1000, LAUNCHER_BATCH = 64 };

struct app *app_new(struct edge *e, struct route *r, const struct launch_slot *slot, uint16_t port)
{
	struct app *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	link_init(&a->pool.idle);
	link_init(&a->dialers.conns);
	link_add(&e->apps, &a->link);
	a->route = r;
	a->space = r->space;
	a->slot = *slot;
	a->port = port;
	a->family = 4;
	return a;
}

static void drop_sockets(struct app *a)
{
	for (unsigned f = 0; f < 2; f++)
		while (a->nsockets[f] > 0)
			close(a->sockets[f][--a->nsockets[f]]);
}

void app_unused(struct edge *e, struct app *a)
{
	if (a->route || a->pool.nopen > 0 || link_empty(&a->link))
		return;
	drop_sockets(a);
	link_del(&a->link);
	a->next_dead = e->dead_apps;
	e->dead_apps = a;
}

void app_unroute(struct edge *e, struct app *a)
{
	a->route = NULL;
	hold_release(e, &a->dialers);
	pool_close(e, &a->pool);
	app_unused(e, a);
}

void app_seen(struct edge *e, struct app *a)
{
	if (a->seen_ms && e->now - a->seen_ms < SEEN_MS)
		return;
	a->seen_ms = e->now;
	routes_say(e, ROUTE_MSG_SEEN, &a->space);
}

static void dial(struct edge *e, struct app *a, unsigned family)
{
	struct launch_dial ask = { .slot = a->slot, .count = BATCH, .family = family };
	struct sp_err err;

	if (a->dialing)
		return;
	a->dial_seq = ++e->seq;
	a->dial_family = (uint8_t)family;
	if (sp_msg_send(e->launcher.fd, LAUNCH_DIAL, a->dial_seq, &ask, sizeof(ask), NULL, 0, &err) == 0)
		a->dialing = true;
	else
		chores_soon(e);         /* the launcher is busy: whoever waits is dispatched again then */
}

static int connect_to(int fd, unsigned family, uint16_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (family == 4)
		return connect(fd, (struct sockaddr *)&in4, sizeof(in4));
	return connect(fd, (struct sockaddr *)&in6, sizeof(in6));
}

enum upstream app_connect(struct edge *e, struct conn *c, struct app *a)
{
	bool six = (a->family == 6) != c->other_family;
	sp_auto_close int fd = -1;
	int r;

	a->used_ms = e->now;
	if (a->nsockets[six] <= LOW)
		dial(e, a, six ? 6 : 4);
	if (a->nsockets[six] == 0) {
		hold_on(e, c, &a->dialers, false);
		return UPSTREAM_WAIT;
	}
	fd = a->sockets[six][--a->nsockets[six]];
	r = connect_to(fd, six ? 6 : 4, a->port);
	if (r < 0 && errno != EINPROGRESS)
		return UPSTREAM_REFUSED;
	if (!upstream_adopt(e, c, &a->pool, a, fd))
		return UPSTREAM_FULL;
	fd = -1;
	if (r < 0)
		return UPSTREAM_CONNECTING;
	app_answers(e, a, c);
	return UPSTREAM_READY;
}

void app_answers(struct edge *e, struct app *a, const struct conn *c)
{
	if (c->other_family)
		a->family = a->family == 6 ? 4 : 6;
	if (!a->refusing)
		return;
	a->refusing = false;
	if (a->route)
		hold_release(e, &a->route->held);
}

/* Nobody listens: try the other family, then tell the server and hold, because the app may be restarting. */
void app_refused(struct edge *e, struct conn *c, struct app *a)
{
	c->other_family = !c->other_family;
	if (c->other_family || !a->route) {
		conn_again(e, c);
		return;
	}
	if (!a->failing_ms || e->now - a->failing_ms >= FAILING_MS) {
		a->failing_ms = e->now;
		routes_say(e, ROUTE_MSG_FAILING, &a->space);
	}
	a->refusing = true;
	hold_on(e, c, &a->route->held, true);
	chores_soon(e);
}

static struct app *find_dialing(struct edge *e, uint32_t seq)
{
	for (struct link *l = e->apps.next; l != &e->apps; l = l->next) {
		struct app *a = LINK_OF(l, struct app, link);

		if (a->dialing && a->dial_seq == seq)
			return a;
	}
	return NULL;
}

static void refuse_dialers(struct edge *e, struct app *a)
{
	while (!link_empty(&a->dialers.conns)) {
		struct conn *c = LINK_OF(a->dialers.conns.next, struct conn, wait);

		hold_off(e, c);
		app_refused(e, c, a);
	}
}

static void take_sockets(struct edge *e, struct sp_msg *m)
{
	struct app *a = find_dialing(e, m->head.seq);
	unsigned six;

	if (!a)
		return;
	a->dialing = false;
	six = a->dial_family == 6;
	for (unsigned i = 0; m->head.type == LAUNCH_SOCKETS && i < m->nfds && a->nsockets[six] < BATCH; i++)
		if (sp_set_nonblock(m->fds[i], true, NULL) == 0)
			a->sockets[six][a->nsockets[six]++] = sp_msg_take_fd(m, i);
	if (a->nsockets[six] > 0)
		hold_release(e, &a->dialers);
	else
		refuse_dialers(e, a);
}

static void forget_dials(struct edge *e)
{
	for (struct link *l = e->apps.next; l != &e->apps; l = l->next)
		LINK_OF(l, struct app, link)->dialing = false;
	chores_soon(e);
}

void launcher_event(struct edge *e)
{
	struct sp_msg *m = &e->msg;
	struct sp_err err;

	for (unsigned i = 0; i < LAUNCHER_BATCH; i++) {
		int r = sp_msg_recv(e->launcher.fd, &launch_table, LAUNCH_FROM_LAUNCHER, m, &err);

		if (r == -SP_EBUSY)
			return;
		if (r == -SP_EPROTO) {          /* descriptors have run out: they did not all arrive */
			log_warn("asking the launcher again: %s", err.msg);
			forget_dials(e);
			return;
		}
		if (r <= 0) {
			log_err("launcher is gone: %s", r < 0 ? err.msg : "end of stream");
			exit(1);
		}
		take_sockets(e, m);
		sp_msg_close(m);
	}
}

bool apps_chores(struct edge *e)
{
	bool again = false;

	for (struct link *l = e->apps.next; l != &e->apps; l = l->next) {
		struct app *a = LINK_OF(l, struct app, link);

		if (!a->dialing && !link_empty(&a->dialers.conns))
			hold_release(e, &a->dialers);
		if (a->refusing && a->route && !link_empty(&a->route->held.conns)) {
			conn_again(e, LINK_OF(a->route->held.conns.next, struct conn, wait));
			again = true;
		}
		if (e->now - a->used_ms > REST_MS)
			drop_sockets(a);
	}
	return again;
}
