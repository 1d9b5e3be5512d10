#include <inttypes.h>
#include <stdarg.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "launcher.h"

enum cgroup_kind { CG_MEMORY, CG_CPU, CG_PIDS, CG_DEVICES, CG_FREEZER, CG_V2, CG_MAX };
static const char *const v1_roots[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids",
	"/sys/fs/cgroup/devices", "/sys/fs/cgroup/freezer" };
/* null zero full random urandom tty; everything else is denied, whatever node a process gets hold of. */
static const char *const devices[] = { "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm" };

static int put(int dir, const char *file, const char *text)
{
	sp_auto_close int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Valid until the next call. */
static const char *in_slot(uint32_t index, const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), "slot-%u/%s", index, file);
	return path;
}

static bool remove_group(int root, const char *name)
{
	sp_auto_close int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; dir >= 0 && i < SP_LIMIT_slots; i++)
		unlinkat(dir, in_slot(i, ""), AT_REMOVEDIR);
	return unlinkat(root, name, AT_REMOVEDIR) == 0;
}

bool cgroup_is_dead(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	long pid = strncmp(name, prefix, n) == 0 ? strtol(name + n, NULL, 10) : 0;

	return pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static int open_group(const char *path, long magic)
{
	sp_auto_close int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_closedir DIR *dir = opendir(path);
	struct statfs fs;
	char name[32];

	if (root < 0 || !dir || fstatfs(root, &fs) < 0 || fs.f_type != magic)
		return -1;
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
		if (cgroup_is_dead(d->d_name, "vitrine-"))
			remove_group(root, d->d_name);
	snprintf(name, sizeof(name), "vitrine-%d", getpid());
	if (mkdirat(root, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void cgroup_open(struct launcher *l)
{
	int pure = open_group("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC);

	for (unsigned k = 0; k < CG_V2; k++)
		l->cgroup[k] = pure < 0 ? open_group(v1_roots[k], CGROUP_SUPER_MAGIC) : -1;
	l->cgroup[CG_V2] = pure < 0 ? open_group("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC) : pure;
	if (pure >= 0 && (put(pure, "../cgroup.subtree_control", "+memory +pids +cpu") < 0 ||
			put(pure, "cgroup.subtree_control", "+memory +pids +cpu") < 0))
		log_warn("cgroups: controllers cannot be handed down, apps run without limits: %m");
	if (l->cgroup[CG_MEMORY] < 0 && pure < 0)
		log_warn("cgroups: none found, apps run without memory and process limits");
}

void cgroup_close(struct launcher *l)
{
	char path[64];

	for (unsigned k = 0; k < CG_MAX; k++) {
		sp_auto_close int root = l->cgroup[k] < 0 ? -1 : openat(l->cgroup[k], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		snprintf(path, sizeof(path), "vitrine-%d", getpid());
		if (root >= 0 && !remove_group(root, path))
			log_warn("ignoring a cgroup that cannot be removed: %m");
	}
}

uint32_t cgroup_version(const struct launcher *l)
{
	return l->cgroup[CG_MEMORY] >= 0 ? 1 : l->cgroup[CG_V2] >= 0 ? 2 : 0;
}

static int set(const struct launcher *l, unsigned kind, uint32_t index, const char *file, const char *text, struct sp_err *e)
{
	int r = l->cgroup[kind] < 0 ? 0 : put(l->cgroup[kind], in_slot(index, file), text);

	return r < 0 ? sp_fail(e, SP_EIO, -r, "cgroup %s = %s", file, text) : 0;
}

int cgroup_make(const struct launcher *l, uint32_t index, struct sp_err *e)
{
	int r;

	for (unsigned k = 0; k < CG_MAX; k++)
		if (l->cgroup[k] >= 0 && mkdirat(l->cgroup[k], in_slot(index, ""), 0755) < 0 && errno != EEXIST)
			return sp_fail(e, SP_EIO, errno, "make cgroup");
	r = set(l, CG_DEVICES, index, "devices.deny", "a", e);
	for (unsigned d = 0; d < SP_COUNT(devices); d++)
		r = r ?: set(l, CG_DEVICES, index, "devices.allow", devices[d], e);
	return r;
}

int cgroup_limit(const struct launcher *l, const struct slot *s, struct sp_err *e)
{
	const struct launch_start *t = &s->start;
	enum { MUST, MAY_LACK, UNLESS_ZERO };           /* swap is not accounted everywhere; no quota, no file */
	const struct { unsigned kind; const char *file; uint64_t value; int how; } rows[] = {
		{ CG_MEMORY, "memory.limit_in_bytes", t->memory_bytes, MUST },
		{ CG_MEMORY, "memory.memsw.limit_in_bytes", t->memory_bytes, MAY_LACK },
		{ CG_MEMORY, "memory.kmem.tcp.limit_in_bytes", t->memory_bytes / 4, MAY_LACK },         /* v2 counts it as memory */
		{ CG_CPU, "cpu.shares", t->cpu_weight * 1024 / 100, MUST },
		{ CG_CPU, "cpu.cfs_quota_us", t->cpu_permille * 100, UNLESS_ZERO },
		{ CG_PIDS, "pids.max", t->pids, MUST },
		{ CG_V2, "memory.max", t->memory_bytes, MUST },
		{ CG_V2, "memory.swap.max", 0, MAY_LACK },
		{ CG_V2, "memory.oom.group", 1, MUST },
		{ CG_V2, "pids.max", t->pids, MUST },
		{ CG_V2, "cpu.weight", t->cpu_weight, MUST },
		{ CG_V2, "cpu.max", t->cpu_permille * 100, UNLESS_ZERO },
	};
	uint32_t version = cgroup_version(l);
	struct sp_err why = { .code = SP_OK };
	char text[32];

	for (unsigned i = 0; i < SP_COUNT(rows); i++) {
		if ((rows[i].kind == CG_V2) != (version == 2) || (rows[i].how == UNLESS_ZERO && rows[i].value == 0))
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, rows[i].value);
		if (set(l, rows[i].kind, s->index, rows[i].file, text, &why) < 0 && !(rows[i].how == MAY_LACK && why.sys == ENOENT))
			return sp_fail(e, SP_EIO, 0, "%s", why.msg);
	}
	return 0;
}

int cgroup_birth(const struct launcher *l, uint32_t index)
{
	return l->cgroup[CG_V2] < 0 ? -1 : openat(l->cgroup[CG_V2], in_slot(index, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int step_cgroups(struct plan *p, struct sp_err *e)
{
	for (unsigned k = 0; k < CG_V2; k++) {          /* in the v2 group it was born */
		int r = set(p->l, k, p->index, "cgroup.procs", "0", e);

		if (r < 0)
			return r;
	}
	return unshare(CLONE_NEWCGROUP) < 0 ? sp_fail(e, SP_EIO, errno, "cgroup namespace") : 0;
}

int cgroup_freeze(const struct launcher *l, uint32_t index, bool frozen, struct sp_err *e)
{
	if (l->cgroup[CG_V2] >= 0)
		return set(l, CG_V2, index, "cgroup.freeze", frozen ? "1" : "0", e);
	if (l->cgroup[CG_FREEZER] < 0)
		return sp_fail(e, SP_EUNSUPPORTED, 0, "this host has no cgroup that can freeze");
	return set(l, CG_FREEZER, index, "freezer.state", frozen ? "FROZEN" : "THAWED", e);
}

void cgroup_kill(const struct launcher *l, uint32_t index)
{
	set(l, CG_V2, index, "cgroup.kill", "1", NULL);         /* absent before Linux 5.14; killing init kills its whole pid namespace anyway */
}

/* The number behind KEY ("" for a file that is one number); 0 when it is not to be had. */
static uint64_t get(const struct launcher *l, unsigned kind, uint32_t index, const char *file, const char *key)
{
	sp_auto_close int fd = l->cgroup[kind] < 0 ? -1 : openat(l->cgroup[kind], in_slot(index, file), O_RDONLY | O_CLOEXEC);
	char text[4096];
	const char *at;
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

struct cgroup_use cgroup_use(const struct launcher *l, uint32_t i)
{
	bool v1 = cgroup_version(l) == 1;
	unsigned memory = v1 ? CG_MEMORY : CG_V2;

	return (struct cgroup_use){
		.memory = get(l, memory, i, v1 ? "memory.usage_in_bytes" : "memory.current", ""),
		.peak = get(l, memory, i, v1 ? "memory.max_usage_in_bytes" : "memory.peak", ""),
		.oom_kills = get(l, memory, i, v1 ? "memory.oom_control" : "memory.events", "oom_kill "),
		.cpu_us = get(l, CG_V2, i, "cpu.stat", "usage_usec "),
		.pids = (uint32_t)get(l, v1 ? CG_PIDS : CG_V2, i, "pids.current", ""),
		.hits.forks = get(l, v1 ? CG_PIDS : CG_V2, i, "pids.events", "max "),
		.hits.throttled = get(l, v1 ? CG_CPU : CG_V2, i, "cpu.stat", "nr_throttled "),
	};
}

bool cgroup_drop(const struct launcher *l, uint32_t index)
{
	bool gone = true;

	for (unsigned k = 0; k < CG_MAX; k++)
		if (l->cgroup[k] >= 0 && unlinkat(l->cgroup[k], in_slot(index, ""), AT_REMOVEDIR) < 0 && errno != ENOENT)
			gone = false;
	return gone;
}
