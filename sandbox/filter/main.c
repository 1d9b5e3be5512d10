/*
 * main.c - a build tool: writes the launcher's syscall filters as constant C, so that the root process that
 * lives on neither links libseccomp nor builds anything.
 *
 * A filter is one program in two parts. First a hand-made table for the calls whose arguments decide
 * (first match wins, low 32 bits only: the kernel looks at no more, CVE-2019-10063); then libseccomp's
 * tree of plain numbers, x86_64 only.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "auto.h"

#ifndef __x86_64__
#error "the syscall filter is written for x86-64; another architecture needs its own list of calls in sandbox/filter"
#endif

enum { INSNS_MAX = 2048 };

/* sandbox.md 3.1-3.3: the shape of Docker's list without what 3.3 names. */
static const char allowed[] =
	"accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime clock_nanosleep close close_range "
	"connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve "
	"execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr "
	"flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_waitv futimesat get_robust_list getcpu getcwd getdents getdents64 "
	"getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit "
	"getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
	"ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr "
	"llistxattr lremovexattr lseek lsetxattr lstat madvise membarrier mincore mkdir mkdirat mlock mlock2 mlockall mmap mprotect mremap "
	"msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free "
	"pkey_mprotect poll ppoll pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv "
	"removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
	"rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
	"sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl "
	"semget semop semtimedop sendfile set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid "
	"setresgid setresuid setreuid setrlimit setsid setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 stat statfs "
	"statx symlink symlinkat sync sync_file_range syncfs sysinfo tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime "
	"timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write "
	"writev ";
static const char denied[] =            /* EPERM; what is in no list is ENOSYS, so that libc falls back */
	"acct add_key adjtimex bpf clock_adjtime clock_settime delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick "
	"init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie memfd_secret modify_ldt mount mount_setattr move_mount "
	"name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root process_madvise process_vm_readv "
	"process_vm_writev ptrace quotactl quotactl_fd reboot request_key set_thread_area setdomainname sethostname setns settimeofday swapoff swapon "
	"syslog umount2 unshare userfaultfd vhangup vmsplice ";

/* A worker reads hostile bytes and talks to nobody; what init holds already (its control socket) stays usable. */
static const char no_sockets[] = " socket connect bind listen accept accept4 ";

#define NO(err) (SECCOMP_RET_ERRNO | (err))
#define YES SECCOMP_RET_ALLOW
#define ALL UINT32_MAX
enum { NAMESPACES = 0x7E020000 };       /* CLONE_NEWNS CGROUP UTS IPC USER PID NET */

/* A call matches when (argument A & mask) == value, and the same for B; mask 0 always does. */
static const struct { uint32_t nr, a, amask, avalue, b, bmask, bvalue, action; } rows[] = {
	{ SYS_clone, 0, NAMESPACES, 0, 0, 0, 0, YES }, { SYS_clone, 0, 0, 0, 0, 0, 0, NO(EPERM) },
	{ SYS_socket, 0, ALL, AF_UNIX, 0, 0, 0, YES }, { SYS_socket, 0, ALL, AF_NETLINK, 2, ALL, 0, YES },     /* NETLINK_ROUTE: getifaddrs */
	/* SCTP, UDPLITE, MPTCP */
	{ SYS_socket, 0, ALL, AF_INET, 2, ALL, 132, NO(EPERM) }, { SYS_socket, 0, ALL, AF_INET6, 2, ALL, 132, NO(EPERM) },
	{ SYS_socket, 0, ALL, AF_INET, 2, ALL, 136, NO(EPERM) }, { SYS_socket, 0, ALL, AF_INET6, 2, ALL, 136, NO(EPERM) },
	{ SYS_socket, 0, ALL, AF_INET, 2, ALL, 262, NO(EPERM) }, { SYS_socket, 0, ALL, AF_INET6, 2, ALL, 262, NO(EPERM) },
	{ SYS_socket, 0, ALL, AF_INET, 1, 15, SOCK_STREAM, YES }, { SYS_socket, 0, ALL, AF_INET6, 1, 15, SOCK_STREAM, YES },
	{ SYS_socket, 0, ALL, AF_INET, 1, 15, SOCK_DGRAM, YES }, { SYS_socket, 0, ALL, AF_INET6, 1, 15, SOCK_DGRAM, YES },
	{ SYS_socket, 0, ALL, AF_INET, 0, 0, 0, NO(EPERM) }, { SYS_socket, 0, ALL, AF_INET6, 0, 0, 0, NO(EPERM) },
	{ SYS_socket, 0, 0, 0, 0, 0, 0, NO(EAFNOSUPPORT) },
	{ SYS_socketpair, 0, ALL, AF_UNIX, 0, 0, 0, YES }, { SYS_socketpair, 0, 0, 0, 0, 0, 0, NO(EAFNOSUPPORT) },
	/* TCP_ULP; SO_ATTACH_FILTER, _BPF, _REUSEPORT_*; IPT_SO_SET_REPLACE, IP6T */
	{ SYS_setsockopt, 1, ALL, 6, 2, ALL, 31, NO(EPERM) }, { SYS_setsockopt, 1, ALL, SOL_SOCKET, 2, ALL, 26, NO(EPERM) },
	{ SYS_setsockopt, 1, ALL, SOL_SOCKET, 2, ALL, 50, NO(EPERM) }, { SYS_setsockopt, 1, ALL, SOL_SOCKET, 2, ALL, 51, NO(EPERM) },
	{ SYS_setsockopt, 1, ALL, SOL_SOCKET, 2, ALL, 52, NO(EPERM) }, { SYS_setsockopt, 1, ALL, 0, 2, ALL, 64, NO(EPERM) },
	{ SYS_setsockopt, 1, ALL, 41, 2, ALL, 64, NO(EPERM) }, { SYS_setsockopt, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_sendto, 3, MSG_OOB, MSG_OOB, 0, 0, 0, NO(EOPNOTSUPP) }, { SYS_sendto, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_sendmsg, 2, MSG_OOB, MSG_OOB, 0, 0, 0, NO(EOPNOTSUPP) }, { SYS_sendmsg, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_sendmmsg, 3, MSG_OOB, MSG_OOB, 0, 0, 0, NO(EOPNOTSUPP) }, { SYS_sendmmsg, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_recvfrom, 3, MSG_OOB, MSG_OOB, 0, 0, 0, NO(EOPNOTSUPP) }, { SYS_recvfrom, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_recvmsg, 2, MSG_OOB, MSG_OOB, 0, 0, 0, NO(EOPNOTSUPP) }, { SYS_recvmsg, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_recvmmsg, 3, MSG_OOB, MSG_OOB, 0, 0, 0, NO(EOPNOTSUPP) }, { SYS_recvmmsg, 0, 0, 0, 0, 0, 0, YES },
	/* TIOCSTI LINUX CONS SETD */
	{ SYS_ioctl, 1, ALL, 0x5412, 0, 0, 0, NO(EPERM) }, { SYS_ioctl, 1, ALL, 0x541C, 0, 0, 0, NO(EPERM) },
	{ SYS_ioctl, 1, ALL, 0x541D, 0, 0, 0, NO(EPERM) }, { SYS_ioctl, 1, ALL, 0x5423, 0, 0, 0, NO(EPERM) }, { SYS_ioctl, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_personality, 0, ALL, 0, 0, 0, 0, YES }, { SYS_personality, 0, ALL, 0x20000, 0, 0, 0, YES },
	{ SYS_personality, 0, ALL, ALL, 0, 0, 0, YES }, { SYS_personality, 0, 0, 0, 0, 0, 0, NO(EPERM) },
	{ SYS_prctl, 0, ALL, 35, 0, 0, 0, NO(EPERM) }, { SYS_prctl, 0, ALL, 28, 0, 0, 0, NO(EPERM) },   /* PR_SET_MM, _SECUREBITS */
	{ SYS_prctl, 0, 0, 0, 0, 0, 0, YES },
	{ SYS_mknod, 1, S_IFMT, S_IFIFO, 0, 0, 0, YES }, { SYS_mknod, 1, S_IFMT, S_IFREG, 0, 0, 0, YES },
	{ SYS_mknod, 1, S_IFMT, 0, 0, 0, 0, YES }, { SYS_mknod, 0, 0, 0, 0, 0, 0, NO(EPERM) },
	{ SYS_mknodat, 2, S_IFMT, S_IFIFO, 0, 0, 0, YES }, { SYS_mknodat, 2, S_IFMT, S_IFREG, 0, 0, 0, YES },
	{ SYS_mknodat, 2, S_IFMT, 0, 0, 0, 0, YES }, { SYS_mknodat, 0, 0, 0, 0, 0, 0, NO(EPERM) },
	{ SYS_memfd_create, 1, 0x10, 0x10, 0, 0, 0, NO(EACCES) }, { SYS_memfd_create, 0, 0, 0, 0, 0, 0, YES },        /* MFD_EXEC */
	{ SYS_splice, 0, 0, 0, 0, 0, 0, NO(EINVAL) }, { SYS_tee, 0, 0, 0, 0, 0, 0, NO(EINVAL) },       /* callers fall back */
};

static void put(struct sock_filter *p, unsigned *n, uint16_t code, uint32_t k, unsigned yes, unsigned no)
{
	p[(*n)++] = (struct sock_filter){ code, (uint8_t)yes, (uint8_t)no, k };
}

/* Load an argument, mask it, compare; behind is SKIP instructions to the next row. */
static void put_match(struct sock_filter *p, unsigned *n, uint32_t arg, uint32_t mask, uint32_t value, unsigned skip)
{
	put(p, n, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + 8 * arg, 0, 0);
	put(p, n, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	put(p, n, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

static unsigned put_rows(struct sock_filter *p, bool sockets)
{
	unsigned n = 0, arch, end;

	put(p, &n, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	put(p, &n, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	arch = n;
	put(p, &n, BPF_JMP | BPF_JA, 0, 0, 0);          /* another architecture: libseccomp's part kills */
	put(p, &n, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	for (unsigned i = 0; i < SP_COUNT(rows); ) {
		unsigned group = n;

		if (!sockets && rows[i].nr == SYS_socket) {
			i++;
			continue;
		}
		put(p, &n, BPF_JMP | BPF_JEQ | BPF_K, rows[i].nr, 0, 0);
		for (unsigned of = rows[i].nr; i < SP_COUNT(rows) && rows[i].nr == of; i++) {
			if (rows[i].amask)
				put_match(p, &n, rows[i].a, rows[i].amask, rows[i].avalue, rows[i].bmask ? 4 : 1);
			if (rows[i].bmask)
				put_match(p, &n, rows[i].b, rows[i].bmask, rows[i].bvalue, 1);
			put(p, &n, BPF_RET | BPF_K, rows[i].action, 0, 0);
		}
		p[group].jf = (uint8_t)(n - group - 1);
	}
	end = n;
	p[arch].k = end - arch - 1;
	return end;
}

/* NAMES without those in BUT. */
static int add_names(scmp_filter_ctx ctx, uint32_t action, const char *names, const char *but)
{
	char name[32], word[40];

	for (size_t n; (n = strcspn(names, " ")) > 0; names += n + 1) {
		int nr;

		memcpy(name, names, n);
		name[n] = '\0';
		snprintf(word, sizeof(word), " %s ", name);
		if (strstr(but, word))
			continue;
		nr = seccomp_syscall_resolve_name(name);
		if (nr >= 0 && seccomp_rule_add(ctx, action, nr, 0) < 0)        /* a name newer than the library stays ENOSYS */
			return -1;
	}
	return 0;
}

static int write_filter(FILE *out, const char *name, uint32_t chroot_action, bool sockets)
{
	static struct sock_filter insns[INSNS_MAX];
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	sp_auto_close int fd = memfd_create("filter", MFD_CLOEXEC);
	unsigned n = put_rows(insns, sockets);
	ssize_t got;
	int r;

	if (fd < 0 || !ctx)
		return -1;
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 || seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0 ||
		add_names(ctx, SCMP_ACT_ALLOW, allowed, sockets ? "" : no_sockets) < 0 || add_names(ctx, SCMP_ACT_ERRNO(EPERM), denied, "") < 0 ||
		(!sockets && add_names(ctx, SCMP_ACT_ERRNO(EACCES), no_sockets + 1, "") < 0) || add_names(ctx, chroot_action, "chroot ", "") < 0 || seccomp_export_bpf(ctx, fd) < 0;
	seccomp_release(ctx);
	got = r ? -1 : pread(fd, insns + n, (INSNS_MAX - n) * sizeof(insns[0]), 0);
	if (got <= 0 || (n += (unsigned)((size_t)got / sizeof(insns[0]))) == INSNS_MAX)
		return -1;
	fprintf(out, "static const struct sock_filter %s_insns[] = {\n", name);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "\t{ %u, %u, %u, %u },\n", insns[i].code, insns[i].jt, insns[i].jf, insns[i].k);
	fprintf(out, "};\nconst struct seccomp_filter seccomp_%s = { %u, %s_insns };\n\n", name, n, name);
	return 0;
}

int main(int argc, char **argv)
{
	sp_auto_fclose FILE *out = argc == 2 ? fopen(argv[1], "we") : NULL;

	if (!out) {
		fprintf(stderr, "usage: filter FILE.c\n");
		return 2;
	}
	fprintf(out, "/* Made by sandbox/filter; do not edit. */\n#include <linux/filter.h>\n\n#include \"sandbox/launcher/launcher.h\"\n\n");
	/* dpkg's maintainer scripts need chroot, and root in a user namespace of its own may. */
	if (write_filter(out, "app", SCMP_ACT_ERRNO(EPERM), true) < 0 || write_filter(out, "system", SCMP_ACT_ALLOW, true) < 0 ||
			write_filter(out, "worker", SCMP_ACT_ERRNO(EPERM), false) < 0 || fflush(out) != 0) {
		fprintf(stderr, "filter: the filters cannot be made\n");
		return 1;
	}
	return 0;
}
