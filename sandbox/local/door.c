#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "local.h"

enum { CHUNK = 65536, START_WAIT_MS = 60000, RETRY_MS = 50 };

int local_listen(const struct local *lo, int *ret_fd, uint32_t *ret_port, struct sp_err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)lo->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	sp_auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(at);
	int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
			listen(fd, 128) < 0 || getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return sp_fail(e, SP_EIO, errno, "listen at port %u", lo->port);
	*ret_port = ntohs(at.sin_port);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

static int dial_once(uint32_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at6, sizeof(at6)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A visitor who comes while the app starts waits for it. */
static int dial(uint32_t port)
{
	uint64_t until = sp_mono_ms() + START_WAIT_MS;
	int fd = dial_once(port);

	while (fd < 0 && sp_mono_ms() < until) {
		poll(NULL, 0, RETRY_MS);
		fd = dial_once(port);
	}
	return fd;
}

static bool move(int from, int to)
{
	static char chunk[CHUNK];
	ssize_t n = read(from, chunk, sizeof(chunk));

	for (ssize_t at = 0; at < n; ) {
		ssize_t sent = send(to, chunk + at, (size_t)(n - at), MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
	}
	if (n <= 0)
		shutdown(to, SHUT_WR);
	return n > 0;
}

static void pump(int a, int b)
{
	struct pollfd p[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };

	while ((p[0].fd >= 0 || p[1].fd >= 0) && poll(p, 2, -1) > 0) {
		if (p[0].revents && !move(a, b))
			p[0].fd = -1;
		if (p[1].revents && !move(b, a))
			p[1].fd = -1;
	}
}

/* True in a new process, which ends with its parent. */
static bool in_child(void)
{
	pid_t parent = getpid();

	if (fork() != 0)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return true;
}

static void tell_when_it_answers(uint32_t app_port, uint32_t port)
{
	int fd = -1;

	while (fd < 0) {
		fd = dial_once(app_port);
		if (fd < 0)
			poll(NULL, 0, RETRY_MS);
	}
	dprintf(STDERR_FILENO, "vitrine: the app answers at http://localhost:%u\n", port);
	_exit(0);
}

/* The listener stays the host's; what is made from now on belongs to the sandbox's network. A process for each visitor. */
static void serve(const struct local *lo, int listener, uint32_t port, int pidfd, pid_t parent)
{
	struct launch_start start = { .profile = PROFILE_RUN };
	struct plan p = { .start = &start };
	struct sp_err e;

	prctl(PR_SET_DUMPABLE, 0);
	if (setns(pidfd, CLONE_NEWUSER | (lo->network ? 0 : CLONE_NEWNET)) < 0 || caps_keep(0, &e) < 0 || step_seccomp(&p, &e) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);               /* again: new ids clear it */
	if (getppid() != parent)
		_exit(1);
	signal(SIGCHLD, SIG_IGN);
	if (in_child())
		tell_when_it_answers(lo->app_port, port);
	while (listener >= 0) {
		int visitor = accept4(listener, NULL, NULL, SOCK_CLOEXEC), app;

		if (visitor >= 0 && in_child()) {
			close(listener);
			app = dial(lo->app_port);
			if (app >= 0)
				pump(visitor, app);
			_exit(0);
		}
		if (visitor >= 0)
			close(visitor);
		else if (errno != EINTR && errno != ECONNABORTED)
			poll(NULL, 0, RETRY_MS);                /* no descriptors or processes left for the moment */
	}
	for (;;)
		pause();
}

int local_door(const struct local *lo, int listener, uint32_t port, int pidfd, pid_t *ret_pid, struct sp_err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return sp_fail(e, SP_EIO, errno, "fork");
	if (pid == 0) {
		serve(lo, listener, port, pidfd, parent);
		_exit(1);
	}
	*ret_pid = pid;
	return 0;
}
