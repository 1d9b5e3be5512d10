#include <stdlib.h>
#include <string.h>

#include "runtime/space/space.h"
#include "server/api/space_json.h"
#include "server/server.h"

/* Search by words: what has more of them comes first. No model is asked for meaning. */
enum { WORDS_MAX = 8, WORD_MAX = 60, FOUND_MAX = 200, PER_WORD = 100, SHOWN_MAX = 50, TAGS_MAX = 8 };

struct found { struct store_repo repo; unsigned score; };
struct search { struct http_req *rq; const char *tags[TAGS_MAX + 1], *sdks[TAGS_MAX + 1]; struct found *at; unsigned n, words; };

static int by_score(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->repo.likes != y->repo.likes)
		return x->repo.likes > y->repo.likes ? -1 : 1;
	return (x->repo.created_ms < y->repo.created_ms) - (x->repo.created_ms > y->repo.created_ms);
}

/* Several SDKs mean any of them, several tags all of them. */
static bool is_of_sdk(const struct search *s, const struct store_repo *r)
{
	for (unsigned i = 0; s->sdks[i]; i++)
		if (strcmp(s->sdks[i], r->sdk) == 0)
			return true;
	return !s->sdks[0];
}

static void count(struct search *s, const struct store_repo *r)
{
	if (!is_of_sdk(s, r))
		return;
	for (unsigned i = 0; i < s->n; i++) {
		if (sp_id_eq(&s->at[i].repo.id, &r->id)) {
			s->at[i].score++;
			return;
		}
	}
	if (s->n < FOUND_MAX)
		s->at[s->n++] = (struct found){ *r, 1 };
}

static int look_for(struct search *s, const char *word, struct sp_err *e)
{
	struct store_repo_query q = { .type = "space", .search = word, .tags = s->tags, .viewer = s->rq->actor.user,
			.viewer_is_admin = s->rq->actor.is_admin, .sort = SORT_LIKES, .limit = PER_WORD };
	struct store_repo *at = NULL;
	size_t n = 0;
	int r = store_repo_list(s->rq->srv->store, &q, s->rq->arena, &at, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		count(s, &at[i]);
	return r;
}

static int look_for_all(struct search *s, const char *q, struct sp_err *e)
{
	static const char between[] = " \t\n,.;:!?/\"'()";

	for (q += strspn(q, between); *q && s->words < WORDS_MAX; q += strspn(q, between)) {
		size_t n = strcspn(q, between);
		int r = look_for(s, sp_arena_mem(s->rq->arena, q, n > WORD_MAX ? WORD_MAX : n), e);

		if (r < 0)
			return r;
		s->words++;
		q += n;
	}
	qsort(s->at, s->n, sizeof(*s->at), by_score);
	return 0;
}

static bool runs(struct http_req *rq, const struct store_repo *r)
{
	struct space_view v;

	return rq->srv->spaces && spaces_view(rq->srv->spaces, &r->id, rq->arena, &v, NULL) == 0 &&
		(v.stage == STAGE_RUNNING || v.stage == STAGE_RUNNING_BUILDING || v.stage == STAGE_RUNNING_APP_STARTING || v.will_wake);
}

static int append(struct search *s, const struct found *f, json_t *list, struct sp_err *e)
{
	static const struct space_ask ask = { .in_list = true };
	json_t *one = NULL, *runtime = NULL;
	int r = space_json(s->rq, &f->repo, &ask, &one, e);

	if (r == 0)
		r = space_json_runtime(s->rq, &f->repo, &runtime, e);
	if (r < 0) {
		json_decref(one);
		return r;
	}
	json_object_set_new(one, "runtime", runtime);
	json_object_set_new(one, "ai_short_description", json_string(f->repo.short_description));
	json_object_set_new(one, "ai_category", json_string(""));
	json_object_set_new(one, "semanticRelevancyScore", json_real((double)f->score / s->words));
	json_array_append_new(list, one);
	return 0;
}

/* hf-api.md 2.5, C-HF-48. */
int api_space_search(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct search s = { .rq = rq, .at = sp_arena_get(rq->arena, FOUND_MAX * sizeof(struct found)) };
	const char *q = http_query(rq, "q");
	bool all = http_query_bool(rq, "includeNonRunning");
	json_t *list;
	int r;

	if (!q || !q[0])
		return sp_fail(e, SP_EINVAL, 0, "the query parameter 'q' is missing: say what you look for");
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		s.tags[i] = http_query_at(rq, "filter", i);
		s.sdks[i] = http_query_at(rq, "sdk", i);
	}
	r = look_for_all(&s, q, e);
	if (r < 0)
		return r;
	list = json_array();
	for (unsigned i = 0; i < s.n && r == 0 && json_array_size(list) < SHOWN_MAX; i++)
		if (all || runs(rq, &s.at[i].repo))
			r = append(&s, &s.at[i], list, e);
	if (r == 0)
		return http_reply_json(rq, rs, 200, list);
	json_decref(list);
	return r;
}
