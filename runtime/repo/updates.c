/* The list of references that a push wants to move, out of the worker: every byte may be hostile. */
#include <string.h>

#include "limit.h"
#include "repo.h"
#include "str.h"

bool repo_update_deletes(const struct repo_update *u)
{
	return strspn(u->new, "0") == 40;
}

bool repo_update_creates(const struct repo_update *u)
{
	return strspn(u->old, "0") == 40;
}

/* git-check-ref-format(1); libgit2 looks again. */
static bool is_ref(const char *s)
{
	size_t n = strlen(s);

	if (n > SP_LIMIT_repo_path_bytes || n == 0 || s[n - 1] == '/' || s[n - 1] == '.' || sp_ends_with(s, ".lock") || strstr(s, "..") ||
			strstr(s, "//") || strstr(s, "/.") || strstr(s, "@{") || strstr(s, ".lock/"))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || strchr("~^:?*[\\", *s))
			return false;
	return true;
}

static int check(const struct repo_update *u, struct sp_err *e)
{
	if (!is_ref(u->ref) || (!sp_starts_with(u->ref, "refs/heads/") && !sp_starts_with(u->ref, "refs/tags/")))
		return sp_fail(e, SP_EDENIED, 0, "only branches and tags can be pushed, not '%.100s'", u->ref);
	if (strcmp(u->ref, "refs/heads/main") == 0 && repo_update_deletes(u))
		return sp_fail(e, SP_EDENIED, 0, "the branch main cannot be deleted");
	if (repo_update_creates(u) && repo_update_deletes(u))
		return sp_fail(e, SP_EPROTO, 0, "an update from nothing to nothing");
	return 0;
}

/* "OLD NEW REF" without its end of line. */
static int take(const char *line, size_t n, struct sp_arena *a, struct repo_update *ret, struct sp_err *e)
{
	if (n < 83 || n > 82 + SP_LIMIT_repo_path_bytes || !sp_is_hex(line, 40) || line[40] != ' ' || !sp_is_hex(line + 41, 40) || line[81] != ' ' ||
			memchr(line, '\0', n))
		return sp_fail(e, SP_EPROTO, 0, "the list of updates is malformed");
	memcpy(ret->old, line, 40);
	memcpy(ret->new, line + 41, 40);
	ret->ref = sp_arena_mem(a, line + 82, n - 82);
	return check(ret, e);
}

int repo_updates_parse(const char *p, size_t n, struct sp_arena *a, struct repo_update **ret, size_t *ret_n, struct sp_err *e)
{
	const char *end = p + n, *line_end;
	struct repo_update *v;
	size_t count = 0, lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	if (lines > SP_LIMIT_git_updates)
		return sp_fail(e, SP_EQUOTA, 0, "more than %d branches and tags in one push; push fewer at a time", (int)SP_LIMIT_git_updates);
	v = sp_arena_get(a, (lines + 1) * sizeof(*v));
	for (; p < end; p = line_end + 1) {
		int r;

		line_end = memchr(p, '\n', (size_t)(end - p));
		if (!line_end)
			return sp_fail(e, SP_EPROTO, 0, "the list of updates is cut off");
		r = take(p, (size_t)(line_end - p), a, &v[count], e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < count; i++)
			if (strcmp(v[i].ref, v[count].ref) == 0)
				return sp_fail(e, SP_EPROTO, 0, "'%.100s' is in the list of updates twice", v[count].ref);
		count++;
	}
	*ret = v;
	*ret_n = count;
	return 0;
}
