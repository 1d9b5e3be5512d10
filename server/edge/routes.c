/* The table of hosts, as the server tells it. It is kept while the server is away. */
#include "edge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

enum { BATCH = 128, WAKE_MS = 1000, BUCKETS_MIN = 256 };

static uint32_t hash_label(const char *s)
{
	uint32_t h = 2166136261u;       /* FNV-1a: the server chooses the labels */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static struct link *make_buckets(unsigned n)
{
	struct link *b = calloc(n, sizeof(*b));

	if (!b)
		abort();
	for (unsigned i = 0; i < n; i++)
		link_init(&b[i]);
	return b;
}

void routes_init(struct edge *e)
{
	e->nbuckets = BUCKETS_MIN;
	e->buckets = make_buckets(e->nbuckets);
	e->routes_side.fd = -1;
}

struct route *routes_find(const struct edge *e, const char *label)
{
	struct link *b = &e->buckets[hash_label(label) % e->nbuckets];

	for (struct link *l = b->next; l != b; l = l->next) {
		struct route *r = LINK_OF(l, struct route, link);

		if (strcmp(r->label, label) == 0)
			return r;
	}
	return NULL;
}

static void grow(struct edge *e)
{
	unsigned n = e->nbuckets * 2;
	struct link *b = make_buckets(n);

	for (unsigned i = 0; i < e->nbuckets; i++)
		while (!link_empty(&e->buckets[i])) {
			struct route *r = LINK_OF(e->buckets[i].next, struct route, link);

			link_del(&r->link);
			link_add(&b[hash_label(r->label) % n], &r->link);
		}
	free(e->buckets);
	e->buckets = b;
	e->nbuckets = n;
}

static struct route *add(struct edge *e, const char *label)
{
	struct route *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	if (e->nroutes >= e->nbuckets)
		grow(e);
	memcpy(r->label, label, strlen(label) + 1);
	link_init(&r->held.conns);
	link_add(&e->buckets[hash_label(label) % e->nbuckets], &r->link);
	e->nroutes++;
	return r;
}

static void del(struct edge *e, struct route *r)
{
	if (r->app)
		app_unroute(e, r->app);
	r->app = NULL;
	link_del(&r->link);
	hold_release(e, &r->held);
	added_put(r->added);
	free(r);
	e->nroutes--;
}

void added_put(struct added *a)
{
	if (a && --a->refs == 0)
		free(a);
}

/* The route's own lines, whole and harmless, and what keeps other sites from framing it. NULL: none. */
static struct added *make_added(const struct edge *e, const struct route_entry *r)
{
	char text[sizeof(r->headers) + 256];
	size_t n = strlen(r->headers), at = 0;
	struct added *a;

	memcpy(text, r->headers, n);
	while (at < n) {
		const char *nl = memchr(text + at, '\n', n - at);
		size_t line = nl ? (size_t)(nl - text) - at : 0;
		struct head_line l;

		if (line < 2 || text[at + line - 1] != '\r' || head_line_parse(text + at, line - 1, &l, NULL) < 0 ||
		    (field_use(l.field) & (FIELD_RES | FIELD_KEPT))) {
			log_warn("ignoring the header lines of %s: not valid", r->label);
			n = 0;
			break;
		}
		at += line + 1;
	}
	if (r->flags & ROUTE_EMBED_OFF)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "Content-Security-Policy: frame-ancestors 'self' http://%.*s:* https://%.*s:*\r\n",
				(int)(e->domain.n < 60 ? e->domain.n : 60), e->domain.p, (int)(e->domain.n < 60 ? e->domain.n : 60), e->domain.p);
	if (n == 0)
		return NULL;
	a = malloc(sizeof(*a) + n);
	if (!a)
		abort();
	a->refs = 1;
	a->n = n;
	memcpy(a->p, text, n);
	return a;
}

static void set_app(struct edge *e, struct route *r, const struct route_entry *to)
{
	struct app *a = r->app;

	if (a && to->kind == ROUTE_APP && a->slot.index == to->slot.index && a->slot.generation == to->slot.generation && a->port == to->port)
		return;
	if (a)
		app_unroute(e, a);
	r->app = to->kind == ROUTE_APP ? app_new(e, r, &to->slot, (uint16_t)to->port) : NULL;
}

static bool entry_ok(const struct route_entry *to)
{
	return memchr(to->label, '\0', sizeof(to->label)) && to->label[0] && memchr(to->headers, '\0', sizeof(to->headers)) &&
	       memchr(to->space.s, '\0', sizeof(to->space.s)) && sp_is_hex(to->space.s, SP_ID_LEN) &&
	       to->kind <= ROUTE_DOWN && (to->kind != ROUTE_APP || (to->port > 0 && to->port < 65536));
}

static bool on_set(struct edge *e, const struct route_entry *to)
{
	struct route *r;

	if (!entry_ok(to))
		return false;
	r = routes_find(e, to->label);
	if (!r)
		r = add(e, to->label);
	else if ((to->flags & ROUTE_PRIVATE) && !(r->flags & ROUTE_PRIVATE))
		access_forget(e, &to->space, &(struct sp_id){ 0 });    /* nobody was asked about those who look at it now */
	r->mark = e->mark;
	r->space = to->space;
	r->flags = to->flags;
	r->kind = to->kind;
	set_app(e, r, to);
	added_put(r->added);
	r->added = make_added(e, to);
	if (r->kind != ROUTE_WAITING)
		hold_release(e, &r->held);
	return true;
}

static bool on_del(struct edge *e, const struct route_del *d)
{
	struct route *r;

	if (!memchr(d->label, '\0', sizeof(d->label)))
		return false;
	r = routes_find(e, d->label);
	if (r)
		del(e, r);
	return true;
}

/* The table is whole: what the server did not repeat is gone; what it may not have heard is said again. */
static void on_synced(struct edge *e)
{
	for (unsigned i = 0; i < e->nbuckets; i++)
		for (struct link *l = e->buckets[i].next, *next; l != &e->buckets[i]; l = next) {
			struct route *r = LINK_OF(l, struct route, link);

			next = l->next;
			if (r->mark != e->mark) {
				del(e, r);
			} else if (r->kind == ROUTE_WAITING && !link_empty(&r->held.conns)) {
				r->wake_ms = 0;
				routes_wake(e, r);
			}
		}
	e->synced = true;
	e->here = true;
	access_server_back(e);
	hold_release(e, &e->unsynced);
	hold_release(e, &e->unserved);
	log_info("route table complete routes=%u", e->nroutes);
}

static bool id_ok(const struct sp_id *id)
{
	return id->s[0] == '\0' || (sp_is_hex(id->s, SP_ID_LEN) && id->s[SP_ID_LEN] == '\0');
}

static bool take(struct edge *e, const struct sp_msg *m)
{
	struct route_entry entry;
	struct route_del gone;
	struct route_access_is is;
	struct route_forget forget;

	switch ((enum route_type)m->head.type) {
	case ROUTE_MSG_SET:
		memcpy(&entry, m->body, sizeof(entry));
		return on_set(e, &entry);
	case ROUTE_MSG_DEL:
		memcpy(&gone, m->body, sizeof(gone));
		return on_del(e, &gone);
	case ROUTE_MSG_SYNCED:
		on_synced(e);
		return true;
	case ROUTE_MSG_ACCESS_IS:
		memcpy(&is, m->body, sizeof(is));
		return access_answer(e, &is);
	case ROUTE_MSG_FORGET:
		memcpy(&forget, m->body, sizeof(forget));
		if (!id_ok(&forget.space) || !id_ok(&forget.user))
			return false;
		access_forget(e, &forget.space, &forget.user);
		return true;
	case ROUTE_MSG_WAKE:
	case ROUTE_MSG_SEEN:
	case ROUTE_MSG_FAILING:
	case ROUTE_MSG_ACCESS:
	case ROUTE_TYPE_MAX:
		break;
	}
	return false;
}

static void disconnect(struct edge *e, const char *why)
{
	log_info("server is away, keeping %u routes: %s", e->nroutes, why);
	close(e->routes_side.fd);
	e->routes_side.fd = -1;
	e->here = false;
	access_server_gone(e);
	chores_soon(e);
}

bool routes_here(const struct edge *e)
{
	return e->here;
}

void routes_event(struct edge *e)
{
	struct sp_msg *m = &e->msg;
	struct sp_err err;

	for (unsigned i = 0; i < BATCH && e->routes_side.fd >= 0; i++) {
		int r = sp_msg_recv(e->routes_side.fd, &route_table, ROUTE_TO_EDGE, m, &err);

		if (r == -SP_EBUSY)
			return;
		if (r <= 0)
			disconnect(e, r < 0 ? err.msg : "end of stream");
		else if (!take(e, m))
			disconnect(e, "malformed route");
	}
}

void routes_say(struct edge *e, enum route_type what, const struct sp_id *space)
{
	struct route_space body = { .space = *space };

	(void)routes_tell(e, what, &body, sizeof(body));
}

bool routes_tell(struct edge *e, enum route_type what, const void *body, size_t n)
{
	struct sp_err err;

	if (e->routes_side.fd < 0)
		return false;
	if (sp_msg_send(e->routes_side.fd, (uint16_t)what, 0, body, n, NULL, 0, &err) == 0)
		return true;
	if (err.code != SP_EBUSY)
		disconnect(e, err.msg);
	return false;
}

void routes_wake(struct edge *e, struct route *r)
{
	if (r->wake_ms && e->now - r->wake_ms < WAKE_MS)
		return;
	r->wake_ms = e->now;
	routes_say(e, ROUTE_MSG_WAKE, &r->space);
}

bool routes_chores(struct edge *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (e->routes_side.fd >= 0)
		return false;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/route.sock", e->run_dir);
	e->routes_side.fd = fd;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || loop_watch(e, &e->routes_side, EPOLLIN, NULL) < 0) {
		close(fd);
		e->routes_side.fd = -1;
		return true;
	}
	e->mark++;
	return false;
}
