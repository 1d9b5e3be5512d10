/* From the client: read a head, find out where it leads, send it on, and the body behind it. */
#include "edge.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static const struct head_limits limits = {
	.head = SP_LIMIT_edge_head_bytes,
	.line = SP_LIMIT_edge_line_bytes,
	.first_line = SP_LIMIT_edge_target_bytes + 80,          /* a method of 64 and the version */
	.lines = SP_LIMIT_edge_head_lines,
};

/* Where a request goes, and why the server answers it instead of the app. */
struct decision { enum place place; struct app *app; const char *why; const struct sp_id *space; bool is_app; };

struct request_id request_id(const struct edge *e, const struct conn *c)
{
	struct request_id id;
	uint64_t v = e->id_base + c->request_id * UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned i = 0; i < 16; i++)
		id.s[i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
	id.s[16] = '\0';
	return id;
}

/* What the rest of the exchange needs to know of the head, which is gone by then. */
static void note(struct conn *c, const struct head *h)
{
	c->http10 = h->http10;
	c->keep_alive = h->keep_alive;
	c->is_head = h->method_id == METHOD_HEAD;
	c->has_body = h->body != HEAD_NO_BODY;
	c->idempotent = !c->has_body && (h->method_id == METHOD_GET || c->is_head || h->method_id == METHOD_OPTIONS);
	c->upgrade = h->upgrade;
	c->navigation = head_is_navigation(h);
	c->expects = h->expects;
	c->interims = 0;
}

static struct sp_str peer_text(const struct conn *c, char out[static INET6_ADDRSTRLEN])
{
	size_t n = 0;

	if (c->peer_family == AF_INET6)
		return sp_str_of(inet_ntop(AF_INET6, c->peer, out, INET6_ADDRSTRLEN) ? out : "::");
	for (unsigned i = 0; i < 4; i++) {
		unsigned v = c->peer[i];

		if (v >= 100)
			out[n++] = (char)('0' + v / 100);
		if (v >= 10)
			out[n++] = (char)('0' + v / 10 % 10);
		out[n++] = (char)('0' + v % 10);
		out[n++] = '.';
	}
	return (struct sp_str){ out, n - 1 };
}

/* True when an answer comes from the server for the reason d->why. */
static bool decide_route(struct edge *e, struct conn *c, const struct head *h, struct route *r, struct decision *d)
{
	d->space = &r->space;
	d->place = PLACE_HTTP;
	if (r->kind == ROUTE_STATIC)
		d->why = "static";
	else if (r->kind == ROUTE_DOWN)
		d->why = "down";
	else if (c->force_waiting || (r->kind == ROUTE_WAITING && head_is_quiet(h)))
		d->why = "waiting";
	else if (r->kind == ROUTE_APP)
		*d = (struct decision){ .place = PLACE_APP, .app = r->app, .is_app = true };
	else {
		routes_wake(e, r);
		hold_on(e, c, &r->held, true);
		return false;
	}
	if (r->added && (r->kind == ROUTE_APP || r->kind == ROUTE_STATIC)) {
		r->added->refs++;
		c->added = r->added;
	}
	return true;
}

/*
 * False when the request waits or is answered. Who may not see a private app is told what he would be told if there
 * were none (C-HF-113): D says so, as for a host without a route.
 */
static bool may_see(struct edge *e, struct conn *c, const struct head *h, const struct route *r, const char *label, struct decision *d)
{
	enum access_answer answer = !r ? ACCESS_DENIED : r->flags & ROUTE_PRIVATE ? access_check(e, c, h, r) : ACCESS_GRANTED;

	if (answer != ACCESS_DENIED)
		return answer == ACCESS_GRANTED;
	if (c->navigation) {
		access_sign_in(e, c, h, label);
		return false;
	}
	d->why = "unknown";
	return true;
}

/* False when the request is held. */
static bool decide(struct edge *e, struct conn *c, const struct head *h, struct decision *d)
{
	struct host_label label;
	struct route *r;

	*d = (struct decision){ .place = PLACE_HTTP };
	c->user = (struct sp_id){ 0 };  /* of an earlier dispatch, like the lines: the route may have changed */
	c->keeps_authorization = true;
	added_put(c->added);
	c->added = NULL;
	switch (host_classify(h->host, e->domain, &label)) {
	case HOST_PLATFORM:
		if (h->upgrade && h->target.n > 6 && memcmp(h->target.p, "/-/ws/", 6) == 0)
			d->place = PLACE_WS;
		return true;
	case HOST_APP:
		d->is_app = true;
		r = routes_find(e, label.s);
		if (!r && !e->synced) {
			hold_on(e, c, &e->unsynced, false);
			return false;
		}
		return may_see(e, c, h, r, label.s, d) && (d->why || decide_route(e, c, h, r, d));
	case HOST_UNKNOWN:
		break;
	}
	d->why = "unknown";
	return true;
}

static void bad_body(struct edge *e, struct conn *c)
{
	c->keep_alive = false;
	upstream_close(e, c->up);
	if (c->res_state == RES_HEAD)
		respond(e, c, 400, "bad-chunk", "The request's chunked body is not valid.", true);
	else
		conn_close(e, c, false);
}

/* The head and what has come of the body, to the upstream, in one write. */
static void send_request(struct edge *e, struct conn *c, const struct head *h, const struct decision *d)
{
	char address[INET6_ADDRSTRLEN];
	struct request_id id = request_id(e, c);
	struct up *up = c->up;
	struct rewrite_request how = {
		.to = d->place == PLACE_APP ? TO_APP : TO_PLATFORM,
		.peer = peer_text(c, address),
		.proto = SP_STR("http"),
		.domain = e->domain,
		.space = d->space ? (struct sp_str){ d->space->s, SP_ID_LEN } : (struct sp_str){ "", 0 },
		.why = sp_str_of(d->why ? d->why : ""),
		.user = sp_str_of(c->user.s),
		.drop_sign = d->is_app,
		.drop_authorization = !c->keeps_authorization,
		.request_id = { id.s, 16 },
		.upgrade = h->upgrade && d->place != PLACE_HTTP,
	};
	size_t n = rewrite_request(h, &how, e->head_out, HEAD_OUT_BYTES), sent;

	if (n == 0) {
		upstream_close(e, up);
		respond(e, c, 431, "head-too-large", "The request's header is too large.", true);
		return;
	}
	c->place = (uint8_t)d->place;
	c->upgrade = how.upgrade;
	c->res_state = RES_HEAD;
	c->res_scan = (struct head_scan){ 0 };
	body_start(e, &c->req, h->body, h->length, false);
	if (c->has_body || c->retried || !c->idempotent || (!up->reused && d->place == PLACE_APP)) {
		conn_drop_head(e, c);
		if (body_admit(&c->req, &c->side, NULL) < 0) {
			bad_body(e, c);
			return;
		}
	}
	sent = side_push(e, &up->side, e->head_out, n, side_at(&c->side), c->req.ok);
	side_eat(&c->side, sent);
	c->req.ok -= (uint32_t)sent;
	c->req_state = body_done(&c->req) ? REQ_DONE : REQ_BODY;
	if (c->expects && c->req_state == REQ_BODY)
		conn_clock(e, c, CLOCK_EXPECT, SP_LIMIT_edge_expect_ms);
	else
		conn_clock(e, c, CLOCK_NONE, 0);        /* set_clock starts the right one */
	if (up->app)
		app_seen(e, up->app);
}

static void go(struct edge *e, struct conn *c, const struct head *h, const struct decision *d)
{
	switch (upstream_get(e, c, d->place, d->app)) {
	case UPSTREAM_READY:
		send_request(e, c, h, d);
		break;
	case UPSTREAM_CONNECTING:
		c->req_state = REQ_CONNECT;
		conn_clock(e, c, CLOCK_CONNECT, SP_LIMIT_edge_hold_ms);
		break;
	case UPSTREAM_REFUSED:
		app_refused(e, c, d->app);
		break;
	case UPSTREAM_FULL:
		respond(e, c, 503, "app-connections", "The app has too many open connections. Try again later.", c->has_body);
		break;
	case UPSTREAM_WAIT:
		break;
	}
}

static const char *code_of(int status)
{
	switch (status) {
	case 405:
		return "method-not-allowed";
	case 414:
		return "target-too-long";
	case 417:
		return "expectation-failed";
	case 431:
		return "head-too-large";
	case 501:
		return "coding-not-supported";
	case 505:
		return "version-not-supported";
	default:
		return "bad-request";
	}
}

static void refuse(struct edge *e, struct conn *c, int status, const struct sp_err *err)
{
	char sentence[300] = "The request is not valid HTTP: ";
	size_t n = strlen(sentence), m = strlen(err->msg);

	memcpy(sentence + n, err->msg, m);
	memcpy(sentence + n + m, ".", 2);
	c->request_id = ++e->id_count;
	c->navigation = c->is_head = c->http10 = false;
	respond(e, c, status, code_of(status), sentence, true);
}

static void dispatch(struct edge *e, struct conn *c)
{
	struct decision d;
	struct sp_err err;
	struct head h;
	int status;

	if (head_parse_request(side_at(&c->side), c->head_kept, &h, &status, &err) < 0) {
		refuse(e, c, status, &err);
		return;
	}
	note(c, &h);
	if (h.target.n > SP_LIMIT_edge_target_bytes)
		respond(e, c, 414, code_of(414), "The request's address is longer than 8192 bytes.", true);
	else if (decide(e, c, &h, &d))
		go(e, c, &h, &d);
}

void request_connected(struct edge *e, struct conn *c)
{
	struct decision d = { .place = PLACE_APP, .is_app = true };
	struct sp_err err;
	struct head h;
	int status;

	if (head_parse_request(side_at(&c->side), c->head_kept, &h, &status, &err) < 0)
		refuse(e, c, status, &err);
	else
		send_request(e, c, &h, &d);
	side_settle(e, &c->side);
}

/* True when a head is complete, or more of it may be there. */
static bool read_head(struct edge *e, struct conn *c)
{
	struct side *s = &c->side;
	struct sp_err err;
	size_t size;
	int r, status;

	if (!side_flush(e, s) || (c->scan.at == side_has(s) && !side_fill(e, s, buf_room(BUF_MID)))) {
		if (s->eof || side_dead(s))
			conn_close(e, c, false);
		return false;
	}
	r = head_scan(&c->scan, side_at(s), side_has(s), &limits, &size, &status, &err);
	if (r < 0) {
		refuse(e, c, status, &err);
	} else if (r > 0) {
		c->head_kept = (uint32_t)size;
		c->request_id = ++e->id_count;
		dispatch(e, c);
	} else if (c->clock_is != CLOCK_HEAD) {
		conn_clock(e, c, CLOCK_HEAD, SP_LIMIT_edge_head_ms);
	}
	return true;
}

static bool forward_body(struct edge *e, struct conn *c)
{
	int r;

	if (side_dead(&c->up->side))    /* it may have answered before it closed: the response side finds out */
		return false;
	r = body_step(e, &c->req, &c->side, &c->up->side, NULL);
	if (r < 0) {
		bad_body(e, c);
		return true;
	}
	if (r > 0 && c->up->app)
		app_seen(e, c->up->app);
	if (body_done(&c->req)) {
		c->req_state = REQ_DONE;
		if (c->clock_is == CLOCK_EXPECT)
			conn_clock(e, c, CLOCK_NONE, 0);
		return true;
	}
	if (c->side.broken || (c->side.eof && c->req.ok == 0)) {
		conn_close(e, c, false);
		return false;
	}
	return r > 0;
}

static bool drain(struct edge *e, struct conn *c)
{
	struct side *s = &c->side;

	if (!side_flush(e, s)) {
		if (side_dead(s))
			conn_close(e, c, false);
		return false;
	}
	if (!c->shut) {
		shutdown(s->fd, SHUT_WR);
		c->shut = true;
		conn_clock(e, c, CLOCK_DRAIN, SP_LIMIT_edge_drain_ms);
	}
	c->drained += (uint32_t)side_has(s);
	side_eat(s, side_has(s));
	if (c->drained > SP_LIMIT_edge_drain_bytes || s->eof || s->broken) {
		conn_close(e, c, false);
		return false;
	}
	if (side_fill(e, s, buf_room(BUF_BIG)))
		return true;
	if (s->eof || s->broken)
		conn_close(e, c, false);
	return false;
}

static bool step(struct edge *e, struct conn *c)
{
	switch ((enum req_state)c->req_state) {
	case REQ_HEAD:
		return read_head(e, c);
	case REQ_AGAIN:
		dispatch(e, c);
		return true;
	case REQ_BODY:
		return forward_body(e, c);
	case REQ_TUNNEL:
		return tunnel_step(e, c, true);
	case REQ_DRAIN:
		return drain(e, c);
	case REQ_DONE:
		if (c->up)
			side_flush(e, &c->up->side);
		return false;
	case REQ_WAIT:
	case REQ_CONNECT:
		break;
	}
	return false;
}

bool request_step(struct edge *e, struct conn *c)
{
	bool again = step(e, c);

	side_settle(e, &c->side);
	return again;
}
