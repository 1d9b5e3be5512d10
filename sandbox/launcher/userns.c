#include "launcher.h"

static int map(pid_t pid, uid_t uid, gid_t gid, uint32_t outside, uint32_t count, struct sp_err *e)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char path[64], text[64];

	for (unsigned i = 0; i < SP_COUNT(files); i++) {
		sp_auto_close int fd = -1;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		snprintf(text, sizeof(text), "%u %u %u", i == 0 ? uid : gid, outside, count);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			return sp_fail(e, SP_EIO, errno, "write %s", files[i]);
	}
	return 0;
}

int userns_idmap(uid_t uid, gid_t gid, uint32_t outside, uint32_t count, int *ret_fd, struct sp_err *e)
{
	sp_auto_close int pidfd = -1, fd = -1;
	pid_t pid = clone_child(CLONE_NEWUSER, -1, &pidfd);
	char path[64];
	int r;

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return sp_fail(e, SP_EIO, errno, "user namespace");
	r = map(pid, uid, gid, outside, count, e);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = r < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = sp_fail(e, SP_EIO, errno, "open user namespace");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (r == 0)
		*ret_fd = sp_take_fd(&fd);
	return r;
}
