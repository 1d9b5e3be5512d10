#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "attack.h"

static int sees_victim(void) { return victim() ? 0 : -1; }
static int signals_victim(void) { pid_t v = victim(); return v ? kill(v, SIGCONT) : -1; }
static int victim_environ(void) { return victim_file("environ", O_RDONLY); }
static int victim_mem(void) { return victim_file("mem", O_RDWR); }
static int victim_root(void) { return victim_file("root", O_RDONLY | O_DIRECTORY); }
static int victim_fds(void) { return victim_file("fd", O_RDONLY | O_DIRECTORY); }
static int victim_maps(void) { return victim_file("maps", O_RDONLY); }
static int victim_nice(void) { pid_t v = victim(); return v ? setpriority(PRIO_PROCESS, (id_t)v, 5) : -1; }
static int victim_limit(void) { pid_t v = victim(); struct rlimit was; return v ? prlimit(v, RLIMIT_CORE, NULL, &was) : -1; }

static int victim_affinity(void)
{
	cpu_set_t set;
	pid_t v = victim();

	return !v || sched_getaffinity(v, sizeof(set), &set) < 0 ? -1 : sched_setaffinity(v, sizeof(set), &set);
}

static int victim_pidfd(void)
{
	pid_t v = victim();
	int fd = v ? (int)syscall(SYS_pidfd_open, v, 0) : -1;

	return fd < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
}

static int victim_steals_fd(void)
{
	pid_t v = victim();
	int fd = v ? (int)syscall(SYS_pidfd_open, v, 0) : -1;

	return fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, 1, 0) < 0 ? -1 : 0;
}

static int victim_reads(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)&fail, 1 };      /* the same program, static: the same address */
	pid_t v = victim();

	return !v ? -1 : process_vm_readv(v, &here, 1, &there, 1, 0) != 1 ? -1 : 0;
}

static int victim_trace(void)
{
	pid_t v = victim();

	if (!v || ptrace(PTRACE_SEIZE, v, 0, 0) < 0)
		return -1;
	return 0;
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (prctl(PR_SET_PDEATHSIG, SIGKILL);;)
			pause();
	return pid;
}

static int trace_child(void) { return (int)ptrace(PTRACE_SEIZE, child(), 0, 0); }
static int trace_me(void) { return (int)ptrace(PTRACE_TRACEME, 0, 0, 0); }

static int vm_write(void)
{
	static char target;
	struct iovec here = { &(char){ 1 }, 1 }, there = { &target, 1 };

	return process_vm_writev(child(), &here, 1, &there, 1, 0) != 1 ? -1 : 0;
}

static int compare(void) { return syscall(SYS_kcmp, getpid(), getpid(), 1 /* KCMP_VM */, 0, 0) < 0 ? -1 : 0; }
static int madvise_other(void)
{
	static char page[8192] __attribute__((aligned(4096)));
	struct iovec at = { page, 4096 };
	int fd = (int)syscall(SYS_pidfd_open, child(), 0);

	return fd < 0 ? -1 : syscall(SYS_process_madvise, fd, &at, 1, MADV_COLD, 0) < 0 ? -1 : 0;
}

static int become_root(void) { return setuid(0) < 0 ? -1 : geteuid() == 0 ? 0 : fail(EPERM); }
static int groups(void) { return (int)syscall(SYS_setgroups, 1, (gid_t[]){ 0 }); }

static int capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0 } };

	return (int)syscall(SYS_capset, &head, data);
}

static int bounding(void) { int r = prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN); return r == 1 ? 0 : fail(EPERM); }
static int secure_bits(void) { return prctl(PR_SET_SECUREBITS, 0); }
static int new_privs(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : fail(EPERM); }
static int set_mm(void) { return prctl(35 /* PR_SET_MM */, 8 /* PR_SET_MM_ARG_START */, (unsigned long)environ[0], 0, 0); }

static int cloned(unsigned long long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

static int clone_user(void) { return cloned(CLONE_NEWUSER); }
static int clone_net(void) { return cloned(CLONE_NEWNET); }
static int clone_cgroup(void) { return cloned(CLONE_NEWCGROUP); }
static int unshare_user(void) { return unshare(CLONE_NEWUSER); }
static int unshare_mounts(void) { return unshare(CLONE_NEWNS); }
static int unshare_time(void) { return unshare(0x80 /* CLONE_NEWTIME */); }

static int clone3_user(void)
{
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

static int set_ns(void) { return setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), 0); }
static int ns_owner(void) { return ioctl(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), 0xb701 /* NS_GET_USERNS */) < 0 ? -1 : 0; }

static int oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "-1000", 5) < 0 ? -1 : 0;
}

static int nicer(void) { return setpriority(PRIO_PROCESS, 0, -5); }
static int real_time(void) { return sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }); }
static int io_real_time(void) { return (int)syscall(SYS_ioprio_set, 1, 0, 1 << 13); }
static int more_files(void) { return setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1 << 20, 1 << 20 }); }
static int core_dumps(void) { return setrlimit(RLIMIT_CORE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }); }

static int terminal(unsigned long request, const void *arg)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char name[64];

	if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)) != 0)
		return -1;
	slave = open(name, O_RDWR | O_NOCTTY);
	return slave < 0 ? -1 : (int)syscall(SYS_ioctl, slave, request, arg);
}

static int tiocsti(void) { return terminal(0x5412, "x"); }
static int tiocsti_high(void) { return terminal(0x100005412UL, "x"); }
static int line_discipline(void) { return terminal(0x5423 /* TIOCSETD */, &(int){ 0 }); }

const struct attack processes_attacks[] = {
	A(24, signals_victim), A(24, victim_pidfd), A(25, sees_victim), A(25, victim_maps), A(26, trace_me), A(26, trace_child),
	A(26, victim_trace), A(26, victim_mem), A(27, victim_reads), A(27, victim_steals_fd), A(27, vm_write), A(27, compare),
	A(27, madvise_other), A(31, become_root), A(31, groups), A(31, capabilities), A(31, bounding), A(32, new_privs),
	A(32, secure_bits), A(32, set_mm), A(33, unshare_user), A(33, unshare_mounts), A(33, unshare_time), A(33, clone_user),
	A(33, clone_net), A(33, clone_cgroup), A(33, clone3_user), A(36, oom_score), A(37, nicer), A(37, real_time), A(37, io_real_time),
	A(37, more_files), A(37, victim_nice), A(37, victim_affinity), A(37, victim_limit), A(38, core_dumps), A(40, tiocsti),
	A(40, tiocsti_high), A(40, line_discipline), A(44, set_ns), A(44, ns_owner), A(87, victim_environ), A(87, victim_root),
	A(87, victim_fds),
	{ 0 },
};
