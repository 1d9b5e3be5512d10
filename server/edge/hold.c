/*
 * Requests that wait: for an app to wake, a socket, the route table or the server (CONTRACTS 9.3). A held
 * request is its head in the client's buffer and one link in a list; nothing more is read.
 */
#include "edge.h"

#include <string.h>

/* Streamlit's page gives up after 15 s (C-STREAMLIT-13). */
static bool is_impatient(const struct conn *c)
{
	static const char prefix[] = "/_stcore/";
	const char *head = side_at(&c->side), *target = head ? memchr(head, ' ', c->head_kept) : NULL;
	size_t left = target ? c->head_kept - (size_t)(target - head) - 1 : 0;

	return c->upgrade || (left > sizeof(prefix) && memcmp(target + 1, prefix, sizeof(prefix) - 1) == 0);
}

void hold_off(struct edge *e, struct conn *c)
{
	link_del(&c->wait);
	if (!c->held_in)
		return;
	c->held_in->n--;
	c->held_in = NULL;
	e->nheld--;
}

static bool has_room(struct edge *e, struct conn *c, const struct hold *in)
{
	if (e->nheld < SP_LIMIT_edge_held_requests && in->n < SP_LIMIT_edge_held_per_app)
		return true;
	respond(e, c, 503, "too-many-waiting", "Too many requests are waiting. Try again in a few seconds.", c->has_body);
	conn_ready(e, c);               /* it may not be its turn: the launcher answered */
	return false;
}

static void enter(struct edge *e, struct conn *c, struct hold *in)
{
	hold_off(e, c);
	link_add(&in->conns, &c->wait);
	c->held_in = in;
	in->n++;
	e->nheld++;
	c->req_state = REQ_WAIT;
}

void hold_for_access(struct edge *e, struct conn *c, struct hold *in)
{
	if (!has_room(e, c, in))
		return;
	if (c->access_until == 0)
		c->access_until = e->now + SP_LIMIT_edge_access_ms;
	if (e->now >= c->access_until) {
		access_timeout(e, c);
		return;
	}
	enter(e, c, in);
	c->page_soon = false;
	conn_clock(e, c, CLOCK_ACCESS, c->access_until - e->now);
}

void hold_on(struct edge *e, struct conn *c, struct hold *in, bool page_soon)
{
	uint64_t due;

	if (!has_room(e, c, in))
		return;
	if (c->hold_until == 0)
		c->hold_until = e->now + (is_impatient(c) ? SP_LIMIT_edge_hold_ws_ms : SP_LIMIT_edge_hold_ms);
	if (e->now >= c->hold_until) {
		hold_timeout(e, c);
		return;
	}
	enter(e, c, in);
	c->page_soon = page_soon && c->navigation && !c->force_waiting;
	due = c->hold_until;
	if (c->page_soon && due > e->now + SP_LIMIT_edge_hold_first_ms)
		due = e->now + SP_LIMIT_edge_hold_first_ms;
	conn_clock(e, c, CLOCK_HOLD, due - e->now);
}

void hold_release(struct edge *e, struct hold *from)
{
	struct link todo;

	if (link_empty(&from->conns))
		return;
	todo = from->conns;
	todo.next->prev = &todo;
	todo.prev->next = &todo;
	link_init(&from->conns);
	while (!link_empty(&todo))
		conn_again(e, LINK_OF(todo.next, struct conn, wait));
}

void hold_timeout(struct edge *e, struct conn *c)
{
	bool page = c->page_soon;

	hold_off(e, c);
	if (page) {                     /* the server has a page that continues by itself */
		c->page_soon = false;
		c->force_waiting = true;
		conn_again(e, c);
		return;
	}
	respond(e, c, 503, "starting", "The app is still starting. Try again in a few seconds.", c->has_body);
	conn_ready(e, c);
}
