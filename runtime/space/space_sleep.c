/*
 * Apps that nobody visits fall asleep: their sandbox is stopped and a visit starts it again (CONTRACTS 9.3). Activity
 * is what edge calls so: it says SEEN while bytes flow, also on tunnels, at most once in 5 s.
 */
#include "log.h"
#include "runtime/space/spaces_int.h"

enum { LOOK_AGAIN_MS = 5000 };          /* while a build or a newer release is under way */

static void on_idle(void *arg)
{
	struct space *s = arg;
	uint64_t now = s->sp->now_ms(), due = s->seen_ms + (uint64_t)s->sleep_s * 1000;

	if (s->sleep_s <= 0 || !s->current || s->sp->quiet)
		return;
	if (now < due) {
		sp_timer_start(s->idle, due - now, 0);
	} else if (s->run.state != RUN_SERVING || s->build) {
		sp_timer_start(s->idle, LOOK_AGAIN_MS, 0);
	} else {
		log_info("space=%s nobody visited it for %lld s: it falls asleep", s->id.s, (long long)s->sleep_s);
		space_run_sleep(s);
	}
}

void space_idle_watch(struct space *s)
{
	if (s->run.state != RUN_SERVING || !s->current || s->sleep_s <= 0) {
		if (s->idle && !s->current)
			sp_timer_stop(s->idle);
		return;
	}
	if (!s->idle)
		s->idle = sp_timer_new(s->sp->loop, on_idle, s);
	sp_timer_start(s->idle, 0, 0);
}

void spaces_on_seen(struct spaces *sp, const struct sp_id *space)
{
	struct space *s = space_find(sp, space);

	if (s)
		s->seen_ms = sp->now_ms();      /* the timer looks at it when it is due */
}

struct sleep { struct spaces *sp; struct sp_id id; bool act; const char *why; };

static const char *awake_for(const struct space *s)
{
	if (!s || !s->rel)
		return "there is no app yet that could sleep";
	if (!s->rel->recipe.sdk->runs)
		return "a static Space runs nothing, so it need not sleep";
	if (s->run.state == RUN_PAUSED)
		return "it is paused: restart it first";
	if (s->run.state == RUN_IDLE || s->run.state == RUN_DEAD)
		return "it does not run: restart it first";
	return NULL;
}

static void sleep_here(void *arg)
{
	struct sleep *w = arg;
	struct space *s = space_find(w->sp, &w->id);

	if (!w->act) {
		w->why = awake_for(s);
		return;
	}
	if (!s)
		return;
	s->asleep_stored = true;        /* written before this call */
	if (awake_for(s)) {             /* since it was asked for */
		s->asleep_stored = false;
		s->asleep_dirty = true;
		space_record_row(s);
	} else if (s->run.state != RUN_ASLEEP) {
		space_run_sleep(s);
	}
}

int spaces_sleep(struct spaces *sp, const struct sp_id *space, struct sp_err *e)
{
	struct sleep w = { .sp = sp, .id = *space };
	int r;

	sp_loop_call(sp->loop, sleep_here, &w);
	if (w.why)
		return sp_fail(e, SP_ESTATE, 0, "%s", w.why);
	r = store_repo_set_asleep(sp->store, space, true, e);
	if (r < 0)
		return r;
	w.act = true;
	sp_loop_call(sp->loop, sleep_here, &w);
	return 0;
}
