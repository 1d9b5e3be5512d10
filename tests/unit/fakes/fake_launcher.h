/*
 * fake_launcher.h - the other end of launch_client in one thread: speaks the real table over a real
 * SEQPACKET socket, keeps slots and images, runs nothing. Include after test_loop.h, once.
 *
 * Apps "listen" in a network namespace of the test's own (fake_net), all on one listener a port; whether
 * a slot's app is reachable is decided when its socket is dialled.
 */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch.h"

enum { FAKE_SLOTS = 64, FAKE_IMAGES = 512 };

struct fake_slot { bool live, ready, stopping; struct launch_slot name; struct launch_start start; int log_w, log_r, in; };

struct fake_launcher {
	struct sp_loop *loop;
	int fd;
	struct sp_watch *watch;
	struct fake_slot slots[FAKE_SLOTS];
	struct launch_image_is images[FAKE_IMAGES];
	unsigned n_images, starts[PROFILE_MAX], generation, scratch_drops, dials;
	bool ready;                     /* new apps answer */
	bool hold;                      /* build steps do not end by themselves */
	uint16_t elsewhere;             /* what apps that do not answer listen on; 0: nothing */
	int install_status;             /* exit status of BUILD */
	const char *install_says;
	unsigned fail_starts;           /* so many STARTs of apps are refused: no slot, unless fail_code says else */
	uint32_t fail_code;
};

static struct launch_hash fake_hash(char c)
{
	struct launch_hash h;

	memset(h.hex, c, sizeof(h.hex));
	return h;
}

static void fake_send(struct fake_launcher *f, uint16_t type, uint32_t seq, const void *body, size_t n, int fd)
{
	if (sp_msg_send(f->fd, type, seq, body, n, &fd, fd >= 0, NULL) < 0)
		return;         /* no server is there */
}

static void fake_image(struct fake_launcher *f, uint32_t kind, struct launch_hash hash, bool current)
{
	f->images[f->n_images++] = (struct launch_image_is){ .kind = kind, .current = current, .hash = hash };
}

/* The slot's program ends. */
static void fake_exit(struct fake_launcher *f, struct fake_slot *s, uint32_t end, int32_t value, const char *says)
{
	struct launch_exited x = { .slot = s->name, .space = s->start.space, .run = s->start.run, .profile = s->start.profile, .end = end, .value = value };

	if (says && write(s->log_w, says, strlen(says)) < 0)
		abort();
	close(s->log_w);
	close(s->log_r);
	if (s->in >= 0)
		close(s->in);
	s->live = false;
	if (s->start.out_kind != IMAGE_NONE && end == END_EXITED && value == 0) {
		fake_image(f, s->start.out_kind, s->start.out_hash, false);
		x.image_made = 1;
	}
	fake_send(f, LAUNCH_EXITED, 0, &x, sizeof(x), -1);
}

static struct fake_slot *fake_find(struct fake_launcher *f, const struct launch_slot *name)
{
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (f->slots[i].live && f->slots[i].name.index == name->index && f->slots[i].name.generation == name->generation)
			return &f->slots[i];
	return NULL;
}

static SP_UNUSED unsigned fake_live(const struct fake_launcher *f, uint32_t profile)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		n += f->slots[i].live && f->slots[i].start.profile == profile;
	return n;
}

static SP_UNUSED struct fake_slot *fake_first(struct fake_launcher *f, uint32_t profile)
{
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (f->slots[i].live && f->slots[i].start.profile == profile)
			return &f->slots[i];
	return NULL;
}

static void fake_end_step(struct fake_launcher *f, struct fake_slot *s)
{
	bool install = s->start.profile == PROFILE_BUILD;

	fake_exit(f, s, END_EXITED, install ? f->install_status : 0, install ? f->install_says : NULL);
}

static SP_UNUSED void fake_end_steps(struct fake_launcher *f)
{
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (f->slots[i].live && f->slots[i].start.profile != PROFILE_RUN)
			fake_end_step(f, &f->slots[i]);
}

static bool fake_has(const struct fake_launcher *f, uint32_t kind, const struct launch_hash *h)
{
	for (unsigned i = 0; i < f->n_images; i++)
		if (f->images[i].kind == kind && memcmp(&f->images[i].hash, h, sizeof(*h)) == 0)
			return true;
	return !h->hex[0];
}

static void fake_start(struct fake_launcher *f, struct sp_msg *m)
{
	struct launch_failed no = { .code = SP_EQUOTA, .step = "request", .text = "all slots are in use" };
	struct launch_started is = { .pid = 1 };
	struct launch_start s;
	struct fake_slot *slot = f->slots;
	int p[2];

	memcpy(&s, m->body, sizeof(s));
	while (slot->live)
		slot++;
	if (!fake_has(f, IMAGE_BASE, &s.base) || !fake_has(f, IMAGE_ENV, &s.env) || !fake_has(f, IMAGE_APP, &s.app))
		no = (struct launch_failed){ .code = SP_ENOENT, .step = "images", .text = "open env-" };
	else if (s.profile == PROFILE_RUN && f->fail_starts && f->fail_starts--)
		no.code = f->fail_code ? f->fail_code : no.code;
	else
		no.code = SP_OK;
	if (no.code != SP_OK) {
		fake_send(f, LAUNCH_FAILED, m->head.seq, &no, sizeof(no), -1);
		return;
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		abort();
	*slot = (struct fake_slot){ .live = true, .ready = f->ready, .start = s, .log_r = p[0], .log_w = p[1], .in = sp_msg_take_fd(m, 1),
		.name = { (uint32_t)(slot - f->slots), ++f->generation } };
	f->starts[s.profile]++;
	is.slot = slot->name;
	fake_send(f, LAUNCH_STARTED, m->head.seq, &is, sizeof(is), p[0]);
	if (s.profile != PROFILE_RUN && !f->hold)
		fake_end_step(f, slot);
}

static void fake_dial(struct fake_launcher *f, struct sp_msg *m)
{
	struct launch_sockets x = { .error = SP_ESTALE };
	struct launch_dial d;
	struct fake_slot *s;
	int fd = -1;

	memcpy(&d, m->body, sizeof(d));
	s = fake_find(f, &d.slot);
	f->dials++;
	x.slot = d.slot;
	if (s && s->ready) {
		fd = socket(d.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		x.count = 1;
		x.error = SP_OK;
	}
	fake_send(f, LAUNCH_SOCKETS, m->head.seq, &x, sizeof(x), fd);
	if (fd >= 0)
		close(fd);
}

static void fake_list(struct fake_launcher *f, uint32_t seq)
{
	const struct launch_none none = { "" };

	for (unsigned i = 0; i < FAKE_SLOTS; i++) {
		const struct fake_slot *s = &f->slots[i];
		struct launch_entry e = { .slot = s->name, .space = s->start.space, .run = s->start.run, .app = s->start.app, .env = s->start.env,
			.profile = s->start.profile, .app_port = s->start.app_port };

		if (s->live)
			fake_send(f, LAUNCH_ENTRY, seq, &e, sizeof(e), s->log_r);
	}
	fake_send(f, LAUNCH_DONE, seq, &none, sizeof(none), -1);
}

static void fake_handle(struct fake_launcher *f, struct sp_msg *m)
{
	const struct launch_none none = { "" };
	struct launch_ports ports = { .count = f->elsewhere != 0 };
	struct fake_slot *s;
	struct launch_slot name;

	memcpy(&name, m->body, sizeof(name));
	switch (m->head.type) {
	case LAUNCH_START:
		fake_start(f, m);
		return;
	case LAUNCH_STOP:
		s = fake_find(f, &name);
		if (s)
			fake_exit(f, s, END_STOPPED, 0, NULL);
		return;
	case LAUNCH_DIAL:
		fake_dial(f, m);
		return;
	case LAUNCH_LIST:
		fake_list(f, m->head.seq);
		return;
	case LAUNCH_PORTS:
		ports.slot = name;
		ports.at[0].port = f->elsewhere;
		fake_send(f, LAUNCH_PORTS_ARE, m->head.seq, &ports, sizeof(ports), -1);
		return;
	case LAUNCH_IMAGES:
		for (unsigned i = 0; i < f->n_images; i++)
			fake_send(f, LAUNCH_IMAGE_IS, m->head.seq, &f->images[i], sizeof(f->images[i]), -1);
		break;
	case LAUNCH_SCRATCH_DROP:
		f->scratch_drops++;
		break;
	default:
		break;
	}
	fake_send(f, LAUNCH_DONE, m->head.seq, &none, sizeof(none), -1);
}

static void fake_io(void *arg, bool readable, bool writable SP_UNUSED)
{
	struct fake_launcher *f = arg;
	struct sp_msg m;

	if (!readable)
		return;
	if (sp_msg_recv(f->fd, &launch_table, LAUNCH_TO_LAUNCHER, &m, NULL) <= 0) {
		sp_watch_want(f->watch, false, false);  /* this server is gone */
		return;
	}
	fake_handle(f, &m);
	sp_msg_close(&m);
}

/* A new server: returns its end of the channel. */
static int fake_connect(struct fake_launcher *f)
{
	int p[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		abort();
	if (f->watch) {
		sp_watch_free(f->watch);
		test_loop_settle(f->loop);      /* the loop forgets the old descriptor before it is closed */
		close(f->fd);
	}
	f->fd = p[0];
	f->watch = sp_watch_new(f->loop, f->fd, fake_io, f);
	sp_watch_want(f->watch, true, false);
	return p[1];
}

/* ---- the apps' side of the network ---- */

static void fake_serve(void *arg, bool readable SP_UNUSED, bool writable SP_UNUSED)
{
	struct sp_watch *w = *(struct sp_watch **)arg;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

	if (fd < 0)
		return;
	if (write(fd, answer, sizeof(answer) - 1) < 0)
		abort();
	shutdown(fd, SHUT_WR);
	for (char buf[512]; recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0; )
		;
	close(fd);
}

/* A network namespace of our own with lo up; false where the kernel does not allow it. */
static bool fake_net(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	lo.ifr_flags = IFF_UP | IFF_RUNNING;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return false;
	close(fd);
	return true;
}

static void fake_listen(struct sp_loop *loop, uint16_t port, struct sp_watch **at)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 64) < 0)
		abort();
	*at = sp_watch_new(loop, fd, fake_serve, at);
	sp_watch_want(*at, true, false);
}
