#include "server/http/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "runtime/account/keys.h"
#include "runtime/store/store.h"
#include "server/http/http_status.h"
#include "server/http/moved.h"
#include "server/http/parse.h"
#include "server/server.h"

enum { CREDENTIALS_MAX = 1024, SESSION_SECONDS = 30 * 24 * 3600 /* as account_session_new */ };

/* "http://localhost:7860", "http://name.localhost". */
static bool is_localhost(const char *origin)
{
	const char *host = sp_starts_with(origin, "http://") ? origin + strlen("http://") : "";
	size_t n = strcspn(host, ":");

	return (n == 9 && strncmp(host, "localhost", 9) == 0) || (n > 10 && strncmp(host + n - 10, ".localhost", 10) == 0);
}

/* Chromium and Firefox keep Secure cookies of http://localhost; Safari and most programs do not (CONTRACTS 9.3). */
static bool keeps_secure_on_localhost(const struct http_req *rq)
{
	const char *agent = http_header(rq, "user-agent");

	return agent && (strstr(agent, "Chrome/") || strstr(agent, "Firefox/"));
}

static bool is_secure_cookie(const struct http_req *rq)
{
	return sp_starts_with(rq->origin, "https:") || (is_localhost(rq->origin) && keeps_secure_on_localhost(rq));
}

const char *auth_cookie_name(const struct http_req *rq)
{
	return is_secure_cookie(rq) ? "__Host-vitrine_session" : "vitrine_session";
}

void auth_set_cookie(struct http_req *rq, struct http_resp *rs, const char *value)
{
	http_setf(rq, rs, "Set-Cookie", "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", auth_cookie_name(rq), value,
		*value ? SESSION_SECONDS : 0, is_secure_cookie(rq) ? "; Secure" : "");
}

void auth_renew_cookie(struct http_conn *c)
{
	const char *cookie = c->rq.actor.is_renewed ? http_cookie(&c->rq, auth_cookie_name(&c->rq)) : NULL;

	for (const struct http_header *h = c->rs.headers; h; h = h->next)
		if (strcasecmp(h->name, "set-cookie") == 0 || (strcasecmp(h->name, "cache-control") == 0 && strstr(h->value, "public")))
			return;
	if (cookie)
		auth_set_cookie(&c->rq, &c->rs, cookie);
}

/* The token in an Authorization header; NULL when there is none, "" when it cannot be one of ours. */
static const char *token_of(struct http_req *rq)
{
	const char *header = http_header(rq, "authorization"), *colon;
	unsigned char plain[CREDENTIALS_MAX + 1];
	int n;

	if (!header)
		return NULL;
	if (strncasecmp(header, "bearer ", 7) == 0)
		return header + 7 + strspn(header + 7, " ");
	if (strncasecmp(header, "basic ", 6) != 0 || strlen(header + 6) > CREDENTIALS_MAX)
		return "";
	n = parse_base64(header + 6, strlen(header + 6), plain);
	if (n < 0 || memchr(plain, '\0', (size_t)n))
		return "";
	colon = memchr(plain, ':', (size_t)n);
	return colon ? sp_arena_mem(rq->arena, colon + 1, (size_t)((const char *)plain + n - colon - 1)) : "";
}

bool auth_is_same_origin(const struct http_req *rq)
{
	const char *site = http_header(rq, "sec-fetch-site"), *origin = http_header(rq, "origin");

	if (site)
		return strcmp(site, "same-origin") == 0;
	return origin && strcmp(origin, rq->origin) == 0;
}

static bool is_unsafe(enum http_method m)
{
	return m != HTTP_GET && m != HTTP_HEAD && m != HTTP_OPTIONS;
}

/* A browser tells where a request comes from; other clients send neither header. */
static bool is_from_browser(const struct http_req *rq)
{
	return http_header(rq, "sec-fetch-site") || http_header(rq, "origin");
}

static int by_token(struct http_conn *c, const char *token, struct sp_err *e)
{
	int r = account_by_token(c->rq.srv->store, token, &c->rq.actor, e);

	if (r != -SP_EAUTH && r != -SP_EINVAL)
		return r;
	c->rq.actor = (struct account_actor){ 0 };
	http_refuse_with(&c->rq, &c->rs, 401, "invalid-token", false, "Invalid credentials in Authorization header");
	return 1;
}

/* On an app's host: headers and cookies are the app's own; edge has found out who it is, and takes its header from all others. */
static int by_edge(struct http_req *rq, struct sp_err *e)
{
	const char *user = http_header(rq, "x-vitrine-user");
	struct sp_id id;
	int r;

	if (!user || sp_id_parse(user, &id) < 0)
		return 0;
	r = account_reader(rq->srv->store, &id, &rq->actor, e);
	return r == -SP_ENOENT ? 0 : r;
}

int auth_who(struct http_conn *c, struct sp_err *e)
{
	struct http_req *rq = &c->rq;
	const char *token = token_of(rq), *cookie;

	if (!rq->srv->store)
		return 0;
	if (rq->space_why || !sp_id_is_none(&rq->space))
		return by_edge(rq, e);
	if (token)
		return by_token(c, token, e);
	cookie = http_cookie(rq, auth_cookie_name(rq));
	if (cookie) {
		int r = account_by_session(rq->srv->store, cookie, &rq->actor, e);

		if (r < 0 && r != -SP_EAUTH && r != -SP_EINVAL)
			return r;
		if (r < 0)
			rq->actor = (struct account_actor){ 0 };        /* an old session: browse as a stranger */
	}
	/* Also without a session: a foreign page must not sign its visitor in as somebody else. */
	if (is_unsafe(rq->method) && (rq->actor.by_session || (is_from_browser(rq) && !sp_starts_with(rq->path, "/api/"))) &&
	    !auth_is_same_origin(rq)) {
		http_refuse_with(rq, &c->rs, 403, "cross-origin", false,
			"This request came from another site. Open the page here and try again, or use an access token.");
		return 1;
	}
	return 0;
}

static int refuse_absent(struct http_conn *c)
{
	bool stranger = account_is_anonymous(&c->rq.actor);

	return http_reply_error(&c->rq, &c->rs, stranger ? 401 : 404, "RepoNotFound", "%s",
		stranger ? "Repository not found. If it is private, sign in or send an access token." : "Repository not found.") == 0;
}

/* "spaces" of "/api/{type}s/…" or of the pattern; the plural's last letter is not part of the type. */
static const char *repo_type(struct http_conn *c)
{
	const char *type = http_pair_get(c->params, "type", false), *pattern = c->route->pattern;

	if (type)
		return type;
	if (strstr(pattern, "/models/"))
		return "model";
	return strstr(pattern, "/datasets/") ? "dataset" : "space";
}

static int may_on_repo(struct http_conn *c, struct sp_err *e)
{
	struct http_req *rq = &c->rq;
	struct store_repo *repo = sp_arena_get(rq->arena, sizeof(*repo));
	struct account_object on;
	int r = store_repo_by_name(rq->srv->store, repo_type(c), http_param(rq, "owner"), http_param(rq, "name"), rq->arena, repo, e);

	if (r == -SP_ENOENT) {
		r = moved_answer(c, repo_type(c), e);
		return r != 0 ? r : refuse_absent(c);
	}
	if (r < 0)
		return r;
	on = (struct account_object){ .owner = repo->owner, .is_private = repo->is_private };
	r = account_may(&rq->actor, c->route->verb, &on, e);
	if (r == -SP_ENOENT)
		return refuse_absent(c);
	rq->repo = repo;
	return r;
}

static int may_create(struct http_conn *c, struct sp_err *e)
{
	const char *owner = http_pair_get(c->params, "owner", false);
	struct store_user user;
	struct account_object on;
	int r;

	if (!owner)
		return account_may(&c->rq.actor, MAY_SIGNED_IN, NULL, e);      /* the owner is in the body: the handler's to check */
	r = store_user_by_name(c->rq.srv->store, owner, &user, e);
	if (r < 0)
		return r;
	on = (struct account_object){ .owner = user.id };
	return account_may(&c->rq.actor, MAY_CREATE, &on, e);
}

/*
 * "/-/lfs/upload/{claim}": a claim signed for "lfs-upload". The address stands for the permission that was
 * checked when it was given out; the handler asks again what may have changed since. The claim of a route that takes
 * a body begins with the body's size, so that nobody fills the disk with more.
 */
static int may_by_link(struct http_conn *c, struct sp_err *e)
{
	const char *at = c->route->pattern + strlen("/-/"), *end = strstr(at, "/{claim}");
	char *purpose = sp_arena_mem(c->rq.arena, at, end ? (size_t)(end - at) : 0);
	int r;

	for (char *p = purpose; *p; p++)
		if (*p == '/')
			*p = '-';
	r = c->rq.srv->keys ? keys_check(c->rq.srv->keys, purpose, http_param(&c->rq, "claim"), sp_wall_ms(), c->rq.arena, &c->rq.claim, e)
		: sp_fail(e, SP_EBUSY, 0, "the server is starting");
	if (r == -SP_EAUTH)
		return http_reply_error(&c->rq, &c->rs, 403, NULL, "This address is not valid, or not any more: ask for a new one.") == 0;
	if (r == 0 && c->route->body == BODY_LINK)
		c->body_max = strtoull(c->rq.claim, NULL, 10) + 1;      /* one more than it may be, and never 0 */
	return r;
}

int auth_may(struct http_conn *c, struct sp_err *e)
{
	if (!c->route || c->route->verb == MAY_ANYONE)
		return 0;
	if (!c->rq.srv->store)
		return sp_fail(e, SP_EBUSY, 0, "the server is starting");
	if (c->route->verb == MAY_READ || c->route->verb == MAY_WRITE)
		return may_on_repo(c, e);
	if (c->route->verb == MAY_LINK)
		return may_by_link(c, e);
	if (c->route->verb == MAY_CREATE)
		return may_create(c, e);
	return account_may(&c->rq.actor, c->route->verb, NULL, e);
}
