/*
 * What hostile or plain code tries inside a sandbox, one verb each. Static, so that it runs in any image.
 *
 *   probe calls              every denied call: "name errno"
 *   probe families           socket families and types that can be made
 *   probe entries            the i386 and x32 ways into the kernel
 *   probe x32now             the x32 way, by itself
 *   probe udp ADDR PORT      send one datagram, print the answer
 *   probe listen PORT N      accept N connections on 127.0.0.1 and answer "hello" to each
 *   probe memory MIB         touch so much memory
 *   probe threads            threads until it fails
 *   probe files              descriptors until it fails
 *   probe sockets            TCP connections to itself, full of bytes that nobody reads, until it fails
 *   probe deep N             a directory N levels deep
 *   probe fill DIR N         up to N empty files in DIR
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, long r)
{
	printf("%s %s\n", name, r < 0 ? strerrorname_np(errno) : "OK");
	fflush(stdout);
}

#define TRY(nr, ...) say(#nr, syscall(SYS_##nr, __VA_ARGS__))

static void calls(void)
{
	struct iovec iov = { &iov, 1 };
	int pair[2], on = 1;

	TRY(unshare, CLONE_NEWUSER);
	TRY(unshare, CLONE_NEWNS);
	TRY(setns, open("/proc/self/ns/mnt", O_RDONLY), 0);
	say("clone_newuser", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	say("clone_newnet_high", syscall(SYS_clone, (1ULL << 40) | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
	TRY(clone3, 0, 0);
	TRY(mount, "x", "/tmp", "tmpfs", 0, 0);
	TRY(umount2, "/proc", MNT_DETACH);
	TRY(pivot_root, "/", "/");
	TRY(chroot, "/tmp");
	TRY(fsopen, "tmpfs", 0);
	TRY(open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE);
	TRY(move_mount, -1, "", -1, "", 0);
	TRY(mount_setattr, -1, "", 0, 0, 0);
	say("mknod_block", mknod("/tmp/vda", S_IFBLK | 0666, makedev(254, 0)));
	say("mknod_null", mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)));
	say("mknod_fifo", mknod("/tmp/fifo", S_IFIFO | 0666, 0));
	TRY(io_uring_setup, 1, 0);
	TRY(bpf, 0, 0, 0);
	TRY(perf_event_open, 0, 0, 0, 0, 0);
	TRY(userfaultfd, 0);
	TRY(userfaultfd, 1);
	TRY(keyctl, 0, 0, 0, 0, 0);
	TRY(add_key, "user", "x", "y", 1, -3);
	TRY(request_key, "user", "x", 0, 0);
	TRY(ptrace, PTRACE_TRACEME, 0, 0, 0);
	TRY(process_vm_readv, getpid(), &iov, 1, &iov, 1, 0);
	TRY(process_vm_writev, getpid(), &iov, 1, &iov, 1, 0);
	TRY(pidfd_getfd, 0, 0, 0);
	TRY(kcmp, 1, 2, 0, 0, 0);
	TRY(open_by_handle_at, AT_FDCWD, 0, 0);
	TRY(name_to_handle_at, AT_FDCWD, "/", 0, 0, 0);
	TRY(kexec_load, 0, 0, 0, 0);
	TRY(init_module, 0, 0, 0);
	TRY(finit_module, 0, 0, 0);
	TRY(delete_module, 0, 0);
	TRY(reboot, 0, 0, 0, 0);
	TRY(swapon, "/", 0);
	TRY(acct, "/");
	TRY(quotactl, 0, 0, 0, 0);
	TRY(syslog, 3, 0, 0);
	TRY(settimeofday, 0, 0);
	TRY(clock_settime, 0, 0);
	TRY(iopl, 3);
	TRY(ioperm, 0, 1, 1);
	TRY(modify_ldt, 0, 0, 0);
	TRY(vmsplice, 1, 0, 0, 0);
	TRY(splice, 0, 0, 1, 0, 1, 0);
	TRY(tee, 0, 1, 1, 0);
	TRY(fanotify_init, 0, 0);
	TRY(sethostname, "x", 1);
	TRY(mq_open, "/x", 0, 0, 0);
	TRY(mbind, 0, 0, 0, 0, 0, 0);
	TRY(remap_file_pages, 0, 0, 0, 0, 0);
	say("unknown_number", syscall(999));
	say("personality_norandomize", personality(ADDR_NO_RANDOMIZE));
	say("personality_query", personality(0xffffffff));
	say("prctl_set_mm", prctl(PR_SET_MM, 1, 0, 0, 0));
	say("prctl_securebits", prctl(PR_SET_SECUREBITS, 0));
	say("tiocsti", ioctl(0, 0x5412, "x"));
	say("tiocsti_high", syscall(SYS_ioctl, 0, 0x100005412UL, "x"));
	say("setuid_root", setuid(0));
	say("setgroups", syscall(SYS_setgroups, 1, (gid_t[]){ 0 }));
	say("nice_down", setpriority(0, 0, -5) < 0 ? -1 : 0);
	say("kill_init", kill(1, SIGKILL));
	say("sched_fifo", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &(struct sched_param){ 1 }));
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	say("send_oob", send(pair[0], "x", 1, MSG_OOB));
	say("tcp_ulp", setsockopt(socket(AF_INET, SOCK_STREAM, 0), 6, 31, "tls", 3));
	say("attach_filter", setsockopt(pair[0], SOL_SOCKET, 26, &on, sizeof(on)));
	say("so_mark", setsockopt(pair[0], SOL_SOCKET, 36, &on, sizeof(on)));
	say("oom_score_down", open("/proc/self/oom_score_adj", O_WRONLY) < 0 || write(open("/proc/self/oom_score_adj", O_WRONLY), "-1000", 5) < 0 ? -1 : 0);
	say("init_fds", open("/proc/1/fd", O_RDONLY | O_DIRECTORY));
	say("init_root", open("/proc/1/root", O_RDONLY | O_DIRECTORY));
	say("sysrq", open("/proc/sysrq-trigger", O_WRONLY));
	say("core_pattern", open("/proc/sys/kernel/core_pattern", O_WRONLY));
	say("kcore", open("/proc/kcore", O_RDONLY) < 0 || read(open("/proc/kcore", O_RDONLY), pair, 4) <= 0 ? -1 : 0);
	say("dev_mem", open("/dev/mem", O_RDONLY));
	say("raise_nofile", syscall(SYS_prlimit64, 0, 7, (uint64_t[]){ 1 << 20, 1 << 20 }, 0));
	say("memfd_exec_init", open("/proc/1/exe", O_RDONLY));
}

static void families(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };

	for (int family = 0; family < 50; family++)
		for (unsigned t = 0; t < 4; t++) {
			int fd = socket(family, types[t], 0);

			if (fd >= 0) {
				printf("%d/%d\n", family, types[t]);
				close(fd);
			}
		}
	printf("sctp %s\n", socket(AF_INET, SOCK_STREAM, 132) < 0 ? strerrorname_np(errno) : "OK");
	printf("mptcp %s\n", socket(AF_INET, SOCK_STREAM, 262) < 0 ? strerrorname_np(errno) : "OK");
	printf("alg %s\n", socket(38, SOCK_SEQPACKET, 0) < 0 ? strerrorname_np(errno) : "OK");
	printf("vsock %s\n", socket(40, SOCK_STREAM, 0) < 0 ? strerrorname_np(errno) : "OK");
	printf("netfilter %s\n", socket(16, SOCK_RAW, 12) < 0 ? strerrorname_np(errno) : "OK");
	printf("packet %s\n", socket(17, SOCK_RAW, 0) < 0 ? strerrorname_np(errno) : "OK");
}

static void other_entries(void)
{
	for (int way = 0; way < 2; way++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			if (way == 0)
				syscall(0x40000000 + SYS_getpid);       /* x32 */
			else
				__asm__ volatile("int $0x80" : : "a"(20));      /* i386 getpid */
			_exit(0);
		}
		waitpid(pid, &status, 0);
		printf("%s %s\n", way ? "i386" : "x32", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "returned");
	}
}

static void udp(const char *addr, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	char answer[100] = "";
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, addr, &to.sin_addr);
	if (sendto(s, "query", 5, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		say("udp", -1);
	else if (recv(s, answer, sizeof(answer) - 1, 0) > 0)
		printf("%s\n", answer);
}

static void serve(int port, int n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 64) < 0)
		return say("listen", -1);
	printf("listening\n");
	fflush(stdout);
	while (n-- > 0) {
		int c = accept(s, NULL, NULL);

		if (write(c, "hello\n", 6) < 0)
			return;
		close(c);
	}
}

static void sockets(void)
{
	static char bytes[1 << 20];
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0), n = 0;
	long long sent = 0;

	if (bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 64) < 0 || getsockname(s, (struct sockaddr *)&at, &size) < 0)
		return say("listen", -1);
	for (;; n++) {
		int c = socket(AF_INET, SOCK_STREAM, 0);

		if (c < 0 || connect(c, (struct sockaddr *)&at, size) < 0 || accept(s, NULL, NULL) < 0)
			break;
		for (ssize_t k = 1; k > 0; sent += k > 0 ? k : 0)
			k = send(c, bytes, sizeof(bytes), MSG_DONTWAIT);
	}
	printf("%d connections %lld MiB %s\n", n, sent >> 20, strerrorname_np(errno));
	fflush(stdout);
	pause();
}

static int idle(void *arg)
{
	(void)arg;
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? atoi(argv[2]) : 0, n = 0;

	if (!strcmp(verb, "calls"))
		calls();
	else if (!strcmp(verb, "families"))
		families();
	else if (!strcmp(verb, "entries"))
		other_entries();
	else if (!strcmp(verb, "x32now"))
		syscall(0x40000000 + SYS_getpid);
	else if (!strcmp(verb, "udp"))
		udp(argv[2], atoi(argv[3]));
	else if (!strcmp(verb, "listen"))
		serve(number, atoi(argv[3]));
	else if (!strcmp(verb, "sockets"))
		sockets();
	else if (!strcmp(verb, "memory"))
		mmap(NULL, (size_t)number << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	else if (!strcmp(verb, "threads")) {
		while (n < 100000 && clone(idle, (char *)malloc(4096) + 4096, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS | CLONE_FILES, NULL) > 0)
			n++;
		printf("%d %s\n", n, strerrorname_np(errno));
		fflush(stdout);
		_exit(0);
	} else if (!strcmp(verb, "files")) {
		while (n < 1000000 && dup(0) >= 0)
			n++;
		printf("%d %s\n", n, strerrorname_np(errno));
	} else if (!strcmp(verb, "fill")) {
		int dir = open(argv[2], O_RDONLY | O_DIRECTORY), fd = dir;
		char name[32];

		for (number = atoi(argv[3]); n < number && fd >= 0; n += fd >= 0) {
			snprintf(name, sizeof(name), "f%d", n);
			fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
			if (fd >= 0)
				close(fd);
		}
		printf("%d %s\n", n, fd < 0 ? strerror(errno) : "all");
	} else if (!strcmp(verb, "deep")) {
		while (n < number && mkdir("d", 0700) == 0 && chdir("d") == 0)
			n++;
		printf("%d\n", n);
	} else
		return 2;
	return 0;
}
