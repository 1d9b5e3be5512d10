#include "server/first_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "log.h"
#include "runtime/account/account.h"
#include "runtime/store/store.h"

static int write_token(const char *state_dir, const char *token, struct sp_err *e)
{
	sp_auto_close int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_close int fd = -1;
	char line[300];
	int n = snprintf(line, sizeof(line), "%s\n", token), r;

	if (n < 0 || (size_t)n >= sizeof(line))
		return sp_fail(e, SP_EINVAL, 0, "VITRINE_ADMIN_TOKEN is too long");
	if (dir < 0)
		return sp_fail(e, SP_EIO, errno, "open the state folder");
	unlinkat(dir, "admin-token.new", 0);
	fd = openat(dir, "admin-token.new", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "make the file admin-token");
	r = sp_write_all(fd, line, (size_t)n, e);
	explicit_bzero(line, sizeof(line));
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(dir, "admin-token.new", dir, "admin-token") < 0 || fsync(dir) < 0)
		return sp_fail(e, SP_EIO, errno, "keep the file admin-token");
	return 0;
}

int first_start(struct store *st, const char *state_dir, struct sp_err *e)
{
	const char *given = getenv("VITRINE_ADMIN_TOKEN");
	struct account_token fresh = account_token_new(), unused;
	struct sp_id user;
	int64_t users;
	int r = store_user_count(st, &users, e);

	if (r < 0 || users > 0)
		return r;
	r = write_token(state_dir, given && given[0] ? given : fresh.s, e);
	if (r < 0)
		return r;
	r = account_user_add(st, "admin", true, given && given[0] ? given : fresh.s, &unused, &user, e);
	explicit_bzero(&fresh, sizeof(fresh));
	explicit_bzero(&unused, sizeof(unused));
	if (r < 0)
		return sp_err_wrap(e, r, "make the user admin");
	log_info("first start: made the user admin; its token is in the file admin-token of the state folder");
	return 0;
}
