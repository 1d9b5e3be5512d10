#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "clock.h"
#include "log.h"
#include "runtime/space/spaces_int.h"

static void move(struct space *s, enum run_state state)
{
	enum run_state from = s->run.state;
	struct sp_err e;

	s->run = (struct run){ .state = state, .has_current = s->current != NULL, .has_next = s->next != NULL,
		.is_static = s->rel && !s->rel->recipe.sdk->runs, .timer = s->timer_on };
	if (run_go(from, &s->run, &e) < 0) {
		s->sp->broken++;
		log_err("space=%s %s", s->id.s, e.msg);
	}
	if ((state == RUN_ASLEEP) != s->asleep_stored) {
		s->asleep_stored = state == RUN_ASLEEP;
		s->asleep_dirty = true;
		space_record_row(s);
	}
	space_idle_watch(s);
	if (from != state)
		log_info("space=%s %s -> %s", s->id.s, run_rows[from].name, run_rows[state].name);
	space_changed(s);
}

void space_changed(struct space *s)
{
	enum space_stage stage = space_stage_of(s->run.state, space_build_view(s), s->build_failed_as);
	struct space_view v;

	if (s->removed)
		return;
	if (stage != s->stage || !s->since_ms) {
		s->stage = stage;
		s->since_ms = sp_wall_ms();
	}
	space_publish(s, false);
	if (s->sp->loaded && s->sp->hooks.changed) {
		space_view_fill(s, &v);
		s->sp->hooks.changed(s->sp->hooks.arg, &s->id, &v);
	}
}

/* ---- the row says what serves and whether it sleeps, so that a restart brings the same back ---- */

struct set_row { struct space *s; struct store *st; struct sp_id id; char commit[41]; bool release, asleep, is_asleep; };

static void set_row_work(void *arg)
{
	struct set_row *w = arg;
	struct sp_err e;
	int r = 0;

	if (w->release)
		r = store_repo_set_release(w->st, &w->id, w->commit, &e);
	if (r == 0 && w->asleep)
		r = store_repo_set_asleep(w->st, &w->id, w->is_asleep, &e);
	if (r < 0 && r != -SP_ENOENT)
		log_warn("release not recorded, ignoring space=%s code=%s: %s", w->id.s, sp_code_name((enum sp_code)-r), e.msg);
}

static void set_row_done(void *arg)
{
	struct set_row *w = arg;
	struct space *s = w->s;

	free(w);
	s->release_busy = false;
	if (s->removed)
		space_free_if_idle(s);
	else
		space_record_row(s);
}

void space_record_row(struct space *s)
{
	struct set_row *w;

	if (s->release_busy || (!s->release_dirty && !s->asleep_dirty))
		return;
	w = malloc(sizeof(*w));
	if (!w)
		abort();
	*w = (struct set_row){ .s = s, .st = s->sp->store, .id = s->id, .release = s->release_dirty && s->rel, .asleep = s->asleep_dirty,
		.is_asleep = s->asleep_stored };
	if (s->rel)
		memcpy(w->commit, s->rel->commit, sizeof(w->commit));
	s->release_busy = true;
	s->release_dirty = s->asleep_dirty = false;
	sp_loop_work(s->sp->loop, set_row_work, set_row_done, w);
}

static void record_release(struct space *s)
{
	s->release_dirty = true;
	space_record_row(s);
}

/* ---- small steps ---- */

static void timer_stop(struct space *s)
{
	if (s->timer_on)
		sp_timer_stop(s->timer);
	s->timer_on = s->dying = false;
	s->retry_ms = 0;
}

static void timer_start(struct space *s, uint64_t ms)
{
	sp_timer_start(s->timer, ms, 0);
	s->timer_on = true;
}

static void let_go(struct instance **at, uint64_t drain_ms)
{
	struct instance *in = *at;

	*at = NULL;
	if (in)
		instance_leave(in, drain_ms);
}

static void set_release(struct space *s, struct release *taken)
{
	release_free(s->rel);
	s->rel = taken;
}

/* A newer release that has not served yet becomes the one that shall. */
static void take_candidate(struct space *s)
{
	if (s->candidate)
		set_release(s, sp_take_ptr(&s->candidate));
}

static void drop_candidate(struct space *s)
{
	release_free(s->candidate);
	s->candidate = NULL;
}

static void serve_static(struct space *s)
{
	struct instance *old = s->current;

	timer_stop(s);
	let_go(&s->next, 0);
	s->current = NULL;
	s->started_ms = sp_wall_ms();
	record_release(s);
	move(s, RUN_SERVING);
	if (old)
		instance_leave(old, DRAIN_MS);
}

static void start_next(struct space *s, const struct release *rel)
{
	let_go(&s->next, 0);
	s->next = instance_new(s->sp, s, rel, s->sp->booting);
	s->run_id = s->next->row.id;
	move(s, s->current ? RUN_BESIDE : RUN_STARTING);
}

static bool images_there(const struct space *s, const struct release *rel)
{
	const struct images *im = &s->sp->images;

	return !rel->recipe.sdk->runs || (images_has(im, IMAGE_ENV, &rel->env) && images_has(im, IMAGE_APP, &rel->app) && images_has(im, IMAGE_BASE, &rel->base));
}

/* ---- what others ask for ---- */

void space_run_release(struct space *s, const struct release *rel)
{
	fault_clear(&s->run_fault);
	drop_candidate(s);
	s->crashes = 0;
	if (s->run.state == RUN_PAUSED) {
		set_release(s, release_dup(rel));
		record_release(s);
		return;
	}
	timer_stop(s);
	if (s->current && rel->recipe.sdk->runs) {
		s->candidate = release_dup(rel);
		start_next(s, s->candidate);
		return;
	}
	set_release(s, release_dup(rel));
	if (!rel->recipe.sdk->runs)
		serve_static(s);
	else
		start_next(s, s->rel);          /* files that were static before cannot serve on: the folder is a program now */
}

void space_run_restart(struct space *s)
{
	fault_clear(&s->run_fault);
	timer_stop(s);
	s->crashes = 0;
	if (!s->rel) {
		space_changed(s);
		return;
	}
	if (!s->rel->recipe.sdk->runs) {
		serve_static(s);
		return;
	}
	if (!images_there(s, s->rel)) {
		let_go(&s->next, 0);
		if (!s->current && s->run.state != RUN_IDLE)
			move(s, RUN_IDLE);
		else if (s->current)
			move(s, RUN_SERVING);
		if (!s->build)
			space_queue_build(s, s->rel->commit, false, NULL);
		return;
	}
	start_next(s, s->candidate && s->current ? s->candidate : s->rel);
}

void space_run_pause(struct space *s)
{
	timer_stop(s);
	take_candidate(s);
	fault_clear(&s->run_fault);
	let_go(&s->next, 0);
	let_go(&s->current, 0);
	s->started_ms = 0;
	move(s, RUN_PAUSED);
}

void space_run_sleep(struct space *s)
{
	timer_stop(s);
	take_candidate(s);
	fault_clear(&s->run_fault);
	let_go(&s->next, 0);
	let_go(&s->current, 0);
	s->started_ms = 0;
	move(s, RUN_ASLEEP);
}

void space_run_wake(struct space *s)
{
	s->seen_ms = s->sp->now_ms();
	if (s->next)
		instance_hurry(s->next);
	if (s->run.state == RUN_ASLEEP || (s->run.state == RUN_IDLE && s->rel && !s->build))
		space_run_restart(s);
}

void space_run_end(struct space *s)
{
	timer_stop(s);
	drop_candidate(s);
	let_go(&s->next, 0);
	let_go(&s->current, 0);
	move(s, RUN_IDLE);
}

void space_run_adopt(struct space *s, struct instance *in)
{
	s->run_id = in->row.id;
	s->seen_ms = s->sp->now_ms();
	if (in->phase == INST_SERVING) {
		s->current = in;
		s->started_ms = in->row.ready_ms;
		s->usual_start_ms = in->row.ready_ms - in->row.started_ms;
		move(s, RUN_SERVING);
	} else {
		s->next = in;
		move(s, RUN_STARTING);
	}
}

/* ---- what instances say ---- */

void space_inst_up(struct space *s, struct instance *in)
{
	struct instance *old = s->current;

	if (in != s->next)
		return;
	s->current = in;
	s->next = NULL;
	take_candidate(s);
	fault_clear(&s->run_fault);
	s->started_ms = in->row.ready_ms;
	s->usual_start_ms = in->row.ready_ms - in->row.started_ms;
	s->seen_ms = s->sp->now_ms();
	record_release(s);
	move(s, RUN_SERVING);           /* the route leads to the new one from here on */
	if (old)
		instance_leave(old, DRAIN_MS);
}

void space_inst_hint(struct space *s, struct instance *in, const struct ready_ports *p)
{
	struct cause_text port = cause_number(in->rel->recipe.port);

	if (in != s->next || p->right || !p->elsewhere)
		return;
	fault_set(&s->run_fault, CAUSE_PORT_ELSEWHERE, cause_number(p->elsewhere).s, port.s, port.s, NULL);
	space_changed(s);
}

static bool is_final(enum cause_code c)
{
	return c == CAUSE_EXITED || c == CAUSE_NOT_EXECUTABLE || c == CAUSE_IMAGE_MISSING || c == CAUSE_SECRETS_UNREADABLE ||
	       c == CAUSE_PORT_ELSEWHERE || c == CAUSE_NO_PORT || c == CAUSE_NO_ANSWER ||
	       c == CAUSE_MISSING_MODULE || c == CAUSE_MISSING_LIBRARY || c == CAUSE_MISSING_PROGRAM || c == CAUSE_SYNTAX_ERROR ||
	       c == CAUSE_VARIABLES_TOO_BIG;
}

static void keep_fault(struct space *s, const struct instance *in)
{
	fault_clear(&s->run_fault);
	s->run_fault = in->fault;
	s->run_fault.evidence = NULL;
	fault_evidence(&s->run_fault, in->fault.evidence);
	s->fault_run = in->row.id;
}

bool space_run_bury(struct space *s, const char *cause, const char *detail)
{
	struct fault f = { 0 };

	fault_load(&f, cause, detail);
	if (!is_final(f.code))
		return false;
	fault_move(&s->run_fault, &f);
	move(s, RUN_DEAD);
	return true;
}

/* How many crashes the window has, this one included. */
static unsigned count_crash(struct space *s)
{
	uint64_t now = s->sp->now_ms();
	unsigned kept = 0;

	for (unsigned i = 0; i < s->crashes; i++)
		if (now - s->crash_ms[i] < SP_LIMIT_crash_window_ms)
			s->crash_ms[kept++] = s->crash_ms[i];
	if (kept < SP_LIMIT_crash_max)
		s->crash_ms[kept++] = now;
	s->crashes = kept;
	return kept;
}

static void crashed(struct space *s, struct instance *in)
{
	unsigned count;
	bool final;

	keep_fault(s, in);
	s->started_ms = 0;
	count = count_crash(s);
	final = count >= SP_LIMIT_crash_max || is_final(in->fault.code);
	if (count >= SP_LIMIT_crash_max && in->fault.code == CAUSE_CRASHED) {
		char *evidence = sp_take_ptr(&s->run_fault.evidence);

		fault_set(&s->run_fault, CAUSE_CRASH_LOOP, cause_number(count).s, cause_number(in->exit_status).s, NULL);
		s->run_fault.evidence = evidence;
	}
	if (final && !in->log) {
		move(s, RUN_DEAD);
		return;
	}
	s->dying = final;               /* its last output is still being read: it belongs to the reason */
	timer_start(s, final ? DYING_MS : (uint64_t)BACKOFF_FIRST_MS << (count - 1));
	s->retry_ms = final ? 0 : sp_wall_ms() + ((int64_t)BACKOFF_FIRST_MS << (count - 1));
	move(s, RUN_BACKOFF);
}

void space_inst_down(struct space *s, struct instance *in)
{
	if (in == s->next) {
		s->next = NULL;
		if (s->current) {       /* the older release goes on; the newer one's failure is shown */
			drop_candidate(s);
			keep_fault(s, in);
			move(s, RUN_SERVING);
		} else {
			crashed(s, in);
		}
	} else if (in == s->current) {
		s->current = NULL;
		if (s->next) {
			take_candidate(s);
			move(s, RUN_STARTING);
		} else {
			crashed(s, in);
		}
	}
}

void space_inst_evidence(struct space *s, const struct instance *in)
{
	if (!sp_id_eq(&s->fault_run, &in->row.id) || s->run_fault.code == CAUSE_NONE)
		return;
	if (s->run_fault.code == CAUSE_CRASHED)
		keep_fault(s, in);      /* its output says more than its status */
	else
		fault_evidence(&s->run_fault, in->fault.evidence);
	if (s->dying) {
		timer_stop(s);
		move(s, RUN_DEAD);
	} else {
		space_changed(s);
	}
}

static void on_timer(void *arg)
{
	struct space *s = arg;
	bool dying = s->dying;

	s->timer_on = s->dying = false;
	if (dying || !s->rel)
		move(s, RUN_DEAD);
	else if (!s->sp->quiet)
		start_next(s, s->rel);
}

void space_run_init(struct space *s)
{
	s->timer = sp_timer_new(s->sp->loop, on_timer, s);
	s->stage = space_stage_of(RUN_IDLE, BUILD_VIEW_NONE, STAGE_NO_APP_FILE);
	s->since_ms = sp_wall_ms();
}

void space_run_fini(struct space *s)
{
	sp_timer_free(s->timer);
	sp_timer_free(s->idle);
	sp_timer_free(s->env_timer);
	release_free(s->rel);
	release_free(s->candidate);
	fault_clear(&s->run_fault);
	fault_clear(&s->build_fault);
}
