/*
 * Attacks as one static program: each is a function that says 0 when it got what it should never get.
 *
 *   attack all        every attack in a child of its own: "number name OK" or "number name ERRNO"
 *   attack victim     another tenant: sockets, shared memory, files, a secret in its environment; "ready", then waits
 *   attack rootcheck  status 0 when it runs as root (what a setuid copy of this file would be)
 *
 * Harmless by construction: where an effect would reach a machine's owner, opening or asking is the proof. Numbers are those of
 * the catalogue in docs/attacks.md.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VICTIM_PORT = 7999, VICTIM_SHM = 0x5150 };
#define ABSTRACT "\0vitrine-attack-victim"

static int fail(int error)
{
	errno = error;
	return -1;
}

static int opens(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC) < 0 ? -1 : 0;
}

static int reads(const char *path)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -1 : read(fd, text, sizeof(text)) <= 0 ? fail(errno ? errno : ENODATA) : 0;
}

static int sets_up(int family, int type, int protocol)
{
	return socket(family, type, protocol) < 0 ? -1 : 0;
}

static int option(int family, int type, int level, int name, const void *value, socklen_t len)
{
	int fd = socket(family, type, 0);

	return fd < 0 ? -1 : setsockopt(fd, level, name, value, len);
}

/* What attacks on mounts do, they do to a copy where they can have one. */
static void private(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static pid_t victim(void)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *at = d ? readdir(d) : NULL; at && !found; at = readdir(d)) {
		char path[300], text[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", at->d_name);
		f = atoi(at->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		if (fread(text, 1, sizeof(text) - 1, f) > 7 && strcmp(text + strlen(text) + 1, "victim") == 0)
			found = (pid_t)atoi(at->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
	errno = ESRCH;
	return found;
}

static int victim_file(const char *name, int flags)
{
	char path[64];
	pid_t pid = victim();

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return pid ? opens(path, flags) : -1;
}

/* ---- files ---- */
static int shadow(void) { return reads("/etc/shadow"); }
static int host_home(void) { return opens("/root/.", O_RDONLY | O_DIRECTORY); }
static int write_usr(void) { return opens("/usr/attack", O_WRONLY | O_CREAT); }
static int write_etc(void) { return opens("/etc/attack", O_WRONLY | O_CREAT); }
static int core_pattern(void) { return opens("/proc/sys/kernel/core_pattern", O_WRONLY); }
static int modprobe_path(void) { return opens("/proc/sys/kernel/modprobe", O_WRONLY); }
static int ip_forward(void) { return opens("/proc/sys/net/ipv4/ip_forward", O_WRONLY); }
static int sysrq(void) { return opens("/proc/sysrq-trigger", O_WRONLY); }
static int drop_caches(void) { return opens("/proc/sys/vm/drop_caches", O_WRONLY); }
static int timer_list(void) { return reads("/proc/timer_list"); }
static int proc_keys(void) { return opens("/proc/keys", O_RDONLY) < 0 ? -1 : syscall(SYS_add_key, "user", "k", "v", 1, -3) < 0 ? -1 : reads("/proc/keys"); }
static int kcore(void) { return reads("/proc/kcore"); }
static int cmdline(void) { return reads("/proc/cmdline"); }
static int interrupts(void) { return reads("/proc/interrupts"); }
static int sched_debug(void) { return reads("/proc/kpagecount"); }
static int kmsg(void) { return opens("/dev/kmsg", O_RDONLY | O_NONBLOCK); }
static int init_root(void) { return opens("/proc/1/root/.", O_RDONLY | O_DIRECTORY); }
static int init_cwd(void) { return opens("/proc/1/cwd/.", O_RDONLY | O_DIRECTORY); }
static int init_fds(void) { return opens("/proc/1/fd", O_RDONLY | O_DIRECTORY); }
static int init_exe(void) { return opens("/proc/1/exe", O_RDONLY); }
static int init_environ(void) { return opens("/proc/1/environ", O_RDONLY); }
static int init_mem(void) { return opens("/proc/1/mem", O_RDWR); }

static int kallsyms(void)
{
	char line[256] = "";
	FILE *f = fopen("/proc/kallsyms", "re");

	return !f ? -1 : !fgets(line, sizeof(line), f) || strncmp(line, "0000000000000000", 16) == 0 ? fail(ENODATA) : 0;
}

static int mount_sources(void)
{
	char line[4096];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "dir=/") || (strstr(line, " - ") && strstr(strstr(line, " - "), " /")))       /* a folder or the disk of the host */
			return 0;
	return fail(ENOENT);
}

static int leaked_fd(void)
{
	for (int fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	return -1;
}

static int mknod_block(void)
{
	return mknod("/tmp/disk", S_IFBLK | 0600, makedev(7, 0)) < 0 ? -1 : opens("/tmp/disk", O_RDONLY | O_NONBLOCK);
}

static int mknod_mem(void)
{
	return mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1));
}

static int mount_tmpfs(void)
{
	private();
	return mount("x", "/tmp", "tmpfs", 0, NULL);
}

static int mount_proc(void)
{
	private();
	return mount("x", "/tmp", "proc", 0, NULL);
}

static int mount_bind(void)
{
	private();
	return mount("/", "/tmp", NULL, MS_BIND, NULL);
}

static int remount_rw(void)
{
	private();
	return mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND, NULL);
}

static int umount_proc(void)
{
	private();
	return umount2("/proc", MNT_DETACH);
}

static int pivot(void)
{
	private();
	return (int)syscall(SYS_pivot_root, "/tmp", "/tmp");
}

static int fs_open(void) { return syscall(SYS_fsopen, "tmpfs", 0) < 0 ? -1 : 0; }
static int tree_open(void) { return syscall(SYS_open_tree, AT_FDCWD, "/tmp", 1 /* OPEN_TREE_CLONE */) < 0 ? -1 : 0; }
static int fs_pick(void) { return syscall(SYS_fspick, AT_FDCWD, "/tmp", 0) < 0 ? -1 : 0; }
static int change_root(void) { return chroot("/tmp"); }

static int handles(void)
{
	struct { struct file_handle h; unsigned char room[128]; } at = { .h = { .handle_bytes = 128 } };
	int id, dir = open("/tmp", O_RDONLY | O_DIRECTORY);

	return name_to_handle_at(dir, "", &at.h, &id, AT_EMPTY_PATH) < 0 ? -1 : open_by_handle_at(dir, &at.h, O_RDONLY) < 0 ? -1 : 0;
}

static int set_uid_file(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
			_exit(2);
		execl("/bin/suid", "suid", "rootcheck", (char *)NULL);
		_exit(3);
	}
	waitpid(pid, &status, 0);
	return status == 0 ? 0 : fail(EPERM);
}

static int shm_exec(void)
{
	int fd = open("/dev/shm/x", O_RDWR | O_CREAT | O_CLOEXEC, 0700);

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return -1;
	unlink("/dev/shm/x");
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int memfd_runs(unsigned flags)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = memfd_create("x", flags), status;
	char text[65536];
	pid_t pid;

	if (self < 0 || fd < 0)
		return -1;
	for (ssize_t n; (n = read(self, text, sizeof(text))) > 0; )
		if (write(fd, text, (size_t)n) != n)
			return -1;
	pid = fork();
	if (pid == 0) {
		execveat(fd, "", (char *const[]){ (char[]){ "x" }, (char[]){ "hello" }, NULL }, environ, AT_EMPTY_PATH);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : fail(WEXITSTATUS(status));
}

static int memfd_exec(void) { return memfd_runs(0); }
static int memfd_exec_asked(void) { return memfd_runs(0x10 /* MFD_EXEC */); }

/* ---- processes ---- */
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

/* ---- the kernel's interface ---- */
static int io_uring(void) { struct io_uring_params p = { 0 }; return syscall(SYS_io_uring_setup, 1, &p) < 0 ? -1 : 0; }
static int user_fault(void) { return syscall(SYS_userfaultfd, 0) < 0 ? -1 : 0; }
static int user_fault_only(void) { return syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */) < 0 ? -1 : 0; }

static int bpf_map(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)) < 0 ? -1 : 0;
}

static int perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_CPU_CLOCK };

	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0) < 0 ? -1 : 0;
}

static int key_add(void) { return syscall(SYS_add_key, "user", "k", "v", 1, -3) < 0 ? -1 : 0; }
static int key_ring(void) { return syscall(SYS_keyctl, 0, -3, 1) < 0 ? -1 : 0; }
static int key_request(void) { return syscall(SYS_add_key, "user", "asked", "v", 1, -3) < 0 ? -1 : syscall(SYS_request_key, "user", "asked", 0, -3) < 0 ? -1 : 0; }
static int af_alg(void) { return sets_up(38, SOCK_SEQPACKET, 0); }
static int af_vsock(void) { return sets_up(40, SOCK_STREAM, 0); }
static int af_packet(void) { return sets_up(AF_PACKET, SOCK_RAW, 0); }
static int af_packet_dgram(void) { return sets_up(AF_PACKET, SOCK_DGRAM, 0); }
static int raw_ip(void) { return sets_up(AF_INET, SOCK_RAW, 1); }
static int raw_ip6(void) { return sets_up(AF_INET6, SOCK_RAW, 58); }
static int udplite(void) { return sets_up(AF_INET, SOCK_DGRAM, 136); }
static int mptcp(void) { return sets_up(AF_INET, SOCK_STREAM, 262); }
static int nl_audit(void) { return sets_up(AF_NETLINK, SOCK_RAW, 9); }
static int nl_netfilter(void) { return sets_up(AF_NETLINK, SOCK_RAW, 12); }
static int nl_xfrm(void) { return sets_up(AF_NETLINK, SOCK_RAW, 6); }
static int nl_uevent(void) { return sets_up(AF_NETLINK, SOCK_RAW, 15); }
static int nl_generic(void) { return sets_up(AF_NETLINK, SOCK_RAW, 16); }
static int nl_diag(void) { return sets_up(AF_NETLINK, SOCK_RAW, 4); }

static int link_change(void)
{
	struct ifreq q = { .ifr_name = "lo", .ifr_mtu = 60000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? -1 : ioctl(fd, 0x8922 /* SIOCSIFMTU */, &q);
}

static int classic_filter(void)
{
	struct sock_filter all = { BPF_RET | BPF_K, 0, 0, UINT32_MAX };
	struct sock_fprog p = { 1, &all };

	return option(AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
}

static int reuseport_filter(void)
{
	struct sock_filter all = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog p = { 1, &all };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ? -1 :
		setsockopt(fd, SOL_SOCKET, 51 /* SO_ATTACH_REUSEPORT_CBPF */, &p, sizeof(p));
}

static int buffer_force(void) { return option(AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 1 << 28 }, sizeof(int)); }
static int mark(void) { return option(AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_MARK, &(int){ 1 }, sizeof(int)); }
static int transparent(void) { return option(AF_INET, SOCK_STREAM, 0, 19 /* IP_TRANSPARENT */, &(int){ 1 }, sizeof(int)); }

static int out_of_band(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? -1 : send(pair[0], "x", 1, MSG_OOB) < 0 ? -1 : 0;
}

static int no_randomize(void) { return personality(ADDR_NO_RANDOMIZE) < 0 ? -1 : 0; }
static int read_implies_exec(void) { return personality(READ_IMPLIES_EXEC) < 0 ? -1 : 0; }
static int local_table(void) { char room[64]; return syscall(SYS_modify_ldt, 0, room, sizeof(room)) < 0 ? -1 : 0; }
static int host_name(void) { return sethostname("attack", 6); }
static int domain_name(void) { return setdomainname("attack", 6); }
static int port_access(void) { return syscall(SYS_ioperm, 0x80, 1, 1) < 0 ? -1 : 0; }
static int kernel_log(void) { return syscall(SYS_syslog, 10, 0, 0) < 0 ? -1 : 0; }
static int fanotify(void) { return syscall(SYS_fanotify_init, 0, O_RDONLY) < 0 ? -1 : 0; }
static int queue(void) { return syscall(SYS_mq_open, "attack", O_CREAT | O_RDWR, 0600, NULL) < 0 ? -1 : 0; }
static int messages(void) { return syscall(SYS_msgget, 0x5151, 01000 | 0600) < 0 ? -1 : 0; }

static int splice_file(void)
{
	int pair[2], fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 || pipe(pair) < 0 ? -1 : splice(fd, NULL, pair[1], NULL, 1, 0) != 1 ? -1 : 0;
}

static int vm_splice(void)
{
	int pair[2];
	struct iovec page = { &pair, sizeof(pair) };

	return pipe(pair) < 0 ? -1 : vmsplice(pair[1], &page, 1, 0) < 0 ? -1 : 0;
}

static int tee_pipe(void)
{
	int a[2], b[2];

	return pipe(a) < 0 || pipe(b) < 0 || write(a[1], "x", 1) != 1 ? -1 : tee(a[0], b[1], 1, 0) != 1 ? -1 : 0;
}

static int memory_policy(void) { return syscall(SYS_set_mempolicy, 0, NULL, 0) < 0 ? -1 : 0; }
static int remap(void)
{
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return remap_file_pages(at, 4096, 0, 1, 0);
}

static int i386_entry(void)
{
	long r = 20;            /* getpid */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r == getpid() ? 0 : fail(r < 0 ? (int)-r : EINVAL);
}

/* ---- devices and control groups ---- */
static int dev_mem(void) { return opens("/dev/mem", O_RDONLY); }
static int dev_port(void) { return opens("/dev/port", O_RDONLY); }
static int dev_loop(void) { return opens("/dev/loop-control", O_RDWR); }
static int dev_fuse(void) { return opens("/dev/fuse", O_RDWR); }
static int dev_tun(void) { return opens("/dev/net/tun", O_RDWR); }
static int dev_console(void) { return opens("/dev/console", O_RDONLY | O_NOCTTY | O_NONBLOCK); }

static int dev_disk(void)
{
	static const char *const disks[] = { "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0" };

	for (unsigned i = 0; i < 4; i++)
		if (opens(disks[i], O_RDONLY | O_NONBLOCK) == 0)
			return 0;
	return -1;
}

static int cgroup_limit(void)
{
	static const char *const files[] = { "/sys/fs/cgroup/memory/memory.soft_limit_in_bytes", "/sys/fs/cgroup/cgroup.subtree_control" };

	return opens(files[0], O_WRONLY) == 0 ? 0 : opens(files[1], O_WRONLY);
}

static int sysfs(void) { return opens("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY) == 0 ? 0 : opens("/sys/kernel/uevent_seqnum", O_RDONLY); }
static int net_names(void) { return opens("/sys/class/net", O_RDONLY | O_DIRECTORY); }

/* ---- another tenant ---- */
static int dials(int family, const void *at, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, at, len);
}

static int abstract_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = ABSTRACT };

	return dials(AF_UNIX, &at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(ABSTRACT) - 1));
}

static int path_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/tmp/victim.sock" };

	return dials(AF_UNIX, &at, sizeof(at));
}

static int loopback(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return dials(AF_INET, &at, sizeof(at));
}

static int any_address(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT) };

	return dials(AF_INET, &at, sizeof(at));
}

static int mapped_address(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(VICTIM_PORT) };

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &at.sin6_addr);
	return dials(AF_INET6, &at, sizeof(at));
}

static int port_taken(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	/* The same port must be free: if it is not, the two share a network. */
	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at)) < 0 && errno == EADDRINUSE ? 0 : fail(ENOENT);
}

static int system_shm(void) { return shmget(VICTIM_SHM, 4096, 0) < 0 ? -1 : 0; }
static int posix_shm(void) { return opens("/dev/shm/victim", O_RDWR); }
static int tmp_file(void) { return opens("/tmp/victim", O_RDWR); }
static int var_file(void) { return opens("/var/tmp/victim", O_RDWR); }
static int home_file(void) { return opens("/home/victim", O_RDWR); }

static const struct { int number; const char *name; int (*run)(void); } attacks[] = {
#define A(number, name) { number, #name, name }
	A(1, shadow), A(1, host_home), A(2, mount_sources), A(3, write_usr), A(3, write_etc), A(4, core_pattern), A(4, modprobe_path), A(4, ip_forward),
	A(4, sysrq), A(4, drop_caches), A(5, timer_list), A(5, proc_keys), A(5, kcore), A(5, kallsyms), A(5, cmdline), A(5, interrupts), A(5, sched_debug),
	A(5, kmsg), A(6, init_root), A(6, init_cwd), A(6, init_fds), A(6, init_exe), A(6, init_environ), A(6, init_mem), A(7, leaked_fd), A(8, mknod_block),
	A(8, mknod_mem), A(9, mount_tmpfs), A(9, mount_proc), A(9, mount_bind), A(9, remount_rw), A(9, umount_proc), A(9, fs_open), A(9, fs_pick),
	A(9, tree_open), A(10, set_uid_file), A(11, pivot), A(11, change_root), A(17, posix_shm), A(17, tmp_file), A(17, var_file), A(17, home_file),
	A(18, handles), A(19, shm_exec), A(19, memfd_exec), A(19, memfd_exec_asked), A(24, signals_victim), A(24, victim_pidfd), A(25, sees_victim),
	A(25, victim_maps), A(26, trace_me), A(26, trace_child), A(26, victim_trace), A(26, victim_mem), A(27, victim_reads), A(27, victim_steals_fd),
	A(27, vm_write), A(27, compare), A(27, madvise_other), A(31, become_root), A(31, groups), A(31, capabilities), A(31, bounding), A(32, new_privs),
	A(32, secure_bits), A(32, set_mm), A(33, unshare_user), A(33, unshare_mounts), A(33, unshare_time), A(33, clone_user), A(33, clone_net),
	A(33, clone_cgroup), A(33, clone3_user), A(36, oom_score), A(37, nicer), A(37, real_time), A(37, io_real_time), A(37, more_files), A(37, victim_nice),
	A(37, victim_affinity), A(37, victim_limit), A(38, core_dumps), A(40, tiocsti), A(40, tiocsti_high), A(40, line_discipline), A(42, i386_entry),
	A(43, io_uring), A(43, user_fault), A(43, user_fault_only), A(43, bpf_map), A(43, perf), A(43, key_add), A(43, key_ring), A(43, key_request),
	A(44, set_ns), A(44, ns_owner), A(45, af_alg), A(45, af_vsock), A(45, udplite), A(45, mptcp), A(46, nl_audit), A(46, nl_netfilter), A(46, nl_xfrm),
	A(46, nl_uevent), A(46, nl_generic), A(46, nl_diag), A(46, link_change), A(47, classic_filter), A(47, reuseport_filter), A(47, buffer_force),
	A(47, mark), A(47, transparent), A(48, out_of_band), A(49, no_randomize), A(49, read_implies_exec), A(49, local_table), A(50, host_name),
	A(50, domain_name), A(50, port_access), A(50, kernel_log), A(50, fanotify), A(50, queue), A(50, messages), A(50, memory_policy), A(50, remap),
	A(51, splice_file), A(51, vm_splice), A(51, tee_pipe), A(58, loopback), A(59, any_address), A(59, mapped_address), A(60, abstract_socket),
	A(60, path_socket), A(60, port_taken), A(60, system_shm), A(64, af_packet), A(64, af_packet_dgram), A(64, raw_ip), A(64, raw_ip6), A(78, dev_loop),
	A(78, dev_fuse), A(78, dev_tun), A(78, dev_console), A(78, dev_mem), A(78, dev_port), A(78, dev_disk), A(78, cgroup_limit), A(78, sysfs),
	A(78, net_names), A(87, victim_environ), A(87, victim_root), A(87, victim_fds),
};

static void try_one(unsigned i)
{
	int status, r;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(10);
		errno = 0;
		r = attacks[i].run();
		_exit(r == 0 ? 0 : errno ? errno : 255);
	}
	waitpid(pid, &status, 0);
	printf("%d %s %s\n", attacks[i].number, attacks[i].name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) :
		WEXITSTATUS(status) == 0 ? "OK" : WEXITSTATUS(status) == 255 ? "nothing" : strerrorname_np(WEXITSTATUS(status)));
	fflush(stdout);
}

static int wait_as_victim(void)
{
	struct sockaddr_un hidden = { .sun_family = AF_UNIX, .sun_path = ABSTRACT }, path = { .sun_family = AF_UNIX, .sun_path = "/tmp/victim.sock" };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT) };
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	static const char *const files[] = { "/dev/shm/victim", "/tmp/victim", "/var/tmp/victim", "/home/victim" };

	setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(a, (struct sockaddr *)&hidden, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(ABSTRACT) - 1)) < 0 || listen(a, 64) < 0 ||
			bind(b, (struct sockaddr *)&path, sizeof(path)) < 0 || listen(b, 64) < 0 || bind(c, (struct sockaddr *)&at, sizeof(at)) < 0 ||
			listen(c, 64) < 0 || shmget(VICTIM_SHM, 4096, IPC_CREAT | 0666) < 0) {
		perror("victim");
		return 1;
	}
	for (unsigned i = 0; i < 4; i++)
		if (open(files[i], O_RDWR | O_CREAT, 0666) < 0 && i < 2)
			perror(files[i]);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "hello") == 0)
		return 0;
	if (strcmp(what, "rootcheck") == 0)
		return geteuid() != 0;
	if (strcmp(what, "victim") == 0)
		return wait_as_victim();
	for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		try_one(i);
	return 0;
}
