/*
 * vitrine-edge: the data plane. Takes every visitor's connection and passes bytes between it and the app or
 * the server. Unprivileged, no files, no database; what it may do at all is the launcher's decision.
 */
#include "edge.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "auto.h"
#include "fd.h"
#include "log.h"
#include "num.h"

enum { OPT_LISTEN = 1, OPT_LAUNCH, OPT_DOMAIN, OPT_PORT, OPT_RUN, OPT_SPEED, SPARE_PERCENT = 8, FILES_MAX = 1 << 20 };

static const struct option options[] = {
	{ "listen-fd", required_argument, NULL, OPT_LISTEN },
	{ "launch-fd", required_argument, NULL, OPT_LAUNCH },
	{ "domain", required_argument, NULL, OPT_DOMAIN },
	{ "public-port", required_argument, NULL, OPT_PORT },
	{ "run-dir", required_argument, NULL, OPT_RUN },
	{ "test-speed", required_argument, NULL, OPT_SPEED },
	{ 0 },
};

static int parse_fd(const char *text, int *ret)
{
	uint64_t n;

	if (sp_parse_u64(text, strlen(text), 65535, &n) < 0)
		return -1;
	*ret = (int)n;
	return sp_set_cloexec(*ret, true, NULL) < 0 || sp_set_nonblock(*ret, true, NULL) < 0 ? -1 : 0;
}

static int add_listener(struct edge *e, const char *text)
{
	struct side *s = &e->listeners[e->nlisteners];

	if (e->nlisteners == SP_COUNT(e->listeners) || parse_fd(text, &s->fd) < 0)
		return -1;
	s->kind = SIDE_LISTENER;
	e->nlisteners++;
	return 0;
}

/* The public port is for later use with redirects; it is only checked to be a number. */
static int take_option(struct edge *e, int opt, const char *arg)
{
	uint64_t n;

	switch (opt) {
	case OPT_LISTEN:
		return add_listener(e, arg);
	case OPT_LAUNCH:
		return parse_fd(arg, &e->launcher.fd);
	case OPT_DOMAIN:
		e->domain = sp_str_of(arg);
		return e->domain.n == 0 || e->domain.n > 190 ? -1 : 0;
	case OPT_PORT:
		return sp_parse_u64(arg, strlen(arg), 65535, &n);
	case OPT_RUN:
		return sp_copy(e->run_dir, sizeof(e->run_dir), arg);
	case OPT_SPEED:
		if (sp_parse_u64(arg, strlen(arg), 1000, &n) < 0 || n == 0)
			return -1;
		e->test_speed = (unsigned)n;
		return 0;
	default:
		return -1;
	}
}

static int parse_options(struct edge *e, int argc, char **argv)
{
	int opt;

	e->launcher.fd = -1;
	e->test_speed = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_option(e, opt, optarg) < 0)
			return -1;
	return optind == argc && e->nlisteners > 0 && e->launcher.fd >= 0 && e->domain.n > 0 ? 0 : -1;
}

/* Two descriptors a visitor; some for idle connections and sockets of apps. */
static unsigned connection_limit(void)
{
	struct rlimit files;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 256;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	n = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
	n = (n - n * SPARE_PERCENT / 100) / 2;
	return n < SP_LIMIT_edge_connections ? (unsigned)n : SP_LIMIT_edge_connections;
}

static int watch_signals(struct edge *e, struct sp_err *err)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	e->signals.kind = SIDE_SIGNAL;
	e->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (e->signals.fd < 0)
		return sp_fail(err, SP_EIO, errno, "signalfd");
	return loop_watch(e, &e->signals, EPOLLIN, err);
}

int main(int argc, char **argv)
{
	static struct edge e;
	struct sp_err err;

	log_init("edge", LOG_LEVEL_INFO);
	prctl(PR_SET_DUMPABLE, 0);      /* tokens and cookies of visitors pass through: none of them into a core dump */
	if (sp_copy(e.run_dir, sizeof(e.run_dir), "/run") < 0 || parse_options(&e, argc, argv) < 0) {
		fputs("usage: vitrine-edge --listen-fd N [--listen-fd N] --launch-fd N --domain NAME [--public-port N] [--run-dir DIR]\n", stderr);
		return 2;
	}
	e.max_conns = connection_limit();
	e.routes_side.kind = SIDE_ROUTES;
	e.launcher.kind = SIDE_LAUNCHER;
	if (loop_init(&e, &err) < 0 || watch_signals(&e, &err) < 0 || loop_watch(&e, &e.launcher, EPOLLIN, &err) < 0) {
		log_err("start failed: %s", err.msg);
		return 1;
	}
	log_info("edge started listeners=%u connections=%u", e.nlisteners, e.max_conns);
	return loop_run(&e);
}
