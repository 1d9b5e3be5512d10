#include <grp.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/un.h>

#include "launcher.h"

/* Opened by whoever starts us; moved away from the numbers that children use. */
static int listener_add(struct launcher *l, const char *number)
{
	int fd = (int)strtol(number, NULL, 10), on = 0, at;

	if (l->nlisteners == LISTEN_MAX || fd < 3 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &(socklen_t){ sizeof(on) }) < 0 || !on)
		return -SP_EINVAL;
	at = fcntl(fd, F_DUPFD_CLOEXEC, LOW_FDS);
	close(fd);
	l->listeners[l->nlisteners++] = at;
	return at < 0 ? -SP_EINVAL : 0;
}

int host_args(struct launcher *l, int argc, char **argv, bool *ret_probe, struct sp_err *e)
{
	const struct { const char *name; const char **value; } options[] = {
		{ "--state", &l->state }, { "--images", &l->images }, { "--bin", &l->bin }, { "--domain", &l->domain },
		{ "--public-port", &l->public_port }, { "--listen-fd", NULL } };

	for (int i = 1; i < argc; i++) {
		unsigned o = 0;

		if (strcmp(argv[i], "--probe") == 0) {
			*ret_probe = true;
			continue;
		}
		while (o < SP_COUNT(options) && strcmp(argv[i], options[o].name) != 0)
			o++;
		if (o == SP_COUNT(options) || i + 1 == argc)
			return sp_fail(e, SP_EINVAL, 0, "unknown option or missing value: %s", argv[i]);
		if (options[o].value)
			*options[o].value = argv[++i];
		else if (listener_add(l, argv[++i]) < 0)
			return sp_fail(e, SP_EINVAL, 0, "--listen-fd %s: not a listening socket, or more than %d", argv[i], LISTEN_MAX);
	}
	if (!*ret_probe && (!l->state || !l->images || !l->bin || !l->domain || !l->public_port || !l->nlisteners))
		return sp_fail(e, SP_EINVAL, 0, "--state, --images, --bin, --domain, --public-port and --listen-fd are needed");
	return 0;
}

static int unix_open(int dir, const char *name, int type, mode_t mode, gid_t gid, int *ret_fd, struct sp_err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	sp_auto_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* Through the descriptor: STATE's own path may be longer than sun_path. */
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/%s", dir, name);
	unlinkat(dir, name, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || fchownat(dir, name, 0, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
			fchmodat(dir, name, mode, 0) < 0 || listen(fd, 4096) < 0)
		return sp_fail(e, SP_EIO, errno, "socket %s", name);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

int dir_open(int at, const char *name, mode_t mode, uid_t uid, gid_t gid, int *ret_fd, struct sp_err *e)
{
	bool fresh = mkdirat(at, name, mode) == 0;
	sp_auto_close int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || (fresh && (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)) || fstat(fd, &st) < 0)
		return sp_fail(e, SP_EIO, errno, "directory '%.100s'", name);
	if (st.st_uid != uid)           /* somebody else could put in it what we then mount or trust */
		return sp_fail(e, SP_EDENIED, 0, "directory '%.100s' belongs to user %u, not to %u", name, st.st_uid, uid);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

static int state_open(struct launcher *l, struct sp_err *e)
{
	static const char *const servers[] = { "repos", "lfs", "logs", "tmp", "keys", "cache", "dev", "incoming" };
	const struct role *s = &l->roles[ROLE_SERVER];
	struct stat st;
	int r = 0, fd;

	l->state_dir = open(l->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->state_dir < 0 || fstat(l->state_dir, &st) < 0 || fchown(l->state_dir, s->uid, s->gid) < 0 || fchmod(l->state_dir, 0700) < 0)
		return sp_fail(e, SP_EIO, errno, "state directory %.160s", l->state);
	for (unsigned i = 0; r == 0 && i < SP_COUNT(servers); i++) {
		r = dir_open(l->state_dir, servers[i], 0700, s->uid, s->gid, &fd, e);
		if (r == 0)
			close(fd);
	}
	r = r ?: dir_open(l->state_dir, "volumes", 0711, 0, 0, &l->volumes, e);
	r = r ?: dir_open(l->state_dir, "run", 0755, 0, 0, &l->run_dir, e);
	r = r ?: dir_open(l->run_dir, "edge", 0750, 0, l->roles[ROLE_EDGE].gid, &l->edge_dir, e);
	if (r < 0)
		return r;
	l->lock = openat(l->run_dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock < 0 || flock(l->lock, LOCK_EX | LOCK_NB) < 0)
		return sp_fail(e, SP_EBUSY, 0, "another vitrine runs on %.160s; stop it or use another --state", l->state);
	return 0;
}

static int sockets_open(struct launcher *l, struct sp_err *e)
{
	gid_t edge = l->roles[ROLE_EDGE].gid;
	int r = unix_open(l->edge_dir, "http.sock", SOCK_STREAM, 0660, edge, &l->http, e);

	r = r ?: unix_open(l->edge_dir, "ws.sock", SOCK_STREAM, 0660, edge, &l->ws, e);
	r = r ?: unix_open(l->edge_dir, "route.sock", SOCK_SEQPACKET, 0660, edge, &l->route, e);
	return r ?: unix_open(l->run_dir, "admin.sock", SOCK_STREAM, 0666, 0, &l->admin, e);
}

/* vitrine-init as a sealed memory file: what /proc shows of it leads nowhere, and nothing can write to it. */
static int init_open(struct launcher *l, int bin, struct sp_err *e)
{
	sp_auto_close int file = openat(bin, "vitrine-init", O_RDONLY | O_CLOEXEC), fd = memfd_create("init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (file < 0 || fd < 0 || fstat(file, &st) < 0)
		return sp_fail(e, SP_EIO, errno, "vitrine-init");
	for (ssize_t n; st.st_size > 0; st.st_size -= n) {
		n = sendfile(fd, file, NULL, (size_t)st.st_size);
		if (n <= 0)
			return sp_fail(e, SP_EIO, errno, "read vitrine-init");
	}
	/* Execute only: not readable, so the kernel keeps it undumpable whatever its own code does. */
	if (fchmod(fd, 0111) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return sp_fail(e, SP_EIO, errno, "seal vitrine-init");
	l->init_prog = sp_take_fd(&fd);
	return 0;
}

static int process_open(struct launcher *l, struct sp_err *e)
{
	struct rlimit files;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	umask(022);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			log_warn("ignoring the limit of open files: %m");
	}
	while (null >= 0 && null < LOW_FDS - 1)         /* children put theirs at these numbers */
		null = fcntl(null, F_DUPFD_CLOEXEC, null);
	if (null < 0 || unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return sp_fail(e, SP_EIO, errno, "own mount namespace (is this root?)");
	l->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	return l->netns < 0 || l->epoll < 0 ? sp_fail(e, SP_EIO, errno, "start") : 0;
}

int host_open(struct launcher *l, struct sp_err *e)
{
	sp_auto_close int bin = -1;
	int r = process_open(l, e);

	if (r < 0)
		return r;
	bin = open(l->bin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = bin < 0 ? sp_fail(e, SP_EIO, errno, "--bin %.160s", l->bin) : init_open(l, bin, e);
	r = r ?: roles_open(l, bin, e);
	r = r ?: state_open(l, e);
	if (r < 0)
		return r;
	l->images_dir = open(l->images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->images_dir < 0)
		return sp_fail(e, SP_EIO, errno, "images directory %.160s", l->images);
	r = dir_open(l->images_dir, "scratch", 0700, 0, 0, &l->scratch, e);
	r = r ?: images_open(l, e);
	r = r ?: sockets_open(l, e);
	if (r < 0)
		return r;
	cgroup_open(l);
	return 0;
}
