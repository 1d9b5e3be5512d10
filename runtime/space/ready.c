#include "ready.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"

/*
 * Answers of the launcher may arrive after ready_free: they hold a reference.
 *
 *  wait ──timer──▶ dialling ──socket──▶ connecting ──writable──▶ asking ──answer──▶ up
 *    ▲                 └────────────────────┴───────────────────────┘ refused, time-out, 5xx
 */
struct ready {
	struct sp_loop *loop;
	struct launch_client *lc;
	struct launch_slot slot;
	uint32_t port, tries, refs;
	uint64_t delay_ms;
	const char *request;
	struct ready_hooks hooks;
	struct sp_timer *retry, *deadline, *slow;
	struct sp_watch *watch;
	int fd;
	bool freed, asked, is_slow, ending, timed_out, dialling, ports_asked;
};

static void try_now(void *arg);

static void unref(struct ready *r)
{
	if (--r->refs == 0)
		free(r);
}

unsigned ready_status(const char *p, size_t n)
{
	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
		return 0;
	for (size_t i = 9; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return 0;
	return (unsigned)(p[9] - '0') * 100 + (unsigned)(p[10] - '0') * 10 + (unsigned)(p[11] - '0');
}

static void hang_up(struct ready *r)
{
	sp_watch_free(r->watch);
	r->watch = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static void again(struct ready *r)
{
	hang_up(r);
	sp_timer_start(r->retry, r->delay_ms, 0);
	if (r->delay_ms < READY_LAST_MS)
		r->delay_ms += READY_FIRST_MS;
}

static void is_up(struct ready *r)
{
	hang_up(r);
	sp_timer_stop(r->retry);
	sp_timer_stop(r->deadline);
	sp_timer_stop(r->slow);
	r->ending = true;
	r->hooks.up(r->hooks.arg);
}

static void ask(struct ready *r)
{
	char text[300];
	int n = snprintf(text, sizeof(text), "%s\r\nHost: localhost:%u\r\nUser-Agent: vitrine\r\nAccept: */*\r\nConnection: close\r\n\r\n", r->request, r->port);
	int err = 0;
	socklen_t size = sizeof(err);

	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 || err != 0 ||
	    send(r->fd, text, (size_t)n, MSG_NOSIGNAL) != n) {
		again(r);
		return;
	}
	r->asked = true;
	sp_watch_want(r->watch, true, false);
	sp_timer_start(r->retry, READY_TRY_MS, 0);
}

static void on_socket(void *arg, bool readable, bool writable)
{
	struct ready *r = arg;
	char head[64];
	unsigned status;
	ssize_t n;

	if (!r->asked) {
		if (writable || readable)
			ask(r);
		return;
	}
	n = recv(r->fd, head, sizeof(head), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	status = n > 0 ? ready_status(head, (size_t)n) : 0;
	if (status >= 100 && (status < 500 || r->is_slow))
		is_up(r);
	else
		again(r);
}

static int connect_to(int fd, uint32_t family, uint32_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (family == 4)
		return connect(fd, (const struct sockaddr *)&in4, sizeof(in4));
	return connect(fd, (const struct sockaddr *)&in6, sizeof(in6));
}

static void on_dialled(void *arg, struct sp_msg *m, bool last SP_UNUSED)
{
	struct ready *r = arg;
	uint32_t family = r->tries % 2 ? 4 : 6;         /* tries was counted when it was asked */

	r->dialling = false;
	if (r->freed || r->ending || !m) {
		unref(r);
		return;
	}
	unref(r);
	r->fd = m->head.type == LAUNCH_SOCKETS ? sp_msg_take_fd(m, 0) : -1;
	if (r->fd < 0 || sp_set_nonblock(r->fd, true, NULL) < 0 || (connect_to(r->fd, family, r->port) < 0 && errno != EINPROGRESS)) {
		again(r);
		return;
	}
	r->asked = false;
	r->watch = sp_watch_new(r->loop, r->fd, on_socket, r);
	sp_watch_want(r->watch, false, true);
	sp_timer_start(r->retry, READY_TRY_MS, 0);
}

static void try_now(void *arg)
{
	struct ready *r = arg;

	hang_up(r);
	if (r->dialling)
		return;
	r->dialling = true;
	r->tries++;
	r->refs++;
	launch_client_dial(r->lc, r->slot, 1, r->tries % 2 ? 4 : 6, on_dialled, r);
}

static void on_ports(void *arg, struct sp_msg *m, bool last SP_UNUSED)
{
	struct ready *r = arg;
	const struct launch_ports *p = LAUNCH_BODY(m, PORTS_ARE, launch_ports);
	struct ready_ports got = { 0 };

	r->ports_asked = false;
	if (r->freed || !m) {
		unref(r);
		return;
	}
	unref(r);
	for (uint32_t i = 0; p && i < p->count && i < SP_COUNT(p->at); i++) {
		if (p->at[i].port == r->port)
			got.right = true;
		else if (!got.elsewhere)
			got.elsewhere = p->at[i].port;
	}
	if (r->timed_out)
		r->hooks.timeout(r->hooks.arg, &got);
	else if (!r->ending)
		r->hooks.ports(r->hooks.arg, &got);
}

static void ask_ports(struct ready *r)
{
	if (r->ports_asked)
		return;
	r->ports_asked = true;
	r->refs++;
	launch_client_ports(r->lc, r->slot, on_ports, r);
}

static void on_slow(void *arg)
{
	struct ready *r = arg;

	r->is_slow = true;
	ask_ports(r);
}

/* Time is out: one last look at what listens, so that the reason can name it. */
static void on_deadline(void *arg)
{
	struct ready *r = arg;

	hang_up(r);
	sp_timer_stop(r->retry);
	sp_timer_stop(r->slow);
	r->ending = r->timed_out = true;
	ask_ports(r);
}

struct ready *ready_new(struct sp_loop *loop, struct launch_client *lc, struct launch_slot slot, uint32_t port,
		const char *request, uint64_t timeout_ms, const struct ready_hooks *hooks)
{
	struct ready *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	*r = (struct ready){ .loop = loop, .lc = lc, .slot = slot, .port = port, .refs = 1, .delay_ms = READY_FIRST_MS,
		.request = request, .hooks = *hooks, .fd = -1 };
	r->retry = sp_timer_new(loop, try_now, r);
	r->deadline = sp_timer_new(loop, on_deadline, r);
	r->slow = sp_timer_new(loop, on_slow, r);
	sp_timer_start(r->retry, 0, 0);
	sp_timer_start(r->deadline, timeout_ms, 0);
	sp_timer_start(r->slow, READY_SLOW_MS, READY_PORTS_MS);
	return r;
}

void ready_free(struct ready *r)
{
	if (!r)
		return;
	hang_up(r);
	sp_timer_free(r->retry);
	sp_timer_free(r->deadline);
	sp_timer_free(r->slow);
	r->freed = true;
	unref(r);
}
