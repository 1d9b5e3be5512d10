/*
 * local.h - vitrine-local: one app in a sandbox that an ordinary user can make, for `vitrine dev --local`.
 *
 * The same limits, capabilities, Landlock rules, syscall filter and pid 1 as the real sandbox, by the launcher's own steps, but made
 * without root: every namespace and mount belongs to a user namespace of the caller's, and there are no groups, images or ways out.
 * weaker.c says what that costs. It is not part of the trusted part: it has no more rights than who calls it.
 */
#pragma once

#include "sandbox/launcher/launcher.h"

enum { LOCAL_BINDS_MAX = 8, LOCAL_ENV_MAX = 256 };

struct local {
	const char *app;                        /* folder of the app */
	const char *binds[LOCAL_BINDS_MAX];     /* further folders, seen read-only where they are */
	const char *env[LOCAL_ENV_MAX + 1], **argv;
	unsigned nbinds, nenv;
	uint32_t app_port, port;                /* PORT: where people reach it; 0: the kernel's choice */
	bool network;                           /* the host's network instead of none */
	bool trial;                             /* make everything, execute nothing */
};

/* child.c: a sandbox's pid 1; returns its pid. What fails in the child comes as a struct why on *RET_SYNC, which ends when it runs. */
struct local_fds { int block, log, control, init; };
SP_MUST int local_clone(const struct local *lo, const struct local_fds *fds, pid_t *ret_pid, int *ret_pidfd, int *ret_sync, struct why *why);

/* root.c, in the child */
SP_MUST int local_root(const struct local *lo, struct sp_err *e);

/* door.c: a process that lets people on this machine reach the app, and says on standard error when it answers */
SP_MUST int local_listen(const struct local *lo, int *ret_fd, uint32_t *ret_port, struct sp_err *e);
SP_MUST int local_door(const struct local *lo, int listener, uint32_t port, int pidfd, pid_t *ret_pid, struct sp_err *e);

/* weaker.c: --check, as JSON on standard output; 0 when apps can run here */
int local_check(void);
