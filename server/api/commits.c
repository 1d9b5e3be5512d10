#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "server/api/commit_parse.h"
#include "server/api/repo_util.h"
#include "server/server.h"

enum { LOG_PAGE = 50, LOG_PAGE_MAX = 1000 };

/* The branch that revision REV names: "main" of "main", "HEAD", "refs/heads/main". 1: none, answered. */
static int branch_of(struct http_req *rq, struct http_resp *rs, const char *rev, const char **ret, struct sp_err *e)
{
	const char *branch = sp_starts_with(rev, "refs/heads/") ? rev + 11 : strcmp(rev, "HEAD") == 0 ? "main" : rev;
	char commit[41];
	int r = repo_resolve(rq->srv->repos, &rq->repo->id, sp_arena_fmt(rq->arena, "refs/heads/%s", branch), commit, e);

	if (r == -SP_ENOENT) {
		http_reply_error(rq, rs, 404, "RevisionNotFound", "%s/%s has no branch '%.80s' to commit to. Commit to 'main'.",
			rq->repo->owner_name, rq->repo->name, rev);
		return 1;
	}
	*ret = branch;
	return r;
}

/* What is wrong with single operations, each with its own answer (C-HF-68, C-HF-69). 1: answered. */
static int check_ops(struct http_req *rq, struct http_resp *rs, const struct commit_parsed *c)
{
	struct sp_err e;
	uint64_t size;

	for (size_t i = 0; i < c->n_ops; i++) {
		const struct repo_op *op = &c->ops[i];

		if (repo_check_path(op->path, &e) < 0)
			http_reply_error(rq, rs, 422, NULL, "This commit cannot be made: %s. Rename the file and commit again.", e.msg);
		else if (op->kind == OP_PUT_LFS && repo_lfs_has(rq->srv->repos, &rq->repo->id, op->sha256, &size, &e) < 0)
			http_reply_error(rq, rs, 400, NULL, "The large file '%.100s' was not uploaded to this repository before the commit. Upload it first.", op->path);
		else
			continue;
		return 1;
	}
	return 0;
}

static int answer_failure(struct http_req *rq, struct http_resp *rs, int r, const struct sp_err *e)
{
	if (r == -SP_ESTALE)
		return http_reply_error(rq, rs, 412, NULL, "A commit has happened since: %s. Refresh and try again.", e->msg);
	if (r == -SP_EINVAL)
		return http_reply_error(rq, rs, 422, NULL, "This commit cannot be made: %s.", e->msg);
	if (r == -SP_ENOENT)
		return http_reply_error(rq, rs, 404, "EntryNotFound", "Nothing was committed: %s.", e->msg);
	return r;
}

static int make_commit(struct http_req *rq, struct http_resp *rs, const char *branch, const struct commit_parsed *c, struct sp_err *e)
{
	const char *email = sp_arena_fmt(rq->arena, "%s@users.noreply.%s", rq->actor.name, rq->srv->domain);
	const struct repo_commit_req req = { .branch = branch, .parent = c->parent && *c->parent ? c->parent : NULL,
		.title = *c->summary ? c->summary : "Update", .message = c->description, .author = { rq->actor.name, email },
		.ops = c->ops, .n_ops = c->n_ops };
	char oid[41];
	bool changed;
	int r = repo_commit(rq->srv->repos, &rq->repo->id, &req, oid, &changed, e);

	if (r < 0)
		return answer_failure(rq, rs, r, e);
	/* Also when nothing changed: an earlier attempt may have ended between the commit and this line. */
	r = repo_publish(rq->srv, &rq->repo->id, e);
	if (r == 0 && changed)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "commit", oid, e);
	if (r < 0)
		return r;
	return http_reply_json(rq, rs, 200, json_pack("{s:b, s:s, s:s, s:s}", "success", 1, "commitOid", oid,
		"commitUrl", sp_arena_fmt(rq->arena, "%s/spaces/%s/%s/commit/%s", rq->origin, rq->repo->owner_name, rq->repo->name, oid),
		"hookOutput", ""));
}

int api_commit(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	sp_auto_close int spool = -1;
	struct commit_parsed c;
	const char *branch;
	int r;

	if (http_query_bool(rq, "create_pr"))
		return http_reply_error(rq, rs, 400, NULL, "This server has no pull requests yet. Commit without create_pr.");
	r = branch_of(rq, rs, http_param(rq, "rev"), &branch, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (rq->body_fd < 0)
		return http_reply_error(rq, rs, 400, NULL, "The commit is empty: send one JSON object a line, first the header.");
	spool = openat(rq->srv->tmp_dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (spool < 0)
		return sp_fail(e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "make room for the upload");
	r = commit_parse(rq->body_fd, spool, rq->arena, &c, e);
	if (r < 0 || check_ops(rq, rs, &c))
		return r;
	return make_commit(rq, rs, branch, &c, e);
}

static json_t *commit_json(const struct repo_commit_info *c, bool formatted)
{
	struct sp_iso at = sp_iso_ms(c->at_ms);
	json_t *j = json_pack("{s:s, s:o, s:o, s:s, s:[{s:o}]}", "id", c->id, "title", repo_text(c->title), "message", repo_text(c->message),
		"date", at.s, "authors", "user", repo_text(c->author));

	if (formatted)  /* the Hub sends HTML here; text escaped to nothing but itself is the safe form of it */
		json_object_set_new(j, "formatted", json_pack("{s:o, s:o}", "title", repo_text(c->title), "message", repo_text(c->message)));
	return j;
}

int api_commits(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct repo_commit_info *v;
	int64_t skip, limit;
	size_t n, total;
	char commit[41];
	json_t *all;
	int r = repo_revision(rq, rs, http_param(rq, "rev"), commit, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = http_query_int(rq, "cursor", 0, INT32_MAX, 0, &skip, e);
	if (r == 0)
		r = http_query_int(rq, "limit", 1, INT32_MAX, LOG_PAGE, &limit, e);
	limit = r == 0 && limit > LOG_PAGE_MAX ? LOG_PAGE_MAX : limit;
	if (r == 0)
		r = repo_log(rq->srv->repos, &rq->repo->id, commit, (size_t)skip, (size_t)limit, rq->arena, &v, &n, &total, e);
	if (r < 0)
		return r;
	all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, commit_json(&v[i], http_query(rq, "expand") != NULL));
	if ((size_t)skip + n < total)
		repo_link_next(rq, rs, sp_arena_fmt(rq->arena, "/api/spaces/%s/%s/commits/%s?limit=%lld%s", rq->repo->owner_name, rq->repo->name, commit,
			(long long)limit, http_query(rq, "expand") ? "&expand=formatted" : ""), (size_t)skip + n);
	http_setf(rq, rs, "X-Total-Count", "%zu", total);
	return http_reply_json(rq, rs, 200, all);
}
