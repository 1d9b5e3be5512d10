/* Branches, tags and squashing (hf-api.md 2.2, 2.5; C-HF-40). Listing them is in spaces.c. */
#include <string.h>

#include "runtime/repo/repo.h"
#include "runtime/store/store.h"
#include "server/api/repo_util.h"
#include "server/server.h"

static struct repo_author author_of(const struct http_req *rq)
{
	return (struct repo_author){ rq->actor.name, sp_arena_fmt(rq->arena, "%s@users.noreply.%s", rq->actor.name, rq->srv->domain) };
}

static int note(struct http_req *rq, const char *what, const char *detail, struct sp_err *e)
{
	return store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, what, detail, e);
}

static int refuse(struct http_req *rq, struct http_resp *rs, int r, const struct sp_err *e)
{
	if (r == -SP_EEXIST)
		return http_reply_error(rq, rs, 409, NULL, "%s", e->msg);
	if (r == -SP_EDENIED)
		return http_reply_error(rq, rs, 403, NULL, "%s", e->msg);
	return r;
}

int api_branch_add(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *name = http_param(rq, "branch"), *start;
	char commit[41];
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	if (json_is_true(json_object_get(body, "emptyBranch")))
		return http_reply_error(rq, rs, 501, NULL, "This server makes no empty branches. Make one from a revision and delete its files.");
	start = json_string_value(json_object_get(body, "startingPoint"));
	r = repo_revision(rq, rs, start ? start : "main", commit, e);
	if (r != 0)
		return r < 0 ? r : 0;
	/* main is what runs: it moves by commits only. */
	r = repo_branch_add(rq->srv->repos, &rq->repo->id, name, commit,
		json_is_true(json_object_get(body, "overwrite")) && strcmp(name, "main") != 0, e);
	if (r == 0)
		r = note(rq, "branch.add", name, e);
	return r < 0 ? refuse(rq, rs, r, e) : http_reply_json(rq, rs, 200, json_pack("{s:s, s:s}", "ref",
		sp_arena_fmt(rq->arena, "refs/heads/%s", name), "targetCommit", commit));
}

int api_branch_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *name = http_param(rq, "branch");
	int r = repo_branch_del(rq->srv->repos, &rq->repo->id, name, e);

	if (r == -SP_ENOENT)    /* the Hub's words, which clients' users search for */
		return http_reply_error(rq, rs, 404, "RevisionNotFound", "Invalid rev id: refs/heads/%.200s", name);
	if (r == 0)
		r = note(rq, "branch.delete", name, e);
	return r < 0 ? refuse(rq, rs, r, e) : http_reply_json(rq, rs, 200, json_object());
}

/* {rev} is what the tag shall name (clients put its own name into the body). */
int api_tag_add(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct repo_author by = author_of(rq);
	const char *name;
	char commit[41];
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	name = json_string_value(json_object_get(body, "tag"));
	if (!name)
		return sp_fail(e, SP_EINVAL, 0, "'tag' is missing");
	r = repo_revision(rq, rs, http_param(rq, "rev"), commit, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = repo_tag_add(rq->srv->repos, &rq->repo->id, name, commit, json_string_value(json_object_get(body, "message")), &by, e);
	if (r == 0)
		r = note(rq, "tag.add", name, e);
	return r < 0 ? refuse(rq, rs, r, e) : http_reply_json(rq, rs, 200, json_pack("{s:s, s:s}", "ref",
		sp_arena_fmt(rq->arena, "refs/tags/%s", name), "targetCommit", commit));
}

int api_tag_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *name = http_param(rq, "rev");
	int r = repo_tag_del(rq->srv->repos, &rq->repo->id, name, e);

	if (r == -SP_ENOENT)
		return http_reply_error(rq, rs, 404, "RevisionNotFound", "Invalid rev id: refs/tags/%.200s", name);
	if (r == 0)
		r = note(rq, "tag.delete", name, e);
	return r < 0 ? refuse(rq, rs, r, e) : http_reply_json(rq, rs, 200, json_object());
}

int api_super_squash(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *rev = http_param(rq, "rev"), *branch = sp_starts_with(rev, "refs/heads/") ? rev + strlen("refs/heads/") : rev, *message;
	const struct repo_author by = author_of(rq);
	char commit[41];
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	message = json_string_value(json_object_get(body, "message"));
	r = repo_squash(rq->srv->repos, &rq->repo->id, branch, message && *message ? message : "Super-squash", &by, commit, e);
	if (r == -SP_ENOENT)
		return http_reply_error(rq, rs, 404, "RevisionNotFound", "%s/%s has no branch '%.80s' to squash.",
			rq->repo->owner_name, rq->repo->name, branch);
	if (r == 0)
		r = note(rq, "squash", branch, e);
	if (r == 0)
		r = repo_publish(rq->srv, &rq->repo->id, e);
	return r < 0 ? r : http_reply_json(rq, rs, 200, json_pack("{s:s}", "commitOid", commit));
}
