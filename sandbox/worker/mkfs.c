#include "mkfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"

extern char **environ;

static int run(char *const argv[], struct sp_err *e)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return sp_fail(e, SP_EIO, errno, "fork");
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return sp_fail(e, SP_EIO, errno, "wait for %s", argv[0]);
	if (WIFSIGNALED(status))
		return sp_fail(e, SP_EIO, 0, "%s was ended by signal %d", argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status) == 127)
		return sp_fail(e, SP_EIO, 0, "%s could not be started", argv[0]);
	if (WEXITSTATUS(status) != 0)
		return sp_fail(e, SP_EIO, 0, "%s ended with status %d", argv[0], WEXITSTATUS(status));
	return 0;
}

static void free_all(char ***argv)
{
	for (char **at = *argv; at && *at; at++)
		free(*at);
	free(*argv);
}

static char *dup_fmt(const char *fmt, ...) SP_PRINTF(1, 2);
static char *dup_fmt(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return s;
}

int mkfs_pack(const char *tree, const char *out, enum mkfs_owner owner, const char *const *exclude, unsigned names,
		uint64_t *ret_bytes, struct sp_err *e)
{
	sp_auto(free_all) char **argv = calloc(names + 12, sizeof(*argv));
	unsigned n = 0;
	struct stat st;
	int r;

	if (!argv)
		return sp_fail(e, SP_ENOMEM, 0, "arguments of mkfs.erofs");
	argv[n++] = dup_fmt("mkfs.erofs");
	argv[n++] = dup_fmt("--quiet");
	argv[n++] = dup_fmt("-T0");
	argv[n++] = dup_fmt("-x-1");
	argv[n++] = dup_fmt("-U00000000-0000-0000-0000-000000000000");          /* else random */
	if (owner == MKFS_ROOT) {
		argv[n++] = dup_fmt("--all-root");
	} else {
		argv[n++] = dup_fmt("--force-uid=1000");
		argv[n++] = dup_fmt("--force-gid=1000");
	}
	for (unsigned i = 0; i < names; i++)
		argv[n++] = dup_fmt("--exclude-path=%s", exclude[i]);
	argv[n++] = dup_fmt("%s", out);
	argv[n++] = dup_fmt("%s", tree);
	r = run(argv, e);
	if (r < 0)
		return r;
	if (stat(out, &st) < 0)
		return sp_fail(e, SP_EIO, errno, "stat the image");
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}
