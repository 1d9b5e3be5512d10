/* main.c - vitrine-egress: the only process with outbound sockets for sandboxes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "fd.h"
#include "lookup.h"
#include "log.h"
#include "num.h"
#include "slots.h"

/* Beside connections: four listeners a slot, look-ups, DNS clients, and what the process itself has. */
enum { OTHER_FDS = 4 * SP_LIMIT_slots + LOOKUPS_MAX + 16 * SP_LIMIT_slots + 64, CONNS_MIN = 64, CONNS_MAX = 32768 };

static struct gateway gateway;

static void launcher_ready(struct watch *w, uint32_t events)
{
	struct gateway *gw = w->owner;
	static struct sp_msg m;
	struct sp_err e;
	int r = sp_msg_recv(w->fd, &egress_table, EGRESS_TO_EGRESS, &m, &e);

	(void)events;
	if (r == -SP_EBUSY)
		return;
	if (r <= 0) {
		if (r < 0)
			log_err("launcher's channel: %s", e.msg);
		gw->ended = true;
		return;
	}
	r = slots_message(gw, &m, &e);
	sp_msg_close(&m);
	if (r < 0)
		log_err("launcher's message: %s", e.msg);
}

static unsigned raise_fd_limit(void)
{
	struct rlimit l;
	rlim_t left;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return CONNS_MIN;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	left = l.rlim_cur > OTHER_FDS ? (l.rlim_cur - OTHER_FDS) / 2 : CONNS_MIN;
	return left > CONNS_MAX ? CONNS_MAX : (unsigned)left;
}

static void read_known(struct known *k)
{
	sp_auto_fclose FILE *resolv = fopen("/etc/resolv.conf", "re");
	sp_auto_fclose FILE *hosts = fopen("/etc/hosts", "re");

	if (resolv)
		known_read_servers(k, resolv);
	if (hosts)
		known_read_hosts(k, hosts);
	if (k->server_count == 0)
		log_warn("no nameserver in /etc/resolv.conf: name look-ups of apps will fail");
}

static int parse_args(struct gateway *gw, int argc, char **argv, int *ret_launcher)
{
	struct sp_err e;
	uint64_t fd;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return -SP_EINVAL;
		if (strcmp(argv[i], "--launcher-fd") == 0) {
			if (sp_parse_u64(argv[i + 1], strlen(argv[i + 1]), 1 << 20, &fd) < 0)
				return -SP_EINVAL;
			*ret_launcher = (int)fd;
		} else if (strcmp(argv[i], "--allow") == 0) {
			if (allow_add(&gw->allow, argv[i + 1], &e) < 0)
				log_warn("ignoring --allow: %s", e.msg);
		} else {
			return -SP_EINVAL;
		}
	}
	return *ret_launcher >= 0 ? 0 : -SP_EINVAL;
}

int main(int argc, char **argv)
{
	struct gateway *gw = &gateway;
	int launcher = -1;
	struct sp_err e;

	log_init("egress", LOG_LEVEL_INFO);
	if (parse_args(gw, argc, argv, &launcher) < 0) {
		fprintf(stderr, "usage: vitrine-egress --launcher-fd N [--allow HOST:PORT]...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	gw->epoll = epoll_create1(EPOLL_CLOEXEC);
	gw->now_ms = sp_mono_ms();
	gw->conn_max = raise_fd_limit();
	TAILQ_INIT(&gw->dialing);
	slots_init(gw);
	read_known(&gw->known);
	watch_init(&gw->launcher, launcher, launcher_ready, gw);
	if (gw->epoll < 0 || sp_set_nonblock(launcher, true, &e) < 0 || sp_set_cloexec(launcher, true, &e) < 0 ||
			!watch_want(gw, &gw->launcher, EPOLLIN)) {
		log_err("cannot start: %m");
		return 1;
	}
	while (!gw->ended)
		gateway_turn(gw);
	return 0;
}
