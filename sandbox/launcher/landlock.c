#include <linux/landlock.h>

#include "launcher.h"

/* The last four: Linux 6.2, 6.10 and 6.12, newer than the headers that we build with. */
enum { FILES = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE, READ = FILES | LANDLOCK_ACCESS_FS_READ_DIR,
	TRUNCATE = 1 << 14, IOCTL_DEV = 1 << 15, SCOPE_ABSTRACT_UNIX = 1, SCOPE_SIGNAL = 2 };
enum { DEVICE = LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE | IOCTL_DEV,
	WRITE = 0x7fff & ~(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK) };   /* all that the third ABI knows, without devices */

static int allow(int rules, const char *at, uint64_t access, struct sp_err *e)
{
	sp_auto_close int fd = at_open(AT_FDCWD, at);
	struct landlock_path_beneath_attr row = { .allowed_access = access, .parent_fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;                               /* not every image has it, or it is a link: then nothing is allowed there */
	if (!S_ISDIR(st.st_mode))
		row.allowed_access &= FILES | DEVICE;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &row, 0) < 0 ? sp_fail(e, SP_EIO, errno, "allow /%s", at) : 0;
}

/*
 * A second wall, should a mount or a descriptor of the host ever leak: below this root is all that can be opened, writing goes where
 * writing is meant to go, no signal and no abstract socket leaves the slot. The first ABI could not allow a rename between folders.
 */
int step_landlock(struct plan *p, struct sp_err *e)
{
	const bool anywhere = p->start->profile == PROFILE_SYSTEM;      /* dpkg's overlay is thrown away or packed */
	const struct { const char *at; uint64_t access; } rows[] = { { ".", anywhere ? READ | WRITE : READ }, { "home", WRITE }, { "tmp", WRITE },
		{ "var/tmp", WRITE }, { "run", WRITE }, { "dev", DEVICE }, { "dev/shm", WRITE } };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t known = abi < 3 ? 0x3fff : abi < 5 ? 0x7fff : 0xffff;
	struct { uint64_t fs, net, scoped; } attr = { known, 0, abi < 6 ? 0 : SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL };
	sp_auto_close int rules = -1;
	int r = 0;

	if (abi < 2)
		return 0;                               /* `vitrine check` says so */
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	for (unsigned i = 0; r == 0 && i < SP_COUNT(rows); i++)
		r = allow(rules, rows[i].at, known & rows[i].access, e);
	for (unsigned i = 0; r == 0 && i < p->ntrees; i++)
		if (!(p->trees[i].attrs & MOUNT_ATTR_RDONLY))
			r = allow(rules, p->trees[i].at, known & WRITE, e);
	return r ?: syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? sp_fail(e, SP_EIO, errno, "enforce") : 0;
}
