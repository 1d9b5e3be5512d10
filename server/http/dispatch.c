#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/http/auth.h"
#include "server/http/http_status.h"
#include "server/http/parse.h"
#include "server/http/router.h"
#include "server/http/stream.h"
#include "server/server.h"

/* hf-api.md 0.3: what the JavaScript client has to see (C-HF-18). */
#define EXPOSED "X-Repo-Commit, X-Request-Id, X-Error-Code, X-Error-Message, X-Total-Count, X-Linked-Size, X-Linked-Etag, " \
	"X-HF-Warning, ETag, Link, Location, Accept-Ranges, Content-Range, Content-Disposition, RateLimit, RateLimit-Policy, Retry-After, " \
	"X-Xet-Hash, X-Xet-Access-Token, X-Xet-Token-Expiration, X-Xet-Refresh-Route, X-Xet-Cas-Url"

void http_reject(struct http_conn *c, enum sp_code code, const char *sentence)
{
	c->route = NULL;
	c->body = BODY_NONE;
	c->refused = sp_fail(&c->err, code, 0, "%s", sentence);
}

static bool is_token_text(const char *s, size_t max)
{
	size_t n = strlen(s);

	return n > 0 && n <= max && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:=") == n;
}

static void set_identity(struct http_conn *c)
{
	struct http_req *rq = &c->rq;
	const char *id = http_header(rq, "x-request-id"), *proto = http_header(rq, "x-vitrine-proto"), *host = http_header(rq, "host");
	const char *peer = http_header(rq, "x-vitrine-peer"), *space = http_header(rq, "x-vitrine-space");
	bool host_ok = host && parse_is_host(host);

	rq->request_id = id && is_token_text(id, 64) ? id : sp_arena_str(rq->arena, sp_id_new().s);
	rq->peer = peer && is_token_text(peer, 64) ? peer : "";
	rq->space_why = http_header(rq, "x-vitrine-why");
	if (space && sp_id_parse(space, &rq->space) < 0)
		rq->space = (struct sp_id){ 0 };
	rq->origin = sp_arena_fmt(rq->arena, "%s://%s", proto && strcmp(proto, "https") == 0 ? "https" : "http",
		host_ok ? host : rq->srv->listen_name ? rq->srv->listen_name : "localhost");
	if (host && !host_ok)
		http_reject(c, SP_EINVAL, "the Host header is not a host name");
}

static http_handler *app_host_handler(const char *why)
{
	const struct http_table *t = router_table();

	for (unsigned i = 0; why && i < t->hosts_count; i++)
		if (strcmp(t->hosts[i].why, why) == 0)
			return t->hosts[i].handler;
	return NULL;
}

static bool is_api(const struct http_req *rq)
{
	return sp_starts_with(rq->path, "/api/") || strcmp(rq->path, "/api") == 0;
}

/* Paths that a client in a browser on another origin may read: no cookie goes with them (no Allow-Credentials). */
static bool is_shared(const struct http_req *rq)
{
	return is_api(rq) || strstr(rq->path, "/resolve/") || strstr(rq->path, "/raw/");
}

static void find_route(struct http_conn *c)
{
	int r;

	if (c->refused || c->rq.space_why)
		return;
	r = router_find(router_table(), c->rq.method, c->rq.path, c->rq.arena, &c->route, &c->params, c->allow, &c->err);
	if (r < 0)
		c->refused = r;
	else
		c->body = c->route->body;
}

void http_begin(struct http_conn *c, bool method_known)
{
	struct http_req *rq = &c->rq;
	const char *end = strchrnul(rq->target, '?');

	rq->conn = c;
	rq->arena = &c->arena;
	rq->body = "";
	rq->body_fd = -1;
	c->rs.file_fd = -1;
	rq->path = sp_arena_mem(rq->arena, rq->target, (size_t)(end - rq->target));
	if (*end)
		c->query = parse_query(rq->arena, sp_str_of(end + 1));
	set_identity(c);
	if (!method_known)
		http_reject(c, SP_EUNSUPPORTED, "this server does not know the request's method");
	else if (rq->path[0] != '/' && !rq->space_why)
		http_reject(c, SP_EINVAL, "the request target is not a path");
	find_route(c);
}

static void complete(struct http_conn *c)
{
	c->is_done = true;
	if (c->rs.status == 0)
		c->rs.status = 200;
	if (!c->rs.body)
		c->rs.body = "";
}

void http_admit(struct http_conn *c)
{
	struct sp_err e = { 0 };
	int r = auth_who(c, &e);

	if (r == 0)
		r = auth_may(c, &e);
	if (r < 0)
		http_refuse(&c->rq, &c->rs, &e);
	if (r != 0)
		complete(c);
	else
		c->is_admitted = true;
}

static bool has(const struct http_resp *rs, const char *name)
{
	for (const struct http_header *h = rs->headers; h; h = h->next)
		if (strcasecmp(h->name, name) == 0)
			return true;
	return false;
}

static void preset(struct http_conn *c, const char *name, const char *value)
{
	if (!has(&c->rs, name))
		http_set(&c->rq, &c->rs, name, value);
}

static void add_common(struct http_conn *c)
{
	preset(c, "X-Request-Id", c->rq.request_id);
	if (c->rq.space_why)
		return;
	preset(c, "X-Content-Type-Options", "nosniff");
	preset(c, "Cache-Control", "no-cache");
	auth_renew_cookie(c);
	if (is_shared(&c->rq)) {
		preset(c, "Access-Control-Allow-Origin", "*");
		preset(c, "Access-Control-Expose-Headers", EXPOSED);
	}
	if (!sp_starts_with(c->rq.path, "/-/assets/"))
		preset(c, "Vary", "Accept, Authorization, Cookie, HX-Request");
}

/* Why nothing fits, in words; a clean 404 below /api (C-HF-20), 405 with Allow, the preflight of CORS. */
static void answer_unrouted(struct http_conn *c)
{
	struct http_req *rq = &c->rq;

	if (c->refused == -SP_EUNSUPPORTED && c->allow[0]) {
		http_set(rq, &c->rs, "Allow", c->allow);
		if (rq->method == HTTP_OPTIONS) {
			c->rs.status = 204;
			if (is_shared(rq)) {
				http_setf(rq, &c->rs, "Access-Control-Allow-Methods", "%s, OPTIONS", c->allow);
				http_set(rq, &c->rs, "Access-Control-Allow-Headers", "Authorization, Content-Type, Range, If-None-Match, X-Requested-With");
				http_set(rq, &c->rs, "Access-Control-Max-Age", "86400");
			}
			return;
		}
		http_refuse_with(rq, &c->rs, 405, "wrong-method", false,
			sp_arena_fmt(rq->arena, "%s is not possible here, only %s.", http_method_name(rq->method), c->allow));
		http_set(rq, &c->rs, "Allow", c->allow);
		return;
	}
	if (c->refused == -SP_ENOENT) {
		http_refuse_with(rq, &c->rs, 404, "not-found", false, is_api(rq)
			? sp_arena_fmt(rq->arena, "This version of vitrine does not answer %s %.200s.", http_method_name(rq->method), rq->path)
			: sp_arena_fmt(rq->arena, "There is nothing at %.200s.", rq->path));
		return;
	}
	http_refuse(rq, &c->rs, &c->err);
}

static void run_handler(struct http_conn *c)
{
	http_handler *handler = c->route ? c->route->handler : app_host_handler(c->rq.space_why);
	struct sp_err e = { 0 };
	int r;

	if (!handler) {
		http_refuse_with(&c->rq, &c->rs, 404, "not-found", false, "There is nothing here.");
		return;
	}
	r = handler(&c->rq, &c->rs, &e);
	if (r >= 0)
		return;
	if (!e.code)
		sp_fail(&e, (enum sp_code)-r, 0, "%s", sp_code_name((enum sp_code)-r));
	http_refuse(&c->rq, &c->rs, &e);
}

/* Not over a body that may have taken hours: the token may be revoked since. A link's handler asks by itself. */
static bool admission_holds(const struct http_conn *c)
{
	return c->is_admitted && (c->rq.body_fd < 0 || c->route->verb == MAY_LINK);
}

void http_answer(struct http_conn *c)
{
	if (c->refused && !c->is_done) {
		answer_unrouted(c);
		complete(c);
	}
	if (!c->is_done && !admission_holds(c)) {
		c->rq.actor = (struct account_actor){ 0 };
		c->rs.headers = NULL;
		http_admit(c);
	}
	if (!c->is_done)
		run_handler(c);
	complete(c);
	add_common(c);
}

void http_conn_fini(struct http_conn *c)
{
	http_resp_drop(&c->rs);
	if (c->stream)
		stream_close(c->stream);
	json_decref(c->json);
	if (c->rq.body_fd >= 0)
		close(c->rq.body_fd);
	if (c->rq.body_len)
		sp_arena_wipe(&c->arena);       /* fields of forms */
	else
		sp_arena_fini(&c->arena);
}
