/* A Space of one's own out of somebody's (hf-api.md 2.2, C-HF-39): files with history and variables; no secrets, no likes. */
#include <stdio.h>

#include "clock.h"
#include "runtime/repo/repo.h"
#include "server/api/repo_make.h"
#include "server/api/repo_util.h"
#include "server/server.h"

/* The row as its source's, under its own name. */
static int row_of(const struct http_req *rq, const struct store_user *owner, const char *name, struct store_repo *ret, struct sp_err *e)
{
	const struct store_repo *from = rq->repo;
	struct store_repo r = *from;

	r.id = sp_id_new();
	r.owner = owner->id;
	r.label[0] = r.head[0] = r.release[0] = r.duplicated_from[0] = '\0';
	r.is_paused = r.is_asleep = false;
	r.sleep_s = 0;
	r.network[0] = '\0';         /* its new owner opens what the copy needs */
	r.created_ms = r.changed_ms = sp_wall_ms();
	if (sp_copy(r.owner_name, sizeof(r.owner_name), owner->name) < 0 || sp_copy(r.name, sizeof(r.name), name) < 0)
		return sp_fail(e, SP_EBUG, 0, "a checked name does not fit");
	*ret = r;
	return 0;
}

/* Who sees the copy learns the source's name: not when that is private and the copy is not. */
static void note_source(const struct store_repo *from, struct store_repo *r)
{
	if (!from->is_private || r->is_private)
		snprintf(r->duplicated_from, sizeof(r->duplicated_from), "%s/%s", from->owner_name, from->name);
}

static int make(struct http_req *rq, const struct store_repo *r, const struct repo_wish *wish, struct sp_err *e)
{
	char commit[41];
	int res = repo_copy(rq->srv->repos, &rq->repo->id, &r->id, commit, e);

	if (res == 0)
		res = repo_row_add(rq, r, &rq->repo->id, wish, "duplicate", e);
	/* The row has no head yet: it is published like a push, with its card and its words for search. */
	return res == 0 ? repo_publish(rq->srv, &r->id, e) : res;
}

int api_duplicate(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo r, was;
	struct store_user owner;
	struct repo_wish wish;
	bool is_private, given;
	const char *name;
	json_t *body;
	int res = account_may(&rq->actor, MAY_SIGNED_IN, NULL, e);

	if (res == 0)
		res = http_json(rq, &body, e);
	if (res == 0)
		res = repo_target(rq, rs, json_string_value(json_object_get(body, "repository")), &owner, &name, e);
	if (res != 0)
		return res < 0 ? res : 0;
	res = store_repo_by_name(rq->srv->store, "space", owner.name, name, rq->arena, &was, e);
	if (res == 0)
		return repo_already_there(rq, rs, was.owner_name, was.name);
	if (res == -SP_ENOENT)
		res = repo_visibility(rq, rs, body, &is_private, &given);
	if (res == 0)
		res = repo_wish_read(rq, rs, body, &wish, e);
	if (res == 0)
		res = row_of(rq, &owner, name, &r, e);
	if (res != 0)
		return res < 0 ? res : 0;
	r.is_private = given ? is_private : rq->repo->is_private;
	r.sleep_s = wish.sleep_s;
	note_source(rq->repo, &r);
	res = make(rq, &r, &wish, e);
	if (res == -SP_EEXIST)
		return repo_already_there(rq, rs, r.owner_name, r.name);
	return res < 0 ? res : http_reply_json(rq, rs, 200, json_pack("{s:s, s:s, s:s}", "url", repo_url(rq, r.owner_name, r.name),
		"name", sp_arena_fmt(rq->arena, "%s/%s", r.owner_name, r.name), "id", r.id.s));
}
