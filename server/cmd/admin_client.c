#include "admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "str.h"

static int dial(const char *state, int *ret_fd, struct sp_err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	sp_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/admin.sock", state);

	if (n < 0 || (size_t)n >= sizeof(at.sun_path))
		return sp_fail(e, SP_EINVAL, 0, "the path of the state folder is too long for a socket: '%s'", state);
	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "socket");
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return sp_fail(e, SP_ENOENT, errno, "no server runs on '%s'", state);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

int admin_call(const char *state, json_t *command, json_t **ret, struct sp_err *e)
{
	sp_auto_buf struct sp_buf line = { 0 };
	sp_auto_free char *text = json_dumps(command, JSON_COMPACT);
	sp_auto_close int fd = -1;
	json_t *answer;
	char piece[4096];
	ssize_t n;
	int r = dial(state, &fd, e);

	json_decref(command);
	if (r < 0)
		return r;
	sp_buf_fmt(&line, "%s\n", text);
	r = sp_write_all(fd, line.p, line.n, e);
	if (r < 0)
		return r;
	line.n = 0;
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		sp_buf_add(&line, piece, (size_t)n);
		if (memchr(piece, '\n', (size_t)n))
			break;
	}
	answer = line.n ? json_loadb(line.p, line.n, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		const char *why = json_string_value(json_object_get(answer, "error"));

		r = sp_fail(e, SP_ESTATE, 0, "%s", why ? why : "the server did not answer");
		json_decref(answer);
		return r;
	}
	*ret = answer;
	return 0;
}
