#include "task.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "auto.h"
#include "mkfs.h"
#include "scan.h"

/* Left behind by apt and dpkg, and by the build's own mounts. */
static const char *const never[] = {
	"tmp", "run", "proc", "sys", "dev", "in", "out", "env", "data", "etc/operator", "etc/resolv.conf", "etc/hosts", "etc/hostname",
	"etc/machine-id", "home", "root", "var/cache/apt", "var/lib/apt/lists", "var/log", "var/tmp", "var/cache/ldconfig",
};

static int leave_out_never(struct scan *s, struct sp_err *e)
{
	for (unsigned i = 0; i < SP_COUNT(never); i++) {
		int r = scan_leave_out(s, never[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

int task_pack_env(const struct task_args *args)
{
	sp_auto(scan_fini) struct scan s = { 0 };
	sp_auto_close int in = open(args->in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t image_bytes = 0;
	struct sp_err e;
	int r = scan_tree(args->in, args->max_files, args->max_bytes, &s, &e);

	if (r < 0)
		return task_fail(task_status_of(&e), "The environment cannot be packed: %s.", e.msg);
	r = leave_out_never(&s, &e);
	if (r < 0)
		return task_fail(task_status_of(&e), "The environment cannot be packed: %s.", e.msg);

	r = mkfs_pack(args->in, args->out, MKFS_ROOT, (const char *const *)s.leave_out, s.names, &image_bytes, &e);
	if (r < 0)
		return task_fail(TASK_MKFS, "The environment's image could not be written: %s.", e.msg);
	/* A build's disk is thin: what the host had no room for was lost after the build's write, and is told only here. */
	if (syncfs(in) < 0)
		return task_fail(TASK_MKFS, "The environment cannot be packed: what was installed did not reach the server's disk (%m).");
	printf("files %llu bytes %llu image %llu\n", (unsigned long long)s.files, (unsigned long long)s.bytes,
			(unsigned long long)image_bytes);
	return TASK_DONE;
}
