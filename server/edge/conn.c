/* One visitor's connection: its life, its clock, its turns. */
#include "edge.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct conn *conn_new(struct edge *e, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->side = (struct side){ .kind = SIDE_CLIENT, .fd = fd, .can_write = true };
	if (loop_watch(e, &c->side, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, NULL) < 0) {
		free(c);
		return NULL;
	}
	timer_init(&c->clock.timer);
	c->clock.kind = TIMER_CONN;
	link_init(&c->wait);
	link_init(&c->ready);
	link_add(&e->conns, &c->all);
	e->nconns++;
	return c;
}

void conn_clock(struct edge *e, struct conn *c, enum conn_clock what, uint64_t after_ms)
{
	c->clock_is = (uint8_t)what;
	if (what == CLOCK_NONE)
		timer_stop(&c->clock.timer);
	else
		timer_set(&e->wheel, &c->clock.timer, e->now + after_ms / e->test_speed);
}

void conn_close(struct edge *e, struct conn *c, bool reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (c->side.kind == SIDE_DEAD)
		return;
	hold_off(e, c);
	if (c->up)
		upstream_close(e, c->up);
	if (reset)
		setsockopt(c->side.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	side_close(e, &c->side);
	body_stop(e, &c->req);
	body_stop(e, &c->res);
	timer_drop(&e->wheel, &c->clock.timer);
	added_put(c->added);
	link_del(&c->all);
	link_del(&c->ready);
	c->next_dead = e->dead;
	e->dead = c;
	e->nconns--;
	if (!e->accepting)
		chores_soon(e);
}

void conn_ready(struct edge *e, struct conn *c)
{
	if (link_empty(&c->ready))
		link_add(&e->ready, &c->ready);
}

void conn_again(struct edge *e, struct conn *c)
{
	hold_off(e, c);
	c->req_state = REQ_AGAIN;
	c->res_state = RES_NONE;
	conn_ready(e, c);
}

void conn_drop_head(struct edge *e, struct conn *c)
{
	(void)e;
	side_eat(&c->side, c->head_kept);
	c->head_kept = 0;
}

void conn_drain(struct edge *e, struct conn *c)
{
	if (c->up)
		upstream_close(e, c->up);
	c->req_state = REQ_DRAIN;
	c->res_state = RES_NONE;
	c->drained = 0;
	conn_clock(e, c, CLOCK_STALL, SP_LIMIT_edge_stall_ms);
}

void conn_finish(struct edge *e, struct conn *c)
{
	bool keep_alive = c->keep_alive && !e->draining;

	conn_drop_head(e, c);
	added_put(c->added);
	c->added = NULL;
	if (!keep_alive) {
		conn_drain(e, c);
		return;
	}
	c->req_state = REQ_HEAD;
	c->res_state = RES_NONE;
	c->scan = (struct head_scan){ 0 };
	c->hold_until = c->access_until = 0;
	c->retried = c->other_family = c->said_continue = c->force_waiting = c->upgrade = false;
	conn_clock(e, c, CLOCK_IDLE, SP_LIMIT_edge_idle_ms);
}

/* The clock of an exchange: a client that left, or one that neither sends nor reads. */
static void set_clock(struct edge *e, struct conn *c)
{
	bool answering = c->req_state == REQ_AGAIN || c->req_state == REQ_WAIT || c->req_state == REQ_CONNECT || c->req_state == REQ_DONE;
	bool waits = c->req_state == REQ_BODY && c->req.ok == 0 && !c->req.pipe;        /* else the app does not read */
	bool stalls = (waits && c->clock_is != CLOCK_EXPECT) || c->side.out ||
		      (c->res_state == RES_BODY && (c->res.ok > 0 || c->res.pipe));

	if (c->req_state == REQ_HEAD || c->req_state == REQ_TUNNEL || c->req_state == REQ_DRAIN)
		return;
	if (answering && c->side.fin) {
		if (c->clock_is != CLOCK_FIN)
			conn_clock(e, c, CLOCK_FIN, SP_LIMIT_edge_half_close_ms);
	} else if (stalls) {
		if (c->clock_is == CLOCK_NONE || c->clock_is == CLOCK_STALL)
			conn_clock(e, c, CLOCK_STALL, SP_LIMIT_edge_stall_ms);
	} else if (c->clock_is == CLOCK_STALL || c->clock_is == CLOCK_IDLE || c->clock_is == CLOCK_FIRST || c->clock_is == CLOCK_HEAD) {
		conn_clock(e, c, CLOCK_NONE, 0);
	}
}

void conn_run(struct edge *e, struct conn *c)
{
	bool again = true;

	for (unsigned i = 0; again && i < TURN_STEPS; i++) {
		again = request_step(e, c);
		if (c->side.kind == SIDE_DEAD)
			return;
		again |= response_step(e, c);
		if (c->side.kind == SIDE_DEAD)
			return;
	}
	set_clock(e, c);
	if (again)
		conn_ready(e, c);
}

void conn_event(struct edge *e, struct conn *c, uint32_t events)
{
	if (events & EPOLLERR) {
		conn_close(e, c, false);
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		c->side.can_read = true;
	if (events & EPOLLOUT)
		c->side.can_write = true;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		c->side.fin = true;
	conn_run(e, c);
}

/* The app was asked for 100 and is silent: the client shall not wait for it (proxy.md 7.13). */
static void say_continue(struct edge *e, struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	conn_clock(e, c, CLOCK_NONE, 0);
	if (c->res_state != RES_HEAD || c->req_state != REQ_BODY)
		return;
	c->said_continue = true;
	side_push(e, &c->side, text, sizeof(text) - 1, NULL, 0);
	conn_run(e, c);
}

void conn_timeout(struct edge *e, struct conn *c)
{
	switch ((enum conn_clock)c->clock_is) {
	case CLOCK_HEAD:
		c->navigation = c->is_head = c->http10 = false;
		c->request_id = ++e->id_count;
		respond(e, c, 408, "head-timeout", "The request did not arrive completely within 30 seconds.", true);
		conn_run(e, c);
		break;
	case CLOCK_HOLD:
		hold_timeout(e, c);
		break;
	case CLOCK_ACCESS:
		access_timeout(e, c);
		break;
	case CLOCK_EXPECT:
		say_continue(e, c);
		break;
	case CLOCK_CONNECT:
		upstream_close(e, c->up);
		respond(e, c, 504, "connect-timeout", "The app does not accept connections. Look at its logs, or restart it.", c->has_body);
		conn_run(e, c);
		break;
	case CLOCK_NONE:
	case CLOCK_FIRST:
	case CLOCK_IDLE:
	case CLOCK_FIN:
	case CLOCK_DRAIN:
	case CLOCK_STALL:
		conn_close(e, c, false);
		break;
	}
}
