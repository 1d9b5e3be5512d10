#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include "launcher.h"

enum { FS_SHUTDOWN = _IOR('X', 125, uint32_t), SHUTDOWN_DROP = 2 };     /* EXT4_IOC_SHUTDOWN; other file systems refuse it */

struct slot *slot_new(struct launcher *l, enum slot_state want)
{
	struct slot *s = NULL;
	char byte;

	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		struct slot *at = &l->slots[i];

		if (want == SLOT_WAITING && at->state == want && recv(at->order, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
			return at;                      /* it has not failed meanwhile */
		if (at->state == SLOT_FREE && !s)
			s = at;
	}
	if (s)
		*s = (struct slot){ .index = (uint32_t)(s - l->slots), .generation = s->generation + 1, .pidfd = -1, .order = -1, .control = -1,
			.log = -1, .netns = -1, .sweeper = -1, .disk = -1, .egress = { -1, -1, -1, -1 }, .idmap = { 0, s->idmap[1], s->idmap[2] } };
	return s;
}

struct slot *slot_find(struct launcher *l, const struct launch_slot *name)
{
	struct slot *s = name->index < SP_LIMIT_slots ? &l->slots[name->index] : NULL;

	return s && s->generation == name->generation && slot_lives(s) ? s : NULL;
}

static void thaw(struct launcher *l, struct slot *s)
{
	if (s->frozen && cgroup_freeze(l, s->index, false, NULL) < 0)
		log_warn("slot %u: cannot be thawed", s->index);
	s->frozen = false;
}

void slot_kill(struct launcher *l, struct slot *s)
{
	s->state = SLOT_STOPPING;
	s->deadline_ms = sp_mono_ms() + 1000;           /* looked at again then */
	cgroup_kill(l, s->index);
	syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);     /* pid 1: takes the whole pid namespace with it */
	thaw(l, s);                                     /* v1: a frozen process does not die */
}

void slot_stop(struct launcher *l, struct slot *s, uint64_t grace_ms)
{
	const struct init_signal term = { .signal = SIGTERM };
	uint64_t until = sp_mono_ms() + grace_ms;

	if (s->state == SLOT_STOPPING && s->deadline_ms <= until)
		return;
	s->stop_asked = true;
	s->state = SLOT_STOPPING;
	s->deadline_ms = until;
	thaw(l, s);
	if (grace_ms == 0 || sp_msg_send(s->control, INIT_SIGNAL, 0, &term, sizeof(term), NULL, 0, NULL) < 0)
		slot_kill(l, s);
}

void slot_file(const struct slot *s, char name[32])
{
	snprintf(name, 32, "slot-%d-%u", getpid(), s->index);
}

static bool makes_image(const struct slot *s)
{
	return s->start.out_kind != IMAGE_NONE && s->exited.end == END_EXITED && s->exited.value == 0 && !s->told;
}

/* The worker's file becomes an image: on disk before it has its name. */
static void publish(int images, int scratch, const char *from, const struct slot *s)
{
	sp_auto_close int out = openat(scratch, from, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	char to[96];

	image_name(s->start.out_kind, &s->start.out_hash, to);
	if (out < 0 || fchown(out, 0, 0) < 0 || fchmod(out, 0444) < 0 || fsync(out) < 0 || renameat(scratch, from, images, to) < 0 ||
			fsync(images) < 0)
		log_err("image %s could not be kept: %m", to);
}

/*
 * A child for what may take long: an image to disk, the end of a file system with a million files and a gigabyte not yet written,
 * which is not written either. It must not hold our sockets open.
 */
int sweep_start(const struct launcher *l, const char *name, int *disk, const struct slot *s)
{
	int pidfd = -1, sync[2] = { -1, -1 };
	pid_t pid = pipe2(sync, O_CLOEXEC) < 0 ? -1 : clone_child(0, -1, &pidfd);

	if (pid == 0) {
		int images = dup2(l->images_dir, 3), scratch = dup2(l->scratch, 4), mine = dup2(*disk, 5), go = dup2(sync[0], 6);
		char byte;

		close_range(7, ~0U, 0);
		if (read(go, &byte, 1) == 0)            /* nobody else has it now */
			ioctl(mine, FS_SHUTDOWN, &(uint32_t){ SHUTDOWN_DROP });
		close(mine);
		if (s && makes_image(s))
			publish(images, scratch, name, s);
		unlinkat(scratch, name, 0);
		_exit(0);
	}
	if (pid < 0)
		unlinkat(l->scratch, name, 0);          /* its next life makes one */
	image_detach(l, name);
	close(sp_take_fd(disk));
	close(sync[0]);
	close(sync[1]);
	return pid < 0 ? -1 : pidfd;
}

static void slot_tell(struct launcher *l, struct slot *s)
{
	if (s->told || !l->listed || (makes_image(s) && !s->swept))
		return;
	s->told = role_send(l, ROLE_SERVER, LAUNCH_EXITED, 0, &s->exited, sizeof(s->exited), -1);
}

void slots_tell(struct launcher *l)
{
	for (unsigned i = 0; i < SP_LIMIT_slots; i++)
		if (l->slots[i].state == SLOT_SWEEPING)
			slot_tell(l, &l->slots[i]);
}

void slot_put_away(struct launcher *l, struct slot *s)
{
	const struct launch_slot name = slot_name(s);
	int *fds[] = { &s->pidfd, &s->order, &s->control, &s->log, &s->netns, &s->egress[0], &s->egress[1], &s->egress[2], &s->egress[3] };
	char file[32];

	slot_file(s, file);
	s->sweeper = sweep_start(l, file, &s->disk, s);
	if (s->egress[0] >= 0 && l->roles[ROLE_EGRESS].sock >= 0)
		role_send(l, ROLE_EGRESS, EGRESS_MSG_CLOSE, 0, &name, sizeof(name), -1);
	for (unsigned i = 0; i < SP_COUNT(fds); i++)
		if (*fds[i] >= 0)
			loop_close(l, fds[i]);
	if (s->idmap[IDMAP_SLOT])                       /* a user namespace is one life's: it keeps keyrings and counts (sandbox.md 6.2) */
		close(s->idmap[IDMAP_SLOT]);
	s->idmap[IDMAP_SLOT] = 0;
	for (unsigned k = 0; k < IMAGE_KIND_MAX; k++)
		image_release(&s->images[k]);
	s->state = SLOT_SWEEPING;
	if (s->sweeper < 0 || loop_watch(l, s->sweeper, WATCH_SWEEPER, s->index, NULL) < 0)
		s->swept = true;
}

void slot_swept(struct launcher *l, struct slot *s)
{
	struct stat st;
	char name[96];

	waitid(P_PIDFD, (id_t)s->sweeper, &(siginfo_t){ 0 }, WEXITED);
	loop_close(l, &s->sweeper);
	s->swept = true;
	if (makes_image(s)) {
		image_name(s->start.out_kind, &s->start.out_hash, name);
		if (fstatat(l->images_dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			s->exited.image_made = 1;
			s->exited.image_bytes = (uint64_t)st.st_size;
		}
	}
	slot_tell(l, s);
}

/* Of what it fills: its output, else its own. */
struct launch_disk slot_disk(const struct launcher *l, const struct slot *s)
{
	sp_auto_close int output = sp_id_is_none(&s->start.output) ? -1 : openat(l->mounted, s->start.output.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs = { 0 };

	return fstatfs(output < 0 ? s->disk : output, &fs) < 0 ? (struct launch_disk){ 0 } :
		(struct launch_disk){ (uint64_t)fs.f_bsize * fs.f_blocks, (uint64_t)fs.f_bsize * fs.f_bavail, fs.f_files, fs.f_ffree };
}

/* Facts first, the program's own story last: memory, our own STOP, what init reported. */
static void slot_judge(struct slot *s, const struct cgroup_use *use)
{
	struct launch_exited *x = &s->exited;

	if (!s->reported)
		x->end = END_INIT;
	if (use->oom_kills > 0 && (x->end != END_EXITED || x->value != 0)) {
		x->end = END_OOM;
		x->value = (int32_t)(s->start.memory_bytes >> 20);
	} else if (s->stop_asked) {
		x->end = END_STOPPED;
		x->value = 0;
	}
}

void slot_died(struct launcher *l, struct slot *s)
{
	struct launch_exited *x = &s->exited;
	struct rusage ru = { 0 };
	struct cgroup_use use = cgroup_use(l, s->index);
	siginfo_t info = { 0 };

	if (syscall(SYS_waitid, P_PIDFD, s->pidfd, &info, WEXITED | WNOHANG, &ru) < 0 || info.si_pid == 0)
		return;                                 /* an event of the slot's earlier life */
	if (s->state == SLOT_WAITING) {
		if (!l->stopping)
			log_warn("slot %u: a sandbox that waited for its app died", s->index);
		l->prepare_ms = sp_mono_ms() + 10000;   /* not again and again */
		s->told = true;
		return slot_put_away(l, s);
	}
	if (s->control >= 0)
		slot_init_message(l, s);                /* what it said before it died */
	slot_judge(s, &use);
	x->slot = slot_name(s);
	x->space = s->start.space;
	x->run = s->start.run;
	x->profile = s->start.profile;
	x->disk = slot_disk(l, s);
	x->hits = use.hits;
	x->cpu_us = use.cpu_us ? use.cpu_us : (uint64_t)ru.ru_utime.tv_sec * 1000000 + (uint64_t)ru.ru_utime.tv_usec;
	x->memory_peak_bytes = use.peak ? use.peak : (uint64_t)ru.ru_maxrss << 10;
	log_info("slot ended slot=%u/%u run=%.24s end=%u value=%d", s->index, s->generation, s->start.run.s, x->end, x->value);
	if (s->ports_asked)
		role_refuse(l, ROLE_SERVER, LAUNCH_REFUSED, s->ports_seq, "ports", &(struct sp_err){ SP_ESTALE, 0, "the slot has ended" });
	if (l->stopping)
		s->told = true;                         /* nobody asked for this end; at the next start the server sees no slots at all */
	slot_put_away(l, s);
	slot_tell(l, s);
}

/* From pid 1 of a sandbox: hostile until checked. False: it broke the protocol. */
static bool take_message(struct launcher *l, struct slot *s, const struct sp_msg *m)
{
	struct launch_ports ports;
	struct init_ended ended;

	if (m->head.type == INIT_ENDED && !s->reported) {
		memcpy(&ended, m->body, sizeof(ended));
		if (ended.end != END_EXITED && ended.end != END_SIGNALED && ended.end != END_EXEC && ended.end != END_SYSCALL)
			return false;
		s->reported = true;
		s->exited.end = ended.end;
		s->exited.value = ended.value;
		if (s->state == SLOT_RUNNING) {         /* it has a second to go */
			s->state = SLOT_STOPPING;
			s->deadline_ms = sp_mono_ms() + 1000;
		}
		return true;
	}
	memcpy(&ports, m->body, sizeof(ports));
	if (m->head.type != INIT_PORTS_ARE || !s->ports_asked || ports.count > SP_COUNT(ports.at))
		return false;
	ports.slot = slot_name(s);
	s->ports_asked = false;
	role_send(l, ROLE_SERVER, LAUNCH_PORTS_ARE, s->ports_seq, &ports, sizeof(ports), -1);
	return true;
}

void slot_init_message(struct launcher *l, struct slot *s)
{
	static struct sp_msg m;
	struct sp_err e;
	int r;

	do {
		r = sp_msg_recv(s->control, &init_table, INIT_FROM_INIT, &m, &e);
	} while (r > 0 && take_message(l, s, &m));
	if (r == -SP_EBUSY)
		return;
	if (r == 0 || r == -SP_EIO) {                   /* its end is closed: init is dying, or shall */
		loop_close(l, &s->control);
		if (s->state == SLOT_RUNNING) {
			s->state = SLOT_STOPPING;
			s->deadline_ms = sp_mono_ms() + 1000;
		}
		return;
	}
	log_warn("slot %u: init broke the protocol: %s", s->index, r < 0 ? e.msg : "unexpected message");
	slot_kill(l, s);
}

uint64_t slots_tick(struct launcher *l, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	unsigned waiting = 0;

	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		struct slot *s = &l->slots[i];

		waiting += s->state == SLOT_WAITING;
		if (s->state == SLOT_STOPPING && s->deadline_ms <= now)
			slot_kill(l, s);
		if (s->state == SLOT_STOPPING && s->deadline_ms < next)
			next = s->deadline_ms;
		if (s->state != SLOT_SWEEPING || !s->swept || !s->told)
			continue;
		if (cgroup_drop(l, i))
			s->state = SLOT_FREE;
		else if (now + 20 < next)
			next = now + 20;                /* the kernel takes a moment to let go of the last process */
	}
	if (waiting >= SP_LIMIT_slots_waiting || l->prepare_ms == 0 || l->stopping)
		return next;
	if (l->prepare_ms <= now)
		slot_prepare(l);
	return l->prepare_ms < next ? l->prepare_ms : next;
}
