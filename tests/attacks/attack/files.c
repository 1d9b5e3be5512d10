#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "attack.h"

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

const struct attack files_attacks[] = {
	A(1, shadow), A(1, host_home), A(2, mount_sources), A(3, write_usr), A(3, write_etc), A(4, core_pattern), A(4, modprobe_path),
	A(4, ip_forward), A(4, sysrq), A(4, drop_caches), A(5, timer_list), A(5, proc_keys), A(5, kcore), A(5, kallsyms), A(5, cmdline),
	A(5, interrupts), A(5, sched_debug), A(5, kmsg), A(6, init_root), A(6, init_cwd), A(6, init_fds), A(6, init_exe),
	A(6, init_environ), A(6, init_mem), A(7, leaked_fd), A(8, mknod_block), A(8, mknod_mem), A(9, mount_tmpfs), A(9, mount_proc),
	A(9, mount_bind), A(9, remount_rw), A(9, umount_proc), A(9, fs_open), A(9, fs_pick), A(9, tree_open), A(10, set_uid_file),
	A(11, pivot), A(11, change_root), A(18, handles), A(19, shm_exec), A(19, memfd_exec), A(19, memfd_exec_asked),
	{ 0 },
};
