#include "git.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "auto.h"
#include "fd.h"
#include "id.h"
#include "limit.h"

#define INCOMING "/incoming/repo.git"
#define HOOKS "/tmp/hooks"

/* No file of the machine's, of a user's or of a pushed repository has a say; these do. */
static const struct { const char *key, *value; } settings[] = {
	{ "safe.directory", "*" },
	{ "core.hooksPath", HOOKS },
	{ "core.fsync", "none" },               /* the server syncs what it takes over; the rest is thrown away */
	{ "core.logAllRefUpdates", "false" },
	{ "core.bigFileThreshold", "16m" },     /* streamed, not held and compared */
	{ "core.packedGitWindowSize", "16m" },
	{ "core.packedGitLimit", "256m" },
	{ "core.deltaBaseCacheLimit", "64m" },
	{ "pack.windowMemory", "64m" },
	{ "pack.deltaCacheSize", "64m" },
	{ "pack.threads", "2" },
	{ "pack.writeReverseIndex", "false" },
	{ "gc.auto", "0" },
	{ "protocol.allow", "never" },
	{ "protocol.file.allow", "never" },
	{ "transfer.fsckObjects", "true" },
	{ "receive.fsckObjects", "true" },
	{ "receive.autogc", "false" },
	{ "receive.unpackLimit", "1" },         /* always one pack: that is what is moved */
	{ "receive.denyNonFastForwards", "false" },
	{ "uploadpack.allowFilter", "true" },
	{ "uploadpack.allowAnySHA1InWant", "true" },    /* a commit's hash works for ever (C-HF-56) */
};

static void set_environment(void)
{
	char name[64], text[32];
	unsigned n = 0;

	for (; n < SP_COUNT(settings); n++) {
		snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%u", n);
		setenv(name, settings[n].key, 1);
		snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%u", n);
		setenv(name, settings[n].value, 1);
	}
	snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%u", n);
	setenv(name, "receive.maxInputSize", 1);
	snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%u", n++);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)SP_LIMIT_git_push_bytes);
	setenv(name, text, 1);
	snprintf(text, sizeof(text), "%u", n);
	setenv("GIT_CONFIG_COUNT", text, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_ATTR_NOSYSTEM", "1", 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	setenv("HOME", "/nonexistent", 1);
}

int git_start(const char *const *argv, int input, int output, int *ret_pid, struct sp_err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return sp_fail(e, SP_EIO, errno, "fork");
	if (pid == 0) {
		if ((input >= 0 && dup2(input, 0) < 0) || (output >= 0 && dup2(output, 1) < 0))
			_exit(127);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	*ret_pid = pid;
	return 0;
}

int git_wait(int pid, const char *what, struct sp_err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return sp_fail(e, SP_EIO, errno, "wait for git %s", what);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return sp_fail(e, SP_EIO, 0, "git %s ended with %s %d", what, WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}

int git_run(const char *const *argv, int input, int output, struct sp_err *e)
{
	int pid, r = git_start(argv, input, output, &pid, e);

	return r < 0 ? r : git_wait(pid, argv[1], e);
}

/* The first message on the socket: what the request is, and its file. */
static int take_request(char *ret_coding, int *ret_fd)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec byte = { ret_coding, 1 };
	struct msghdr m = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;

	if (recvmsg(0, &m, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return 0;
}

/* In a child: FROM's bytes without their compression to TO, no more than MAX of them. */
static int inflate_all(int from, int to, uint64_t max)
{
	static unsigned char in[65536], out[65536];
	z_stream z = { 0 };
	uint64_t total = 0;
	int status = Z_OK;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return 1;
	while (status != Z_STREAM_END) {
		ssize_t n = read(from, in, sizeof(in));

		if (n <= 0)
			return 1;
		z.next_in = in;
		z.avail_in = (unsigned)n;
		while (z.avail_in > 0 && status == Z_OK) {
			z.next_out = out;
			z.avail_out = sizeof(out);
			status = inflate(&z, Z_NO_FLUSH);
			if (status != Z_OK && status != Z_STREAM_END)
				return 1;
			total += sizeof(out) - z.avail_out;
			if (total > max || sp_write_all(to, out, sizeof(out) - z.avail_out, NULL) < 0)
				return 1;
		}
	}
	return 0;
}

/* The request, of at most MAX bytes, becomes standard input, the socket standard output. */
static int take_streams(uint64_t max)
{
	char coding;
	int request, fds[2];
	pid_t pid;

	if (take_request(&coding, &request) < 0 || dup2(0, 1) < 0)
		return task_fail(TASK_BROKEN, "The request did not arrive.");
	if (coding != 'Z')
		return dup2(request, 0) < 0 ? task_fail(TASK_BROKEN, "dup2: %m") : 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return task_fail(TASK_BROKEN, "pipe: %m");
	pid = fork();
	if (pid < 0)
		return task_fail(TASK_BROKEN, "fork: %m");
	if (pid == 0)
		_exit(inflate_all(request, fds[1], max));
	close(fds[1]);
	return dup2(fds[0], 0) < 0 ? task_fail(TASK_BROKEN, "dup2: %m") : 0;
}

static int put_file(const char *path, const char *text, struct sp_err *e)
{
	sp_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? sp_fail(e, SP_EIO, errno, "make %s", path) : sp_write_all(fd, text, strlen(text), e);
}

static int put_hooks(struct sp_err *e)
{
	static const char *const hooks[] = { HOOKS "/pre-receive", HOOKS "/post-receive" };
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0 || mkdir(HOOKS, 0700) < 0)
		return sp_fail(e, SP_EIO, errno, "make " HOOKS);
	self[n] = '\0';
	for (unsigned i = 0; i < SP_COUNT(hooks); i++)
		if (symlink(self, hooks[i]) < 0)
			return sp_fail(e, SP_EIO, errno, "make %s", hooks[i]);
	return 0;
}

/* The repository that takes the push: /repo's references, /repo's objects by reference, and nothing else. */
static int make_incoming(struct sp_err *e)
{
	static const char *const dirs[] = { INCOMING, INCOMING "/objects", INCOMING "/objects/info", INCOMING "/objects/pack", INCOMING "/refs",
		INCOMING "/refs/heads", INCOMING "/refs/tags" };
	static const char *const list[] = { "git", "--git-dir=/repo", "for-each-ref", "--format=%(objectname) %(refname)", NULL };
	sp_auto_close int refs = -1;
	int r = put_hooks(e);

	for (unsigned i = 0; r == 0 && i < SP_COUNT(dirs); i++)
		if (mkdir(dirs[i], 0700) < 0)
			r = sp_fail(e, SP_EIO, errno, "make %s", dirs[i]);
	if (r == 0)
		r = put_file(INCOMING "/HEAD", "ref: refs/heads/main\n", e);
	if (r == 0)
		r = put_file(INCOMING "/config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n", e);
	if (r == 0)
		r = put_file(INCOMING "/objects/info/alternates", "/repo/objects\n", e);
	if (r < 0)
		return r;
	refs = open(INCOMING "/packed-refs", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return refs < 0 ? sp_fail(e, SP_EIO, errno, "make packed-refs") : git_run(list, -1, refs, e);
}

/* gitprotocol-http(5): a first line that names the service, which version 2 leaves out for fetches. */
static int say_service(const char *service)
{
	const char *protocol = getenv("GIT_PROTOCOL");
	char text[64];
	int n;

	if (protocol && strstr(protocol, "version=2") && strcmp(service, "upload-pack") == 0)
		return 0;
	n = snprintf(text, sizeof(text), "0000# service=git-%s\n", service);
	snprintf(text, sizeof(text), "%04x# service=git-%s\n0000", (unsigned)n, service);
	return sp_write_all(1, text, strlen(text), NULL);
}

static int become(const char *service, const char *how, const char *where)
{
	execlp("git", "git", service, how, where, (char *)NULL);
	return task_fail(TASK_BROKEN, "git could not be started: %m");
}

static bool is_loose(const char *folder, const char *name)
{
	return strlen(folder) == 2 && sp_is_hex(folder, 2) && strlen(name) == 38 && sp_is_hex(name, 38);
}

static int list_loose(int to, struct sp_err *e)
{
	for (unsigned i = 0; i < 256; i++) {
		sp_auto_closedir DIR *d = NULL;
		char folder[3], path[32], line[48];

		snprintf(folder, sizeof(folder), "%02x", i);
		snprintf(path, sizeof(path), "/repo/objects/%s", folder);
		d = opendir(path);
		for (const struct dirent *at = d ? readdir(d) : NULL; at; at = readdir(d)) {
			int r;

			if (!is_loose(folder, at->d_name))
				continue;
			snprintf(line, sizeof(line), "%s%.38s\n", folder, at->d_name);
			r = sp_write_all(to, line, strlen(line), e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* All loose objects, reachable or not, into one pack beneath /incoming. */
static int repack(void)
{
	static const char *const pack[] = { "git", "--git-dir=/repo", "pack-objects", "-q", INCOMING "/objects/pack/pack", NULL };
	sp_auto_close int list = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct sp_err e;
	int r = list < 0 || null < 0 ? sp_fail(&e, SP_EIO, errno, "make a list") : list_loose(list, &e);

	if (r == 0 && (mkdir(INCOMING, 0700) < 0 || mkdir(INCOMING "/objects", 0700) < 0 || mkdir(INCOMING "/objects/pack", 0700) < 0 ||
			lseek(list, 0, SEEK_SET) < 0))
		r = sp_fail(&e, SP_EIO, errno, "make " INCOMING);
	setenv("GIT_OBJECT_DIRECTORY", INCOMING "/objects", 1);         /* where it writes; it reads there and in /repo */
	setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", "/repo/objects", 1);
	if (r == 0)
		r = git_run(pack, list, null, &e);
	return r < 0 ? task_fail(TASK_BROKEN, "The loose objects could not be packed: %s.", e.msg) : TASK_DONE;
}

int task_git(int argc, char **argv)
{
	const char *what = argc == 1 ? argv[0] : "", *service = strncmp(what, "advertise-", 10) == 0 ? what + 10 : what;
	bool fetch = strcmp(service, "upload-pack") == 0, push = strcmp(service, "receive-pack") == 0;
	struct sp_err e;
	int r;

	set_environment();
	if (strcmp(what, "repack") == 0)
		return repack();
	if (!fetch && !push)
		return task_fail(TASK_USAGE, "usage: vitrine-worker git [advertise-]upload-pack|[advertise-]receive-pack|repack");
	r = take_streams(push ? SP_LIMIT_git_push_bytes : SP_LIMIT_git_fetch_bytes);
	if (r != 0)
		return r;
	if (service != what)
		return say_service(service) < 0 ? TASK_BROKEN : become(service, "--http-backend-info-refs", "/repo");
	if (fetch)
		return become(service, "--stateless-rpc", "/repo");
	r = make_incoming(&e);
	return r < 0 ? task_fail(TASK_BROKEN, "The push could not be prepared: %s.", e.msg) : become(service, "--stateless-rpc", INCOMING);
}
