/*
 * The Landlock step alone: a child with all of root's capabilities, no namespace but its mounts', no filter. What is refused here is
 * refused by Landlock; each attempt succeeds in the same child before the step, so that the refusal is its doing.
 */
#include <linux/landlock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cmocka.h>

#include "sandbox/launcher/launcher.h"

/* Each returns 0 or an errno, and can be repeated. HOST: a descriptor of the root that was left behind. */
struct world { int host; pid_t parent; struct sockaddr_un name; socklen_t name_size; };

static int done(int rc)
{
	return rc < 0 ? errno : 0;
}

static int open_at(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int read_host(const struct world *w) { return open_at(w->host, "etc/passwd", O_RDONLY); }
static int list_host(const struct world *w) { return open_at(w->host, "etc", O_RDONLY | O_DIRECTORY); }
static int write_etc(const struct world *w SP_UNUSED) { return open_at(AT_FDCWD, "/etc/shadow", O_WRONLY | O_CREAT); }
static int truncate_etc(const struct world *w SP_UNUSED) { return done(truncate("/etc/passwd", 0)); }
static int make_folder(const struct world *w SP_UNUSED) { return done(mkdir("/usr/new", 0755)) ?: done(rmdir("/usr/new")); }
static int rename_out(const struct world *w SP_UNUSED)
{
	return done(rename("/home/file", "/etc/file")) ?: done(rename("/etc/file", "/home/file"));
}

static int make_device(const struct world *w SP_UNUSED)
{
	return done(mknod("/home/disk", S_IFBLK | 0600, makedev(7, 0))) ?: done(unlink("/home/disk"));
}

static int mount_more(const struct world *w SP_UNUSED)
{
	return done(mount("tmpfs", "/tmp", "tmpfs", 0, NULL)) ?: done(umount2("/tmp", MNT_DETACH));
}

static int signal_parent(const struct world *w) { return done(kill(w->parent, 0)); }

static int dial_abstract(const struct world *w)
{
	sp_auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return done(connect(s, (const struct sockaddr *)&w->name, w->name_size));
}

static int rename_between(const struct world *w SP_UNUSED)
{
	return done(rename("/home/file", "/home/sub/file")) ?: done(rename("/home/sub/file", "/home/file"));
}

static int write_home(const struct world *w SP_UNUSED) { return open_at(AT_FDCWD, "/home/new", O_RDWR | O_CREAT | O_TRUNC); }
static int write_null(const struct world *w SP_UNUSED) { return open_at(AT_FDCWD, "/dev/null", O_RDWR | O_TRUNC); }
static int write_tree(const struct world *w SP_UNUSED) { return open_at(AT_FDCWD, "/data/new", O_RDWR | O_CREAT | O_TRUNC); }
static int write_out(const struct world *w SP_UNUSED) { return open_at(AT_FDCWD, "/out", O_RDWR | O_TRUNC); }
static int read_etc(const struct world *w SP_UNUSED) { return open_at(AT_FDCWD, "/etc/passwd", O_RDONLY); }
static int write_fd(const struct world *w SP_UNUSED)
{
	sp_auto_close int fd = memfd_create("x", MFD_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_at(AT_FDCWD, path, O_RDWR);
}

/* By ABI: what an older kernel's Landlock does not know, it lets pass. SYSTEM: the answer for dpkg's profile. */
static const struct attempt { const char *name; int (*run)(const struct world *w); int expected, system; long since; } attempts[] = {
	{ "read a file by a host descriptor", read_host, EACCES, EACCES, 2 }, { "list a host folder", list_host, EACCES, EACCES, 2 },
	{ "write /etc", write_etc, EACCES, 0, 2 }, { "truncate /etc/passwd", truncate_etc, EACCES, 0, 3 }, { "make a folder", make_folder, EACCES, 0, 2 },
	{ "rename out of /home", rename_out, EACCES, 0, 2 },
	{ "make a device", make_device, EACCES, EACCES, 2 }, { "mount", mount_more, EPERM, EPERM, 2 }, { "signal the parent", signal_parent, EPERM, EPERM, 6 },
	{ "dial an abstract socket outside", dial_abstract, EPERM, EPERM, 6 }, { "rename between folders", rename_between, 0, 0, 2 },
	{ "write /home", write_home, 0, 0, 2 }, { "write /dev/null", write_null, 0, 0, 2 }, { "write a bound folder", write_tree, 0, 0, 2 },
	{ "write a bound file", write_out, 0, 0, 2 }, { "read /etc", read_etc, 0, 0, 2 }, { "open an own memfd again", write_fd, 0, 0, 2 },
};

static void put(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "x", 1) != 1)
		_exit(100);
	close(fd);
}

/* A small root on a tmpfs of this child's own mount namespace. */
static void enter_root(struct world *w)
{
	static const char *const dirs[] = { "etc", "home", "home/sub", "tmp", "usr", "dev", "dev/shm", "proc", "data" };

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(101);
	w->host = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0)
		_exit(101);
	for (unsigned i = 0; i < SP_COUNT(dirs); i++)
		if (mkdir(dirs[i], 0755) < 0)
			_exit(102);
	put("etc/passwd");
	put("home/file");
	put("dev/null");
	put("out");
	if (mount("/dev/null", "dev/null", NULL, MS_BIND, NULL) < 0 || mount("/proc", "proc", NULL, MS_BIND, NULL) < 0 || chroot(".") < 0)
		_exit(103);
}

static void attack(uint32_t profile, struct world *w, int answers[][2])
{
	struct launch_start start = { .profile = profile };
	struct plan p = { .start = &start, .trees = { { .at = "data" }, { .at = "out" } }, .ntrees = 2 };
	struct sp_err e;

	enter_root(w);
	for (unsigned i = 0; i < SP_COUNT(attempts); i++)
		answers[i][0] = attempts[i].run(w);
	if (step_landlock(&p, &e) < 0)
		_exit(104);
	for (unsigned i = 0; i < SP_COUNT(attempts); i++)
		answers[i][1] = attempts[i].run(w);
	_exit(0);
}

static void each_attempt_is_answered(uint32_t profile)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct world w = { .parent = getpid(), .name = { .sun_family = AF_UNIX } };
	sp_auto_close int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int (*answers)[2] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;
	pid_t pid;

	if (abi < 2 || geteuid() != 0)
		skip();
	w.name_size = sizeof(w.name);
	assert_true(answers != MAP_FAILED);
	assert_return_code(bind(door, (struct sockaddr *)&w.name, sizeof(sa_family_t)), errno);        /* a name of the kernel's choice */
	assert_return_code(getsockname(door, (struct sockaddr *)&w.name, &w.name_size), errno);
	assert_return_code(listen(door, 8), errno);
	pid = fork();
	if (pid == 0)
		attack(profile, &w, answers);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (unsigned i = 0; i < SP_COUNT(attempts); i++) {
		const struct attempt *a = &attempts[i];
		int expected = abi < a->since ? 0 : profile == PROFILE_SYSTEM ? a->system : a->expected;

		if (answers[i][0] != 0 || answers[i][1] != expected)
			fail_msg("%s: before %s, with Landlock %s", a->name, strerror(answers[i][0]), strerror(answers[i][1]));
	}
	munmap(answers, 4096);
}

static void an_app_is_held_by_landlock_alone(void **state SP_UNUSED)
{
	each_attempt_is_answered(PROFILE_RUN);
}

static void a_build_step_of_dpkg_writes_its_root_and_no_more(void **state SP_UNUSED)
{
	each_attempt_is_answered(PROFILE_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_app_is_held_by_landlock_alone),
		cmocka_unit_test(a_build_step_of_dpkg_writes_its_root_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
