#include "server/app_access.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "clock.h"
#include "limit.h"
#include "log.h"
#include "str.h"
#include "runtime/account/keys.h"
#include "runtime/store/store.h"
#include "server/routes_pub.h"
#include "server/server.h"
#include "server/uvloop.h"

#define SIGN_IN_MS INT64_C(60000)
#define SESSION_MS (INT64_C(12) * 3600 * 1000)
#define JWT_MS     (INT64_C(3600) * 1000)

enum { SPENT_MAX = 8192, SPENT_PER_USER = 256 /* so that no one user keeps the others out */ };

static const char sign_in[] = "app-sign-in", session[] = "app-session", jwt[] = "app-jwt";

struct spent { struct sp_id nonce, user; int64_t until_ms; };

struct app_access {
	struct server *srv;
	struct sp_id boot;              /* sign-ins of an earlier one are void: nobody knows which were spent */
	pthread_mutex_t lock;
	struct spent spent[SPENT_MAX];
	unsigned nspent;
};

/* What a claim says. NONCE and BOOT: of sign-ins. */
struct claim { struct sp_id space, user, token, nonce, boot; };

int app_access_new(struct server *srv, struct app_access **ret, struct sp_err *e)
{
	struct app_access *aa = calloc(1, sizeof(*aa));

	if (!aa)
		return sp_fail(e, SP_ENOMEM, 0, "app access");
	aa->srv = srv;
	aa->boot = sp_id_new();
	pthread_mutex_init(&aa->lock, NULL);
	*ret = aa;
	return 0;
}

void app_access_free(struct app_access *aa)
{
	if (!aa)
		return;
	pthread_mutex_destroy(&aa->lock);
	free(aa);
}

/* ---- claims ---- */

static int make(struct app_access *aa, const char *purpose, const struct account_actor *actor, const struct sp_id *space, int64_t life_ms,
		struct sp_arena *a, const char **ret, struct sp_err *e)
{
	sp_auto_buf struct sp_buf b = { 0 };
	char text[5 * (SP_ID_LEN + 1)];
	int r;

	if (account_is_anonymous(actor) || sp_id_is_none(&actor->token))
		return sp_fail(e, SP_EAUTH, 0, "sign in or send a token");
	snprintf(text, sizeof(text), "%s %s %s %s %s", space->s, actor->user.s, actor->token.s, sp_id_new().s, aa->boot.s);
	r = keys_sign(aa->srv->keys, purpose, text, sp_wall_ms() + life_ms, &b, e);
	if (r == 0)
		*ret = sp_arena_mem(a, b.p, b.n);
	return r;
}

int app_access_sign_in(struct app_access *aa, const struct account_actor *actor, const struct sp_id *space, struct sp_arena *a,
		const char **ret, struct sp_err *e)
{
	return make(aa, sign_in, actor, space, SIGN_IN_MS, a, ret, e);
}

int app_access_jwt(struct app_access *aa, const struct account_actor *actor, const struct sp_id *space, struct sp_arena *a,
		const char **ret, struct sp_err *e)
{
	return make(aa, jwt, actor, space, JWT_MS, a, ret, e);
}

/* SP_EAUTH: forged, for something else, for another Space, or too old. */
static int check(struct app_access *aa, const char *purpose, const char *text, const struct sp_id *space, struct sp_arena *a,
		struct claim *ret, struct sp_err *e)
{
	struct sp_id *const parts[] = { &ret->space, &ret->user, &ret->token, &ret->nonce, &ret->boot };
	const char *payload;
	char *at, *part;
	int r = keys_check(aa->srv->keys, purpose, text, sp_wall_ms(), a, &payload, e);

	if (r < 0)
		return r;
	at = sp_arena_str(a, payload);
	for (size_t i = 0; i < SP_COUNT(parts); i++) {
		part = strsep(&at, " ");
		if (!part || sp_id_parse(part, parts[i]) < 0)
			return sp_fail(e, SP_EAUTH, 0, "not such a claim");
	}
	return !at && sp_id_eq(&ret->space, space) ? 0 : sp_fail(e, SP_EAUTH, 0, "a claim to another Space");
}

/* False: it was spent before, or nobody could remember that it is now. */
static bool spend(struct app_access *aa, const struct claim *c)
{
	int64_t now = sp_wall_ms();
	bool fresh = sp_id_eq(&c->boot, &aa->boot);
	unsigned kept = 0, own = 0;

	pthread_mutex_lock(&aa->lock);
	for (unsigned i = 0; i < aa->nspent; i++) {
		if (aa->spent[i].until_ms <= now)
			continue;
		fresh = fresh && !sp_id_eq(&aa->spent[i].nonce, &c->nonce);
		own += sp_id_eq(&aa->spent[i].user, &c->user);
		aa->spent[kept++] = aa->spent[i];
	}
	aa->nspent = kept;
	fresh = fresh && kept < SPENT_MAX && own < SPENT_PER_USER;
	if (fresh)
		aa->spent[aa->nspent++] = (struct spent){ c->nonce, c->user, now + SIGN_IN_MS };
	pthread_mutex_unlock(&aa->lock);
	return fresh;
}

/* ---- decisions ---- */

static int by_claim(struct app_access *aa, const char *purpose, const struct route_access *ask, struct sp_arena *a,
		struct account_actor *who, struct claim *ret, struct sp_err *e)
{
	int r = check(aa, purpose, ask->credential, &ask->space, a, ret, e);

	return r < 0 ? r : account_by_token_id(aa->srv->store, &ret->user, &ret->token, who, e);
}

/* A jwt, or a sign-in, which is exchanged for a session where ONCE allows it. */
static int by_sign(struct app_access *aa, const struct route_access *ask, struct sp_arena *a, struct account_actor *who, bool *is_sign_in,
		struct sp_err *e)
{
	struct claim claim = { 0 };
	int r = by_claim(aa, jwt, ask, a, who, &claim, e);

	if (r != -SP_EAUTH || ask->kind != ROUTE_BY_SIGN_ONCE)
		return r;
	r = by_claim(aa, sign_in, ask, a, who, &claim, e);
	if (r == 0 && !spend(aa, &claim))
		return sp_fail(e, SP_EAUTH, 0, "it was used before");
	*is_sign_in = r == 0;
	return r;
}

static int who_is(struct app_access *aa, const struct route_access *ask, struct sp_arena *a, struct account_actor *who, bool *is_sign_in,
		struct sp_err *e)
{
	struct claim claim = { 0 };

	switch ((enum route_credential)ask->kind) {
	case ROUTE_BY_TOKEN:
		return account_by_token(aa->srv->store, ask->credential, who, e);
	case ROUTE_BY_COOKIE:
		return by_claim(aa, session, ask, a, who, &claim, e);
	case ROUTE_BY_SIGN:
	case ROUTE_BY_SIGN_ONCE:
		return by_sign(aa, ask, a, who, is_sign_in, e);
	case ROUTE_BY_MAX:
		break;
	}
	return sp_fail(e, SP_EAUTH, 0, "no such credential");
}

static int decide(struct app_access *aa, const struct route_access *ask, struct sp_arena *a, struct route_access_is *ret, struct sp_err *e)
{
	struct account_actor who = { 0 };
	struct account_object on;
	struct store_repo repo;
	bool is_sign_in = false;
	const char *cookie = "";
	int r = store_repo_by_id(aa->srv->store, &ask->space, a, &repo, e);

	if (r == 0)
		r = who_is(aa, ask, a, &who, &is_sign_in, e);
	if (r < 0)
		return r;
	on = (struct account_object){ .owner = repo.owner, .is_private = repo.is_private };
	r = account_may(&who, MAY_READ, &on, e);
	if (r == 0 && is_sign_in)
		r = make(aa, session, &who, &ask->space, SESSION_MS, a, &cookie, e);
	if (r < 0)
		return r;
	if (sp_copy(ret->session, sizeof(ret->session), cookie) < 0)
		return sp_fail(e, SP_EBUG, 0, "a claim longer than its message");
	ret->user = who.user;
	return 0;
}

void app_access_decide(struct app_access *aa, const struct route_access *ask, struct route_access_is *ret)
{
	struct sp_err e = { 0 };
	struct sp_arena a;
	int r;

	*ret = (struct route_access_is){ .id = ask->id };
	sp_arena_init(&a);
	r = memchr(ask->credential, '\0', sizeof(ask->credential)) ? decide(aa, ask, &a, ret, &e) : -SP_EAUTH;
	sp_arena_fini(&a);
	if (r == 0) {
		ret->verdict = ROUTE_ALLOWED;
		ret->ttl_ms = SP_LIMIT_access_allow_ms;
	} else if (r == -SP_EAUTH || r == -SP_EINVAL || r == -SP_ENOENT || r == -SP_EDENIED) {
		ret->verdict = ROUTE_DENIED;
		ret->ttl_ms = SP_LIMIT_access_deny_ms;
	} else {
		log_warn("cannot find out who may see an app space=%s: %s", ask->space.s, log_q(e.msg).s);
		ret->verdict = ROUTE_UNCERTAIN;
	}
}

/* ---- on the loop ---- */

struct job { struct app_access *aa; uint64_t connection; struct route_access ask; struct route_access_is is; };

static void work(void *arg)
{
	struct job *j = arg;

	app_access_decide(j->aa, &j->ask, &j->is);
}

static void done(void *arg)
{
	struct job *j = arg;

	routes_access_is(j->aa->srv->routes, j->connection, &j->is);
	explicit_bzero(&j->ask, sizeof(j->ask));
	free(j);
}

void app_access_ask(struct app_access *aa, uint64_t connection, const struct route_access *ask)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	*j = (struct job){ .aa = aa, .connection = connection, .ask = *ask };
	loop_work_on(aa->srv->loop, POOL_ACCESS, work, done, j);
}
