#include "server/http/moved.h"

#include <string.h>

#include "runtime/store/store.h"
#include "server/server.h"

static size_t segment(const char *s)
{
	return (size_t)(strchrnul(s, '/') - s);
}

/* The new text for the parameter of PATTERN, a segment of N bytes; NULL: it keeps what it has. */
static const char *exchange(const char *pattern, size_t n, const char *owner, const char *name)
{
	if (memmem(pattern, n, "{owner}", 7))
		return owner;
	return memmem(pattern, n, "{name}", 6) ? name : NULL;
}

const char *moved_path(struct sp_arena *a, const char *pattern, const char *path, const char *owner, const char *name)
{
	sp_auto_buf struct sp_buf b = { 0 };

	while (*pattern == '/' && *path == '/' && !memmem(pattern, segment(pattern + 1) + 1, "...}", 4)) {
		size_t np = segment(++pattern), n = segment(++path);
		const char *with = exchange(pattern, np, owner, name), *close = memchr(pattern, '}', np), *open = memchr(pattern, '{', np);

		if (with)       /* ".git" and the like around it stays */
			sp_buf_fmt(&b, "/%.*s%s%.*s", (int)(open - pattern), pattern, with, (int)(pattern + np - close - 1), close + 1);
		else
			sp_buf_fmt(&b, "/%.*s", (int)n, path);
		pattern += np;
		path += n;
	}
	sp_buf_puts(&b, path);
	return sp_arena_str(a, b.p);
}

int moved_answer(struct http_conn *c, const char *type, struct sp_err *e)
{
	struct http_req *rq = &c->rq;
	struct store_repo repo;
	struct sp_id id;
	int r = store_redirect_find(rq->srv->store, type, http_param(rq, "owner"), http_param(rq, "name"), &id, e);

	if (r == 0)
		r = store_repo_by_id(rq->srv->store, &id, rq->arena, &repo, e);
	if (r == 0)
		r = account_may(&rq->actor, MAY_READ, &(struct account_object){ .owner = repo.owner, .is_private = repo.is_private }, e);
	if (r < 0)
		return r == -SP_ENOENT ? 0 : r;
	http_redirect(rq, &c->rs, 307, sp_arena_fmt(rq->arena, "%s%s", moved_path(rq->arena, c->route->pattern, rq->path, repo.owner_name, repo.name),
		strchrnul(rq->target, '?')));
	return 1;
}
