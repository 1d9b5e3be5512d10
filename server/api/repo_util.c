#include "server/api/repo_util.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "runtime/space/space.h"
#include "server/server.h"

int repo_revision(struct http_req *rq, struct http_resp *rs, const char *rev, char ret_commit[41], struct sp_err *e)
{
	int r = repo_resolve(rq->srv->repos, &rq->repo->id, rev, ret_commit, e);

	if (r != -SP_ENOENT)
		return r;
	http_reply_error(rq, rs, 404, "RevisionNotFound", "%s/%s has no revision '%.80s'. The default one is 'main'.",
		rq->repo->owner_name, rq->repo->name, rev);
	return 1;
}

void repo_rev_and_path(struct http_req *rq, const char **ret_rev, const char **ret_path)
{
	const char *rev = http_param(rq, "rev"), *path = http_param(rq, "path");
	size_t n;
	char *trimmed;

	if (strcmp(rev, "refs") == 0) {
		const char *kind_end = strchr(path, '/'), *end = kind_end ? strchrnul(kind_end + 1, '/') : NULL;

		if (end) {
			rev = sp_arena_fmt(rq->arena, "refs/%.*s", (int)(end - path), path);
			path = *end ? end + 1 : end;
		}
	}
	while (*path == '/')
		path++;
	trimmed = sp_arena_str(rq->arena, path);
	for (n = strlen(trimmed); n > 0 && trimmed[n - 1] == '/'; n--)
		trimmed[n - 1] = '\0';
	*ret_rev = rev;
	*ret_path = trimmed;
}

const char *repo_percent(struct sp_arena *a, const char *s, bool keep_slashes)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char *out = sp_arena_get(a, 3 * strlen(s) + 1), *to = out;

	for (; *s; s++) {
		if (strchr(plain, *s) || (keep_slashes && *s == '/'))
			*to++ = *s;
		else
			to += snprintf(to, 4, "%%%02X", (unsigned)(unsigned char)*s);
	}
	return out;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *repo_unpercent(struct sp_arena *a, const char *s)
{
	char *out = sp_arena_get(a, strlen(s) + 1), *to = out;

	while (*s) {
		if (*s == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
			*to = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
			if (!*to)
				return NULL;
			s += 3;
		} else {
			*to = *s++;
		}
		to++;
	}
	return out;
}

json_t *repo_text(const char *s)
{
	json_t *j = json_string(s);
	sp_auto_free char *copy = j ? NULL : strdup(s);

	if (j)
		return j;
	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(copy ? copy : "");
}

void repo_link_next(struct http_req *rq, struct http_resp *rs, const char *url, size_t next)
{
	http_setf(rq, rs, "Link", "<%s%s%ccursor=%zu>; rel=\"next\"", rq->origin, url, strchr(url, '?') ? '&' : '?', next);
}

int repo_no_entry(struct http_req *rq, struct http_resp *rs, const char *commit, const char *path)
{
	http_reply_error(rq, rs, 404, "EntryNotFound", "%.100s does not exist in %s/%s at revision %.7s. List what does with GET /api/spaces/%s/%s/tree/main.",
		path, rq->repo->owner_name, rq->repo->name, commit, rq->repo->owner_name, rq->repo->name);
	http_set(rq, rs, "X-Repo-Commit", commit);
	return 0;
}
