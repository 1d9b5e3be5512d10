#include "server/api/space_state.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "runtime/space/cause.h"
#include "server/server.h"

enum { LOOK_BACK = 100 /* events */, SAME_MS = 5000 };

/* The newest WHAT among the last events of the Space; NULL: none. */
static const struct store_event *newest(struct http_req *rq, const struct sp_id *id, const char *what)
{
	struct store_event *list;
	size_t n;

	if (store_event_list(rq->srv->store, id, LOOK_BACK, rq->arena, &list, &n, NULL) < 0)
		return NULL;            /* the state is told without its author */
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].what, what) == 0)
			return &list[i];
	return NULL;
}

/* " by ada on 2026-11-23 at 22:10 UTC" */
static const char *author(struct http_req *rq, const struct store_event *ev)
{
	const char *when = sp_arena_str(rq->arena, sp_iso_ms(ev->at_ms).s);

	return sp_arena_fmt(rq->arena, "%s%s on %.10s at %.5s UTC", ev->actor[0] ? " by " : "", ev->actor, when, when + 11);
}

static void name_author(struct http_req *rq, const struct sp_id *id, struct space_view *v)
{
	const struct store_event *ev = newest(rq, id, v->stage == STAGE_PAUSED ? "pause" : "sleep");

	if (!ev)
		return;
	if (v->stage == STAGE_PAUSED)
		cause_fill(&v->cause, CAUSE_PAUSED, author(rq, ev), NULL);
	else if (llabs((long long)(v->since_ms - ev->at_ms)) < SAME_MS)     /* not by itself some other time */
		cause_fill(&v->cause, CAUSE_ASLEEP, author(rq, ev), NULL);
}

int space_state(struct http_req *rq, const struct sp_id *id, struct space_view *ret, struct sp_err *e)
{
	int r = rq->srv->spaces ? spaces_view(rq->srv->spaces, id, rq->arena, ret, e) : sp_fail(e, SP_ENOENT, 0, "no apps here");

	if (r < 0)
		return r;
	if (ret->stage == STAGE_PAUSED || ret->stage == STAGE_SLEEPING)
		name_author(rq, id, ret);
	return 0;
}

json_t *space_cause_json(const struct space_view *v, bool evidence)
{
	const struct space_cause *c = &v->cause;
	json_t *j;

	if (!c->code[0])
		return NULL;
	j = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "code", c->code, "message", c->text, "next", c->next,
		"action", "kind", cause_action_name(c->action), "label", c->label, "target", c->target);
	if (j && v->since_ms)
		json_object_set_new(j, "since", json_string(sp_iso_ms(v->since_ms).s));
	if (j && v->retry_ms)
		json_object_set_new(j, "retryAt", json_string(sp_iso_ms(v->retry_ms).s));
	if (j && evidence && c->evidence && c->evidence[0])
		json_object_set_new(j, "evidence", json_string(c->evidence));
	return j;
}
