/*
 * vitrine-local --app DIR --app-port N [--port N] [--bind DIR]... [--env NAME=VALUE]... [--network] -- PROGRAM ARG...
 * vitrine-local --check
 *
 * Runs PROGRAM in DIR until it ends, as a child of this process: Ctrl-C asks it to end, once more kills it. What it prints goes to
 * standard output, without what could steer a terminal.
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>

#include "exec_block.h"
#include "local.h"

enum { USAGE = 2 };

static int usage(const char *what)
{
	fprintf(stderr, "vitrine-local: %s\nvitrine-local --app DIR --app-port N [--port N] [--bind DIR]... [--env NAME=VALUE]... [--network] -- PROGRAM ARG...\n"
		"vitrine-local --check\n", what);
	return USAGE;
}

static bool number(const char *s, uint32_t *ret)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	*ret = (uint32_t)v;
	return *s >= '0' && *s <= '9' && !*end && v <= 65535;
}

/* 0, or the status to end with. */
static int parse(struct local *lo, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(name, "--") == 0) {
			lo->argv = (const char **)(uintptr_t)(argv + i + 1);
			return lo->app && lo->app_port && *lo->argv ? 0 : usage("--app, --app-port and a program are needed");
		}
		if (strcmp(name, "--network") == 0) {
			lo->network = true;
			continue;
		}
		if (!value)
			return usage("an option lacks its value, or the program is missing");
		i++;
		if (strcmp(name, "--app") == 0)
			lo->app = value;
		else if (strcmp(name, "--bind") == 0 && lo->nbinds < LOCAL_BINDS_MAX && value[0] == '/')
			lo->binds[lo->nbinds++] = value;
		else if (strcmp(name, "--env") == 0 && lo->nenv < LOCAL_ENV_MAX && strchr(value, '='))
			lo->env[lo->nenv++] = value;
		else if (!(strcmp(name, "--port") == 0 && number(value, &lo->port)) && !(strcmp(name, "--app-port") == 0 && number(value, &lo->app_port)))
			return usage(name);
	}
	return usage("the program is missing");
}

/* All descriptors at LOW_FDS or above, so that the child's dup2 never meets one of its own. */
static int high(int *fd, struct sp_err *e)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, LOW_FDS);

	if (up < 0)
		return sp_fail(e, SP_EIO, errno, "descriptor");
	close(*fd);
	*fd = up;
	return 0;
}

/* As memory, for Landlock lets nothing outside of the new root be executed; not readable, so that it stays undumpable. */
static int open_init(int *ret, struct sp_err *e)
{
	sp_auto_close int file = -1, fd = memfd_create("init", MFD_CLOEXEC);
	char path[PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	struct stat st;
	char *name;

	if (n <= 0)
		return sp_fail(e, SP_EIO, errno, "find vitrine-init");
	path[n] = '\0';
	name = strrchr(path, '/') + 1;
	snprintf(name, sizeof(path) - (size_t)(name - path), "vitrine-init");
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fd < 0 || fstat(file, &st) < 0)
		return sp_fail(e, SP_EIO, errno, "open %.200s", path);
	for (; st.st_size > 0; st.st_size -= n) {
		n = sendfile(fd, file, NULL, (size_t)st.st_size);
		if (n <= 0)
			return sp_fail(e, SP_EIO, errno, "read vitrine-init");
	}
	if (fchmod(fd, 0111) < 0)
		return sp_fail(e, SP_EIO, errno, "make vitrine-init executable");
	*ret = sp_take_fd(&fd);
	return high(ret, e);
}

/* Bytes of the app for a terminal or a file: no control characters but tabs and line ends, neither as one byte nor as two of UTF-8. */
static bool forward(int log)
{
	static unsigned char text[65536], last;
	ssize_t n = read(log, text, sizeof(text)), at = 0;

	for (ssize_t i = 0; i < n; i++) {
		bool is_control = (text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f || (last == 0xc2 && text[i] >= 0x80 && text[i] < 0xa0);

		last = text[i];
		if (is_control)
			text[i] = '?';
	}
	while (at < n) {
		ssize_t put = write(STDOUT_FILENO, text + at, (size_t)(n - at));

		if (put <= 0)
			return false;
		at += put;
	}
	return n > 0;
}

static int say_end(const struct init_ended *end)
{
	if (end->end == END_EXITED && end->value == 0)
		return 0;
	if (end->end == END_EXEC)
		fprintf(stderr, "vitrine: the program could not be started: %s\n", strerror(end->value));
	else if (end->end == END_EXITED)
		fprintf(stderr, "vitrine: the app ended with status %d\n", end->value);
	else if (end->end == END_SIGNALED)
		fprintf(stderr, "vitrine: the app was ended by signal %d (%s)\n", end->value, strsignal(end->value));
	else
		fprintf(stderr, "vitrine: the app made a system call that the sandbox does not allow\n");
	return 1;
}

/* Until pid 1 is gone. What it says is an app's word. */
static int follow(int log, int control, int pidfd, int signals)
{
	struct pollfd p[] = { { .fd = log, .events = POLLIN }, { .fd = control, .events = POLLIN }, { .fd = signals, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN } };
	struct init_ended end = { .end = END_SIGNALED, .value = SIGKILL };
	struct signalfd_siginfo info;
	bool asked = false;
	struct sp_msg m;

	while (!p[3].revents && (poll(p, SP_COUNT(p), -1) >= 0 || errno == EINTR)) {
		if (p[0].revents && !forward(log))
			p[0].fd = -1;
		if (p[1].revents && sp_msg_recv(control, &init_table, INIT_FROM_INIT, &m, NULL) <= 0)
			p[1].fd = -1;
		else if (p[1].revents && m.head.type == INIT_ENDED)
			memcpy(&end, m.body, sizeof(end));
		if (p[2].revents && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			const struct init_signal term = { .signal = SIGTERM };

			if (asked || sp_msg_send(control, INIT_SIGNAL, 0, &term, sizeof(term), NULL, 0, NULL) < 0)
				syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
			asked = true;
		}
	}
	while (p[0].fd >= 0 && poll(p, 1, 0) == 1 && forward(log))
		;
	if (asked)
		return 0;
	if (sp_msg_recv(control, &init_table, INIT_FROM_INIT, &m, NULL) > 0 && m.head.type == INIT_ENDED)
		memcpy(&end, m.body, sizeof(end));
	return say_end(&end);
}

static int open_all(const struct local *lo, struct local_fds *f, int *ret_log, int *ret_control, struct sp_err *e)
{
	int log[2], control[2], r = exec_block_write(lo->argv, lo->env, "/home/user/app", &f->block, e);

	if (r == 0 && (pipe2(log, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0))
		return sp_fail(e, SP_EIO, errno, "channels");
	if (r < 0)
		return r;
	f->log = log[1];
	f->control = control[1];
	*ret_log = log[0];
	*ret_control = control[0];
	r = open_init(&f->init, e);
	r = r ?: high(&f->block, e);
	r = r ?: high(&f->log, e);
	r = r ?: high(&f->control, e);
	r = r ?: high(ret_log, e);
	r = r ?: high(ret_control, e);
	return r ?: sp_set_nonblock(*ret_control, true, e);
}

static int fail(const struct why *why)
{
	fprintf(stderr, "vitrine: no sandbox for the app, in step '%s': %s. 'vitrine check' says what this machine lacks; as root 'vitrine serve' needs less of it.\n",
		why->step, why->e.msg);
	return 1;
}

static int run(const struct local *lo)
{
	struct why why = { .step = "prepare" }, child;
	struct local_fds f;
	int log, control, pidfd = -1, sync = -1, listener = -1, signals, status;
	uint32_t port = lo->app_port;
	pid_t pid, door;
	sigset_t set;

	if (open_all(lo, &f, &log, &control, &why.e) < 0 || (!lo->network && local_listen(lo, &listener, &port, &why.e) < 0))
		return fail(&why);
	if (local_clone(lo, &f, &pid, &pidfd, &sync, &why) < 0)
		return fail(&why);
	snprintf(why.step, sizeof(why.step), "door");
	if (local_door(lo, listener, port, pidfd, &door, &why.e) < 0)
		return fail(&why);
	close(f.log);
	close(f.control);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (send(sync, "G", 1, MSG_NOSIGNAL) == 1 && recv(sync, &child, sizeof(child), 0) == (ssize_t)sizeof(child)) {
		kill(door, SIGKILL);
		return fail(&child);
	}
	status = follow(log, control, pidfd, signals);
	kill(door, SIGKILL);
	return status;
}

int main(int argc, char **argv)
{
	static struct local lo;
	int r;

	if (argc == 2 && strcmp(argv[1], "--check") == 0)
		return local_check();
	r = parse(&lo, argc, argv);
	if (r != 0)
		return r;
	if (geteuid() == 0) {
		fputs("vitrine: as root the full sandbox is there: use 'vitrine serve', or run this as an ordinary user\n", stderr);
		return 1;
	}
	return run(&lo);
}
