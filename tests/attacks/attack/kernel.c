#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

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

const struct attack kernel_attacks[] = {
	A(42, i386_entry), A(43, io_uring), A(43, user_fault), A(43, user_fault_only), A(43, bpf_map), A(43, perf), A(43, key_add),
	A(43, key_ring), A(43, key_request), A(45, af_alg), A(45, af_vsock), A(45, udplite), A(45, mptcp), A(46, nl_audit),
	A(46, nl_netfilter), A(46, nl_xfrm), A(46, nl_uevent), A(46, nl_generic), A(46, nl_diag), A(46, link_change),
	A(47, classic_filter), A(47, reuseport_filter), A(47, buffer_force), A(47, mark), A(47, transparent), A(48, out_of_band),
	A(49, no_randomize), A(49, read_implies_exec), A(49, local_table), A(50, host_name), A(50, domain_name), A(50, port_access),
	A(50, kernel_log), A(50, fanotify), A(50, queue), A(50, messages), A(50, memory_policy), A(50, remap), A(51, splice_file),
	A(51, vm_splice), A(51, tee_pipe), A(64, af_packet), A(64, af_packet_dgram), A(64, raw_ip), A(64, raw_ip6), A(78, dev_loop),
	A(78, dev_fuse), A(78, dev_tun), A(78, dev_console), A(78, dev_mem), A(78, dev_port), A(78, dev_disk), A(78, cgroup_limit),
	A(78, sysfs), A(78, net_names),
	{ 0 },
};
