#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "runtime/space/space_env.h"
#include "runtime/space/spaces_int.h"

/*
 * The start of a server: what the launcher has (images, slots), then what the store wants (a pool thread
 * reads every row), then the two are matched: slots of known runs are adopted, others stopped, what
 * should run and does not is started, builds that a former server left are queued again.
 */

/* One Space as the store has it. Strings in the arena. */
struct loaded {
	struct store_repo repo;
	struct store_build last, ready;         /* newest build; newest READY one of the release. state -1: none */
	struct store_run run;                   /* id none: none */
	int64_t environment_ms;                 /* its last change */
};

struct load { struct spaces *sp; struct sp_arena arena; struct loaded *at; size_t n; int result; bool again; struct sp_err e; };

static int load_one(struct spaces *sp, const struct sp_id *id, struct sp_arena *a, struct loaded *l, struct sp_err *e)
{
	int r = store_repo_by_id(sp->store, id, a, &l->repo, e);

	if (r < 0)
		return r;
	l->last.state = l->ready.state = -1;
	r = store_build_last(sp->store, id, a, &l->last, e);
	if (r < 0)
		l->last.state = -1;
	if ((r == 0 || r == -SP_ENOENT) && l->repo.release[0]) {
		r = store_build_by_commit(sp->store, id, l->repo.release, a, &l->ready, e);
		if (r < 0)
			l->ready.state = -1;
	}
	if (r == 0 || r == -SP_ENOENT)
		r = store_run_last(sp->store, id, &l->run, e);
	if (r < 0)
		l->run.id = (struct sp_id){ "" };
	if (r == 0 || r == -SP_ENOENT)
		r = store_environment_changed(sp->store, id, &l->environment_ms, e);
	return r;
}

static void load_work(void *arg)
{
	struct load *w = arg;
	struct sp_id *ids;
	size_t n;

	if (w->again)
		sleep(1);               /* before the first request; this thread has nothing else to do */
	w->result = store_repo_all_ids(w->sp->store, &w->arena, &ids, &n, &w->e);
	if (w->result < 0)
		return;
	w->at = sp_arena_get(&w->arena, (n + 1) * sizeof(*w->at));
	for (size_t i = 0; i < n; i++) {
		int r = load_one(w->sp, &ids[i], &w->arena, &w->at[w->n], &w->e);

		if (r == 0)
			w->n++;
		else if (r != -SP_ENOENT)       /* deleted meanwhile */
			log_warn("space=%s cannot be read, ignoring: %s", ids[i].s, w->e.msg);
	}
}

static struct release *release_of(const struct store_build *b)
{
	struct release rel = { .build = b->id, .base = hash_of_hex(b->base), .env = hash_of_hex(b->env), .app = hash_of_hex(b->app) };
	struct release *kept;

	if (b->state != BUILD_READY || recipe_parse(b->recipe_json, &rel.recipe, NULL) < 0)
		return NULL;
	memcpy(rel.commit, b->commit, sizeof(rel.commit));
	kept = release_dup(&rel);
	recipe_fini(&rel.recipe);
	return kept;
}

/* The sandbox that runs REL for this Space; RUN (may be none) is preferred among several. */
static struct entry *entry_of(struct space *s, const struct release *rel, const struct sp_id *run)
{
	struct entry *found = NULL;

	for (size_t i = 0; rel && i < s->sp->n_entries; i++) {
		struct entry *en = &s->sp->entries[i];

		if (en->at.profile != PROFILE_RUN || !sp_id_eq(&en->at.space, &s->id) || memcmp(&en->at.app, &rel->app, sizeof(rel->app)) != 0 ||
		    memcmp(&en->at.env, &rel->env, sizeof(rel->env)) != 0)
			continue;
		if (!found || sp_id_eq(&en->at.run, run))
			found = en;
	}
	return found;
}

static struct instance *adopt(struct space *s, const struct loaded *l, struct entry *en, const struct release *rel)
{
	struct store_run row = { .id = en->at.run, .repo = s->id, .build = rel->build, .started_ms = l->run.started_ms, .ready_ms = l->run.started_ms };
	struct instance *in;

	if (sp_id_eq(&l->run.id, &en->at.run))
		row = l->run;           /* else an older run: it served, or its release would not be in the row */
	log_info("space=%s run=%s adopted slot=%u/%u", s->id.s, row.id.s, en->at.slot.index, en->at.slot.generation);
	in = instance_adopt(s->sp, s, rel, &row, &en->at, en->log_fd);
	en->log_fd = -1;
	en->at.profile = PROFILE_MAX;   /* taken */
	return in;
}

/* A variable or secret was acknowledged, and the server died before the app started anew with it. */
static void catch_up(struct space *s, const struct loaded *l)
{
	const struct instance *in = s->next ? s->next : s->current;

	if (in && l->environment_ms > in->row.started_ms)
		space_env_changed(s);
}

/* READY: the release that served last; LAST: the newest build, when it is another one that may still be started. Either may be NULL. */
static void bring_run(struct space *s, const struct loaded *l, const struct release *ready, const struct release *last)
{
	struct entry *now = entry_of(s, ready, &l->run.id), *newer = entry_of(s, last, &l->run.id);

	if (l->repo.is_paused) {
		if (last || ready)
			s->rel = release_dup(last ? last : ready);
		space_run_pause(s);
	} else if (l->repo.is_asleep && (last || ready) && (last ? last : ready)->recipe.sdk->runs) {
		s->rel = release_dup(last ? last : ready);
		space_run_sleep(s);     /* what may still run of it is a stranger and stopped */
	} else if (newer && l->run.ready_ms && sp_id_eq(&l->run.id, &newer->at.run)) {
		s->rel = release_dup(last);
		space_run_adopt(s, adopt(s, l, newer, last));
	} else if (now) {
		s->rel = release_dup(ready);
		space_run_adopt(s, adopt(s, l, now, ready));
		if (last && s->current)
			space_run_release(s, last);     /* built, but it never served: it starts beside */
	} else if (newer) {
		s->rel = release_dup(last);
		space_run_adopt(s, adopt(s, l, newer, last));
	} else if (last || ready) {
		s->rel = release_dup(last ? last : ready);
		if (!sp_id_eq(&l->run.build, &s->rel->build) || !space_run_bury(s, l->run.cause, l->run.detail))
			space_run_restart(s);
	}
}

static void bring_build(struct space *s, const struct loaded *l)
{
	bool unfinished = l->last.state == BUILD_QUEUED || l->last.state == BUILD_RUNNING;

	if (s->build || !s->head[0])
		return;
	if (l->last.state >= 0)
		s->build_id = l->last.id;
	if (unfinished && strcmp(l->last.commit, s->head) == 0)
		space_queue_build(s, s->head, false, &l->last.id);
	else if (l->last.state < 0 || strcmp(l->last.commit, s->head) != 0)
		space_queue_build(s, s->head, false, NULL);     /* pushed, and the server died before it was queued */
	else if (l->last.state == BUILD_FAILED) {
		fault_load(&s->build_fault, l->last.cause, l->last.detail);
		s->build_failed = s->build_fault.code != CAUSE_NONE;
		s->build_failed_as = cause_stage(s->build_fault.code);
		space_changed(s);
	} else if (!s->rel) {
		space_queue_build(s, s->head, false, NULL);
	}
}

static void bring_back(struct spaces *sp, const struct loaded *l)
{
	struct space *s = space_get(sp, &l->repo.id);
	struct release *ready = release_of(&l->ready), *last = release_of(&l->last);

	space_take_row(s, &l->repo);
	s->asleep_stored = l->repo.is_asleep;
	if (!s->head[0])
		memcpy(s->head, l->repo.head, sizeof(s->head));
	if (l->run.ready_ms)
		s->usual_start_ms = l->run.ready_ms - l->run.started_ms;
	s->run_id = l->run.id;
	if (last && ready && (sp_id_eq(&last->build, &ready->build) || (sp_id_eq(&l->run.build, &last->build) && l->run.cause[0]))) {
		release_free(last);     /* the same, or one that was tried and failed while the older one served */
		last = NULL;
	}
	if (s->run.state == RUN_IDLE && !s->rel)
		bring_run(s, l, ready, last);
	catch_up(s, l);
	bring_build(s, l);
	release_free(ready);
	release_free(last);
}

/* Runs that no row knows, builds and tasks of the former server: nobody waits for them. */
static void stop_strangers(struct spaces *sp)
{
	for (size_t i = 0; i < sp->n_entries; i++) {
		struct entry *en = &sp->entries[i];

		if (en->log_fd >= 0)
			close(en->log_fd);
		if (en->at.profile != PROFILE_MAX)
			launch_client_stop(sp->lc, en->at.slot, 0);
	}
	free(sp->entries);
	sp->entries = NULL;
	sp->n_entries = sp->entries_cap = 0;
}

static void load_done(void *arg)
{
	struct load *w = arg;
	struct spaces *sp = w->sp;

	if (w->result < 0 && !sp->quiet) {
		log_err("the Spaces cannot be read, trying again: %s", w->e.msg);
		w->again = true;
		sp_loop_work(sp->loop, load_work, load_done, w);
		return;
	}
	if (w->result < 0) {            /* with none known, edge would drop the routes of those that run: it is told nothing */
		sp_arena_fini(&w->arena);
		free(w);
		return;
	}
	sp->booting = true;
	for (size_t i = 0; i < w->n && !sp->quiet; i++)
		bring_back(sp, &w->at[i]);
	sp->booting = false;
	if (!sp->quiet)
		stop_strangers(sp);
	log_info("spaces loaded n=%zu", w->n);
	sp_arena_fini(&w->arena);
	free(w);
	sp->loaded = true;
	spaces_publish_all(sp);
	if (sp->hooks.loaded)
		sp->hooks.loaded(sp->hooks.arg);
}

static void on_list(void *arg, struct sp_msg *m, bool last)
{
	struct spaces *sp = arg;
	const struct launch_entry *at = LAUNCH_BODY(m, ENTRY, launch_entry);
	struct load *w;

	if (at && sp->n_entries < SP_LIMIT_slots) {
		if (sp->n_entries == sp->entries_cap) {
			sp->entries_cap = SP_LIMIT_slots;
			sp->entries = calloc(sp->entries_cap, sizeof(*sp->entries));
			if (!sp->entries)
				abort();
		}
		sp->entries[sp->n_entries++] = (struct entry){ *at, sp_msg_take_fd(m, 0) };
	}
	if (!last || !m)
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	w->sp = sp;
	sp_loop_work(sp->loop, load_work, load_done, w);
}

static void on_image(void *arg, struct sp_msg *m, bool last)
{
	struct spaces *sp = arg;
	const struct launch_image_is *at = LAUNCH_BODY(m, IMAGE_IS, launch_image_is);

	if (at)
		images_add(&sp->images, at->kind, &at->hash, at->current);
	if (last && m) {
		sp->images.known = true;
		launch_client_list(sp->lc, on_list, sp);
	}
}

void spaces_load(struct spaces *sp)
{
	images_clear(&sp->images);
	launch_client_images(sp->lc, on_image, sp);
}
