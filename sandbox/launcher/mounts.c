#include <linux/openat2.h>
#include <linux/securebits.h>

#include "launcher.h"

/* World-readable things in /proc that an app has no business with; what only root may open needs no mask. */
static const char *const masked[] = { "proc/acpi", "proc/asound", "proc/bus", "proc/cmdline", "proc/config.gz", "proc/diskstats", "proc/driver",
	"proc/fs", "proc/interrupts", "proc/iomem", "proc/ioports", "proc/irq", "proc/kallsyms", "proc/kcore", "proc/key-users", "proc/keys",
	"proc/latency_stats", "proc/modules", "proc/mtrr", "proc/partitions", "proc/sched_debug", "proc/scsi", "proc/softirqs", "proc/swaps",
	"proc/sysrq-trigger", "proc/timer_list", "proc/tty", "proc/zoneinfo" };

enum { MADE_MAX = TREES_MAX + SP_COUNT(masked) + 8 };
/* The mounts of this child's root, for the check at the end. TYPE NULL: a bind, of any file system. */
static struct mounted { const char *at, *type; uint64_t flags; bool seen; } made[MADE_MAX];
static unsigned nmade;

/* A mount point beneath ROOT. No symbolic link on the way: images and output trees hold what hostile code wrote. */
int at_open(int root, const char *at)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root, at, &how, sizeof(how));
}

void mounts_note(const char *at, const char *type, uint64_t flags)
{
	if (nmade < MADE_MAX)
		made[nmade] = (struct mounted){ at, type, flags, false };
	nmade++;        /* beyond the table: the check fails, closed */
}

int tree_clone(int fd, int idmap, uint64_t attrs, int *ret_fd, struct sp_err *e)
{
	struct mount_attr attr = { .attr_set = attrs | (idmap >= 0 ? MOUNT_ATTR_IDMAP : 0), .userns_fd = idmap >= 0 ? (uint64_t)idmap : 0 };
	sp_auto_close int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree < 0)
		return sp_fail(e, SP_EIO, errno, "clone mount");
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return sp_fail(e, SP_EIO, errno, "set mount attributes");
	*ret_fd = sp_take_fd(&tree);
	return 0;
}

int mount_at(int root, const char *at, const char *type, unsigned long flags, const char *data, struct sp_err *e)
{
	sp_auto_close int fd = at_open(root, at);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || mount(type, path, type, flags, data) < 0)
		return sp_fail(e, SP_EIO, errno, "mount %s on /%s", type, at);
	mounts_note(at, type, flags);
	return 0;
}

int mount_readonly(int fd, struct sp_err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };

	if (nmade == 0 || nmade > MADE_MAX || mount_setattr(fd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
		return sp_fail(e, SP_EIO, errno, "make a mount read-only");
	made[nmade - 1].flags |= MOUNT_ATTR_RDONLY;
	return 0;
}

int bind_at(int root, const char *at, int tree, uint64_t attrs, struct sp_err *e)
{
	sp_auto_close int fd = at_open(root, at);

	if (fd < 0 || move_mount(tree, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return sp_fail(e, SP_EIO, errno, "bind /%s", at);
	mounts_note(at, NULL, attrs);
	return 0;
}

int make_path(int root, const char *at, bool file, uid_t owner, struct sp_err *e)
{
	sp_auto_close int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (const char *part = at; dir >= 0; ) {
		const char *end = strchrnul(part, '/');
		bool leaf = !*end, is_file = leaf && file, fresh;
		char name[256];
		int next;

		snprintf(name, sizeof(name), "%.*s", (int)(end - part), part);
		fresh = is_file || mkdirat(dir, name, 0755) == 0;
		next = openat(dir, name, (is_file ? O_CREAT | O_WRONLY : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, 0644);
		close(dir);
		dir = next;
		if (dir < 0 || (fresh && fchown(dir, owner, owner) < 0))
			break;
		if (leaf)
			return 0;
		part = end + 1;
	}
	return sp_fail(e, SP_EIO, errno, "make /%s", at);
}

int mounts_pivot(int root, struct sp_err *e)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return sp_fail(e, SP_EIO, errno, "pivot root");
	return 0;
}

/*
 * An overlay's mounter lends it its ids and capabilities. Its ids have to exist in the upper's idmap, so
 * they are the slot's root for the moment; the capabilities stay those of real root (trusted.* attributes).
 */
static int overlay(int root, const char *at, const char *lower, const char *upper, const char *work, uint32_t base_uid, struct sp_err *e)
{
	char options[512];
	int r;

	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s,volatile", lower, upper, work);
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 || setegid(base_uid) < 0 || seteuid(base_uid) < 0)
		return sp_fail(e, SP_EIO, errno, "take the slot's ids");
	r = mount_at(root, at, "overlay", MS_NOSUID | MS_NODEV, options, e);
	if (seteuid(0) < 0 || setegid(0) < 0)
		return sp_fail(e, SP_EIO, errno, "be root again");
	return r;
}

/* Debian's base-passwd, and the app's user. */
static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nbin:x:2:2::/bin:/usr/sbin/nologin\n"
	"sys:x:3:3::/dev:/usr/sbin/nologin\nsync:x:4:65534::/bin:/bin/sync\ngames:x:5:60::/usr/games:/usr/sbin/nologin\n"
	"man:x:6:12::/var/cache/man:/usr/sbin/nologin\nmail:x:8:8::/var/mail:/usr/sbin/nologin\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"
	"backup:x:34:34::/var/backups:/usr/sbin/nologin\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
	"user:x:1000:1000::/home/user:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
static const char group[] = "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:\nnews:x:9:\nuucp:x:10:\n"
	"man:x:12:\nproxy:x:13:\nkmem:x:15:\nsudo:x:27:\naudio:x:29:\nwww-data:x:33:\nbackup:x:34:\nshadow:x:42:\nutmp:x:43:\nvideo:x:44:\n"
	"plugdev:x:46:\nstaff:x:50:\ngames:x:60:\nusers:x:100:\nuser:x:1000:\nnogroup:x:65534:\n";

static int put_file(int c, const char *at, const char *text, const char *value, const char *rest, uid_t owner, struct sp_err *e)
{
	sp_auto_close int fd = openat(c, at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	return fd < 0 || fchown(fd, owner, owner) < 0 || dprintf(fd, "%s%s%s", text, value, rest) < 0 ? sp_fail(e, SP_EIO, errno, "write /%s", at) : 0;
}

/* The topmost lower layer: mount points and the few files that are the platform's; here those that all sandboxes have alike. */
static int config_begin(const struct plan *p, struct sp_err *e)
{
	static const char *const dirs[] = { "proc", "dev", "tmp", "etc", "home", "run" };
	sp_auto_close int c = open("c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uid_t root = p->base_uid;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < SP_COUNT(dirs); i++)
		r = make_path(c, dirs[i], false, root, e);
	r = r ?: make_path(c, "home/user/app", false, root + APP_UID, e);
	r = r ?: put_file(c, "etc/resolv.conf", "nameserver 127.0.0.1\n", "", "", root, e);
	r = r ?: put_file(c, "etc/passwd", passwd, "", "", root, e);
	return r ?: put_file(c, "etc/group", group, "", "", root, e);
}

static int config_end(const struct plan *p, struct sp_err *e)
{
	const char *id = sp_id_is_none(&p->start->space) ? p->start->run.s : p->start->space.s, *host = p->start->hostname;
	sp_auto_close int c = open("c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < p->ntrees; i++) {
		struct stat st;

		r = fstat(p->trees[i].fd, &st) < 0 ? sp_fail(e, SP_EIO, errno, "stat /%s", p->trees[i].at) :
			make_path(c, p->trees[i].at, S_ISREG(st.st_mode), p->base_uid, e);
	}
	r = r ?: put_file(c, "etc/hosts", "127.0.0.1 localhost ", host, "\n::1 localhost ip6-localhost ip6-loopback\n", p->base_uid, e);
	r = r ?: put_file(c, "etc/hostname", host, "\n", "", p->base_uid, e);
	r = r ?: put_file(c, "etc/machine-id", id, "00000000\n", "", p->base_uid, e);
	if (r == 0 && p->own_users && (unlinkat(c, "etc/passwd", 0) < 0 || unlinkat(c, "etc/group", 0) < 0))
		r = sp_fail(e, SP_EIO, errno, "leave out the platform's users");
	return r;
}

int proc_mask(struct sp_err *e)
{
	enum { MASK = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID };
	sp_auto_close int null = at_open(AT_FDCWD, "dev/null"), empty = at_open(AT_FDCWD, "e");
	sp_auto_close int memfd = open("proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);       /* Linux 6.3; a memory file is no program */
	int r = null < 0 || empty < 0 ? sp_fail(e, SP_EIO, errno, "open what masks") : 0;

	if (memfd >= 0 && write(memfd, "1", 1) != 1)
		return sp_fail(e, SP_EIO, errno, "memfd_noexec");
	for (unsigned i = 0; r == 0 && i < SP_COUNT(masked); i++) {
		sp_auto_close int at = at_open(AT_FDCWD, masked[i]), tree = -1;
		struct stat st;

		if (at < 0 && errno == ENOENT)
			continue;
		if (at < 0 || fstat(at, &st) < 0)
			return sp_fail(e, SP_EIO, errno, "mask /%s", masked[i]);
		r = tree_clone(S_ISDIR(st.st_mode) ? empty : null, -1, MASK, &tree, e);
		r = r ?: bind_at(AT_FDCWD, masked[i], tree, MASK, e);
	}
	return r;
}

/*
 * A root of its own, made before anybody knows for whom: what all sandboxes have alike. Everything is mounted by real root before
 * the user namespace is entered, so that no capability regained inside reaches a mount. Nothing of the host is in sight afterwards.
 */
int step_stage(struct plan *p, struct sp_err *e)
{
	static const char *const dirs[] = { "c", "u", "a", "e", "root", "dev", "proc", "l0", "l1", "l2", "l3", "l4" };
	sp_auto_close int stage = -1;
	int r;

	if (mount("tmpfs", p->l->stage, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=0755") < 0 || chdir(p->l->stage) < 0)
		return sp_fail(e, SP_EIO, errno, "mount stage");
	for (unsigned i = 0; i < SP_COUNT(dirs); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return sp_fail(e, SP_EIO, errno, "make stage");
	if (chown("c", p->base_uid, p->base_uid) < 0)
		return sp_fail(e, SP_EIO, errno, "make stage");
	r = config_begin(p, e);
	r = r ?: step_devices(AT_FDCWD, p, e);
	r = r ?: mount_at(AT_FDCWD, "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2", e);
	r = r ?: proc_mask(e);
	stage = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r ?: mounts_pivot(stage, e);
}

/* With all that is mounted beneath it. */
static int move_to(int root, const char *at, struct sp_err *e)
{
	sp_auto_close int fd = at_open(root, at);

	return fd < 0 || move_mount(AT_FDCWD, at, fd, "", MOVE_MOUNT_T_EMPTY_PATH) < 0 ? sp_fail(e, SP_EIO, errno, "move /%s", at) : 0;
}

int step_mounts(struct plan *p, struct sp_err *e)
{
	static const char *const layers[LOWERS_MAX] = { "l0", "l1", "l2", "l3", "l4" };
	sp_auto_close int root = -1;
	char lower[128] = "c", options[128];
	unsigned stage = nmade;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < p->nlowers; i++) {
		snprintf(lower + strlen(lower), sizeof(lower) - strlen(lower), ":%s", layers[i]);
		r = bind_at(AT_FDCWD, layers[i], p->lowers[i], 0, e);
	}
	r = r ?: bind_at(AT_FDCWD, "u", p->scratch, 0, e);
	if (r == 0 && p->app >= 0)
		r = bind_at(AT_FDCWD, "a", p->app, 0, e);
	r = r ?: config_end(p, e);
	r = r ?: overlay(AT_FDCWD, "root", lower, p->upper, p->work, p->base_uid, e);
	if (r < 0)
		return r;

	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	nmade = stage;                          /* the layers are detached with the stage; what stays is the root itself */
	mounts_note("", "overlay", MS_NOSUID | MS_NODEV);
	if (p->app >= 0)
		r = overlay(root, "home/user/app", "a", "u/app", "u/app-work", p->base_uid, e);
	snprintf(options, sizeof(options), "mode=1777,size=%llu,nr_inodes=262144,uid=%u,gid=%u",
		(unsigned long long)p->start->tmp_bytes, p->base_uid, p->base_uid);
	r = r ?: mount_at(root, "tmp", "tmpfs", MS_NOSUID | MS_NODEV, options, e);
	for (unsigned i = 0; r == 0 && i < p->ntrees; i++)
		r = bind_at(root, p->trees[i].at, p->trees[i].fd, p->trees[i].attrs, e);
	r = r ?: move_to(root, "dev", e);
	r = r ?: move_to(root, "proc", e);
	return r ?: mounts_pivot(root, e);
}

/*
 * One line of mountinfo: id parent device ROOT AT OPTIONS [tags] - TYPE source options. What is mounted here shows its own root; of a
 * bind the kernel shows the folder's path in its file system, which leads nowhere from inside.
 */
static bool is_expected(const char *line)
{
	static const char *const names[] = { ",ro,", ",nosuid,", ",nodev,", ",noexec," };       /* MS_RDONLY, MS_NOSUID … are these bits */
	char at[256], type[32], options[256] = ",";
	const char *fs = strstr(line, " - ");
	uint64_t has = 0;
	int root = 0;

	if (!fs || sscanf(line, "%*s %*s %*s %n%*s %255s %253s", &root, at, options + 1) != 2 || sscanf(fs, " - %31s", type) != 1)
		return false;
	options[strlen(options)] = ',';
	for (unsigned i = 0; i < SP_COUNT(names); i++)
		has |= strstr(options, names[i]) ? 1u << i : 0;
	for (struct mounted *m = made; m < made + nmade; m++)
		if (!m->seen && strcmp(m->at, at + 1) == 0) {
			m->seen = true;
			return m->type ? has == m->flags && line[root + 1] == ' ' && strcmp(m->type, type) == 0 : (m->flags & ~has) == 0;
		}
	return false;
}

/* Fail closed: the mounts that this process sees are exactly those that were made here, of their types, with their flags. */
int step_mounts_check(struct plan *p SP_UNUSED, struct sp_err *e)
{
	static char text[32768];
	sp_auto_close int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	unsigned lines = 0;
	size_t n = 0;
	char *rest = text;
	int r = fd < 0 ? sp_fail(e, SP_EIO, errno, "open mountinfo") : sp_read_full(fd, text, sizeof(text) - 1, &n, e);

	if (r < 0)
		return r;
	if (nmade > MADE_MAX)
		return sp_fail(e, SP_EBUG, 0, "%u mounts", nmade);
	for (const char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n"), lines++)
		if (!is_expected(line))
			return sp_fail(e, SP_EBUG, 0, "unexpected mount %.120s", line);
	return lines == nmade ? 0 : sp_fail(e, SP_EBUG, 0, "%u mounts instead of %u", lines, nmade);
}
