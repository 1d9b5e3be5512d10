#include "path.h"

#include <stdbool.h>
#include <string.h>

static bool is_dot(const char *p, size_t n)
{
	return n == 1 && p[0] == '.';
}

static bool is_dot_dot(const char *p, size_t n)
{
	return n == 2 && p[0] == '.' && p[1] == '.';
}

/* The component at *AT; *AT moves behind it. Returns its length, 0 at the end. */
static size_t next_component(const char **at, const char **component)
{
	const char *p = *at + strspn(*at, "/");
	size_t n = strcspn(p, "/");

	*component = p;
	*at = p + n;
	return n;
}

static int check_bytes(const char *s, const char *what, struct sp_err *e)
{
	if (strlen(s) > WORKER_PATH_MAX)
		return sp_fail(e, SP_EDENIED, 0, "%s is longer than %d bytes", what, WORKER_PATH_MAX);
	/* They would break the log, and no tool that people use makes them. */
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return sp_fail(e, SP_EDENIED, 0, "%s contains a control character", what);
	return 0;
}

int worker_path_clean(const char *name, char *out, struct sp_err *e)
{
	const char *at = name, *component;
	size_t n, used = 0;
	int depth = 0, r = check_bytes(name, "a file name", e);

	if (r < 0)
		return r;
	if (name[0] == '/')
		return sp_fail(e, SP_EDENIED, 0, "the file name is absolute");
	while ((n = next_component(&at, &component)) > 0) {
		if (is_dot(component, n))
			continue;
		if (is_dot_dot(component, n))
			return sp_fail(e, SP_EDENIED, 0, "the file name leads out of its folder ('..')");
		if (n > WORKER_NAME_MAX)
			return sp_fail(e, SP_EDENIED, 0, "a part of the file name is longer than %d bytes", WORKER_NAME_MAX);
		if (++depth > WORKER_DEPTH_MAX)
			return sp_fail(e, SP_EDENIED, 0, "folders are nested deeper than %d", WORKER_DEPTH_MAX);
		if (used > 0)
			out[used++] = '/';
		memcpy(out + used, component, n);
		used += n;
	}
	out[used] = '\0';
	return depth;
}

static int depth_of(const char *path)
{
	int depth = 0;

	for (const char *p = path; *p; p++)
		depth += *p == '/';
	return depth;
}

int worker_link_check(const char *path, const char *target, struct sp_err *e)
{
	int room = depth_of(path), r = check_bytes(target, "a link", e);
	const char *at = target, *component;
	bool down = false;
	size_t n;

	if (r < 0)
		return r;
	if (target[0] == '/')
		return sp_fail(e, SP_EDENIED, 0, "the link leads to an absolute path");
	if (target[0] == '\0')
		return sp_fail(e, SP_EDENIED, 0, "the link leads nowhere");
	while ((n = next_component(&at, &component)) > 0) {
		if (n > WORKER_NAME_MAX)
			return sp_fail(e, SP_EDENIED, 0, "a part of the link is longer than %d bytes", WORKER_NAME_MAX);
		if (is_dot(component, n))
			continue;
		if (!is_dot_dot(component, n)) {
			down = true;
			continue;
		}
		if (down)
			return sp_fail(e, SP_EDENIED, 0, "the link leads down and up again");
		if (room-- == 0)
			return sp_fail(e, SP_EDENIED, 0, "the link leads out of the repository");
	}
	return 0;
}
