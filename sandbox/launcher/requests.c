#include <poll.h>

#include "launcher.h"

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

	if (s->profile >= PROFILE_MAX || s->egress > EGRESS_BUILD || (s->flags & ~(uint32_t)(START_DATA | START_REPO | START_INCOMING)))
		return sp_fail(e, SP_EINVAL, 0, "profile, egress or flags");
	if (s->memory_bytes < 16 << 20 || s->tmp_bytes < 4096 || s->pids < 4 || s->cpu_weight < 1 || s->cpu_weight > 10000 ||
			s->cpu_permille > 1000000 || s->app_port > 65535)
		return sp_fail(e, SP_EINVAL, 0, "a limit is out of range");
	if (!id_ok(&s->run, true) || !id_ok(&s->space, s->flags & (START_DATA | START_REPO)) || !id_ok(&s->input, false) || !id_ok(&s->output, builds))
		return sp_fail(e, SP_EINVAL, 0, "an id is missing or malformed");
	if (!hash_ok(&s->base, true) || !hash_ok(&s->env, false) || !hash_ok(&s->app, false) || !hash_ok(&s->out_hash, s->out_kind != IMAGE_NONE))
		return sp_fail(e, SP_EINVAL, 0, "a hash is missing or malformed");
	if ((!sp_id_is_none(&s->output) && !builds) || (!sp_id_is_none(&s->input) && !works) || (works && s->egress != EGRESS_NONE) ||
			(!works && s->flags & (START_REPO | START_INCOMING)) || (s->out_kind != IMAGE_NONE && !(works && (s->out_kind == IMAGE_ENV || s->out_kind == IMAGE_APP))))
		return sp_fail(e, SP_EINVAL, 0, "not possible with this profile");
	if (!hostname_ok(s->hostname, sizeof(s->hostname)))
		return sp_fail(e, SP_EINVAL, 0, "host name");
	return 0;
}

/* One request: who asks, the message, and the slot it names if its verb names one. */
struct ask { unsigned role; struct slot *slot; struct sp_msg *m; };

static void answer(struct launcher *l, const struct ask *q, uint16_t type, const void *body, size_t len, int fd)
{
	role_send(l, q->role, type, q->m->head.seq, body, len, fd);
}

static int on_start(struct launcher *l, const struct ask *q, struct sp_err *e SP_UNUSED)
{
	struct why why = { .step = "request" };
	struct launch_start asked;
	struct slot *s = NULL;
	int r;

	l->listed = true;
	memcpy(&asked, q->m->body, sizeof(asked));
	r = l->stopping ? sp_fail(&why.e, SP_ESTATE, 0, "the launcher is stopping") : start_check(&asked, &why.e);
	if (r == 0 && !(s = slot_new(l, SLOT_WAITING)))
		r = sp_fail(&why.e, SP_EQUOTA, 0, "all %d slots are in use", SP_LIMIT_slots);
	if (r == 0) {
		s->start = asked;
		r = slot_spawn(l, s, q->m->fds[0], q->m->nfds > 1 ? q->m->fds[1] : -1, &why);
	}
	if (r < 0) {
		log_warn("slot not started run=%s step=%s: %s", id_ok(&asked.run, true) ? asked.run.s : "?", why.step, why.e.msg);
		role_refuse(l, q->role, LAUNCH_FAILED, q->m->head.seq, why.step, &why.e);
		return 1;
	}
	log_info("slot started slot=%u/%u run=%s profile=%u pid=%d", s->index, s->generation, s->start.run.s, s->start.profile, s->pid);
	answer(l, q, LAUNCH_STARTED, &(struct launch_started){ .slot = slot_name(s), .pid = (uint32_t)s->pid }, sizeof(struct launch_started), s->log);
	return 1;
}

static int on_stop(struct launcher *l, const struct ask *q, struct sp_err *e SP_UNUSED)
{
	struct launch_stop stop;

	memcpy(&stop, q->m->body, sizeof(stop));
	slot_stop(l, q->slot, stop.grace_ms);
	return 1;               /* answered by EXITED */
}

static int on_freeze(struct launcher *l, const struct ask *q, struct sp_err *e)
{
	bool frozen = q->m->head.type == LAUNCH_FREEZE;
	int r = q->slot->state != SLOT_RUNNING ? sp_fail(e, SP_ESTATE, 0, "the slot is stopping") : cgroup_freeze(l, q->slot->index, frozen, e);

	if (r == 0)
		q->slot->frozen = frozen;
	return r;
}

static int on_list(struct launcher *l, const struct ask *q, struct sp_err *e SP_UNUSED)
{
	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		const struct slot *s = &l->slots[i];
		struct launch_entry x = { .slot = slot_name(s), .space = s->start.space, .run = s->start.run, .app = s->start.app,
			.env = s->start.env, .profile = s->start.profile, .app_port = s->start.app_port, .frozen = s->frozen,
			.pid = (uint32_t)s->pid, .started_mono_ms = s->started_ms };

		if (slot_lives(s) && !role_send(l, q->role, LAUNCH_ENTRY, q->m->head.seq, &x, sizeof(x), s->log))
			return 1;
	}
	answer(l, q, LAUNCH_DONE, &(struct launch_none){ { 0 } }, sizeof(struct launch_none), -1);
	l->listed = true;
	slots_tell(l);
	return 1;
}

static int on_ports(struct launcher *l SP_UNUSED, const struct ask *q, struct sp_err *e)
{
	struct slot *s = q->slot;
	int r = s->ports_asked || s->frozen || s->state != SLOT_RUNNING ? sp_fail(e, SP_EBUSY, 0, "the slot is frozen, stopping or being asked") :
		sp_msg_send(s->control, INIT_PORTS, 0, &(struct init_none){ { 0 } }, sizeof(struct init_none), NULL, 0, e);

	if (r < 0)
		return r;
	s->ports_asked = true;
	s->ports_seq = q->m->head.seq;
	return 1;
}

static int on_stats(struct launcher *l, const struct ask *q, struct sp_err *e SP_UNUSED)
{
	const struct slot *s = q->slot;
	struct cgroup_use use = cgroup_use(l, s->index);
	struct launch_stats x = { .slot = slot_name(s), .memory_bytes = use.memory, .memory_limit_bytes = s->start.memory_bytes,
		.cpu_us = use.cpu_us, .pids = use.pids, .frozen = s->frozen, .disk = slot_disk(l, s), .hits = use.hits };

	answer(l, q, LAUNCH_STATS_ARE, &x, sizeof(x), -1);
	return 1;
}

/* The server asks an app whether it is up; edge carries its visitors. */
static int on_dial(struct launcher *l, const struct ask *q, struct sp_err *e)
{
	struct launch_sockets x;
	struct launch_dial dial;
	int fds[SP_MSG_FDS], r;
	const struct slot *s;

	memcpy(&dial, q->m->body, sizeof(dial));
	s = slot_find(l, &dial.slot);
	r = !s ? -SP_ESTALE : dial.count < 1 || dial.count > SP_MSG_FDS || (dial.family != 4 && dial.family != 6) ? -SP_EINVAL :
		netns_sockets(l, s, dial.family == 4 ? AF_INET : AF_INET6, fds, dial.count, e);
	x = (struct launch_sockets){ .slot = dial.slot, .count = r == 0 ? dial.count : 0, .error = (uint32_t)-r };
	if (sp_msg_send(l->roles[q->role].sock, LAUNCH_SOCKETS, q->m->head.seq, &x, sizeof(x), fds, x.count, e) < 0)
		role_kill(l, q->role, SIGKILL);
	for (unsigned i = 0; i < x.count; i++)
		close(fds[i]);
	return 1;
}

static int on_images(struct launcher *l, const struct ask *q, struct sp_err *e)
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
		if (!role_send(l, q->role, LAUNCH_IMAGE_IS, q->m->head.seq, &x, sizeof(x), -1))
			return 1;
	}
	return 0;
}

static int on_image_drop(struct launcher *l, const struct ask *q, struct sp_err *e)
{
	struct launch_image_drop x;

	memcpy(&x, q->m->body, sizeof(x));
	if ((x.kind != IMAGE_ENV && x.kind != IMAGE_APP) || !hash_ok(&x.hash, true))
		return sp_fail(e, SP_EINVAL, 0, "kind or hash");
	return image_drop(l, x.kind, &x.hash, e);
}

static int on_scratch_drop(struct launcher *l, const struct ask *q, struct sp_err *e)
{
	struct launch_scratch x;
	int disk, fd;

	memcpy(&x, q->m->body, sizeof(x));
	if (!id_ok(&x.id, true))
		return sp_fail(e, SP_EINVAL, 0, "id");
	for (unsigned i = 0; i < SP_LIMIT_slots; i++)
		if (slot_lives(&l->slots[i]) && (sp_id_eq(&l->slots[i].start.input, &x.id) || sp_id_eq(&l->slots[i].start.output, &x.id)))
			return sp_fail(e, SP_EBUSY, 0, "slot %u uses it", i);
	disk = openat(l->mounted, x.id.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (disk < 0)
		return sp_fail(e, SP_ENOENT, errno, "scratch");
	fd = sweep_start(l, x.id.s, &disk, NULL);
	return fd < 0 ? sp_fail(e, SP_EIO, errno, "scratch") : loop_watch(l, fd, WATCH_SWEEPER, SP_LIMIT_slots + (unsigned)fd, e);
}

static int on_probe(struct launcher *l, const struct ask *q, struct sp_err *e SP_UNUSED)
{
	struct launch_probe x;

	probe_fill(l, &x);
	answer(l, q, LAUNCH_PROBE_IS, &x, sizeof(x), -1);
	return 1;
}

enum { OF_SERVER = 1 << ROLE_SERVER, OF_EDGE = 1 << ROLE_EDGE };

/* Who may ask; whether the body begins with a slot that must be alive. Handlers: 0 DONE is the answer, 1 answered, below REFUSED. */
static const struct { unsigned roles; bool slot; int (*handle)(struct launcher *l, const struct ask *q, struct sp_err *e); } verbs[LAUNCH_TYPE_MAX] = {
	[LAUNCH_START] = { OF_SERVER, false, on_start },
	[LAUNCH_STOP] = { OF_SERVER, true, on_stop },
	[LAUNCH_FREEZE] = { OF_SERVER, true, on_freeze },
	[LAUNCH_THAW] = { OF_SERVER, true, on_freeze },
	[LAUNCH_LIST] = { OF_SERVER, false, on_list },
	[LAUNCH_PORTS] = { OF_SERVER, true, on_ports },
	[LAUNCH_STATS] = { OF_SERVER, true, on_stats },
	[LAUNCH_DIAL] = { OF_SERVER | OF_EDGE, false, on_dial },
	[LAUNCH_IMAGES] = { OF_SERVER, false, on_images },
	[LAUNCH_IMAGE_DROP] = { OF_SERVER, false, on_image_drop },
	[LAUNCH_SCRATCH_DROP] = { OF_SERVER, false, on_scratch_drop },
	[LAUNCH_PROBE] = { OF_SERVER, false, on_probe },
};

bool request_handle(struct launcher *l, unsigned role, struct sp_msg *m)
{
	struct ask q = { .role = role, .m = m };
	struct sp_err e = { .code = SP_OK };
	struct launch_slot name;
	int r;

	if (!(verbs[m->head.type].roles & 1u << role))
		return false;
	memcpy(&name, m->body, sizeof(name));           /* no message is shorter */
	if (verbs[m->head.type].slot && !(q.slot = slot_find(l, &name)))
		r = sp_fail(&e, SP_ESTALE, 0, "slot %u/%u has ended", name.index, name.generation);
	else
		r = verbs[m->head.type].handle(l, &q, &e);
	if (r < 0)
		role_refuse(l, role, LAUNCH_REFUSED, m->head.seq, launch_table.rows[m->head.type].name, &e);
	if (r == 0)
		answer(l, &q, LAUNCH_DONE, &(struct launch_none){ { 0 } }, sizeof(struct launch_none), -1);
	return true;
}
