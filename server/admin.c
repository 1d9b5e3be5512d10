#include "server/admin.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "server/admin_commands.h"
#include "server/server.h"
#include "server/uvloop.h"
#include "str.h"

/* One connection. While a pool thread works on its command nothing is read. */
struct caller {
	struct admin *admin;
	struct caller *next;
	int fd;
	struct sp_watch *watch;
	struct sp_buf in, out;
	json_t *command, *answer;
};

struct admin {
	struct server *srv;
	int listen_fd;
	unsigned count;
	struct sp_watch *listening;
	struct caller *callers;
};

static void work(void *arg)
{
	struct caller *c = arg;
	struct sp_err e = { 0 };

	if (admin_run(c->admin->srv, c->command, &c->answer, &e) < 0)
		c->answer = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", sp_code_name(e.code), "error", e.msg);
}

/* ---- connections ---- */

static void caller_free(struct caller *c)
{
	struct caller **at = &c->admin->callers;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->admin->count--;
	sp_watch_free(c->watch);
	close(c->fd);
	json_decref(c->command);
	json_decref(c->answer);
	sp_buf_fini(&c->in);
	sp_buf_fini(&c->out);
	free(c);
}

static void done(void *arg)
{
	struct caller *c = arg;
	char *text = c->answer ? json_dumps(c->answer, JSON_COMPACT) : NULL;

	json_decref(c->command);
	json_decref(c->answer);
	c->command = c->answer = NULL;
	sp_buf_fmt(&c->out, "%s\n", text ? text : "{\"ok\":false,\"error\":\"the answer cannot be written\"}");
	free(text);
	sp_watch_want(c->watch, false, true);
}

/* Run the command of a whole line, if there is one. */
static void take_line(struct caller *c)
{
	char *eol = c->in.n ? memchr(c->in.p, '\n', c->in.n) : NULL;

	if (!eol && c->in.n <= ADMIN_LINE_MAX)
		return;
	c->command = eol ? json_loadb(c->in.p, (size_t)(eol - c->in.p), 0, NULL) : NULL;
	if (!json_is_object(c->command)) {
		log_warn("admin: a line that is not a JSON object; closing");
		caller_free(c);
		return;
	}
	sp_buf_drop(&c->in, (size_t)(eol + 1 - c->in.p));
	sp_watch_want(c->watch, false, false);
	loop_work_on(c->admin->srv->loop, POOL_REQUEST, work, done, c);
}

static void on_ready(void *arg, bool readable, bool writable)
{
	struct caller *c = arg;
	char piece[1024];

	if (writable && c->out.n) {
		ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0) {
			caller_free(c);
			return;
		}
		sp_buf_drop(&c->out, (size_t)n);
		if (!c->out.n) {
			sp_watch_want(c->watch, true, false);
			take_line(c);
		}
		return;
	}
	if (readable) {
		ssize_t n = recv(c->fd, piece, sizeof(piece), MSG_DONTWAIT);

		if (n <= 0) {
			caller_free(c);
			return;
		}
		sp_buf_add(&c->in, piece, (size_t)n);
		take_line(c);
	}
}

static void on_accept(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable)
{
	struct admin *a = arg;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	int fd = accept4(a->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct caller *c;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0 || a->count >= ADMIN_CONNECTIONS_MAX) {
		log_warn("admin: refusing a process of user %u", (unsigned)peer.uid);
		close(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->admin = a;
	c->fd = fd;
	c->watch = sp_watch_new(a->srv->loop, fd, on_ready, c);
	c->next = a->callers;
	a->callers = c;
	a->count++;
	sp_watch_want(c->watch, true, false);
}

int admin_new(struct server *srv, int listen_fd, struct admin **ret, struct sp_err *e)
{
	struct admin *a = calloc(1, sizeof(*a));
	int r = sp_set_nonblock(listen_fd, true, e);

	if (!a || r < 0) {
		free(a);
		return r < 0 ? r : sp_fail(e, SP_ENOMEM, 0, "admin");
	}
	a->srv = srv;
	a->listen_fd = listen_fd;
	a->listening = sp_watch_new(srv->loop, listen_fd, on_accept, a);
	sp_watch_want(a->listening, true, false);
	*ret = a;
	return 0;
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	while (a->callers)
		caller_free(a->callers);
	sp_watch_free(a->listening);
	free(a);
}
