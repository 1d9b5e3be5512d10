#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/resource.h>

#include "launcher.h"

int step_limits(struct plan *p, struct sp_err *e)
{
	const struct { int what; rlim_t max; } rows[] = {
		{ RLIMIT_CORE, 0 }, { RLIMIT_NOFILE, SP_LIMIT_run_files }, { RLIMIT_NPROC, p->start->pids + 1 },  /* the cgroup refuses first, and counts */
		{ RLIMIT_MEMLOCK, 64 << 20 },
		{ RLIMIT_SIGPENDING, 4096 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_NICE, 0 }, { RLIMIT_RTPRIO, 0 },
		{ RLIMIT_FSIZE, p->start->profile == PROFILE_WORKER ? SP_LIMIT_env_bytes : RLIM_INFINITY },
	};

	for (unsigned i = 0; i < SP_COUNT(rows); i++) {
		struct rlimit now, want = { rows[i].max, rows[i].max };

		if (getrlimit((unsigned)rows[i].what, &now) == 0 && now.rlim_max < want.rlim_max)
			want.rlim_cur = want.rlim_max = now.rlim_max;   /* the host's own limit may be tighter */
		if (setrlimit((unsigned)rows[i].what, &want) < 0)
			return sp_fail(e, SP_EIO, errno, "limit %d", rows[i].what);
	}
	return 0;
}

int caps_keep(uint64_t keep, struct sp_err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)keep, .permitted = (uint32_t)keep },
		{ .effective = (uint32_t)(keep >> 32), .permitted = (uint32_t)(keep >> 32) },
	};

	for (unsigned cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return sp_fail(e, SP_EIO, errno, "drop capability %u", cap);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return sp_fail(e, SP_EIO, errno, "clear ambient capabilities");
	if (!keep && prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS) < 0)
		return sp_fail(e, SP_EIO, errno, "lock secure bits");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, data) < 0)
		return sp_fail(e, SP_EIO, errno, "set capabilities");
	return 0;
}
