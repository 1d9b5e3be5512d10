/*
 * Who may see a private app (CONTRACTS 9.3, C-PROXY-34): the server knows, edge asks it once for a credential and
 * remembers the answer for a while. Of a credential only a keyed digest is kept.
 */
#include "edge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "credential.h"
#include "siphash.h"

enum { WAYS = 4, SETS = SP_LIMIT_edge_access_known / WAYS, ASKS = SP_LIMIT_edge_access_asks, TO_MAX = 6000 };

#define UNCERTAIN "Who may see this app could not be found out just now. Try again in a few seconds."

struct known { struct siphash_digest key; uint64_t until; struct sp_id space, user; bool allowed; };

/* One question under way. ID is its place here and a count, so that a late answer meets no other question. */
struct ask {
	struct hold held;
	struct siphash_digest key;
	struct sp_id space;
	uint64_t id, since;
	bool open;
	bool single;                    /* a claim that is spent by asking: its answer is for one request */
	bool stale;                     /* something changed since: the answer may be of before */
};

struct access {
	struct siphash_key key;
	struct hold away;               /* conns for which nobody can be asked */
	uint64_t count;
	struct known known[SETS][WAYS];
	struct ask asks[ASKS];
	char location[3 * TO_MAX + 1024];
};

int access_init(struct edge *e, struct sp_err *err)
{
	struct access *a = calloc(1, sizeof(*a));

	if (!a || getrandom(&a->key, sizeof(a->key), 0) != sizeof(a->key))
		return sp_fail(err, SP_ENOMEM, 0, "access");
	link_init(&a->away.conns);
	for (unsigned i = 0; i < ASKS; i++)
		link_init(&a->asks[i].held.conns);
	e->access = a;
	return 0;
}

/* ---- what is known ---- */

static bool same(const struct siphash_digest *a, const struct siphash_digest *b)
{
	return a->d[0] == b->d[0] && a->d[1] == b->d[1];
}

static struct siphash_digest digest_of(const struct edge *e, const struct sp_id *space, uint32_t kind, struct sp_str value)
{
	char text[SP_ID_LEN + 1 + CREDENTIAL_MAX];

	memcpy(text, space->s, SP_ID_LEN);
	text[SP_ID_LEN] = (char)kind;
	memcpy(text + SP_ID_LEN + 1, value.p, value.n);
	return siphash(&e->access->key, text, SP_ID_LEN + 1 + value.n);
}

static const struct known *find(const struct edge *e, const struct siphash_digest *key)
{
	const struct known *set = e->access->known[key->d[0] % SETS];

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].until > e->now && same(&set[i].key, key))
			return &set[i];
	return NULL;
}

static void remember(struct edge *e, const struct ask *ask, const struct route_access_is *is)
{
	struct known *set = e->access->known[ask->key.d[0] % SETS], *at = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (same(&set[i].key, &ask->key)) {
			at = &set[i];
			break;
		}
		if (set[i].until < at->until)
			at = &set[i];
	}
	*at = (struct known){ ask->key, e->now + is->ttl_ms / e->test_speed, ask->space, is->user, is->verdict == ROUTE_ALLOWED };
}

/* ---- asking ---- */

static void refuse(struct edge *e, struct conn *c)
{
	respond(e, c, 503, "access_unknown", UNCERTAIN, c->has_body);
	conn_ready(e, c);
}

void access_timeout(struct edge *e, struct conn *c)
{
	hold_off(e, c);
	refuse(e, c);
}

static bool is_late(const struct edge *e, const struct ask *ask)
{
	return e->now - ask->since > SP_LIMIT_edge_access_ms;
}

static struct ask *free_ask(const struct edge *e)
{
	struct access *a = e->access;

	for (unsigned i = 0; i < ASKS; i++)
		if (!a->asks[i].open || (is_late(e, &a->asks[i]) && link_empty(&a->asks[i].held.conns)))
			return &a->asks[i];
	return NULL;
}

static struct ask *open_ask(const struct edge *e, const struct siphash_digest *key)
{
	struct access *a = e->access;

	for (unsigned i = 0; i < ASKS; i++)
		if (a->asks[i].open && !a->asks[i].single && !is_late(e, &a->asks[i]) && same(&a->asks[i].key, key))
			return &a->asks[i];
	return NULL;
}

static bool say(struct edge *e, struct ask *ask, uint32_t kind, struct sp_str value)
{
	struct route_access m = { .id = ask->id, .space = ask->space, .kind = kind };

	memcpy(m.credential, value.p, value.n);
	return routes_tell(e, ROUTE_MSG_ACCESS, &m, sizeof(m));
}

static void ask(struct edge *e, struct conn *c, const struct route *r, const struct siphash_digest *key, uint32_t kind, struct sp_str value)
{
	struct access *a = e->access;
	struct ask *ask = kind == ROUTE_BY_SIGN_ONCE ? NULL : open_ask(e, key);

	if (!routes_here(e)) {
		hold_for_access(e, c, &a->away);
		return;
	}
	if (!ask) {
		ask = free_ask(e);
		if (!ask) {
			refuse(e, c);
			return;
		}
		ask->key = *key;
		ask->space = r->space;
		ask->id = ++a->count * ASKS + (uint64_t)(ask - a->asks);
		ask->since = e->now;
		ask->single = kind == ROUTE_BY_SIGN_ONCE;
		ask->stale = false;
		ask->open = say(e, ask, kind, value);
		if (!ask->open) {
			refuse(e, c);
			return;
		}
	}
	hold_for_access(e, c, &ask->held);
}

/*
 * Chromium and Firefox keep Secure cookies of "localhost" and names below it without TLS, others do not (CONTRACTS 9.3)
 * and would be sent round for ever.
 */
static bool keeps_secure(const struct edge *e, const struct head *h)
{
	static const struct sp_str below = { ".localhost", 10 };
	struct sp_str d = e->domain;

	if (d.n > below.n)
		d = (struct sp_str){ d.p + d.n - below.n, below.n };
	return (sp_str_eq_nocase(d, below) || sp_str_eq_nocase(d, SP_STR("localhost"))) && head_is_new_browser(h);
}

static struct sp_str cookie_name(const struct edge *e, const struct head *h)
{
	return keeps_secure(e, h) ? SP_STR("__Host-vitrine") : SP_STR("vitrine_app");
}

static uint32_t kind_of(const struct head *h, const struct credential *by)
{
	switch (by->kind) {
	case CREDENTIAL_HF_BEARER:
	case CREDENTIAL_BEARER:
		return ROUTE_BY_TOKEN;
	case CREDENTIAL_COOKIE:
		return ROUTE_BY_COOKIE;
	case CREDENTIAL_SIGN:
		break;
	}
	return h->method_id == METHOD_GET && !h->upgrade ? ROUTE_BY_SIGN_ONCE : ROUTE_BY_SIGN;
}

/* The app's own Authorization passes; the one that opened the door does not. */
static bool is_ours(const struct credential *by, const struct head *h)
{
	const struct head_line *l = head_find(h, FIELD_AUTHORIZATION);
	struct sp_str token;

	return by->kind == CREDENTIAL_BEARER || (by->kind == CREDENTIAL_HF_BEARER && l && bearer_of(l->value, &token) && sp_str_eq(token, by->value));
}

enum access_answer access_check(struct edge *e, struct conn *c, const struct head *h, const struct route *r)
{
	struct credential by[CREDENTIALS_MAX];
	unsigned n = credentials_of(h, cookie_name(e, h), by);

	for (unsigned i = 0; i < n; i++) {
		uint32_t kind = kind_of(h, &by[i]);
		struct siphash_digest key = digest_of(e, &r->space, kind, by[i].value);
		const struct known *k = find(e, &key);

		if (!k) {
			ask(e, c, r, &key, kind, by[i].value);
			return ACCESS_LATER;
		}
		if (!k->allowed)
			continue;
		c->user = k->user;
		c->keeps_authorization = !is_ours(&by[i], h);
		/* Spent or superseded, it has no business in an address bar. */
		if (by[i].kind == CREDENTIAL_COOKIE && c->navigation && target_has_sign(h->target)) {
			access_redirect(e, c, h, "");
			return ACCESS_LATER;
		}
		return ACCESS_GRANTED;
	}
	return ACCESS_DENIED;
}

/* ---- redirects ---- */

/* ":7860" of HOST, or nothing. */
static struct sp_str port_of(struct sp_str host)
{
	const char *colon = memchr(host.p, ':', host.n);
	struct sp_str port = { colon, colon ? host.n - (size_t)(colon - host.p) : 0 };

	for (size_t i = 1; i < port.n; i++)
		if (port.p[i] < '0' || port.p[i] > '9')
			return (struct sp_str){ "", 0 };
	return port.n > 6 ? (struct sp_str){ "", 0 } : port;
}

/* The same address without `__sign`. With the host before it: a target "//other" alone would lead elsewhere. */
void access_redirect(struct edge *e, struct conn *c, const struct head *h, const char *cookie)
{
	char *to = e->access->location;
	size_t room = sizeof(e->access->location);
	struct sp_str port = port_of(h->host);
	struct host_label label;
	int n;

	host_classify(h->host, e->domain, &label);
	n = snprintf(to, room, "http://%s.%.*s%.*s%s", label.s, (int)e->domain.n, e->domain.p, (int)port.n, port.p, h->target_bare ? "/" : "");
	if (n < 0 || (size_t)n + h->target.n >= room) {
		respond(e, c, 414, "target-too-long", "The request's address is too long.", true);
		return;
	}
	n += (int)target_without_sign(h->target, to + n);
	to[n] = '\0';
	respond_redirect(e, c, to, cookie);
}

static size_t put_escaped(struct sp_str s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char b = (unsigned char)s.p[i], low = b | 0x20;

		if ((low >= 'a' && low <= 'z') || (b >= '0' && b <= '9') || b == '-' || b == '_' || b == '.' || b == '~' || b == '/') {
			out[n++] = (char)b;
		} else {
			out[n++] = '%';
			out[n++] = "0123456789ABCDEF"[b >> 4];
			out[n++] = "0123456789ABCDEF"[b & 15];
		}
	}
	return n;
}

/*
 * A browser that nobody vouches for, to the dashboard, which knows who sits there. Hosts without an app are sent the
 * same way: else whoever is not sent would know that there is none (C-HF-113).
 */
void access_sign_in(struct edge *e, struct conn *c, const struct head *h, const char *label)
{
	char target[SP_LIMIT_edge_target_bytes], *to = e->access->location;
	struct sp_str port = port_of(h->host);
	size_t size = h->target.n > sizeof(target) ? 0 : target_without_sign(h->target, target);
	int n = snprintf(to, 1024, "http://%.*s%.*s/-/apps/sign?app=%s&to=", (int)e->domain.n, e->domain.p,
			(int)port.n, port.p, label);

	if (h->target_bare || size == 0 || size > TO_MAX / 3) {
		memcpy(to + n, "/", 2);
	} else {
		n += (int)put_escaped((struct sp_str){ target, size }, to + n);
		to[n] = '\0';
	}
	respond_redirect(e, c, to, "");
}

/* ---- answers ---- */

/* The first of those who waited goes on with a cookie: the claim is spent, nobody else can have come by it. */
static void welcome(struct edge *e, struct ask *ask, const struct route_access_is *is)
{
	struct conn *c;
	char cookie[900];
	struct head h;
	int status;

	if (link_empty(&ask->held.conns))
		return;
	c = LINK_OF(ask->held.conns.next, struct conn, wait);
	hold_off(e, c);
	if (head_parse_request(side_at(&c->side), c->head_kept, &h, &status, NULL) < 0) {
		conn_close(e, c, false);
		return;
	}
	snprintf(cookie, sizeof(cookie), "Set-Cookie: %s=%s; Path=/; Max-Age=%d; HttpOnly; %s\r\n", cookie_name(e, &h).p, is->session,
			ACCESS_SESSION_S, !keeps_secure(e, &h) ? "SameSite=Lax" :
			head_is_framed(&h) ? "Secure; SameSite=None; Partitioned" : "Secure; SameSite=Lax");
	access_redirect(e, c, &h, cookie);
	conn_ready(e, c);
}

static bool answer_ok(const struct route_access_is *is)
{
	static const char claim[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

	return is->verdict < ROUTE_VERDICT_MAX && memchr(is->session, '\0', sizeof(is->session)) &&
	       is->session[strspn(is->session, claim)] == '\0' &&
	       (is->user.s[0] == '\0' || (sp_is_hex(is->user.s, SP_ID_LEN) && is->user.s[SP_ID_LEN] == '\0'));
}

bool access_answer(struct edge *e, const struct route_access_is *is)
{
	struct ask *ask = &e->access->asks[is->id % ASKS];

	if (!answer_ok(is))
		return false;
	if (!ask->open || ask->id != is->id)
		return true;
	ask->open = false;
	if (is->session[0] && is->verdict == ROUTE_ALLOWED && ask->single && !ask->stale) {
		welcome(e, ask, is);
		return true;
	}
	if (is->verdict == ROUTE_UNCERTAIN) {
		while (!link_empty(&ask->held.conns))
			access_timeout(e, LINK_OF(ask->held.conns.next, struct conn, wait));
		return true;
	}
	if (!ask->stale && !is->session[0])
		remember(e, ask, is);
	hold_release(e, &ask->held);
	return true;
}

/* Nobody answers any more; who waits asks again, for a while. */
void access_server_gone(struct edge *e)
{
	for (unsigned i = 0; i < ASKS; i++) {
		e->access->asks[i].open = false;
		hold_release(e, &e->access->asks[i].held);
	}
}

/* What it said to forget meanwhile was not heard. */
void access_server_back(struct edge *e)
{
	memset(e->access->known, 0, sizeof(e->access->known));
	hold_release(e, &e->access->away);
}

static bool concerns(const struct sp_id *wanted, const struct sp_id *is)
{
	return wanted->s[0] && sp_id_eq(wanted, is);
}

/* Also connections under way, tunnels above all, which nobody would ask about for hours. */
void access_forget(struct edge *e, const struct sp_id *space, const struct sp_id *user)
{
	bool all = !space->s[0] && !user->s[0];

	for (unsigned i = 0; i < SP_LIMIT_edge_access_known; i++) {
		struct known *k = &e->access->known[i / WAYS][i % WAYS];

		if (all || concerns(space, &k->space) || concerns(user, &k->user))
			k->until = 0;
	}
	for (unsigned i = 0; i < ASKS; i++) {
		struct ask *ask = &e->access->asks[i];

		if (!space->s[0] || concerns(space, &ask->space))      /* whose question it is, edge does not know */
			ask->stale = true;
	}
	for (struct link *l = e->conns.next, *next; l != &e->conns; l = next) {
		struct conn *c = LINK_OF(l, struct conn, all);

		next = l->next;
		if (c->up && c->up->app && (concerns(user, &c->user) || concerns(space, &c->up->app->space) || (all && c->user.s[0])))
			conn_close(e, c, false);
	}
}
