#include <linux/close_range.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "local.h"

static struct launch_start as_an_app = { .profile = PROFILE_RUN, .pids = SP_LIMIT_run_pids, .hostname = "app" };

struct child { const struct local *lo; const struct local_fds *fds; int sync; struct plan plan; };

static int wait_for_ids(struct child *c, struct sp_err *e)
{
	char byte;

	if (recv(c->sync, &byte, 1, 0) != 1)
		return sp_fail(e, SP_EIO, 0, "the parent died");
	return setresgid(APP_UID, APP_UID, APP_UID) < 0 || setresuid(APP_UID, APP_UID, APP_UID) < 0 ? sp_fail(e, SP_EIO, errno, "become the app's user") : 0;
}

static int session(struct child *c, struct sp_err *e)
{
	sp_auto_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sp_auto_close int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (score < 0 || write(score, "500", 3) < 0)
		return sp_fail(e, SP_EIO, errno, "oom_score_adj");
	if (!c->lo->network && (s < 0 || ioctl(s, SIOCSIFFLAGS, &lo) < 0))
		return sp_fail(e, SP_EIO, errno, "loopback");
	umask(022);
	return setsid() < 0 || sethostname("app", 3) < 0 ? sp_fail(e, SP_EIO, errno, "session") : 0;
}

static int root(struct child *c, struct sp_err *e)
{
	return local_root(c->lo, e);
}

static int check(struct child *c, struct sp_err *e)
{
	return step_mounts_check(&c->plan, e);
}

static int descriptors(struct child *c, struct sp_err *e)
{
	const struct local_fds *f = c->fds;
	sp_auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (!c->lo->trial && (dup2(null, 0) < 0 || dup2(f->log, 1) < 0 || dup2(f->log, 2) < 0 || dup2(f->control, 3) < 0 || dup2(f->block, 4) < 0))
		return sp_fail(e, SP_EIO, errno, "dup2");
	return close_range(c->lo->trial ? 3 : 5, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? sp_fail(e, SP_EIO, errno, "close what is not the app's") : 0;
}

static int limits(struct child *c, struct sp_err *e)
{
	return step_limits(&c->plan, e);
}

static int caps(struct child *c SP_UNUSED, struct sp_err *e)
{
	return caps_keep(0, e);
}

static int landlock(struct child *c, struct sp_err *e)
{
	return step_landlock(&c->plan, e);
}

static int seccomp(struct child *c, struct sp_err *e)
{
	return step_seccomp(&c->plan, e);
}

static int execute(struct child *c, struct sp_err *e)
{
	const char *const argv[] = { "init", NULL }, *const envp[] = { NULL };

	if (c->lo->trial)
		_exit(0);
	syscall(SYS_execveat, c->fds->init, "", argv, envp, AT_EMPTY_PATH);
	return sp_fail(e, SP_EIO, errno, "vitrine-init");
}

static const struct { const char *name; int (*run)(struct child *c, struct sp_err *e); } steps[] = {
	{ "ids", wait_for_ids }, { "session", session }, { "mounts", root }, { "mount check", check }, { "descriptors", descriptors }, { "limits", limits },
	{ "capabilities", caps }, { "landlock", landlock }, { "seccomp", seccomp }, { "exec", execute } };

static void run(struct child *c) __attribute__((noreturn));
static void run(struct child *c)
{
	struct why why;

	memset(&why, 0, sizeof(why));
	c->plan.start = &as_an_app;
	for (unsigned i = 0; i < SP_COUNT(steps); i++) {
		snprintf(why.step, sizeof(why.step), "%s", steps[i].name);
		if (steps[i].run(c, &why.e) < 0)
			break;
	}
	_exit(send(c->sync, &why, sizeof(why), MSG_NOSIGNAL) < 0 ? 2 : 1);
}

static int put(pid_t pid, const char *name, const char *text, struct sp_err *e)
{
	sp_auto_close int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? sp_fail(e, SP_EIO, errno, "write %s", path) : 0;
}

/* One id: inside it is the app's, outside the caller's own, which is all that an ordinary user may map. */
static int map_ids(pid_t pid, struct sp_err *e)
{
	char uid[64], gid[64];
	int r;

	snprintf(uid, sizeof(uid), "%d %u 1", APP_UID, geteuid());
	snprintf(gid, sizeof(gid), "%d %u 1", APP_UID, getegid());
	r = put(pid, "uid_map", uid, e);
	r = r ?: put(pid, "setgroups", "deny", e);
	return r ?: put(pid, "gid_map", gid, e);
}

int local_clone(const struct local *lo, const struct local_fds *fds, pid_t *ret_pid, int *ret_pidfd, int *ret_sync, struct why *why)
{
	static struct child c;
	sp_auto_close int ours = -1, theirs = -1;
	int pair[2], pidfd = -1, r;
	pid_t pid;

	memset(why, 0, sizeof(*why));
	snprintf(why->step, sizeof(why->step), "namespaces");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return sp_fail(&why->e, SP_EIO, errno, "socket");
	ours = pair[0];
	theirs = pair[1];
	c = (struct child){ .lo = lo, .fds = fds, .sync = theirs };
	pid = clone_child(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | (lo->network ? 0 : CLONE_NEWNET), -1, &pidfd);
	if (pid == 0) {
		close(sp_take_fd(&ours));               /* or it would not see its parent's end */
		run(&c);
	}
	if (pid < 0)
		return sp_fail(&why->e, SP_EIO, errno, "this machine does not let ordinary users make user namespaces");
	r = map_ids(pid, &why->e);
	if (r < 0) {
		kill(pid, SIGKILL);
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	*ret_sync = sp_take_fd(&ours);
	return 0;
}
