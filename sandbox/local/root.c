#include "local.h"

enum { QUIET = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, READONLY = QUIET | MOUNT_ATTR_RDONLY };

/* Of the host, read-only: the programs, and what of /etc they need. None is there on every machine. */
static const struct { const char *at; uint64_t attrs; } shared[] = {
	{ "usr", READONLY }, { "bin", READONLY }, { "sbin", READONLY }, { "lib", READONLY }, { "lib64", READONLY }, { "etc/alternatives", READONLY },
	{ "etc/ssl", READONLY }, { "etc/ca-certificates", READONLY }, { "etc/fonts", READONLY }, { "etc/ld.so.cache", READONLY },
	{ "etc/localtime", READONLY }, { "etc/mime.types", READONLY }, { "etc/nsswitch.conf", READONLY }, { "etc/python3.11", READONLY } };
static const char *const devices[] = { "dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom", "dev/tty" };
enum { DEVICE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };

static int tree_open(const char *path, uint64_t attrs, int *ret, struct sp_err *e)
{
	sp_auto_close int fd = open(path, O_PATH | O_CLOEXEC);
	int r = fd < 0 ? sp_fail(e, SP_EIO, errno, "open") : tree_clone(fd, -1, attrs, ret, e);

	return r < 0 ? sp_err_wrap(e, r, "%.100s", path) : 0;
}

static int bind_tree(const char *at, int tree, uint64_t attrs, struct sp_err *e)
{
	struct stat st;
	int r = fstat(tree, &st) < 0 ? sp_fail(e, SP_EIO, errno, "stat /%s", at) : make_path(AT_FDCWD, at, !S_ISDIR(st.st_mode), getuid(), e);

	return r ?: bind_at(AT_FDCWD, at, tree, attrs, e);
}

static int put(const char *at, const char *text, struct sp_err *e)
{
	sp_auto_close int fd = open(at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	return fd < 0 || dprintf(fd, "%s", text) < 0 ? sp_fail(e, SP_EIO, errno, "write /%s", at) : 0;
}

/* HOST[i]: a tree of shared[i], -1: not there or a link, which is made again. */
static int open_shared(int *host, struct sp_err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SP_COUNT(shared); i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/%s", shared[i].at);
		host[i] = -1;
		if (stat(path, &st) == 0 && (strchr(shared[i].at, '/') || (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode))))
			r = tree_open(path, shared[i].attrs, &host[i], e);
	}
	return r;
}

static int put_shared(const int *host, struct sp_err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SP_COUNT(shared); i++) {
		char path[64], link[128];
		ssize_t n;

		if (host[i] >= 0) {
			r = bind_tree(shared[i].at, host[i], shared[i].attrs, e);
			continue;
		}
		snprintf(path, sizeof(path), "/%s", shared[i].at);
		n = strchr(shared[i].at, '/') ? -1 : readlink(path, link, sizeof(link) - 1);
		if (n > 0) {
			link[n] = '\0';
			r = symlink(link, shared[i].at) < 0 ? sp_fail(e, SP_EIO, errno, "link /%s", shared[i].at) : 0;
		}
	}
	return r;
}

/* The host's own nodes: an ordinary user cannot make any. */
static int put_devices(const int *nodes, struct sp_err *e)
{
	static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" }, { "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" } };
	sp_auto_close int dev = -1;
	int r = mount_at(AT_FDCWD, "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k", e);

	for (unsigned i = 0; r == 0 && i < SP_COUNT(links); i++)
		r = symlink(links[i][0], links[i][1]) < 0 ? sp_fail(e, SP_EIO, errno, "make /%s", links[i][1]) : 0;
	for (unsigned i = 0; r == 0 && i < SP_COUNT(devices); i++)
		r = make_path(AT_FDCWD, devices[i], true, getuid(), e);
	r = r ?: make_path(AT_FDCWD, "dev/shm", false, getuid(), e);
	dev = open("dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = r ?: mount_readonly(dev, e);
	for (unsigned i = 0; r == 0 && i < SP_COUNT(devices); i++)
		r = bind_at(AT_FDCWD, devices[i], nodes[i], DEVICE, e);
	return r ?: mount_at(AT_FDCWD, "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m,nr_inodes=65536", e);
}

/* What the app writes beside its code is thrown away with it: the layer above the user's folder is memory. */
static int put_app(int app, struct sp_err *e)
{
	int r;

	if (mount("tmpfs", "u", "tmpfs", MS_NOSUID | MS_NODEV, "size=1g,nr_inodes=262144,mode=0755") < 0 || mkdir("u/up", 0755) < 0 || mkdir("u/work", 0755) < 0 ||
			move_mount(app, "", AT_FDCWD, "a", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return sp_fail(e, SP_EIO, errno, "layers of the app's folder");
	r = mount_at(AT_FDCWD, "home/user/app", "overlay", MS_NOSUID | MS_NODEV, "lowerdir=a,upperdir=u/up,workdir=u/work,userxattr,volatile", e);
	if (r == 0 && (umount2("u", MNT_DETACH) < 0 || umount2("a", MNT_DETACH) < 0 || rmdir("u") < 0 || rmdir("a") < 0))
		return sp_fail(e, SP_EIO, errno, "detach the layers");
	return r;
}

static int put_files(const struct local *lo, int hosts_resolver, struct sp_err *e)
{
	int r = put("etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\nuser:x:1000:1000::/home/user:/bin/sh\n"
		"nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n", e);

	r = r ?: put("etc/group", "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n", e);
	r = r ?: put("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n", e);
	if (r == 0 && lo->network && hosts_resolver >= 0)
		return bind_tree("etc/resolv.conf", hosts_resolver, READONLY, e);
	return r ?: put("etc/resolv.conf", "nameserver 127.0.0.1\n", e);
}

static int fill(const struct local *lo, const int *host, const int *nodes, const int *binds, int app, int resolver, struct sp_err *e)
{
	static const char *const dirs[] = { "a", "u", "e", "etc", "dev", "proc", "tmp", "home", "home/user" };
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SP_COUNT(dirs); i++)
		r = make_path(AT_FDCWD, dirs[i], false, getuid(), e);
	r = r ?: put_shared(host, e);
	r = r ?: put_files(lo, resolver, e);
	r = r ?: put_devices(nodes, e);
	r = r ?: mount_at(AT_FDCWD, "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2", e);
	r = r ?: proc_mask(e);
	r = r ?: mount_at(AT_FDCWD, "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=1g,nr_inodes=262144", e);
	r = r ?: mount_at(AT_FDCWD, "home/user", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1g,nr_inodes=262144", e);
	r = r ?: make_path(AT_FDCWD, "home/user/app", false, getuid(), e);
	for (unsigned i = 0; r == 0 && i < lo->nbinds; i++)     /* one that lies in the user's home goes where it is: /home is seen, /home/NAME is not */
		r = bind_tree(lo->binds[i] + 1, binds[i], READONLY, e);
	r = r ?: put_app(app, e);
	return r == 0 && rmdir("e") < 0 ? sp_fail(e, SP_EIO, errno, "empty folder") : r;
}

/* All that is bound is opened first: the new root covers /tmp, where it may lie. */
int local_root(const struct local *lo, struct sp_err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	int host[SP_COUNT(shared)], nodes[SP_COUNT(devices)], binds[LOCAL_BINDS_MAX], app = -1, resolver = -1, root, r;
	char path[64];

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return sp_fail(e, SP_EIO, errno, "private mounts");
	r = open_shared(host, e);
	for (unsigned i = 0; r == 0 && i < SP_COUNT(devices); i++) {
		snprintf(path, sizeof(path), "/%s", devices[i]);
		r = tree_open(path, DEVICE, &nodes[i], e);
	}
	for (unsigned i = 0; r == 0 && i < lo->nbinds; i++)
		r = tree_open(lo->binds[i], READONLY, &binds[i], e);
	r = r ?: tree_open(lo->app, READONLY, &app, e);
	if (r == 0 && lo->network && access("/etc/resolv.conf", R_OK) == 0)
		r = tree_open("/etc/resolv.conf", READONLY, &resolver, e);
	if (r == 0 && (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=0755") < 0 || chdir("/tmp") < 0))
		r = sp_fail(e, SP_EIO, errno, "mount root");
	if (r < 0)
		return r;
	mounts_note("", "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY);
	r = fill(lo, host, nodes, binds, app, resolver, e);
	root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = r ?: mounts_pivot(root, e);
	return r == 0 && mount_setattr(AT_FDCWD, "/", 0, &readonly, sizeof(readonly)) < 0 ? sp_fail(e, SP_EIO, errno, "make the root read-only") : r;
}
