#include <sys/utsname.h>
#include <linux/netlink.h>

#include "launcher.h"

static long setting(const char *path)
{
	sp_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	return fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ? 0 : strtol(text, NULL, 10);
}

static bool can_mount(const char *type)                 /* asking loads the module */
{
	sp_auto_close int fs = fsopen(type, FSOPEN_CLOEXEC);

	return fs >= 0;
}

static bool missing(struct launch_probe *p, bool there, const char *name)
{
	size_t n = strlen(p->missing);

	if (!there)
		snprintf(p->missing + n, sizeof(p->missing) - n, "%s%s", n ? ", " : "", name);
	return there;
}

void probe_fill(const struct launcher *l, struct launch_probe *p)
{
	sp_auto_close int nft = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct launch_hash hash;
	struct utsname u;
	bool run;

	memset(p, 0, sizeof(*p));
	if (uname(&u) == 0)
		snprintf(p->kernel, sizeof(p->kernel), "%.63s", u.release);
	p->cgroup = cgroup_version(l);
	run = missing(p, can_mount("overlay"), "overlay file system");
	run &= missing(p, can_mount("erofs"), "erofs file system");
	run &= missing(p, nft >= 0, "nf_tables");
	run &= missing(p, setting("/proc/sys/user/max_user_namespaces") > 0, "user namespaces");
	run &= missing(p, image_current(l, IMAGE_BASE, &hash), "base image");
	p->can_run = run;
	p->can_build = missing(p, image_current(l, IMAGE_TOOLS, &hash), "tools image") && run;
	missing(p, p->cgroup != 0, "cgroups (apps run without limits)");
}

int probe_host(struct launcher *l, struct launch_probe *p, struct sp_err *e)
{
	l->images_dir = l->images ? open(l->images, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (l->images && l->images_dir < 0)
		return sp_fail(e, SP_EIO, errno, "images directory %.160s", l->images);
	cgroup_open(l);
	probe_fill(l, p);
	cgroup_close(l);
	return 0;
}
