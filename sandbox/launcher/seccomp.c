#include <linux/filter.h>
#include <linux/seccomp.h>

#include "launcher.h"

const struct seccomp_filter *seccomp_of(uint32_t profile)
{
	return profile == PROFILE_SYSTEM ? &seccomp_system : profile == PROFILE_WORKER ? &seccomp_worker : &seccomp_app;
}

int step_seccomp(struct plan *p, struct sp_err *e)
{
	const struct seccomp_filter *f = seccomp_of(p->start->profile);
	const struct sock_fprog prog = { f->size, (struct sock_filter *)(uintptr_t)f->insns };         /* the kernel copies it */

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? sp_fail(e, SP_EIO, errno, "load filter") : 0;
}
