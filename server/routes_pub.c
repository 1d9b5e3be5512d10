#include "server/routes_pub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "str.h"

enum { BUCKETS = 1024, QUEUE_MAX = 200000, ASKS_MAX = 4096 };

struct entry { struct entry *next; struct route_entry r; };

/* A message that waits for the socket; a SET is read from the table when its turn comes, so the newest goes out. */
struct item { uint16_t type; char label[64]; void *body; /* of ACCESS_IS and FORGET: owned */ size_t n; };

struct connection {
	struct routes_pub *rp;
	struct connection *next;
	int fd;
	struct sp_watch *watch;
	struct item *items;             /* [first, count) */
	size_t first, count, cap;
	bool got_synced, is_lost;
	uint64_t id;
	unsigned asks;                  /* not answered yet */
};

struct routes_pub {
	struct sp_loop *loop;
	int listen_fd, peer_uid;
	struct sp_watch *listening;
	struct routes_hooks hooks;
	struct entry *buckets[BUCKETS];
	struct connection *connections;
	unsigned connected;
	bool is_synced;
	uint64_t count;                 /* of connections so far */
};

static struct entry **slot_of(struct routes_pub *rp, const char *label)
{
	uint32_t h = 2166136261u;       /* FNV-1a */
	struct entry **at;

	for (const char *p = label; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (at = &rp->buckets[h % BUCKETS]; *at && strcmp((*at)->r.label, label) != 0; at = &(*at)->next)
		;
	return at;
}

static void reap(void *arg)
{
	struct connection *c = arg;

	sp_watch_free(c->watch);
	close(c->fd);
	for (size_t i = c->first; i < c->count; i++)
		free(c->items[i].body);
	free(c->items);
	free(c);
}

/* Freed on the loop's next turn: a hook that is called for a message may publish and meet the loss below its caller. */
static void drop(struct connection *c)
{
	struct connection **at = &c->rp->connections;

	if (c->is_lost)
		return;
	c->is_lost = true;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->rp->connected--;
	sp_watch_want(c->watch, false, false);
	sp_loop_post(c->rp->loop, reap, c);
}

/* ---- sending ---- */

static int send_item(struct connection *c, const struct item *it, struct sp_err *e)
{
	const struct route_none none = { { 0 } };
	struct route_del del = { { 0 } };
	const struct entry *at;

	if (it->body)
		return sp_msg_send(c->fd, it->type, 0, it->body, it->n, NULL, 0, e);
	if (it->type == ROUTE_MSG_SYNCED)
		return sp_msg_send(c->fd, it->type, 0, &none, sizeof(none), NULL, 0, e);
	at = *slot_of(c->rp, it->label);
	if (it->type == ROUTE_MSG_SET && at)
		return sp_msg_send(c->fd, it->type, 0, &at->r, sizeof(at->r), NULL, 0, e);
	if (at || it->type == ROUTE_MSG_SET)
		return 0;       /* changed since: what it is now has its own place in the queue */
	memcpy(del.label, it->label, sizeof(del.label));
	return sp_msg_send(c->fd, it->type, 0, &del, sizeof(del), NULL, 0, e);
}

static void pump(struct connection *c)
{
	struct sp_err e;

	while (c->first < c->count) {
		int r = send_item(c, &c->items[c->first], &e);

		if (r == -SP_EBUSY)
			break;
		if (r < 0) {
			log_info("edge's route connection is lost: %s", e.msg);
			drop(c);
			return;
		}
		free(c->items[c->first].body);
		c->items[c->first++].body = NULL;
	}
	if (c->first == c->count)
		c->first = c->count = 0;
	sp_watch_want(c->watch, true, c->count > 0);
}

static bool put(struct connection *c, uint16_t type, const char *label)
{
	if (c->count == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct item *more = cap > QUEUE_MAX ? NULL : realloc(c->items, cap * sizeof(*more));

		if (!more) {
			drop(c);        /* an edge that does not read: it connects again and gets the table anew */
			return false;
		}
		c->items = more;
		c->cap = cap;
	}
	c->items[c->count] = (struct item){ .type = type };
	if (label)
		memcpy(c->items[c->count].label, label, strnlen(label, sizeof(c->items[0].label) - 1));
	c->count++;
	return true;
}

/* Like put, for a message that is not about the table. */
static void put_body(struct connection *c, uint16_t type, const void *body, size_t n)
{
	void *copy = malloc(n);

	if (!copy)
		abort();
	memcpy(copy, body, n);
	if (!put(c, type, NULL)) {
		free(copy);
		return;
	}
	c->items[c->count - 1].body = copy;
	c->items[c->count - 1].n = n;
	pump(c);
}

static void tell_all(struct routes_pub *rp, uint16_t type, const char *label)
{
	for (struct connection *c = rp->connections, *next; c; c = next) {
		next = c->next;
		if (put(c, type, label))
			pump(c);
	}
}

static void tell_synced(struct connection *c)
{
	if (c->got_synced || !c->rp->is_synced)
		return;
	c->got_synced = true;
	if (put(c, ROUTE_MSG_SYNCED, NULL))
		pump(c);
}

void routes_set(struct routes_pub *rp, const struct route_entry *r)
{
	struct entry **at = slot_of(rp, r->label);

	if (*at && memcmp(&(*at)->r, r, sizeof(*r)) == 0)
		return;
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			abort();
	}
	(*at)->r = *r;
	tell_all(rp, ROUTE_MSG_SET, r->label);
}

void routes_del(struct routes_pub *rp, const char *label)
{
	struct entry **at = slot_of(rp, label), *gone = *at;

	if (!gone)
		return;
	*at = gone->next;
	tell_all(rp, ROUTE_MSG_DEL, gone->r.label);
	free(gone);
}

void routes_synced(struct routes_pub *rp)
{
	rp->is_synced = true;
	for (struct connection *c = rp->connections, *next; c; c = next) {
		next = c->next;
		tell_synced(c);
	}
}

void routes_access_is(struct routes_pub *rp, uint64_t connection, const struct route_access_is *is)
{
	for (struct connection *c = rp->connections; c; c = c->next) {
		if (c->id != connection)
			continue;
		c->asks--;
		put_body(c, ROUTE_MSG_ACCESS_IS, is, sizeof(*is));
		return;
	}
}

void routes_forget(struct routes_pub *rp, const struct sp_id *space, const struct sp_id *user)
{
	struct route_forget what = { 0 };

	if (space)
		what.space = *space;
	if (user)
		what.user = *user;
	for (struct connection *c = rp->connections, *next; c; c = next) {
		next = c->next;
		put_body(c, ROUTE_MSG_FORGET, &what, sizeof(what));
	}
}

/* ---- receiving ---- */

static void ask(struct connection *c, const struct sp_msg *m)
{
	const struct routes_hooks *hooks = &c->rp->hooks;
	struct route_access what;
	struct sp_id space;

	memcpy(&what, m->body, sizeof(what));
	if (c->asks >= ASKS_MAX || !memchr(what.space.s, '\0', sizeof(what.space.s)) || sp_id_parse(what.space.s, &space) < 0) {
		log_warn("edge's route connection is closed: it asks too much or of no Space");
		drop(c);
		return;
	}
	c->asks++;
	if (hooks->access)
		hooks->access(hooks->arg, c->id, &what);
	else
		routes_access_is(c->rp, c->id, &(struct route_access_is){ .id = what.id, .verdict = ROUTE_DENIED });
}

static void dispatch(struct connection *c, const struct sp_msg *m)
{
	struct routes_pub *rp = c->rp;
	const struct route_space *about = (const struct route_space *)(const void *)m->body;
	struct sp_id space;

	if (m->head.type == ROUTE_MSG_ACCESS) {
		ask(c, m);
		return;
	}
	if (strnlen(about->space.s, sizeof(about->space.s)) == sizeof(about->space.s) || sp_id_parse(about->space.s, &space) < 0)
		return;
	if (m->head.type == ROUTE_MSG_WAKE)
		rp->hooks.wake(rp->hooks.arg, &space);
	else if (m->head.type == ROUTE_MSG_FAILING)
		rp->hooks.failing(rp->hooks.arg, &space);
	else if (m->head.type == ROUTE_MSG_SEEN && rp->hooks.seen)
		rp->hooks.seen(rp->hooks.arg, &space);
}

static void on_ready(void *arg, bool readable, bool writable)
{
	struct connection *c = arg;
	struct sp_err e;

	if (writable && !c->is_lost)
		pump(c);
	while (readable && !c->is_lost) {
		struct sp_msg m;
		int r = sp_msg_recv(c->fd, &route_table, ROUTE_FROM_EDGE, &m, &e);

		if (r == -SP_EBUSY)
			return;
		if (r <= 0) {
			if (r < 0 && e.sys != ECONNRESET)
				log_warn("edge's route connection is closed: %s", e.msg);
			drop(c);
			return;
		}
		dispatch(c, &m);
		sp_msg_close(&m);
	}
}

static bool may_connect(const struct routes_pub *rp, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (rp->peer_uid < 0 || peer.uid == (uid_t)rp->peer_uid)
		return true;
	log_warn("a process of user %u may not have the routes pid=%d", (unsigned)peer.uid, (int)peer.pid);
	return false;
}

static void take(struct routes_pub *rp, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->rp = rp;
	c->id = ++rp->count;
	c->fd = fd;
	c->watch = sp_watch_new(rp->loop, fd, on_ready, c);
	c->next = rp->connections;
	rp->connections = c;
	rp->connected++;
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct entry *at = rp->buckets[i]; at; at = at->next)
			if (!put(c, ROUTE_MSG_SET, at->r.label))
				return;
	pump(c);
	if (!c->is_lost)
		tell_synced(c);
}

static void on_accept(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable)
{
	struct routes_pub *rp = arg;
	int fd = accept4(rp->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (rp->connected >= ROUTES_CONNECTIONS_MAX || !may_connect(rp, fd))
		close(fd);
	else
		take(rp, fd);
}

int routes_new(struct sp_loop *loop, int listen_fd, int peer_uid, const struct routes_hooks *hooks,
		struct routes_pub **ret, struct sp_err *e)
{
	struct routes_pub *rp = calloc(1, sizeof(*rp));
	int r = listen_fd < 0 ? 0 : sp_set_nonblock(listen_fd, true, e);

	if (!rp)
		return sp_fail(e, SP_ENOMEM, 0, "routes");
	if (r < 0) {
		free(rp);
		return r;
	}
	rp->loop = loop;
	rp->listen_fd = listen_fd;
	rp->peer_uid = peer_uid;
	rp->hooks = *hooks;
	if (listen_fd >= 0) {
		rp->listening = sp_watch_new(loop, listen_fd, on_accept, rp);
		sp_watch_want(rp->listening, true, false);
	}
	*ret = rp;
	return 0;
}

void routes_free(struct routes_pub *rp)
{
	if (!rp)
		return;
	while (rp->connections)
		drop(rp->connections);
	sp_watch_free(rp->listening);
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (rp->buckets[i]) {
			struct entry *at = rp->buckets[i];

			rp->buckets[i] = at->next;
			free(at);
		}
	}
	free(rp);
}
