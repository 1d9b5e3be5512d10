/*
 * main.c - vitrine-server, the control plane: puts the parts together in order and runs the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "log.h"
#include "num.h"
#include "server/http/events.h"
#include "server/http/http.h"
#include "server/http/mhd.h"
#include "server/http/router.h"
#include "server/options.h"
#include "server/server.h"
#include "server/uvloop.h"
#include "runtime/store/store.h"

struct parts { struct server srv; struct server_options opt; };

static int open_state(struct parts *p, struct sp_err *e)
{
	static const char *const folders[] = { "tmp", "repos", "lfs", "logs", "keys" };
	sp_auto_close int fd = open(p->opt.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "open the state folder");
	for (size_t i = 0; i < SP_COUNT(folders); i++)
		if (mkdirat(fd, folders[i], 0700) < 0 && errno != EEXIST)
			return sp_fail(e, SP_EIO, errno, "make the folder %s", folders[i]);
	p->srv.state_dir = p->opt.state;
	p->srv.tmp_dirfd = openat(fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->srv.tmp_dirfd < 0)
		return sp_fail(e, SP_EIO, errno, "open the folder tmp");
	return 0;
}

static int open_store(struct parts *p, struct sp_err *e)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/vitrine.db", p->opt.state);
	return store_open(path, &p->srv.store, e);
}

/* "localhost:7860", "[::1]:80" or "name": the port behind the last colon. */
static void take_names(struct parts *p)
{
	const char *colon = strrchr(p->opt.listen_name, ':');
	uint64_t port = 80;

	if (colon && sp_parse_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port) < 0)
		port = 80;
	p->srv.domain = p->opt.domain;
	p->srv.listen_name = p->opt.listen_name;
	p->srv.public_port = (uint16_t)port;
}

static int start(struct parts *p, struct sp_err *e)
{
	struct server *srv = &p->srv;
	int r;

	take_names(p);
	if ((r = open_state(p, e)) < 0 || (r = open_store(p, e)) < 0 || (r = loop_new(&srv->loop, e)) < 0)
		return r;
	if ((r = events_new(srv->loop, &srv->events, e)) < 0)
		return r;
	router_use(&http_routes);
	if (p->opt.http_fd >= 0 && (r = http_new(srv, p->opt.http_fd, &srv->http, e)) < 0)
		return r;
	return 0;
}

static void on_stop(void *arg, int signo)
{
	struct parts *p = arg;

	log_info("stopping signal=%d", signo);
	http_quiesce(p->srv.http);
	loop_stop(p->srv.loop);
}

int main(int argc, char **argv)
{
	static struct parts p;
	struct sp_err e;
	int r;

	log_init("server", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	r = options_parse(argc, argv, &p.opt, &e);
	if (r >= 0)
		r = start(&p, &e);
	if (r >= 0)
		r = loop_on_signal(p.srv.loop, SIGTERM, on_stop, &p, &e);
	if (r >= 0)
		r = loop_on_signal(p.srv.loop, SIGINT, on_stop, &p, &e);
	if (r < 0) {
		log_err("cannot start: %s", log_q(e.msg).s);
		return 1;
	}
	log_info("ready");
	loop_run(p.srv.loop);
	loop_drain(p.srv.loop);
	http_free(p.srv.http);
	store_close(p.srv.store);
	return 0;
}
