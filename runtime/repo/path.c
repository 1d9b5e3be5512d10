#include "repo.h"

#include <string.h>
#include <strings.h>

#include "limit.h"
#include "str.h"

enum { NAME_BYTES = 255 };      /* NAME_MAX: a longer name could not be checked out */

/* Code points that HFS+ leaves out when it compares names (CVE-2014-9390): U+200C-200F, 202A-202E, 206A-206F, FEFF. */
static bool hfs_ignores(const unsigned char *p, size_t len)
{
	if (len != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8c && p[2] <= 0x8f) || (p[2] >= 0xaa && p[2] <= 0xae);
	if (p[0] == 0xe2 && p[1] == 0x81)
		return p[2] >= 0xaa && p[2] <= 0xaf;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

/* Would some file system take this name for ".git"? */
static bool is_dot_git(const char *name, size_t n)
{
	char seen[8];
	size_t m = 0;

	for (size_t i = 0; i < n; ) {
		size_t len = sp_utf8_len(name + i, n - i);

		if (!hfs_ignores((const unsigned char *)name + i, len)) {
			if (m + len > sizeof(seen) - 1)
				return false;
			memcpy(seen + m, name + i, len);
			m += len;
		}
		i += len;
	}
	while (m > 0 && (seen[m - 1] == '.' || seen[m - 1] == ' '))
		m--;
	return (m == 4 && strncasecmp(seen, ".git", 4) == 0) || (m == 5 && strncasecmp(seen, "git~1", 5) == 0);
}

static int check_name(const char *path, const char *name, size_t n, struct sp_err *e)
{
	if (n == 0)
		return sp_fail(e, SP_EINVAL, 0, "the path '%.100s' has an empty part", path);
	if (n > NAME_BYTES)
		return sp_fail(e, SP_EINVAL, 0, "the path '%.100s' has a part over %d bytes", path, NAME_BYTES);
	if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
		return sp_fail(e, SP_EINVAL, 0, "the path '%.100s' may not contain '.' or '..'", path);
	for (size_t i = 0; i < n; ) {
		size_t len = sp_utf8_len(name + i, n - i);

		if (len == 0)
			return sp_fail(e, SP_EINVAL, 0, "a path is not UTF-8");
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '\\')
			return sp_fail(e, SP_EINVAL, 0, "a path may not contain control characters or backslashes");
		i += len;
	}
	if (is_dot_git(name, n))
		return sp_fail(e, SP_EINVAL, 0, "the path '%.100s' may not contain '.git'", path);
	return 0;
}

int repo_check_path(const char *path, struct sp_err *e)
{
	size_t n = strlen(path);

	if (n == 0)
		return sp_fail(e, SP_EINVAL, 0, "a path is empty");
	if (n > SP_LIMIT_repo_path_bytes)
		return sp_fail(e, SP_EINVAL, 0, "a path has more than %d bytes", (int)SP_LIMIT_repo_path_bytes);
	if (path[0] == '/')
		return sp_fail(e, SP_EINVAL, 0, "the path '%.100s' may not be absolute", path);

	for (const char *at = path;; ) {
		const char *end = strchrnul(at, '/');
		int r = check_name(path, at, (size_t)(end - at), e);

		if (r < 0)
			return r;
		if (!*end)
			return 0;
		at = end + 1;
	}
}
