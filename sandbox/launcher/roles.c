#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>

#include "launcher.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 2000, STEADY_MS = 10000, ARGS_MAX = 96 };
#define ON(role) (1u << ROLE_##role)
#define ON_ALL (ON(SERVER) | ON(EDGE) | ON(EGRESS))

static const struct { const char *name, *user; } facts[ROLE_MAX] = {
	[ROLE_SERVER] = { "vitrine-server", "vitrine" },
	[ROLE_EDGE] = { "vitrine-edge", "vitrine-edge" },
	[ROLE_EGRESS] = { "vitrine-egress", "vitrine-net" },
};
/* All that a role sees of the disk, read-only; absent ones are left out. */
static const struct { const char *path; unsigned roles; } seen[] = {
	{ "/usr", ON_ALL }, { "/lib", ON_ALL }, { "/lib64", ON_ALL }, { "/etc/ld.so.cache", ON_ALL }, { "/dev/null", ON_ALL },
	{ "/dev/urandom", ON_ALL }, { "/etc/resolv.conf", ON(EGRESS) }, { "/etc/hosts", ON(EGRESS) }, { "/etc/nsswitch.conf", ON(EGRESS) },
	{ "/etc/localtime", ON(SERVER) },
};

int roles_open(struct launcher *l, int bin, struct sp_err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, l->report) < 0)
		return sp_fail(e, SP_EIO, errno, "socket");
	for (unsigned i = 0; i < ROLE_MAX; i++) {
		struct role *r = &l->roles[i];
		const struct passwd *pw = getpwnam(facts[i].user);

		*r = (struct role){ .prog = openat(bin, facts[i].name, O_RDONLY | O_CLOEXEC), .sock = -1, .pidfd = -1 };
		if (r->prog < 0)
			return sp_fail(e, SP_ENOENT, errno, "program %s", facts[i].name);
		if (!pw)
			return sp_fail(e, SP_ENOENT, 0, "the user %s does not exist; 'make deps' makes it", facts[i].user);
		r->uid = pw->pw_uid;
		r->gid = pw->pw_gid;
	}
	return 0;
}

static int show(int root, const char *path, int tree, struct sp_err *e)
{
	struct stat st;
	int r = fstat(tree, &st) < 0 ? sp_fail(e, SP_EIO, errno, "stat %s", path) : make_path(root, path + 1, !S_ISDIR(st.st_mode), 0, e);

	return r ?: bind_at(root, path + 1, tree, 0, e);
}

static int role_root(const struct launcher *l, unsigned role, int own, struct sp_err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	sp_auto_close int root = -1;
	int r = mount("tmpfs", l->stage, "tmpfs", MS_NOSUID, "size=1m,mode=0755") < 0 ? sp_fail(e, SP_EIO, errno, "mount root") : 0;

	root = open(l->stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; r == 0 && i < SP_COUNT(seen); i++) {
		sp_auto_close int fd = seen[i].roles & (1u << role) ? open(seen[i].path, O_PATH | O_CLOEXEC) : -1;
		sp_auto_close int tree = -1;
		char target[256] = "";

		if (fd >= 0 && readlink(seen[i].path, target, sizeof(target) - 1) > 0 && strncmp(seen[i].path, "/lib", 4) == 0)
			r = symlinkat(target, root, seen[i].path + 1) < 0 ? sp_fail(e, SP_EIO, errno, "link %s", seen[i].path) : 0;
		else if (fd >= 0 && (r = tree_clone(fd, -1, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, &tree, e)) == 0)
			r = show(root, seen[i].path, tree, e);
	}
	r = r ?: make_path(root, "proc", false, 0, e);
	r = r ?: mount_at(root, "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2", e);
	r = r ?: make_path(root, "tmp", false, 0, e);
	r = r ?: mount_at(root, "tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=256m,mode=1777", e);
	if (r == 0 && own >= 0)
		r = show(root, role == ROLE_SERVER ? "/state" : "/run", own, e);
	if (r == 0 && mount_setattr(root, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
		r = sp_fail(e, SP_EIO, errno, "read-only root");
	return r ?: mounts_pivot(root, e);
}

/* Arguments of a role; its descriptors become 3, 4, … in the order of their naming. */
struct args { const char *at[ARGS_MAX]; unsigned n, fds; };

static void arg(struct args *a, const char *name, const char *value)
{
	if (a->n + 3 > ARGS_MAX)
		_exit(2);
	a->at[a->n++] = name;
	a->at[a->n++] = value;
}

static void arg_fd(struct args *a, const char *name, int fd)
{
	static const char *const numbers[] = { "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13" };

	arg(a, name, fd < 0 ? "-1" : numbers[a->fds]);
	if (fd >= 0 && dup2(fd, 3 + (int)a->fds++) < 0)
		_exit(2);
}

static void role_args(const struct launcher *l, unsigned role, int sock, struct args *a)
{
	static char listen_name[512], edge_uid[16];

	a->at[a->n++] = facts[role].name;
	arg_fd(a, role == ROLE_EGRESS ? "--launcher-fd" : "--launch-fd", sock);
	if (role != ROLE_EDGE)
		arg_fd(a, "--report-fd", l->report[role == ROLE_EGRESS]);
	if (role == ROLE_EGRESS) {
		arg_fd(a, "--allow-fd", openat(l->images_dir, "operator/allow", O_RDONLY | O_CLOEXEC));
		return arg(a, "--own-port", l->public_port);
	}
	arg(a, "--domain", l->domain);
	for (unsigned i = 0; role == ROLE_EDGE && i < l->nlisteners; i++)
		arg_fd(a, "--listen-fd", l->listeners[i]);
	if (role == ROLE_EDGE)
		return arg(a, "--public-port", l->public_port);
	snprintf(listen_name, sizeof(listen_name), "%s:%s", l->domain, l->public_port);
	arg(a, "--state", "/state");
	arg(a, "--listen-name", listen_name);
	snprintf(edge_uid, sizeof(edge_uid), "%u", l->roles[ROLE_EDGE].uid);     /* the server sees no /etc/passwd */
	arg(a, "--edge-uid", edge_uid);
	arg_fd(a, "--http-fd", l->http);
	arg_fd(a, "--ws-fd", l->ws);
	arg_fd(a, "--route-fd", l->route);
	arg_fd(a, "--admin-fd", l->admin);
	arg_fd(a, "--operator-fd", openat(l->images_dir, "operator/env", O_RDONLY | O_CLOEXEC));
}

static void role_child(const struct launcher *l, unsigned role, int sock, int own) __attribute__((noreturn));
static void role_child(const struct launcher *l, unsigned role, int sock, int own)
{
	const struct role *r = &l->roles[role];
	const char *env[64] = { "PATH=/usr/bin:/bin", "HOME=/tmp" };
	static struct args args;
	struct sp_err e = { .code = SP_OK };
	unsigned n = 2;

	for (char **at = environ; *at && n + 1 < SP_COUNT(env); at++)
		if ((role == ROLE_SERVER && strncmp(*at, "VITRINE_", 8) == 0) || strstr(*at, "SAN_OPTIONS="))
			env[n++] = *at;
	role_args(l, role, sock, &args);
	if (role_root(l, role, own, &e) == 0 && (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 || setgroups(0, NULL) < 0 ||
			setresgid(r->gid, r->gid, r->gid) < 0 || setresuid(r->uid, r->uid, r->uid) < 0))
		sp_fail(&e, SP_EIO, errno, "become %s", facts[role].user);
	if (e.code == SP_OK && caps_keep(0, &e) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		sp_fail(&e, SP_EIO, errno, "parent-death signal");
	if (e.code == SP_OK) {
		syscall(SYS_execveat, r->prog, "", args.at, env, AT_EMPTY_PATH);
		sp_fail(&e, SP_EIO, errno, "execute");
	}
	log_err("%s cannot be started: %s", facts[role].name, e.msg);
	_exit(1);
}

static int role_start(struct launcher *l, unsigned role, struct sp_err *e)
{
	struct role *r = &l->roles[role];
	sp_auto_close int own = -1;             /* the one writable thing it sees: a mount of ours can only be cloned by us */
	int pair[2], on = 4 << 20;

	if (role != ROLE_EGRESS && tree_clone(role == ROLE_SERVER ? l->state_dir : l->edge_dir, -1,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, &own, e) < 0)
		return -SP_EIO;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return sp_fail(e, SP_EIO, errno, "socket");
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &on, sizeof(on));       /* a whole LIST without waiting */
	r->sock = pair[0];
	/* Only egress has a network. What the others were given to listen on stays in the namespace it was made in. */
	r->pid = clone_child(CLONE_NEWNS | (role == ROLE_EGRESS ? 0 : CLONE_NEWNET), -1, &r->pidfd);
	if (r->pid == 0)
		role_child(l, role, pair[1], own);
	close(pair[1]);
	if (r->pid < 0) {
		loop_close(l, &r->sock);
		return sp_fail(e, SP_EIO, errno, "clone");
	}
	r->started_ms = sp_mono_ms();
	log_info("started %s pid=%d", facts[role].name, r->pid);
	for (unsigned i = 0; role == ROLE_EGRESS && i < SP_LIMIT_slots; i++)
		if (slot_lives(&l->slots[i]))
			netns_announce(l, &l->slots[i]);
	if (sp_set_nonblock(r->sock, true, e) < 0 || loop_watch(l, r->sock, WATCH_ROLE, role, e) < 0)
		return -SP_EIO;
	return loop_watch(l, r->pidfd, WATCH_ROLE_DEATH, role, e);
}

uint64_t roles_tick(struct launcher *l, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct sp_err e;

	for (unsigned i = 0; i < ROLE_MAX && !l->stopping; i++) {
		struct role *r = &l->roles[i];

		if (r->pid > 0)
			continue;
		if (r->start_ms <= now && role_start(l, i, &e) < 0) {
			log_err("%s: %s", facts[i].name, e.msg);
			role_kill(l, i, SIGKILL);
			r->start_ms = now + BACKOFF_MAX_MS;
		}
		if (r->pid <= 0 && r->start_ms < next)
			next = r->start_ms;
	}
	return next;
}

void role_kill(struct launcher *l, unsigned role, int sig)
{
	struct role *r = &l->roles[role];

	if (r->pid > 0)
		syscall(SYS_pidfd_send_signal, r->pidfd, sig, NULL, 0);
	if (sig == SIGKILL && r->sock >= 0)
		loop_close(l, &r->sock);
}

void role_died(struct launcher *l, unsigned role)
{
	struct role *r = &l->roles[role];
	uint64_t now = sp_mono_ms();
	siginfo_t info;

	if (waitid(P_PIDFD, (id_t)r->pidfd, &info, WEXITED) < 0)
		return;
	if (!l->stopping)
		log_warn("%s ended code=%d status=%d, restarting", facts[role].name, info.si_code, info.si_status);
	loop_close(l, &r->pidfd);
	if (r->sock >= 0)
		loop_close(l, &r->sock);
	r->pid = 0;
	r->backoff_ms = now - r->started_ms > STEADY_MS || !r->backoff_ms ? BACKOFF_MIN_MS :
		r->backoff_ms * 2 < BACKOFF_MAX_MS ? r->backoff_ms * 2 : BACKOFF_MAX_MS;
	r->start_ms = now + r->backoff_ms;
	l->listed &= role != ROLE_SERVER;
}

void role_message(struct launcher *l, unsigned role)
{
	const struct sp_msg_table *table = role == ROLE_EGRESS ? &egress_table : &launch_table;
	static struct sp_msg m;

	for (unsigned i = 0; i < 64 && l->roles[role].sock >= 0; i++) {         /* others' turn then */
		struct sp_err e = { .code = SP_OK };
		int r = sp_msg_recv(l->roles[role].sock, table, role == ROLE_EGRESS ? UINT32_MAX : LAUNCH_TO_LAUNCHER, &m, &e);

		if (r == -SP_EBUSY)
			return;
		if (r > 0 && request_handle(l, role, &m)) {
			sp_msg_close(&m);
			continue;
		}
		sp_msg_close(&m);                       /* nothing is left in it where the check failed */
		if (r != 0)
			log_err("%s broke the protocol: %s", facts[role].name, r < 0 ? e.msg : "not for it to ask");
		role_kill(l, role, SIGKILL);
	}
}
