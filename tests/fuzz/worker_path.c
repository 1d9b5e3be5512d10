/* fuzz: sandbox/worker/path.c */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sandbox/worker/path.h"

/* Walk TARGET from DEPTH: does it ever stand above the root, or go up after it went down? */
static bool leads_out(int depth, const char *target)
{
	bool down = false;

	if (target[0] == '/')
		return true;
	for (const char *p = target; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (down || --depth < 0)
				return true;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			down = true;
		}
		p += n + (p[n] == '/');
	}
	return false;
}

static void check_plain(const char *path, int depth)
{
	int parts = path[0] ? 1 : 0;

	if (path[0] == '/' || strlen(path) > WORKER_PATH_MAX)
		__builtin_trap();
	for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/') {
		size_t n = strcspn(p, "/");

		if (n == 0 || n > WORKER_NAME_MAX || (n <= 2 && strspn(p, ".") >= n))
			__builtin_trap();
		parts += p[n] == '/';
	}
	if (parts != depth || depth > WORKER_DEPTH_MAX)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[4096], target[4096] = "", plain[WORKER_PATH_MAX + 1], again[WORKER_PATH_MAX + 1];
	const uint8_t *nul = memchr(data, 0, size);
	size_t n = nul ? (size_t)(nul - data) : size;
	int depth;

	if (size >= sizeof(name))
		return 0;
	memcpy(name, data, n);
	name[n] = '\0';
	if (nul) {
		memcpy(target, nul + 1, size - n - 1);
		target[size - n - 1] = '\0';
	}
	depth = worker_path_clean(name, plain, NULL);
	if (depth < 0)
		return 0;
	check_plain(plain, depth);
	if (worker_path_clean(plain, again, NULL) != depth || strcmp(plain, again) != 0)
		__builtin_trap();
	if (depth > 0 && worker_link_check(plain, target, NULL) == 0 && leads_out(depth - 1, target))
		__builtin_trap();
	return 0;
}
