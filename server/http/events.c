#include "server/http/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "num.h"
#include "runtime/store/store.h"
#include "server/http/http.h"
#include "server/server.h"

enum { BUCKETS = 1024, TOPIC_MAX = 64 };

struct topic {
	struct topic *next;             /* of its bucket */
	struct topic *next_dirty;
	bool is_dirty;
	char name[TOPIC_MAX];
	char *json;                     /* NULL: nothing happened yet */
	uint64_t seq;
	struct subscription *first;
};

struct subscription {
	struct listener *of;
	struct subscription *next, **self;      /* of the topic */
};

struct listener {
	struct events *ev;
	struct http_stream *stream;
	unsigned count;
	struct subscription at[EVENTS_TOPICS_MAX];
};

struct events {
	struct sp_loop *loop;
	struct sp_timer *timer;
	bool is_timing;
	struct sp_id boot;              /* sequence numbers begin anew with each start */
	uint64_t seq;
	struct topic *buckets[BUCKETS];
	struct topic *dirty;
};

static struct topic **slot_of(struct events *ev, const char *name)
{
	uint32_t h = 2166136261u;       /* FNV-1a; the names are ids of ours, not chosen by users */
	struct topic **t;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (t = &ev->buckets[h % BUCKETS]; *t && strcmp((*t)->name, name) != 0; t = &(*t)->next)
		;
	return t;
}

static struct topic *topic_get(struct events *ev, const char *name)
{
	struct topic **slot = slot_of(ev, name);

	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			abort();
		if (sp_copy((*slot)->name, TOPIC_MAX, name) < 0)
			abort();        /* the callers check */
	}
	return *slot;
}

static void tell(const struct events *ev, struct http_stream *s, const struct topic *t)
{
	sp_auto_buf struct sp_buf b = { 0 };

	sp_buf_fmt(&b, "id: %s-%llu\nevent: %.*s\ndata: %s\n\n", ev->boot.s, (unsigned long long)t->seq,
		(int)strcspn(t->name, ":"), t->name, t->json);
	http_stream_write(s, b.p, b.n);
}

static void flush(void *arg)
{
	struct events *ev = arg;
	struct topic *t, *next;

	ev->is_timing = false;
	for (t = ev->dirty; t; t = next) {
		next = t->next_dirty;
		t->is_dirty = false;
		for (struct subscription *s = t->first; s && t->json; s = s->next)
			tell(ev, s->of->stream, t);
	}
	ev->dirty = NULL;
}

void events_publish(struct events *ev, const char *topic, const char *json)
{
	struct topic *t;

	if (strlen(topic) >= TOPIC_MAX)
		return;
	t = topic_get(ev, topic);
	free(t->json);
	t->json = json ? strdup(json) : NULL;
	t->seq = ++ev->seq;
	if (!t->is_dirty) {
		t->is_dirty = true;
		t->next_dirty = ev->dirty;
		ev->dirty = t;
	}
	if (!ev->is_timing)
		sp_timer_start(ev->timer, EVENTS_COALESCE_MS, 0);
	ev->is_timing = true;
}

void server_publish_event(struct server *srv, const char *topic, const char *json)
{
	if (srv->events)
		events_publish(srv->events, topic, json);
}

struct revoke { struct events *ev; const char *topic; };

static void revoke_on_loop(void *arg)
{
	const struct revoke *v = arg;
	const struct topic *t = *slot_of(v->ev, v->topic);

	for (struct subscription *s = t ? t->first : NULL; s; s = s->next)
		http_stream_end(s->of->stream);
}

void server_revoke_events(struct server *srv, const struct sp_id *space)
{
	char topic[TOPIC_MAX];
	struct revoke v = { srv->events, topic };

	snprintf(topic, sizeof(topic), "space:%s", space->s);
	if (srv->events)
		sp_loop_call(srv->loop, revoke_on_loop, &v);
}

int events_new(struct sp_loop *loop, struct events **ret, struct sp_err *e)
{
	struct events *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return sp_fail(e, SP_ENOMEM, 0, "events");
	ev->loop = loop;
	ev->boot = sp_id_new();
	ev->timer = sp_timer_new(loop, flush, ev);
	*ret = ev;
	return 0;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	sp_timer_free(ev->timer);
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (ev->buckets[i]) {
			struct topic *t = ev->buckets[i];

			ev->buckets[i] = t->next;
			free(t->json);
			free(t);
		}
	}
	free(ev);
}

/* ---- the handler ---- */

struct attach { struct listener *l; const char *names[EVENTS_TOPICS_MAX]; uint64_t seen; };

static void attach_on_loop(void *arg)
{
	const struct attach *a = arg;
	struct events *ev = a->l->ev;

	for (unsigned i = 0; i < a->l->count; i++) {
		struct subscription *s = &a->l->at[i];
		struct topic *t = topic_get(ev, a->names[i]);

		s->of = a->l;
		s->next = t->first;
		s->self = &t->first;
		if (s->next)
			s->next->self = &s->next;
		t->first = s;
		if (t->json && t->seq > a->seen && !t->is_dirty)
			tell(ev, a->l->stream, t);
	}
}

static void listener_closed(void *arg)
{
	struct listener *l = arg;

	for (unsigned i = 0; i < l->count; i++) {
		struct subscription *s = &l->at[i];

		if (!s->self)
			continue;
		*s->self = s->next;
		if (s->next)
			s->next->self = s->self;
	}
	free(l);
}

/* "space:ID" of a Space that the reader may see. Everything else looks as if it never changed. */
static bool may_follow(struct http_req *rq, const char *topic)
{
	struct store_repo repo;
	struct account_object on;
	struct sp_id id;

	if (!sp_starts_with(topic, "space:") || sp_id_parse(topic + strlen("space:"), &id) < 0)
		return false;
	if (store_repo_by_id(rq->srv->store, &id, rq->arena, &repo, NULL) < 0)
		return false;
	on = (struct account_object){ .owner = repo.owner, .is_private = repo.is_private };
	return account_may(&rq->actor, MAY_READ, &on, NULL) == 0;
}

static uint64_t seen_until(const struct http_req *rq)
{
	const char *last = http_header(rq, "last-event-id");
	const char *boot = rq->srv->events->boot.s;
	uint64_t seq = 0;

	if (last && sp_starts_with(last, boot) && last[SP_ID_LEN] == '-' &&
	    sp_parse_u64(last + SP_ID_LEN + 1, strlen(last + SP_ID_LEN + 1), INT64_MAX, &seq) < 0)
		return 0;
	return seq;
}

int http_events(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *topics = http_query(rq, "topics");
	struct attach a = { .seen = 0 };
	char *at, *name;
	struct listener *l;

	if (!rq->srv->events || !rq->srv->store)
		return sp_fail(e, SP_EBUSY, 0, "the server is starting");
	if (!topics)
		return sp_fail(e, SP_EINVAL, 0, "say what to follow: /-/events?topics=space:ID");
	l = calloc(1, sizeof(*l));
	if (!l)
		return sp_fail(e, SP_ENOMEM, 0, "events");
	l->ev = rq->srv->events;
	at = sp_arena_str(rq->arena, topics);
	while ((name = strsep(&at, ",")) != NULL && l->count < EVENTS_TOPICS_MAX)
		if (strlen(name) < TOPIC_MAX && may_follow(rq, name))
			a.names[l->count++] = name;
	if (!l->count) {
		free(l);
		return sp_fail(e, SP_ENOENT, 0, "none of these topics exists for you");
	}
	a.l = l;
	a.seen = seen_until(rq);
	l->stream = http_stream_open(rq, rs, "text/event-stream", listener_closed, l);
	http_stream_write(l->stream, "retry: 2000\n\n", strlen("retry: 2000\n\n"));
	sp_loop_call(rq->srv->loop, attach_on_loop, &a);
	return 0;
}
