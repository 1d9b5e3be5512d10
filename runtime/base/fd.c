#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "auto.h"

int sp_write_all(int fd, const void *p, size_t n, struct sp_err *e)
{
	const char *at = p;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return sp_fail(e, errno == ENOSPC || errno == EDQUOT ? SP_EQUOTA : SP_EIO, errno, "write");
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int sp_read_full(int fd, void *p, size_t n, size_t *ret_n, struct sp_err *e)
{
	char *at = p;
	size_t got = 0;

	while (got < n) {
		ssize_t done = read(fd, at + got, n - got);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return sp_fail(e, SP_EIO, errno, "read");
		if (done == 0)
			break;
		got += (size_t)done;
	}
	*ret_n = got;
	return 0;
}

int sp_open_beneath(int dirfd, const char *path, int flags, mode_t mode, int *ret_fd, struct sp_err *e)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : errno == EEXIST ? SP_EEXIST :
				errno == ELOOP || errno == EXDEV ? SP_EDENIED : SP_EIO, errno, "open '%.80s'", path);
	*ret_fd = (int)fd;
	return 0;
}

int sp_memfd_sealed(const char *name, const void *p, size_t n, int *ret_fd, struct sp_err *e)
{
	sp_auto_close int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "memfd '%s'", name);
	r = sp_write_all(fd, p, n, e);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ||
			lseek(fd, 0, SEEK_SET) < 0)
		return sp_fail(e, SP_EIO, errno, "seal memfd '%s'", name);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

static int set_flag(int fd, int get, int set, int flag, bool on, struct sp_err *e)
{
	int flags = fcntl(fd, get);

	if (flags < 0 || fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0)
		return sp_fail(e, SP_EIO, errno, "fcntl");
	return 0;
}

int sp_set_nonblock(int fd, bool on, struct sp_err *e)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on, e);
}

int sp_set_cloexec(int fd, bool on, struct sp_err *e)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on, e);
}
