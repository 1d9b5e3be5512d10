#include "runtime/build/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "limit.h"
#include "log.h"
#include "runtime/build/build_int.h"
#include "runtime/build/env_key.h"

static void pump(struct builds *bs);
static void env_next(struct build *b);
static void finish(struct build *b, enum build_step step);

int builds_new(struct sp_loop *loop, struct store *st, struct repos *repos, struct logs *logs, struct launch_client *lc,
		const struct space_config *cfg, struct images *images, const struct builds_hooks *hooks, struct builds **ret, struct sp_err *e)
{
	struct builds *bs = calloc(1, sizeof(*bs));

	if (!bs)
		return sp_fail(e, SP_ENOMEM, 0, "builds");
	*bs = (struct builds){ .loop = loop, .store = st, .repos = repos, .logs = logs, .lc = lc, .cfg = cfg, .images = images, .hooks = *hooks };
	*ret = bs;
	return 0;
}

static void build_free(struct build *b)
{
	for (struct build **at = &b->bs->all; *at; at = &(*at)->next)
		if (*at == b) {
			*at = b->next;
			break;
		}
	sp_timer_free(b->timer);
	sp_arena_fini(&b->prep.arena);
	fault_clear(&b->prep.fault);
	recipe_fini(&b->prep.recipe);
	fault_clear(&b->fault);
	free(b);
}

void builds_free(struct builds *bs)
{
	while (bs && bs->all)
		build_free(bs->all);
	free(bs);
}

void builds_quiesce(struct builds *bs)
{
	bs->quiet = true;
}

void build_settle(struct build *b)
{
	if (b->finished && !b->writer_busy && !b->pool_busy && !b->log_wait && sp_id_is_none(&b->run))
		build_free(b);
}

const struct sp_id *build_id(const struct build *b)
{
	return &b->row.id;
}

const char *build_commit(const struct build *b)
{
	return b->row.commit;
}

const char *build_step_name(const struct build *b)
{
	return build_rows[b->step].name;
}

unsigned builds_before(const struct build *b)
{
	unsigned n = b->bs->active;

	if (b->step != STEP_QUEUED)
		return 0;
	for (const struct build *o = b->bs->all; o && o != b; o = o->next)
		n += o->step == STEP_QUEUED && !o->finished;
	return n;
}

struct log_sink *build_log(struct build *b)
{
	return b->log;
}

static struct build_facts facts_of(const struct build *b, enum build_step step)
{
	return (struct build_facts){ .step = step, .slot = !sp_id_is_none(&b->run), .pool = b->pool_busy || b->log_wait,
		.has_recipe = b->prep.recipe.sdk != NULL, .has_app = b->have_app, .has_env = b->have_env,
		.has_fault = b->fault.code != CAUSE_NONE, .runs = b->prep.recipe.sdk && b->prep.recipe.sdk->runs };
}

static void move(struct build *b, enum build_step step)
{
	static const int states[STEP_MAX] = { [STEP_QUEUED] = BUILD_QUEUED, [STEP_READY] = BUILD_READY, [STEP_FAILED] = BUILD_FAILED,
		[STEP_SUPERSEDED] = BUILD_SUPERSEDED };
	struct build_facts moved = facts_of(b, step);
	int state = step > STEP_QUEUED && step < STEP_READY ? BUILD_RUNNING : states[step];
	struct sp_err e;

	if (build_go(b->step, &moved, &e) < 0) {
		log_err("build=%s %s", b->row.id.s, e.msg);     /* a bug of ours; the build still ends */
		b->bs->broken++;
	}
	log_info("build=%s space=%s %s -> %s", b->row.id.s, b->row.repo.s, build_rows[b->step].name, build_rows[step].name);
	b->step = step;
	b->step_started_ms = sp_mono_ms();
	if (b->row.state == state)
		return;
	b->row.state = state;
	build_persist(b);
}

static void say_done(struct build *b)
{
	log_sink_say(b->log, "DONE %.1f s", (double)(sp_mono_ms() - b->step_started_ms) / 1000.0);
}

/* ---- the environment: one build makes it, the others with the same key wait ---- */

static struct build *env_owner(const struct build *b)
{
	for (struct build *o = b->bs->all; o; o = o->next)
		if (o != b && o->owns_env && memcmp(&o->env, &b->env, sizeof(b->env)) == 0)
			return o;
	return NULL;
}

static void env_release(struct build *b)
{
	struct builds *bs = b->bs;

	if (!b->owns_env)
		return;
	b->owns_env = false;
	launch_client_scratch_drop(bs->lc, &b->scratch);
	for (struct build *o = bs->all, *next; o; o = next) {
		next = o->next;
		if (o->step == STEP_WAITING && memcmp(&o->env, &b->env, sizeof(b->env)) == 0)
			env_next(o);
	}
}

static void start_install(struct build *b)
{
	move(b, STEP_INSTALLING);
	log_sink_say(b->log, "--> Installing %s%s", b->prep.sdk_packages.v[0], b->prep.requirements ? " and requirements.txt" : "");
	build_start_install(b);
}

static void env_next(struct build *b)
{
	if (images_has(b->bs->images, IMAGE_ENV, &b->env)) {
		b->have_env = true;
		log_sink_say(b->log, "--> The environment is there already: nothing to install");
		finish(b, STEP_READY);
	} else if (env_owner(b)) {
		if (b->step != STEP_WAITING) {
			log_sink_say(b->log, "--> Another build makes the same environment; waiting for it");
			move(b, STEP_WAITING);
		}
	} else {
		b->owns_env = true;
		b->scratch = sp_id_new();
		if (b->prep.n_packages > 0) {
			move(b, STEP_SYSTEM);
			log_sink_say(b->log, "--> Installing %zu packages of packages.txt", b->prep.n_packages);
			build_start_system(b);
		} else {
			start_install(b);
		}
	}
}

/* ---- preparing ---- */

static void make_keys(struct build *b)
{
	struct env_facts f = { .base = b->base, .sdk_packages = b->prep.sdk_packages.v, .pre = b->prep.pre, .requirements = b->prep.requirements,
		.packages = b->prep.packages, .is_private = b->prep.is_private, .space = b->row.repo, .nonce = b->nonce };

	b->env = env_key(&f);
	b->app = app_key(&b->row.repo, b->row.commit, &b->nonce);
	b->have_app = images_has(b->bs->images, IMAGE_APP, &b->app);
}

static void prepared(struct build *b)
{
	if (b->prep.notes && *b->prep.notes)
		log_sink_say(b->log, "%s", b->prep.notes);
	if (b->prep.fault.code != CAUSE_NONE) {
		fault_move(&b->fault, &b->prep.fault);
		finish(b, STEP_FAILED);
		return;
	}
	if (!b->prep.recipe.sdk->runs) {
		finish(b, STEP_READY);
		return;
	}
	if (!images_current(b->bs->images, IMAGE_BASE, &b->base)) {
		fault_set(&b->fault, CAUSE_IMAGE_MISSING, "base", NULL);
		finish(b, STEP_FAILED);
		return;
	}
	make_keys(b);
	if (b->have_app) {
		env_next(b);
		return;
	}
	move(b, STEP_UNPACKING);
	log_sink_say(b->log, "--> Taking the files of the commit");
	build_start_unpack(b);
}

static void prepare_work(void *arg)
{
	build_prepare_work(arg);
}

static void prepare_done(void *arg)
{
	struct build *b = arg;

	b->pool_busy = false;
	if (b->cancelled)
		finish(b, STEP_SUPERSEDED);
	else
		prepared(b);
}

static void on_timeout(void *arg)
{
	struct build *b = arg;

	b->timed_out = true;
	log_sink_say(b->log, "The build took too long and is stopped.");
	build_stop_slot(b);
	if (b->step == STEP_WAITING) {
		fault_set(&b->fault, CAUSE_BUILD_TIMEOUT, cause_duration(SP_LIMIT_build_ms).s, NULL);
		finish(b, STEP_FAILED);
	}
}

static void begin(struct build *b)
{
	b->counted = true;
	b->bs->active++;
	b->row.started_ms = sp_wall_ms();
	move(b, STEP_PREPARING);
	sp_timer_start(b->timer, SP_LIMIT_build_ms, 0);
	b->pool_busy = true;
	sp_loop_work(b->bs->loop, prepare_work, prepare_done, b);
}

static void pump(struct builds *bs)
{
	for (struct build *b = bs->all; b && !bs->quiet && bs->active < SP_LIMIT_build_parallel; b = b->next)
		if (b->step == STEP_QUEUED && !b->finished)
			begin(b);
}

struct build *builds_add(struct builds *bs, const struct build_request *rq)
{
	struct build *b = calloc(1, sizeof(*b)), **at = &bs->all;

	if (!b)
		abort();
	b->bs = bs;
	b->space_arg = rq->space_arg;
	b->writer_added = !sp_id_is_none(&rq->again);
	b->row = (struct store_build){ .id = b->writer_added ? rq->again : sp_id_new(), .repo = rq->space, .state = BUILD_QUEUED,
		.created_ms = sp_wall_ms() };
	snprintf(b->row.commit, sizeof(b->row.commit), "%s", rq->commit);
	if (rq->factory)
		b->nonce = sp_id_new();
	b->timer = sp_timer_new(bs->loop, on_timeout, b);
	b->log = log_sink_new(bs->logs, &rq->space, LOG_BUILD, &b->row.id, -1);
	log_sink_say(b->log, "===== Build Queued at %s / Commit SHA: %.7s =====", sp_iso_ms(sp_wall_ms()).s, b->row.commit);
	while (*at)
		at = &(*at)->next;
	*at = b;
	build_persist(b);
	pump(bs);
	return b;
}

/* ---- the end ---- */

static void say_end(struct build *b, enum build_step step)
{
	if (step == STEP_READY)
		log_sink_say(b->log, "===== Build ready after %.1f s =====", (double)(b->row.ended_ms - b->row.created_ms) / 1000.0);
	else if (step == STEP_FAILED)
		log_sink_say(b->log, "===== Build failed: %s\n===== %s", b->fault.text.text, b->fault.text.next);
	else
		log_sink_say(b->log, "===== Superseded by a newer commit =====");
	log_sink_end(b->log);
	b->log = NULL;
}

static void fill_row(struct build *b)
{
	const struct { const struct launch_hash *from; char *to; } hashes[] = { { &b->env, b->row.env }, { &b->app, b->row.app }, { &b->base, b->row.base } };

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		snprintf(hashes[i].to, sizeof(b->row.env), "%.64s", hashes[i].from->hex);
	snprintf(b->row.cause, sizeof(b->row.cause), "%s", cause_name(b->fault.code));
	fault_save(&b->fault, b->row.detail, sizeof(b->row.detail));
}

static void finish(struct build *b, enum build_step step)
{
	struct builds *bs = b->bs;
	struct build_result r = { .id = b->row.id, .commit = b->row.commit, .ok = step == STEP_READY, .recipe = &b->prep.recipe,
		.base = b->base, .env = b->env, .app = b->app, .fault = &b->fault };
	char short_commit[8];

	snprintf(short_commit, sizeof(short_commit), "%.7s", b->row.commit);
	sp_timer_stop(b->timer);
	b->row.ended_ms = sp_wall_ms();
	if (step != STEP_FAILED)
		fault_clear(&b->fault);
	if (step == STEP_SUPERSEDED && b->superseded_by[0])
		fault_set(&b->fault, CAUSE_SUPERSEDED, b->superseded_by, short_commit, NULL);
	fill_row(b);
	move(b, step);
	say_end(b, step);
	b->finished = true;
	if (b->counted)
		bs->active--;
	b->counted = false;
	env_release(b);
	if (!b->cancelled)
		bs->hooks.done(b->space_arg, &r);
	pump(bs);
	build_settle(b);
}

void builds_cancel(struct build *b, const char *by)
{
	b->cancelled = true;
	snprintf(b->superseded_by, sizeof(b->superseded_by), "%.7s", by ? by : "");
	if (b->step == STEP_QUEUED || b->step == STEP_WAITING)
		finish(b, STEP_SUPERSEDED);
	else
		build_stop_slot(b);
}

/* ---- sandboxes of steps ---- */

static void step_ok(struct build *b)
{
	say_done(b);
	switch (b->step) {
	case STEP_UNPACKING:
		images_add(b->bs->images, IMAGE_APP, &b->app, false);
		b->have_app = true;
		env_next(b);
		return;
	case STEP_SYSTEM:
		start_install(b);
		return;
	case STEP_INSTALLING:
		move(b, STEP_PACKING);
		log_sink_say(b->log, "--> Keeping the environment for every Space that wants the same");
		build_start_pack(b);
		return;
	case STEP_PACKING:
		images_add(b->bs->images, IMAGE_ENV, &b->env, false);
		b->have_env = true;
		finish(b, STEP_READY);
		return;
	case STEP_QUEUED:
	case STEP_PREPARING:
	case STEP_WAITING:
	case STEP_READY:
	case STEP_FAILED:
	case STEP_SUPERSEDED:
	case STEP_MAX:
		break;
	}
	log_err("build=%s a step ended in state %s", b->row.id.s, build_rows[b->step].name);
}

static bool ends_early(struct build *b)
{
	if (b->cancelled) {
		fault_clear(&b->fault);
		finish(b, STEP_SUPERSEDED);
		return true;
	}
	if (b->timed_out)
		fault_set(&b->fault, CAUSE_BUILD_TIMEOUT, cause_duration(SP_LIMIT_build_ms).s, NULL);
	if (b->fault.code != CAUSE_NONE)
		finish(b, STEP_FAILED);
	return b->finished;
}

/* The output that says why is in the log's file once the log is drained; a pool thread reads it. */
struct why { struct build *b; struct logs *logs; struct sp_id space, id; struct sp_arena arena; const char *output; };

static void why_work(void *arg)
{
	struct why *w = arg;

	w->output = log_last_lines_of(w->logs, &w->space, LOG_BUILD, &w->id, 400, &w->arena);
}

static void why_done(void *arg)
{
	struct why *w = arg;
	struct build *b = w->b;

	b->log_wait = false;
	build_fault_of(&b->fault, b->step, &b->exited, w->output);
	sp_arena_fini(&w->arena);
	free(w);
	if (!ends_early(b))
		finish(b, STEP_FAILED);
}

static void why_ask(void *arg)
{
	struct build *b = arg;
	struct why *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	*w = (struct why){ .b = b, .logs = b->bs->logs, .space = b->row.repo, .id = b->row.id };
	sp_loop_work(b->bs->loop, why_work, why_done, w);
}

void build_step_ended(struct build *b)
{
	if (!sp_id_is_none(&b->run) || b->pool_busy || b->log_wait || b->finished || ends_early(b))
		return;
	if (b->exited.end == END_EXITED && b->exited.value == 0) {
		if ((b->step == STEP_UNPACKING || b->step == STEP_PACKING) && !b->exited.image_made) {
			fault_set(&b->fault, CAUSE_BUILD_SANDBOX, "the image was made but not kept", NULL);
			finish(b, STEP_FAILED);
			return;
		}
		step_ok(b);
		return;
	}
	b->log_wait = true;
	log_sink_drained(b->log, why_ask, b);
}

void build_step_failed(struct build *b, const struct launch_failed *f)
{
	b->run = (struct sp_id){ "" };
	b->has_slot = false;
	build_fault_of_start(&b->fault, f);
	build_step_ended(b);
}

bool builds_on_exited(struct builds *bs, const struct launch_exited *x)
{
	for (struct build *b = bs->all; b; b = b->next)
		if (sp_id_eq(&b->run, &x->run)) {
			b->run = (struct sp_id){ "" };
			b->has_slot = false;
			b->exited = *x;
			build_step_ended(b);
			return true;
		}
	return false;
}

struct log_sink *builds_log_refusal(struct builds *bs, const struct launch_slot *slot, unsigned most)
{
	for (struct build *b = bs->all; b; b = b->next)
		if (b->has_slot && b->slot.index == slot->index && b->slot.generation == slot->generation)
			return b->refusals++ < most ? b->log : NULL;
	return NULL;
}

bool builds_busy(const struct builds *bs, const struct sp_id *space)
{
	for (const struct build *b = bs->all; b; b = b->next)
		if (!sp_id_is_none(&b->run) && sp_id_eq(&b->row.repo, space))
			return true;
	return false;
}
