#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>

#include "launcher.h"

enum { CHILD_SYNC = 5, CHILD_INIT = 6 };

#define BIT(cap) (UINT64_C(1) << (cap))
/* What dpkg needs as root of its own user namespace; nobody else has any. */
enum { SYSTEM_CAPS = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETUID) | BIT(CAP_SETGID) |
	BIT(CAP_SYS_CHROOT) };

static int step_session(struct plan *p SP_UNUSED, struct sp_err *e)
{
	sp_auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "500", 3) < 0)
		return sp_fail(e, SP_EIO, errno, "oom_score_adj");
	umask(022);
	return setsid() < 0 ? sp_fail(e, SP_EIO, errno, "session") : 0;
}

/* While it waits it holds nothing of the launcher's, so that what ends meanwhile is gone. */
static int step_alone(struct plan *p, struct sp_err *e)
{
	if (dup3(p->sync, CHILD_SYNC, O_CLOEXEC) < 0 || dup3(p->l->init_prog, CHILD_INIT, O_CLOEXEC) < 0 || close_range(LOW_FDS, ~0U, 0) < 0)
		return sp_fail(e, SP_EIO, errno, "close what is not ours");
	p->sync = CHILD_SYNC;
	return 0;
}

static int step_plan(struct plan *p, struct sp_err *e)
{
	static const struct sp_msg_row row = { "PLAN", 0, sizeof(*p), sizeof(*p), 0, SP_MSG_FDS };
	static const struct sp_msg_table table = { &row, 1 };
	static struct sp_msg m;
	int *fds[SP_MSG_FDS], r = sp_msg_recv(p->sync, &table, 0, &m, e);

	if (r == 0)
		_exit(0);                               /* nobody needs this sandbox */
	if (r < 0)
		return r;
	memcpy(p, m.body, sizeof(*p));
	p->sync = CHILD_SYNC;
	p->start = &p->asked;
	if (plan_fds(p, fds) != m.nfds)
		return sp_fail(e, SP_EBUG, 0, "%u descriptors", m.nfds);
	for (unsigned i = 0; i < m.nfds; i++)
		*fds[i] = m.fds[i];
	return sethostname(p->start->hostname, strlen(p->start->hostname)) < 0 ? sp_fail(e, SP_EIO, errno, "host name") : 0;
}

/* Last, so that every other namespace and every mount belongs to the host's user namespace. */
static int step_userns(struct plan *p, struct sp_err *e)
{
	uid_t id = p->start->profile == PROFILE_SYSTEM ? 0 : APP_UID;
	char byte;

	if (recv(p->sync, &byte, 1, 0) != 1)
		return sp_fail(e, SP_EIO, errno, "wait for the network");
	if (setns(p->userns, CLONE_NEWUSER) < 0)
		return sp_fail(e, SP_EIO, errno, "enter");
	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return sp_fail(e, SP_EIO, errno, "become %u", id);
	return 0;
}

static int step_caps(struct plan *p, struct sp_err *e)
{
	int r = caps_keep(p->start->profile == PROFILE_SYSTEM ? SYSTEM_CAPS : 0, e);

	/* Changing ids clears it: set again now that they are final. */
	return r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? sp_fail(e, SP_EIO, errno, "parent-death signal") : r;
}

/* All descriptors of the launcher are close-on-exec and at LOW_FDS or above, so these never collide. */
static int step_descriptors(struct plan *p, struct sp_err *e)
{
	int in = p->in < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : p->in;

	if (dup2(in, 0) < 0 || dup2(p->log, 1) < 0 || dup2(p->log, 2) < 0 || dup2(p->control, 3) < 0 || dup2(p->block, 4) < 0)
		return sp_fail(e, SP_EIO, errno, "dup2");
	return 0;
}

static int step_exec(struct plan *p SP_UNUSED, struct sp_err *e)
{
	const char *const argv[] = { "init", NULL }, *const envp[] = { NULL };

	syscall(SYS_execveat, CHILD_INIT, "", argv, envp, AT_EMPTY_PATH);
	return sp_fail(e, SP_EIO, errno, "vitrine-init");
}

static const struct { const char *name; int (*run)(struct plan *p, struct sp_err *e); } steps[] = {
	{ "session", step_session },
	{ "cgroups", step_cgroups },
	{ "descriptors", step_alone },
	{ "stage", step_stage },
	{ "plan", step_plan },                  /* it waits here until it is somebody's */
	{ "mounts", step_mounts },
	{ "mount check", step_mounts_check },
	{ "descriptors", step_descriptors },
	{ "limits", step_limits },
	{ "user namespace", step_userns },
	{ "capabilities", step_caps },
	{ "landlock", step_landlock },
	{ "seccomp", step_seccomp },
	{ "exec", step_exec },
};

void child_run(struct plan *p)
{
	struct why why;

	memset(&why, 0, sizeof(why));
	for (unsigned i = 0; i < SP_COUNT(steps); i++) {
		snprintf(why.step, sizeof(why.step), "%s", steps[i].name);
		if (steps[i].run(p, &why.e) < 0)
			break;
	}
	if (send(p->sync, &why, sizeof(why), MSG_NOSIGNAL) < 0)
		_exit(2);
	_exit(1);
}
