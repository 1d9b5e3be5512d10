/*
 * vitrine-init: pid 1 of a sandbox, already without any privilege when it starts.
 *
 * Descriptors: 0, 1, 2 are the program's; 3 speaks sandbox/proto/init.h to the launcher; 4 is the exec
 * block. It starts the one program, passes signals on, reaps, and ends when the program ends; with it
 * the kernel ends every other process of the slot.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/init/ports.h"

#include "auto.h"
#include "exec_block.h"
#include "fd.h"
#include "init.h"

enum { CONTROL = 3, BLOCK = 4 };

static char bytes[EXEC_BLOCK_MAX];
static char *pointers[EXEC_ARGS_MAX + EXEC_ENV_MAX + 2];

static void tell(enum launch_end end, int value)
{
	const struct init_ended ended = { .end = end, .value = value };

	if (sp_msg_send(CONTROL, INIT_ENDED, 0, &ended, sizeof(ended), NULL, 0, NULL) < 0)
		_exit(1);
}

static int read_block(struct exec_block *b, struct sp_err *e)
{
	size_t n = 0;
	int r = sp_read_full(BLOCK, bytes, sizeof(bytes), &n, e);

	close(BLOCK);
	return r < 0 ? r : exec_block_parse(bytes, n, pointers, b, e);
}

/* Shares memory with its parent until exec, so that a failure is just a variable (vfork). */
static pid_t start(const struct exec_block *b, volatile int *failed)
{
	pid_t pid = vfork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (chdir(b->cwd) == 0) {
		environ = b->envp;
		execvp(b->argv[0], b->argv);
	}
	*failed = errno ? errno : EINVAL;
	_exit(127);
}

static bool reap(pid_t main_pid)
{
	siginfo_t info = { 0 };

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
		if (info.si_pid != main_pid)
			continue;
		if (info.si_code == CLD_EXITED)
			tell(END_EXITED, info.si_status);
		else if (info.si_status == SIGSYS)
			tell(END_SYSCALL, -1);          /* the kernel names the call only in its audit log */
		else
			tell(END_SIGNALED, info.si_status);
		return true;
	}
	return false;
}

/* False: the launcher is gone or talks nonsense, so there is nothing left to live for. */
static bool obey(pid_t main_pid)
{
	struct launch_ports ports;
	struct init_signal order;
	struct sp_msg m;

	if (sp_msg_recv(CONTROL, &init_table, INIT_TO_INIT, &m, NULL) <= 0)
		return false;
	if (m.head.type == INIT_SIGNAL) {
		memcpy(&order, m.body, sizeof(order));
		kill(-main_pid, order.signal);          /* its whole process group, as a terminal's Ctrl-C would */
		return true;
	}
	ports_read(&ports);
	return sp_msg_send(CONTROL, INIT_PORTS_ARE, 0, &ports, sizeof(ports), NULL, 0, NULL) == 0;
}

int main(void)
{
	struct pollfd fds[2] = { { .fd = CONTROL, .events = POLLIN }, { .events = POLLIN } };
	volatile int failed = 0;
	struct exec_block b;
	struct sp_err e;
	sigset_t set;
	pid_t pid;

	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[1].fd < 0 || sp_set_cloexec(CONTROL, true, &e) < 0 || read_block(&b, &e) < 0) {
		tell(END_EXEC, EINVAL);
		return 1;
	}
	pid = start(&b, &failed);
	if (pid < 0 || failed) {
		dprintf(STDERR_FILENO, "vitrine: cannot start '%s' in %s: %s\n", b.argv[0], b.cwd, strerror(pid < 0 ? errno : failed));
		tell(END_EXEC, pid < 0 ? errno : failed);
		return 1;
	}
	for (;;) {
		struct signalfd_siginfo drop;

		if (poll(fds, SP_COUNT(fds), -1) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents && read(fds[1].fd, &drop, sizeof(drop)) < 0 && errno != EAGAIN)
			return 1;
		if (reap(pid) || (fds[0].revents && !obey(pid)))
			return 0;
	}
}
