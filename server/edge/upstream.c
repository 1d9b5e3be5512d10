/* Connections to apps and to the server: reuse, connect, give back. */
#include "edge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct up *upstream_adopt(struct edge *e, struct conn *c, struct pool *pool, struct app *app, int fd)
{
	struct up *up = calloc(1, sizeof(*up));

	if (!up)
		return NULL;
	up->side = (struct side){ .kind = SIDE_UPSTREAM, .fd = fd, .can_write = true };
	if (loop_watch(e, &up->side, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, NULL) < 0) {
		free(up);
		return NULL;
	}
	timer_init(&up->clock.timer);
	up->clock.kind = TIMER_UP;
	link_init(&up->idle);
	up->pool = pool;
	up->app = app;
	up->conn = c;
	pool->nopen++;
	c->up = up;
	return up;
}

void upstream_close(struct edge *e, struct up *up)
{
	if (!up || up->side.kind == SIDE_DEAD)
		return;
	if (up->conn)
		up->conn->up = NULL;
	else
		up->pool->nidle--;
	up->conn = NULL;
	link_del(&up->idle);
	side_close(e, &up->side);
	timer_drop(&e->wheel, &up->clock.timer);
	up->pool->nopen--;
	up->next_dead = e->dead_ups;
	e->dead_ups = up;
	if (up->app)
		app_unused(e, up->app);
}

void upstream_put(struct edge *e, struct conn *c, bool reusable)
{
	struct up *up = c->up;

	if (!reusable || up->side.out || up->side.can_read || up->side.fin || up->pool->nidle >= SP_LIMIT_edge_pool_per_app ||
	    (up->app && !up->app->route) || c->place == PLACE_WS || e->draining) {
		upstream_close(e, up);
		return;
	}
	side_settle(e, &up->side);
	c->up = NULL;
	up->conn = NULL;
	up->reused = true;
	up->heard = false;
	up->pool->nidle++;
	link_add(&up->pool->idle, &up->idle);
	timer_set(&e->wheel, &up->clock.timer, e->now + SP_LIMIT_edge_upstream_idle_ms);
}

void pool_close(struct edge *e, struct pool *pool)
{
	while (!link_empty(&pool->idle))
		upstream_close(e, LINK_OF(pool->idle.next, struct up, idle));
}

/* The one used last: the others may rest and end. */
static bool reuse(struct conn *c, struct pool *pool)
{
	struct up *up;

	if (link_empty(&pool->idle))
		return false;
	up = LINK_OF(pool->idle.prev, struct up, idle);
	link_del(&up->idle);
	pool->nidle--;
	timer_stop(&up->clock.timer);
	up->conn = c;
	c->up = up;
	return true;
}

/*
 * The listening sockets are the launcher's: while the server is away, a connection waits in the backlog.
 * Only when that is full, or before the first start, the request waits here.
 */
static enum upstream platform_connect(struct edge *e, struct conn *c, enum place place)
{
	struct pool *pool = place == PLACE_WS ? &e->ws : &e->http;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s.sock", e->run_dir, place == PLACE_WS ? "ws" : "http");
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 && upstream_adopt(e, c, pool, NULL, fd))
		return UPSTREAM_READY;
	if (fd >= 0)
		close(fd);
	hold_on(e, c, &e->unserved, false);
	chores_soon(e);
	return UPSTREAM_WAIT;
}

enum upstream upstream_get(struct edge *e, struct conn *c, enum place place, struct app *app)
{
	struct pool *pool = place == PLACE_APP ? &app->pool : &e->http;

	if (place != PLACE_WS && !c->upgrade && !c->retried && reuse(c, pool))
		return UPSTREAM_READY;
	if (place != PLACE_APP)
		return platform_connect(e, c, place);
	if (app->pool.nopen >= SP_LIMIT_edge_app_connections)
		return UPSTREAM_FULL;
	return app_connect(e, c, app);
}

static void connected(struct edge *e, struct up *up, uint32_t events)
{
	struct conn *c = up->conn;
	struct app *app = up->app;

	if (events & (EPOLLERR | EPOLLHUP)) {
		upstream_close(e, up);
		app_refused(e, c, app);
		return;
	}
	if (!(events & EPOLLOUT))
		return;
	app_answers(e, app, c);
	request_connected(e, c);
}

bool upstream_drop_idle(struct edge *e, struct up *up)
{
	if (up->conn)
		return false;
	upstream_close(e, up);
	return true;
}

void upstream_event(struct edge *e, struct up *up, uint32_t events)
{
	struct conn *c = up->conn;

	if (upstream_drop_idle(e, up))
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		up->side.can_read = true;
	if (events & EPOLLOUT)
		up->side.can_write = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		up->side.fin = true;    /* read to the end before the error counts: an early answer may lie there */
	if (c->req_state == REQ_CONNECT)
		connected(e, up, events);
	if (c->side.kind != SIDE_DEAD)
		conn_run(e, c);
}
