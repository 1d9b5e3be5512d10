#include <sys/sysmacros.h>

#include "launcher.h"

/* /dev of its own: six nodes, the usual links, /dev/shm; read-only apart from that. No ptmx: no terminal is passed in. */
int step_devices(int root, const struct plan *p, struct sp_err *e)
{
	static const struct { const char *name; unsigned major, minor; } nodes[] = {
		{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
	static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" } };
	sp_auto_close int dev = -1;
	char options[128];
	int r;

	snprintf(options, sizeof(options), "mode=0755,size=64k,uid=%u,gid=%u", p->base_uid, p->base_uid);
	r = mount_at(root, "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, options, e);
	if (r < 0)
		return r;
	dev = openat(root, "dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	for (unsigned i = 0; i < SP_COUNT(nodes); i++)
		if (mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0 ||
				fchmodat(dev, nodes[i].name, 0666, 0) < 0 || fchownat(dev, nodes[i].name, p->base_uid, p->base_uid, 0) < 0)
			return sp_fail(e, SP_EIO, errno, "make /dev/%s", nodes[i].name);
	for (unsigned i = 0; i < SP_COUNT(links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return sp_fail(e, SP_EIO, errno, "make /dev/%s", links[i][1]);
	r = make_path(dev, "shm", false, p->base_uid, e);
	r = r ?: mount_readonly(dev, e);
	if (r < 0)
		return r;
	snprintf(options, sizeof(options), "mode=1777,size=%llu,nr_inodes=65536,uid=%u,gid=%u",
		(unsigned long long)SP_LIMIT_run_shm_bytes, p->base_uid, p->base_uid);
	return mount_at(root, "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options, e);
}
