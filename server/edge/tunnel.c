/* Upgraded connections: two pipes, nothing looked at (proxy.md 7.22). */
#include "edge.h"

#include <sys/socket.h>

void tunnel_start(struct edge *e, struct conn *c)
{
	body_start(e, &c->req, HEAD_UNTIL_EOF, 0, false);
	body_start(e, &c->res, HEAD_UNTIL_EOF, 0, false);
	c->req_state = REQ_TUNNEL;
	c->res_state = RES_TUNNEL;
	conn_clock(e, c, CLOCK_NONE, 0);
}

/* Exactly one masked ping or pong: a browser keeping the line open, not a visitor (CONTRACTS 9.3). */
static bool is_heartbeat(const char *p, size_t n)
{
	return n >= 6 && n <= 131 && ((unsigned char)p[0] == 0x89 || (unsigned char)p[0] == 0x8a);
}

/* What has come and was not looked at yet. */
static void admit(struct edge *e, struct conn *c, struct body *b, struct side *from, bool from_client)
{
	size_t old = b->ok;

	if (body_admit(b, from, NULL) < 0 || b->ok == old)
		return;
	if (from_client && c->up->app && !is_heartbeat(side_at(from) + old, b->ok - old))
		app_seen(e, c->up->app);
}

bool tunnel_step(struct edge *e, struct conn *c, bool from_client)
{
	struct side *from = from_client ? &c->side : &c->up->side, *to = from_client ? &c->up->side : &c->side;
	struct body *b = from_client ? &c->req : &c->res;
	int r = 0;

	if (b->ended)
		return false;
	if (b->ok == 0 && side_flush(e, to) && to->can_write && (side_has(from) > 0 || side_fill(e, from, buf_room(BUF_BIG))))
		admit(e, c, b, from, from_client);
	if (b->ok > 0)
		r = body_step(e, b, from, to, NULL);
	if (side_dead(from) || side_dead(to)) {
		conn_close(e, c, true);
		return false;
	}
	if (from->eof && b->ok == 0 && side_flush(e, to)) {
		b->ended = true;
		if (c->req.ended && c->res.ended) {
			conn_close(e, c, false);
			return false;
		}
		shutdown(to->fd, SHUT_WR);
		conn_clock(e, c, CLOCK_FIN, SP_LIMIT_edge_half_tunnel_ms);
	}
	return r > 0;
}
