#include "server/git/lfs_link.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "limit.h"
#include "num.h"
#include "runtime/account/keys.h"
#include "runtime/store/store.h"
#include "server/server.h"

int lfs_link_new(struct http_req *rq, const char *verb, const char *oid, uint64_t size, const char **ret, struct sp_err *e)
{
	bool stranger = account_is_anonymous(&rq->actor);
	const char *payload = sp_arena_fmt(rq->arena, "%llu %s %s %s %s %d", (unsigned long long)size, oid, rq->repo->id.s,
		stranger ? "-" : rq->actor.user.s, stranger ? "-" : rq->actor.token.s, (int)rq->actor.role);
	sp_auto_buf struct sp_buf url = { 0 };
	int r;

	sp_buf_fmt(&url, "%s/-/lfs/%s/", rq->origin, verb);
	r = rq->srv->keys ? 0 : sp_fail(e, SP_EBUSY, 0, "the server is starting");
	if (r == 0)
		r = keys_sign(rq->srv->keys, sp_arena_fmt(rq->arena, "lfs-%s", verb), payload, sp_wall_ms() + SP_LIMIT_lfs_link_ms, &url, e);
	if (r == 0)
		*ret = sp_arena_str(rq->arena, url.p);
	return r;
}

enum { FIELDS = 6 };

static bool split(char *text, char *to[FIELDS])
{
	char *save = NULL, *at = strtok_r(text, " ", &save);
	unsigned n = 0;

	for (; at && n < FIELDS; at = strtok_r(NULL, " ", &save))
		to[n++] = at;
	return n == FIELDS && !at;
}

/* Who the address was given to, as they are today: it ends with the token that asked for it. */
static int actor_of(struct http_req *rq, const char *user, const char *token, const char *role, struct account_actor *ret, struct sp_err *e)
{
	struct sp_id id, by;
	int r;

	*ret = (struct account_actor){ 0 };
	if (strcmp(user, "-") == 0)
		return 0;
	if (sp_id_parse(user, &id) < 0 || sp_id_parse(token, &by) < 0)
		return sp_fail(e, SP_EBUG, 0, "a signed address of another shape");
	r = account_by_token_id(rq->srv->store, &id, &by, ret, e);
	if (r == -SP_EAUTH)
		return sp_fail(e, SP_EDENIED, 0, "the token that asked for this address has ended: ask for a new one");
	ret->role = (enum account_role)(role[0] - '0');
	return r;
}

int lfs_link_read(struct http_req *rq, enum account_verb verb, struct lfs_link *ret, struct sp_err *e)
{
	struct store_repo repo;
	struct account_actor actor;
	struct lfs_link l;
	char *f[FIELDS];
	int r;

	if (!split(sp_arena_str(rq->arena, rq->claim), f) || sp_parse_u64(f[0], strlen(f[0]), INT64_MAX, &l.size) < 0 ||
			sp_copy(l.oid, sizeof(l.oid), f[1]) < 0 || sp_id_parse(f[2], &l.repo) < 0)
		return sp_fail(e, SP_EBUG, 0, "a signed address of another shape");
	r = store_repo_by_id(rq->srv->store, &l.repo, rq->arena, &repo, e);
	if (r == 0)
		r = actor_of(rq, f[3], f[4], f[5], &actor, e);
	if (r == 0)
		r = account_may(&actor, verb, &(struct account_object){ .owner = repo.owner, .is_private = repo.is_private }, e);
	if (r < 0)
		return r;
	*ret = l;
	return 0;
}
