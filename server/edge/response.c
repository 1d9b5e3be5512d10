/* From the upstream: read a head, check and rewrite it, and the body behind it. */
#include "edge.h"

#include <string.h>

static const struct head_limits limits = {
	.head = SP_LIMIT_edge_resp_head_bytes,
	.line = SP_LIMIT_edge_resp_head_bytes,
	.first_line = SP_LIMIT_edge_resp_head_bytes,
	.lines = HEAD_LINES - 1,
};

enum { INTERIMS_MAX = 16 };

static const char too_large[] = "The app's answer has a header that is too large.";

static void bad_gateway(struct edge *e, struct conn *c, const char *code, const char *sentence)
{
	bool close = c->req_state == REQ_BODY;

	upstream_close(e, c->up);
	respond(e, c, 502, code, sentence, close);
}

/* The upstream broke off before its head was complete. */
static void lost(struct edge *e, struct conn *c)
{
	if (c->head_kept > 0 && !c->up->heard) {        /* kept only where sending it twice is harmless (proxy.md 7.19) */
		upstream_close(e, c->up);
		c->retried = true;
		conn_again(e, c);
		return;
	}
	if (c->place == PLACE_APP)
		bad_gateway(e, c, "app-closed", "The app closed the connection without an answer. Its logs may tell why.");
	else
		bad_gateway(e, c, "platform-closed", "The platform restarted while it worked on this request. Try again.");
}

static size_t write_head(struct edge *e, struct conn *c, const struct head *h, bool close)
{
	struct request_id id = request_id(e, c);
	struct rewrite_response how = {
		.from = c->place == PLACE_APP ? TO_APP : TO_PLATFORM,
		.http10 = c->http10,
		.close = close,
		.say_keep_alive = c->http10 && !close,
		.upgrade = h->status == 101,
		.added = c->added && h->status >= 200 ? (struct sp_str){ c->added->p, c->added->n } : (struct sp_str){ "", 0 },
		.request_id = { id.s, c->place == PLACE_APP ? 0 : 16 },
	};

	return rewrite_response(h, &how, e->head_out, HEAD_OUT_BYTES);
}

static void pass_interim(struct edge *e, struct conn *c, const struct head *h)
{
	struct side *from = &c->up->side;

	if (++c->interims > INTERIMS_MAX) {
		bad_gateway(e, c, "bad-response", "The app sent too many interim answers.");
		return;
	}
	if (c->clock_is == CLOCK_EXPECT)
		conn_clock(e, c, CLOCK_NONE, 0);
	if (!c->http10 && !(h->status == 100 && c->said_continue)) {
		size_t n = write_head(e, c, h, false);

		if (n == 0) {
			bad_gateway(e, c, "bad-response", too_large);
			return;
		}
		side_push(e, &c->side, e->head_out, n, NULL, 0);
	}
	side_eat(from, h->size);
	c->res_scan = (struct head_scan){ 0 };
}

static void pass_upgrade(struct edge *e, struct conn *c, const struct head *h)
{
	size_t n;

	if (!c->upgrade || !h->upgrade) {
		bad_gateway(e, c, "bad-upgrade", "The app switched protocols although nobody asked it to.");
		return;
	}
	n = write_head(e, c, h, false);
	if (n == 0) {                           /* a tunnel without a head would let the app write its own, cookies and all */
		bad_gateway(e, c, "bad-response", too_large);
		return;
	}
	side_push(e, &c->side, e->head_out, n, NULL, 0);
	side_eat(&c->up->side, h->size);
	tunnel_start(e, c);
}

static void pass_final(struct edge *e, struct conn *c, const struct head *h)
{
	struct side *from = &c->up->side;
	bool until_close = h->body == HEAD_UNTIL_EOF || (h->body == HEAD_CHUNKED && c->http10);
	size_t n, sent;

	c->keep_alive = c->keep_alive && !until_close && c->req_state == REQ_DONE && !e->draining;
	c->up_reusable = h->keep_alive && h->body != HEAD_UNTIL_EOF;
	n = write_head(e, c, h, !c->keep_alive);
	if (n == 0) {
		bad_gateway(e, c, "bad-response", too_large);
		return;
	}
	side_eat(from, h->size);
	body_start(e, &c->res, h->body, h->length, c->http10);
	if (body_admit(&c->res, from, NULL) < 0) {
		bad_gateway(e, c, "bad-response", "The app's answer has a chunked body that is not valid.");
		return;
	}
	if (c->clock_is == CLOCK_EXPECT)
		conn_clock(e, c, CLOCK_NONE, 0);
	sent = side_push(e, &c->side, e->head_out, n, side_at(from), c->res.ok);
	side_eat(from, sent);
	c->res.ok -= (uint32_t)sent;
	c->res_state = RES_BODY;
}

static bool read_head(struct edge *e, struct conn *c)
{
	struct side *s = &c->up->side;
	struct sp_err err;
	struct head h;
	size_t size;
	int r, status;

	if (!side_flush(e, &c->side)) {
		if (side_dead(&c->side))
			conn_close(e, c, false);
		return false;
	}
	if (c->res_scan.at == side_has(s) && !side_fill(e, s, buf_room(BUF_BIG))) {
		if (s->eof || s->broken) {
			lost(e, c);
			return true;
		}
		return false;
	}
	c->up->heard = true;
	conn_drop_head(e, c);
	r = head_scan(&c->res_scan, side_at(s), side_has(s), &limits, &size, &status, &err);
	if (r > 0)
		r = head_parse_response(side_at(s), size, c->is_head, &h, &err) < 0 ? -1 : 1;
	if (r < 0)
		bad_gateway(e, c, "bad-response", "The app's answer is not valid HTTP.");
	else if (r > 0 && h.status == 101)
		pass_upgrade(e, c, &h);
	else if (r > 0 && h.status < 200)
		pass_interim(e, c, &h);
	else if (r > 0)
		pass_final(e, c, &h);
	return true;
}

static void finish(struct edge *e, struct conn *c)
{
	bool early = c->req_state == REQ_BODY;

	if (c->place == PLACE_APP && c->up->app)
		app_seen(e, c->up->app);
	upstream_put(e, c, c->up_reusable && !early && side_has(&c->up->side) == 0 && !c->up->side.eof);
	c->res_state = RES_NONE;
	if (early)
		conn_drain(e, c);
	else
		conn_finish(e, c);
}

static bool forward_body(struct edge *e, struct conn *c)
{
	struct side *s = &c->up->side;
	int r = body_step(e, &c->res, s, &c->side, NULL);
	bool over = (s->eof || s->broken) && c->res.ok == 0;

	if (side_dead(&c->side)) {
		conn_close(e, c, false);
		return false;
	}
	if (over && c->res.kind == HEAD_UNTIL_EOF && !s->broken)
		c->res.ended = true;
	if (body_done(&c->res)) {
		finish(e, c);
		return true;
	}
	if (r < 0 || (over && r == 0)) {        /* it must look cut short to the client too (proxy.md 7.16) */
		conn_close(e, c, c->res.kind == HEAD_UNTIL_EOF);
		return false;
	}
	return r > 0;
}

static bool step(struct edge *e, struct conn *c)
{
	switch ((enum res_state)c->res_state) {
	case RES_HEAD:
		return read_head(e, c);
	case RES_BODY:
		return forward_body(e, c);
	case RES_TUNNEL:
		return tunnel_step(e, c, false);
	case RES_NONE:
		break;
	}
	return false;
}

bool response_step(struct edge *e, struct conn *c)
{
	struct up *up = c->up;
	bool again;

	if (!up)
		return false;
	again = step(e, c);
	side_settle(e, &up->side);
	return again;
}
