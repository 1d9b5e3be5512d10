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
#include "own.h"
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

/* Lines allow=HOST:PORT of the operator's file: what builds may reach even where it is private. */
static void read_allow(struct allow *a, int fd)
{
	sp_auto_fclose FILE *f = fdopen(fd, "re");
	char line[512];
	struct sp_err e;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "allow=", 6) == 0 && allow_add(a, line + 6, &e) < 0)
			log_warn("ignoring a line of the operator's list: %s", e.msg);
	}
}

static int parse_args(struct gateway *gw, int argc, char **argv, int *ret_launcher)
{
	uint64_t n;

	gw->report = -1;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return -SP_EINVAL;
		bool is_number = sp_parse_u64(argv[i + 1], strlen(argv[i + 1]), 1 << 20, &n) == 0;

		if (strcmp(argv[i], "--launcher-fd") == 0 && is_number) {
			*ret_launcher = (int)n;
		} else if (strcmp(argv[i], "--report-fd") == 0 && is_number) {
			gw->report = (int)n;
		} else if (strcmp(argv[i], "--own-port") == 0 && is_number && n <= UINT16_MAX) {
			gw->own_port = (uint16_t)n;
		} else if (strcmp(argv[i], "--allow-fd") == 0) {
			if (is_number)          /* -1: the operator lists nothing */
				read_allow(&gw->allow, (int)n);
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
		fprintf(stderr, "usage: vitrine-egress --launcher-fd N [--report-fd N] [--own-port PORT] [--allow-fd N]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	gw->epoll = epoll_create1(EPOLL_CLOEXEC);
	gw->own = own_open();
	gw->now_ms = sp_mono_ms();
	gw->conn_max = raise_fd_limit();
	TAILQ_INIT(&gw->dialing);
	slots_init(gw);
	read_known(&gw->known);
	watch_init(&gw->launcher, launcher, launcher_ready, gw);
	if (gw->epoll < 0 || gw->own < 0 || (gw->report >= 0 && sp_set_cloexec(gw->report, true, &e) < 0) ||
			sp_set_nonblock(launcher, true, &e) < 0 || sp_set_cloexec(launcher, true, &e) < 0 || !watch_want(gw, &gw->launcher, EPOLLIN)) {
		log_err("cannot start: %m");
		return 1;
	}
	while (!gw->ended)
		gateway_turn(gw);
	return 0;
}
