#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "launcher.h"
#include "log.h"

bool role_send(struct launcher *l, unsigned role, uint16_t type, uint32_t seq, const void *body, size_t len, int fd)
{
	struct pollfd room = { .fd = l->roles[role].sock, .events = POLLOUT };
	int r = -SP_EIO;

	if (room.fd < 0)
		return false;
	for (unsigned tries = 0; tries < 2; tries++) {
		r = sp_msg_send(room.fd, type, seq, body, len, &fd, fd >= 0, NULL);
		if (r != -SP_EBUSY || poll(&room, 1, 1000) <= 0)
			break;
	}
	if (r < 0)
		role_kill(l, role, SIGKILL);    /* gone, or it does not read: the next one asks LIST */
	return r == 0;
}

void role_refuse(struct launcher *l, unsigned role, uint16_t type, uint32_t seq, const char *step, const struct sp_err *e)
{
	struct launch_failed f = { .code = e->code, .sys = e->sys };

	snprintf(f.step, sizeof(f.step), "%s", step);
	snprintf(f.text, sizeof(f.text), "%.*s", (int)sizeof(f.text) - 1, e->msg);
	role_send(l, role, type, seq, &f, sizeof(f), -1);
}

static bool id_ok(const struct sp_id *id, bool required)
{
	return sp_id_is_none(id) ? !required : !id->s[SP_ID_LEN] && sp_is_hex(id->s, SP_ID_LEN);
}

static bool hash_ok(const struct launch_hash *h, bool required)
{
	return !h->hex[0] ? !required : sp_is_hex(h->hex, sizeof(h->hex));
}

static bool hostname_ok(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	return n > 0 && n < size && s[0] != '-' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int start_check(const struct launch_start *s, struct sp_err *e)
{
	bool builds = s->profile == PROFILE_BUILD || s->profile == PROFILE_SYSTEM, works = s->profile == PROFILE_WORKER;

	if (s->profile >= PROFILE_MAX || s->egress > EGRESS_BUILD || (s->flags & ~(uint32_t)START_DATA))
		return sp_fail(e, SP_EINVAL, 0, "profile, egress or flags");
	if (s->memory_bytes < 16 << 20 || s->tmp_bytes < 4096 || s->pids < 4 || s->cpu_weight < 1 || s->cpu_weight > 10000 ||
			s->cpu_permille > 1000000 || s->app_port > 65535)
		return sp_fail(e, SP_EINVAL, 0, "a limit is out of range");
	if (!id_ok(&s->run, true) || !id_ok(&s->space, s->flags & START_DATA) || !id_ok(&s->input, false) || !id_ok(&s->output, builds))
		return sp_fail(e, SP_EINVAL, 0, "an id is missing or malformed");
	if (!hash_ok(&s->base, true) || !hash_ok(&s->env, false) || !hash_ok(&s->app, false) || !hash_ok(&s->out_hash, s->out_kind != IMAGE_NONE))
		return sp_fail(e, SP_EINVAL, 0, "a hash is missing or malformed");
	if ((!sp_id_is_none(&s->output) && !builds) || (!sp_id_is_none(&s->input) && !works) || (works && s->egress != EGRESS_NONE) ||
			(s->out_kind != IMAGE_NONE && !(works && (s->out_kind == IMAGE_ENV || s->out_kind == IMAGE_APP))))
		return sp_fail(e, SP_EINVAL, 0, "not possible with this profile");
	if (!hostname_ok(s->hostname, sizeof(s->hostname)))
		return sp_fail(e, SP_EINVAL, 0, "host name");
	return 0;
}

static struct sp_err start(struct launcher *l, struct sp_msg *m, struct slot **ret, char step[32])
{
	struct launch_start asked;
	struct why why = { .step = "request" };
	struct slot *s;
	int r;

	memcpy(&asked, m->body, sizeof(asked));
	r = l->stopping ? sp_fail(&why.e, SP_ESTATE, 0, "the launcher is stopping") : start_check(&asked, &why.e);
	if (r == 0) {
		s = slot_new(l);
		if (!s)
			r = sp_fail(&why.e, SP_EQUOTA, 0, "all %d slots are in use", SP_LIMIT_slots);
	}
	if (r == 0) {
		s->start = asked;
		r = slot_spawn(l, s, m->fds[0], m->nfds > 1 ? m->fds[1] : -1, &why);
	}
	if (r == 0)
		*ret = s;
	memcpy(step, why.step, sizeof(why.step));
	return why.e;
}

static int on_start(struct launcher *l, struct sp_msg *m, struct sp_err *e SP_UNUSED)
{
	struct launch_started started;
	struct slot *s = NULL;
	char step[32];
	struct sp_err why = start(l, m, &s, step);

	l->listed = true;
	if (!s) {
		log_warn("slot not started step=%s: %s", step, why.msg);
		role_refuse(l, ROLE_SERVER, LAUNCH_FAILED, m->head.seq, step, &why);
		return 1;
	}
	started = (struct launch_started){ .slot = { s->index, s->generation }, .pid = (uint32_t)s->pid };
	log_info("slot started slot=%u/%u run=%.24s profile=%u pid=%d", s->index, s->generation, s->start.run.s, s->start.profile, s->pid);
	role_send(l, ROLE_SERVER, LAUNCH_STARTED, m->head.seq, &started, sizeof(started), s->log);
	return 1;
}

/* The slot that a message names first. */
static struct slot *named(struct launcher *l, const struct sp_msg *m, struct sp_err *e)
{
	struct launch_slot name;
	struct slot *s;

	memcpy(&name, m->body, sizeof(name));
	s = slot_find(l, &name);
	if (!s)
		sp_fail(e, SP_ESTALE, 0, "slot %u/%u has ended", name.index, name.generation);
	return s;
}

static int on_stop(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	struct slot *s = named(l, m, e);
	struct launch_stop stop;

	if (!s)
		return -SP_ESTALE;
	memcpy(&stop, m->body, sizeof(stop));
	slot_stop(l, s, stop.grace_ms);
	return 1;               /* answered by EXITED */
}

static int freeze(struct launcher *l, struct sp_msg *m, bool frozen, struct sp_err *e)
{
	struct slot *s = named(l, m, e);
	int r;

	if (!s)
		return -SP_ESTALE;
	if (s->state != SLOT_RUNNING)
		return sp_fail(e, SP_ESTATE, 0, "the slot is stopping");
	r = cgroup_freeze(l, s->index, frozen, e);
	if (r == 0)
		s->frozen = frozen;
	return r;
}

static int on_freeze(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	return freeze(l, m, true, e);
}

static int on_thaw(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	return freeze(l, m, false, e);
}

static int on_list(struct launcher *l, struct sp_msg *m, struct sp_err *e SP_UNUSED)
{
	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		const struct slot *s = &l->slots[i];
		struct launch_entry x = { .slot = { i, s->generation }, .space = s->start.space, .run = s->start.run, .app = s->start.app,
			.env = s->start.env, .profile = s->start.profile, .app_port = s->start.app_port, .frozen = s->frozen,
			.pid = (uint32_t)s->pid, .started_mono_ms = s->started_ms };

		if ((s->state == SLOT_RUNNING || s->state == SLOT_STOPPING) &&
				!role_send(l, ROLE_SERVER, LAUNCH_ENTRY, m->head.seq, &x, sizeof(x), s->log))
			return 1;
	}
	role_send(l, ROLE_SERVER, LAUNCH_DONE, m->head.seq, &(struct launch_none){ { 0 } }, sizeof(struct launch_none), -1);
	l->listed = true;
	slots_tell(l);
	return 1;
}

static int on_ports(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	struct slot *s = named(l, m, e);
	int r;

	if (!s)
		return -SP_ESTALE;
	if (s->ports_asked || s->frozen || s->state != SLOT_RUNNING)
		return sp_fail(e, SP_EBUSY, 0, "the slot is frozen, stopping or being asked");
	r = sp_msg_send(s->control, INIT_PORTS, 0, &(struct init_none){ { 0 } }, sizeof(struct init_none), NULL, 0, e);
	if (r < 0)
		return r;
	s->ports_asked = true;
	s->ports_seq = m->head.seq;
	return 1;
}

static int on_stats(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	struct slot *s = named(l, m, e);
	struct cgroup_use use;
	struct launch_stats x;

	if (!s)
		return -SP_ESTALE;
	cgroup_use(l, s->index, &use);
	x = (struct launch_stats){ .slot = { s->index, s->generation }, .memory_bytes = use.memory, .memory_limit_bytes = s->start.memory_bytes,
		.cpu_us = use.cpu_us, .pids = use.pids, .frozen = s->frozen };
	role_send(l, ROLE_SERVER, LAUNCH_STATS_ARE, m->head.seq, &x, sizeof(x), -1);
	return 1;
}

static int on_dial(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	struct launch_sockets x = { .error = SP_OK };
	int fds[SP_MSG_FDS], r;
	struct launch_dial dial;
	struct slot *s = named(l, m, e);

	memcpy(&dial, m->body, sizeof(dial));
	x.slot = dial.slot;
	if (!s)
		r = -SP_ESTALE;
	else if (dial.count < 1 || dial.count > SP_MSG_FDS || (dial.family != 4 && dial.family != 6))
		r = -SP_EINVAL;
	else
		r = netns_sockets(l, s, dial.family == 4 ? AF_INET : AF_INET6, fds, dial.count, e);
	x.count = r == 0 ? dial.count : 0;
	x.error = (uint32_t)-r;
	if (sp_msg_send(l->roles[ROLE_EDGE].sock, LAUNCH_SOCKETS, m->head.seq, &x, sizeof(x), fds, x.count, e) < 0)
		role_kill(l, ROLE_EDGE, SIGKILL);
	for (unsigned i = 0; i < x.count; i++)
		close(fds[i]);
	return 1;
}

static int on_images(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	sp_auto_closedir DIR *d = fdopendir(openat(l->images_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct launch_hash current;

	if (!d)
		return sp_fail(e, SP_EIO, errno, "list images");
	for (const struct dirent *at = readdir(d); at; at = readdir(d)) {
		struct launch_image_is x = { .kind = IMAGE_NONE };
		struct stat st;

		if (!image_parse(at->d_name, &x.kind, &x.hash) || fstatat(dirfd(d), at->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		x.bytes = (uint64_t)st.st_size;
		x.current = image_current(l, x.kind, &current) && memcmp(&current, &x.hash, sizeof(current)) == 0;
		if (!role_send(l, ROLE_SERVER, LAUNCH_IMAGE_IS, m->head.seq, &x, sizeof(x), -1))
			return 1;
	}
	return 0;
}

static int on_image_drop(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	struct launch_image_drop x;

	memcpy(&x, m->body, sizeof(x));
	if ((x.kind != IMAGE_ENV && x.kind != IMAGE_APP) || !hash_ok(&x.hash, true))
		return sp_fail(e, SP_EINVAL, 0, "kind or hash");
	return image_drop(l, x.kind, &x.hash, e);
}

static int on_scratch_drop(struct launcher *l, struct sp_msg *m, struct sp_err *e)
{
	static unsigned serial;
	struct launch_scratch x;
	char name[64];
	int fd;

	memcpy(&x, m->body, sizeof(x));
	if (!id_ok(&x.id, true))
		return sp_fail(e, SP_EINVAL, 0, "id");
	for (unsigned i = 0; i < SP_LIMIT_slots; i++)
		if ((l->slots[i].state == SLOT_RUNNING || l->slots[i].state == SLOT_STOPPING) && (sp_id_eq(&l->slots[i].start.input, &x.id) || sp_id_eq(&l->slots[i].start.output, &x.id)))
			return sp_fail(e, SP_EBUSY, 0, "slot %u uses it", i);
	snprintf(name, sizeof(name), "drop-%d-%u", getpid(), serial++);
	if (renameat(l->scratch, x.id.s, l->scratch, name) < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "scratch");
	fd = sweep_start(l, name, NULL);
	return fd < 0 ? sp_fail(e, SP_EIO, errno, "scratch") : loop_watch(l, fd, WATCH_SWEEPER, SP_LIMIT_slots + (unsigned)fd, e);
}

static int on_probe(struct launcher *l, struct sp_msg *m, struct sp_err *e SP_UNUSED)
{
	struct launch_probe x;

	probe_fill(l, &x);
	role_send(l, ROLE_SERVER, LAUNCH_PROBE_IS, m->head.seq, &x, sizeof(x), -1);
	return 1;
}

/* 0: DONE is the answer. 1: answered. Below: REFUSED. */
static const struct { unsigned role; int (*handle)(struct launcher *l, struct sp_msg *m, struct sp_err *e); } verbs[LAUNCH_TYPE_MAX] = {
	[LAUNCH_START] = { ROLE_SERVER, on_start },
	[LAUNCH_STOP] = { ROLE_SERVER, on_stop },
	[LAUNCH_FREEZE] = { ROLE_SERVER, on_freeze },
	[LAUNCH_THAW] = { ROLE_SERVER, on_thaw },
	[LAUNCH_LIST] = { ROLE_SERVER, on_list },
	[LAUNCH_PORTS] = { ROLE_SERVER, on_ports },
	[LAUNCH_STATS] = { ROLE_SERVER, on_stats },
	[LAUNCH_DIAL] = { ROLE_EDGE, on_dial },
	[LAUNCH_IMAGES] = { ROLE_SERVER, on_images },
	[LAUNCH_IMAGE_DROP] = { ROLE_SERVER, on_image_drop },
	[LAUNCH_SCRATCH_DROP] = { ROLE_SERVER, on_scratch_drop },
	[LAUNCH_PROBE] = { ROLE_SERVER, on_probe },
};

bool request_handle(struct launcher *l, unsigned role, struct sp_msg *m)
{
	struct sp_err e = { .code = SP_OK };
	int r;

	if (!verbs[m->head.type].handle || verbs[m->head.type].role != role)
		return false;
	r = verbs[m->head.type].handle(l, m, &e);
	if (r < 0)
		role_refuse(l, role, LAUNCH_REFUSED, m->head.seq, launch_table.rows[m->head.type].name, &e);
	else if (r == 0)
		role_send(l, role, LAUNCH_DONE, m->head.seq, &(struct launch_none){ { 0 } }, sizeof(struct launch_none), -1);
	return true;
}
