#include <linux/sched.h>
#include <poll.h>

#include "launcher.h"

enum { QUIET = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, READONLY = QUIET | MOUNT_ATTR_RDONLY };

pid_t clone_child(uint64_t flags, int cgroup, int *ret_pidfd)
{
	struct clone_args args = { .flags = flags | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0), .pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD, .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0 };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int add_tree(struct plan *p, const char *at, int fd, int idmap, uint64_t attrs, struct sp_err *e)
{
	int r = p->ntrees == TREES_MAX ? sp_fail(e, SP_EBUG, 0, "too many mounts") : tree_clone(fd, idmap, attrs, &p->trees[p->ntrees].fd, e);

	if (r < 0)
		return sp_err_wrap(e, r, "/%s", at);
	p->trees[p->ntrees].attrs = attrs;
	p->trees[p->ntrees++].at = at;
	return 0;
}

static int add_lower(struct plan *p, int fd, int idmap, struct sp_err *e)
{
	int r = tree_clone(fd, idmap, READONLY, &p->lowers[p->nlowers], e);

	if (r == 0)
		p->nlowers++;
	return r;
}

static int add_image(struct launcher *l, struct slot *s, struct plan *p, uint32_t kind, const struct launch_hash *hash, struct sp_err *e)
{
	int r;

	if (!hash->hex[0])
		return 0;
	r = image_use(l, kind, hash, &s->images[kind], e);
	if (r < 0)
		return r;
	if (kind == IMAGE_APP)
		return tree_clone(s->images[kind]->mount, s->idmap[IDMAP_OWNER], READONLY, &p->app, e);
	if (kind == IMAGE_ENV)
		p->own_users = faccessat(s->images[kind]->mount, "etc/passwd", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return add_lower(p, s->images[kind]->mount, s->idmap[IDMAP_SLOT], e);
}

/* Owners on disk are those seen inside; the idmapped mount adds the slot's range. */
static int scratch_make(struct launcher *l, struct slot *s, struct sp_err *e)
{
	static const struct { const char *name; uid_t owner; } dirs[] = { { "upper", 0 }, { "work", 0 }, { "app", APP_UID }, { "app-work", APP_UID } };
	char name[32];
	int r;

	slot_file(s, name);
	r = disk_open(l, "slot.ext4", name, &s->disk, e);
	for (unsigned i = 0; r == 0 && i < SP_COUNT(dirs); i++)
		if (mkdirat(s->disk, dirs[i].name, 0755) < 0 || fchownat(s->disk, dirs[i].name, dirs[i].owner, dirs[i].owner, AT_SYMLINK_NOFOLLOW) < 0)
			r = sp_fail(e, SP_EIO, errno, "make scratch");
	return r;
}

/* /out is beside the images, so that it becomes one by a rename; RLIMIT_FSIZE bounds it. */
static int plan_scratch(struct launcher *l, struct slot *s, struct plan *p, struct sp_err *e)
{
	sp_auto_close int out = -1;
	char name[32];
	int r = 0;

	if (s->start.out_kind != IMAGE_NONE) {
		slot_file(s, name);
		out = openat(l->scratch, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r = out < 0 || fchown(out, APP_UID, APP_UID) < 0 ? sp_fail(e, SP_EIO, errno, "make /out") :
			add_tree(p, "out", out, s->idmap[IDMAP_SLOT], QUIET, e);
	}
	return r ?: tree_clone(s->disk, s->idmap[IDMAP_SLOT], QUIET, &p->scratch, e);
}

/* BUILD: /env, its virtual environment at its final path, and below the tools what SYSTEM left there. SYSTEM: the overlay's upper. */
static int plan_output(struct launcher *l, struct slot *s, struct plan *p, struct sp_err *e)
{
	static const char venv[] = "usr/local/lib/vitrine-env";
	sp_auto_close int dir = -1, tree = -1, sub = -1;
	char old[32];
	int r;

	dir = openat(l->mounted, s->start.output.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir >= 0 ? 0 : disk_open(l, "output.ext4", s->start.output.s, &dir, e);
	r = r ?: dir_open(dir, "tree", 0755, 0, 0, &tree, e);
	if (r == 0 && s->start.profile == PROFILE_SYSTEM) {
		close(sp_take_fd(&p->scratch));
		snprintf(old, sizeof(old), "work-%u-%u", s->index, s->generation);
		renameat(dir, "work", dir, old);        /* an earlier run's: the kernel refuses what was mounted volatile */
		p->upper = "u/tree";
		p->work = "u/work";
		r = dir_open(dir, "work", 0755, 0, 0, &sub, e);
		return r ?: tree_clone(dir, s->idmap[IDMAP_SLOT], QUIET, &p->scratch, e);
	}
	r = r ?: make_path(tree, venv, false, 0, e);
	r = r ?: sp_open_beneath(tree, venv, O_RDONLY | O_DIRECTORY, 0, &sub, e);
	r = r ?: add_tree(p, "env", tree, s->idmap[IDMAP_OWNER], QUIET, e);
	r = r ?: add_tree(p, venv, sub, s->idmap[IDMAP_OWNER], QUIET, e);
	p->own_users = faccessat(tree, "etc/passwd", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return r ?: add_lower(p, tree, s->idmap[IDMAP_SLOT], e);
}

static int plan_input(struct launcher *l, struct slot *s, struct plan *p, struct sp_err *e)
{
	sp_auto_close int disk = openat(l->mounted, s->start.input.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC), tree = -1;
	int r = sp_open_beneath(disk, "tree", O_RDONLY | O_DIRECTORY, 0, &tree, e);

	return r ?: add_tree(p, "in", tree, s->idmap[IDMAP_OWNER], READONLY, e);
}

/* A tree that is there already: BEFORE, ID, BEHIND make its path beneath DIR. */
static int plan_tree(struct plan *p, const char *at, int dir, const char *before, const struct sp_id *id, const char *behind, int idmap,
		uint64_t attrs, struct sp_err *e)
{
	sp_auto_close int tree = -1;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "%s%s%s", before, id->s, behind);
	r = sp_open_beneath(dir, path, O_RDONLY | O_DIRECTORY, 0, &tree, e);
	return r ?: add_tree(p, at, tree, idmap, attrs, e);
}

static int plan_data(struct launcher *l, struct slot *s, struct plan *p, struct sp_err *e)
{
	sp_auto_close int dir = -1;
	int r = dir_open(l->volumes, s->start.space.s, 0755, APP_UID, APP_UID, &dir, e);

	return r ?: add_tree(p, "data", dir, s->idmap[IDMAP_SLOT], QUIET, e);
}

static int plan_operator(struct launcher *l, struct slot *s, struct plan *p, struct sp_err *e)
{
	sp_auto_close int dir = openat(l->mounted, "operator", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_close int ca = dir < 0 ? -1 : openat(dir, "ca-certificates.crt", O_RDONLY | O_CLOEXEC);
	int r = 0;

	/* Not over SYSTEM's: dpkg replaces that file by rename, which a mount point refuses. */
	if (ca >= 0 && s->start.profile != PROFILE_SYSTEM)
		r = add_tree(p, "etc/ssl/certs/ca-certificates.crt", ca, -1, READONLY, e);
	if (r == 0 && dir >= 0 && (s->start.profile == PROFILE_BUILD || s->start.profile == PROFILE_SYSTEM))
		r = add_tree(p, "etc/operator", dir, -1, READONLY, e);
	return r;
}

static int plan_make(struct launcher *l, struct slot *s, struct plan *p, struct sp_err *e)
{
	const struct launch_start *t = &s->start;
	const struct role *own = &l->roles[ROLE_SERVER];
	const struct { uid_t uid; gid_t gid; uint32_t outside, count; bool needed; } maps[IDMAP_MAX] = {
		[IDMAP_OWNER] = { 0, 0, p->base_uid + APP_UID, 1, true },
		[IDMAP_SERVER] = { own->uid, own->gid, p->base_uid + APP_UID, 1, t->flags & (START_REPO | START_INCOMING) } };
	struct launch_hash tools;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < IDMAP_MAX; i++)
		if (maps[i].needed && !s->idmap[i])
			r = userns_idmap(maps[i].uid, maps[i].gid, maps[i].outside, maps[i].count, &s->idmap[i], e);
	if (r == 0 && t->profile != PROFILE_RUN)
		r = image_current(l, IMAGE_TOOLS, &tools) ? add_image(l, s, p, IMAGE_TOOLS, &tools, e) :
			sp_fail(e, SP_ENOENT, 0, "no tools image has been made");
	r = r ?: plan_scratch(l, s, p, e);
	if (r == 0 && !sp_id_is_none(&t->output))
		r = plan_output(l, s, p, e);
	r = r ?: add_image(l, s, p, IMAGE_ENV, &t->env, e);
	r = r ?: add_image(l, s, p, IMAGE_BASE, &t->base, e);
	r = r ?: add_image(l, s, p, IMAGE_APP, &t->app, e);
	if (r == 0 && !sp_id_is_none(&t->input))
		r = plan_input(l, s, p, e);
	if (r == 0 && (t->flags & START_REPO))
		r = plan_tree(p, "repo", l->state_dir, "repos/", &t->space, ".git", s->idmap[IDMAP_SERVER], READONLY | MOUNT_ATTR_NOEXEC, e);
	if (r == 0 && (t->flags & START_INCOMING))
		r = plan_tree(p, "incoming", l->state_dir, "incoming/", &t->run, "", s->idmap[IDMAP_SERVER], QUIET | MOUNT_ATTR_NOEXEC, e);
	if (r == 0 && (t->flags & START_DATA))
		r = plan_data(l, s, p, e);
	return r ?: plan_operator(l, s, p, e);
}

unsigned plan_fds(struct plan *p, int *at[SP_MSG_FDS])
{
	int *one[] = { &p->block, &p->in, &p->userns, &p->control, &p->log, &p->scratch, &p->app };
	unsigned n = 0;

	_Static_assert(SP_COUNT(one) + LOWERS_MAX + TREES_MAX <= SP_MSG_FDS && sizeof(*p) <= SP_MSG_BODY, "a plan is one message");
	for (unsigned i = 0; i < SP_COUNT(one); i++)
		if (*one[i] >= 0)
			at[n++] = one[i];
	for (unsigned i = 0; i < p->nlowers; i++)
		at[n++] = &p->lowers[i];
	for (unsigned i = 0; i < p->ntrees; i++)
		at[n++] = &p->trees[i].fd;
	return n;
}

static void plan_close(struct plan *p)
{
	int *at[SP_MSG_FDS];
	unsigned n;

	p->block = p->in = p->userns = -1;              /* lent */
	n = plan_fds(p, at);
	while (n > 0)
		close(*at[--n]);
}

/* The log pipe and the control socket; the launcher's ends do not block. */
static int plan_channels(struct slot *s, struct plan *p, struct sp_err *e)
{
	uid_t owner = p->base_uid + (s->start.profile == PROFILE_SYSTEM ? 0 : APP_UID);
	int log[2], control[2];

	if (pipe2(log, O_CLOEXEC) < 0)
		return sp_fail(e, SP_EIO, errno, "log pipe");
	s->log = log[0];
	p->log = log[1];
	fcntl(p->log, F_SETPIPE_SZ, 1 << 20);           /* smaller where the host allows less */
	if (fchown(p->log, owner, owner) < 0 || sp_set_nonblock(s->log, true, e) < 0)   /* /dev/stdout can be opened by its user */
		return sp_fail(e, SP_EIO, errno, "log pipe");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		return sp_fail(e, SP_EIO, errno, "control socket");
	s->control = control[0];
	p->control = control[1];
	return sp_set_nonblock(s->control, true, e);
}

/*
 * A child with everything that does not depend on whose it will be: namespaces, groups, loopback, /dev and /proc. It waits for its plan.
 * Moving it into its v1 groups alone takes 7 ms on an idle machine (sandbox.md 1.2). All of it is fresh: nothing was another Space's.
 */
static int child_make(struct launcher *l, struct slot *s, struct why *why)
{
	struct plan p = { .l = l, .index = s->index, .base_uid = UID_BASE + s->index * UID_RANGE };
	sp_auto_close int birth = -1, sync = -1;
	int pair[2], r;

	s->state = SLOT_WAITING;
	snprintf(why->step, sizeof(why->step), "namespaces");
	r = cgroup_make(l, s->index, &why->e);
	r = r ?: userns_idmap(0, 0, p.base_uid, UID_RANGE, &s->idmap[IDMAP_SLOT], &why->e);
	r = r ?: scratch_make(l, s, &why->e);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return sp_fail(&why->e, SP_EIO, errno, "start socket");
	s->order = pair[0];
	p.sync = sync = pair[1];
	birth = cgroup_birth(l, s->index);
	s->pid = clone_child(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, birth, &s->pidfd);
	if (s->pid == 0)
		child_run(&p);
	if (s->pid < 0)
		return sp_fail(&why->e, SP_EIO, errno, "clone");
	r = loop_watch(l, s->pidfd, WATCH_DEATH, s->index, &why->e);
	return r ?: netns_open(l, s, &why->e);          /* while the child mounts */
}

static void child_end(struct launcher *l, struct slot *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitid(P_PIDFD, (id_t)s->pidfd, &(siginfo_t){ 0 }, WEXITED);
	}
	s->told = true;                                 /* FAILED says it all; there is no EXITED */
	slot_put_away(l, s);
}

void slot_prepare(struct launcher *l)
{
	struct slot *s = slot_new(l, SLOT_FREE);
	struct why why;

	if (s && child_make(l, s, &why) < 0) {
		log_warn("no sandbox can wait for its app step=%s: %s", why.step, why.e.msg);
		child_end(l, s);
	}
	if (!s || s->state != SLOT_WAITING)
		l->prepare_ms = sp_mono_ms() + 10000;   /* what fails now may work later */
}

static int launch(struct launcher *l, struct slot *s, struct plan *p, struct why *why)
{
	struct pollfd answer = { .fd = s->order, .events = POLLIN };
	int *at[SP_MSG_FDS], fds[SP_MSG_FDS], r;
	unsigned n = plan_fds(p, at);
	struct why child;
	ssize_t got = -1;

	for (unsigned i = 0; i < n; i++)
		fds[i] = *at[i];
	snprintf(why->step, sizeof(why->step), "network");
	r = sp_msg_send(s->order, 0, 0, p, sizeof(*p), fds, n, &why->e);
	r = r ?: netns_ways(l, s, &why->e);             /* while the child mounts */
	if (r == 0 && send(s->order, "G", 1, MSG_NOSIGNAL) != 1)
		r = sp_fail(&why->e, SP_EIO, errno, "the child died");
	if (r < 0)
		shutdown(s->order, SHUT_WR);            /* it shall not wait for more, nor we for it */
	if (poll(&answer, 1, 10000) == 1)
		got = recv(s->order, &child, sizeof(child), MSG_DONTWAIT);
	if (got == (ssize_t)sizeof(child)) {            /* its own reason counts: without it there is no network namespace either */
		*why = child;
		return -(int)child.e.code;
	}
	return r ?: got == 0 ? 0 : sp_fail(&why->e, SP_EIO, 0, "the child does not answer");    /* the end: it is vitrine-init now */
}

int slot_spawn(struct launcher *l, struct slot *s, int block, int in, struct why *why)
{
	struct plan p = { .l = l, .start = &s->start, .asked = s->start, .index = s->index, .base_uid = UID_BASE + s->index * UID_RANGE, .sync = -1,
		.control = -1, .block = block, .in = in, .log = -1, .scratch = -1, .app = -1, .upper = "u/upper", .work = "u/work" };
	int r = s->state == SLOT_WAITING ? 0 : child_make(l, s, why);

	if (r == 0)
		snprintf(why->step, sizeof(why->step), "prepare");
	p.userns = s->idmap[IDMAP_SLOT] ? s->idmap[IDMAP_SLOT] : -1;
	r = r ?: plan_make(l, s, &p, &why->e);
	r = r ?: plan_channels(s, &p, &why->e);
	if (r == 0) {
		snprintf(why->step, sizeof(why->step), "cgroups");
		r = cgroup_limit(l, s, &why->e);
	}
	r = r ?: launch(l, s, &p, why);
	plan_close(&p);
	r = r ?: loop_watch(l, s->control, WATCH_INIT, s->index, &why->e);
	l->prepare_ms = sp_mono_ms() + 20;              /* not in the way of what starts now */
	if (r < 0) {
		child_end(l, s);
		return r;
	}
	s->state = SLOT_RUNNING;
	s->started_ms = sp_mono_ms();
	netns_announce(l, s);
	return 0;
}
