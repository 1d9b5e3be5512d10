#include "space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "runtime/space/spaces_int.h"
#include "runtime/space/traffic.h"

/* ---- the table ---- */

static unsigned bucket_of(const struct sp_id *id)
{
	unsigned h = 2166136261u;       /* FNV-1a; ids are random already */

	for (const char *p = id->s; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h % SPACE_BUCKETS;
}

struct space *space_find(const struct spaces *sp, const struct sp_id *id)
{
	struct space *s = sp->buckets[bucket_of(id)];

	while (s && !sp_id_eq(&s->id, id))
		s = s->hash_next;
	return s;
}

struct space *space_get(struct spaces *sp, const struct sp_id *id)
{
	struct space *s = space_find(sp, id), **bucket = &sp->buckets[bucket_of(id)];

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->sp = sp;
	s->id = *id;
	s->hash_next = *bucket;
	*bucket = s;
	space_run_init(s);
	return s;
}

void space_forget(struct space *s)
{
	struct space **at = &s->sp->buckets[bucket_of(&s->id)];

	while (*at && *at != s)
		at = &(*at)->hash_next;
	if (*at)
		*at = s->hash_next;
	s->removed = true;
	space_free_if_idle(s);
}

void space_free_if_idle(struct space *s)
{
	if (s->row_busy || s->release_busy)
		return;
	space_run_fini(s);
	free(s->route);
	free(s);
}

/* ---- the row ---- */

struct read_row { struct space *s; struct store *st; struct sp_id id; struct sp_arena arena; struct store_repo repo; int result; struct sp_err e; };

static void read_row_work(void *arg)
{
	struct read_row *w = arg;

	w->result = store_repo_by_id(w->st, &w->id, &w->arena, &w->repo, &w->e);
}

void space_take_row(struct space *s, const struct store_repo *repo)
{
	memcpy(s->label, repo->label, sizeof(s->label));
	memcpy(s->sdk, repo->sdk, sizeof(s->sdk));
	s->is_private = repo->is_private;
	s->sleep_s = repo->sleep_s;
	space_idle_watch(s);
}

static void read_row_done(void *arg)
{
	struct read_row *w = arg;
	struct space *s = w->s;
	bool is_deleted = w->result == -SP_ENOENT;

	s->row_busy = false;
	if (w->result == 0 && !s->row_again)    /* else it is of before a change that is applied already */
		space_take_row(s, &w->repo);
	else if (w->result < 0 && w->result != -SP_ENOENT)
		log_warn("space=%s its row cannot be read, ignoring: %s", w->id.s, w->e.msg);
	sp_arena_fini(&w->arena);
	free(w);
	if (s->removed) {
		space_free_if_idle(s);
		return;
	}
	if (is_deleted) {       /* by one request while another pushed to it or restarted it */
		space_remove(s);
		return;
	}
	space_publish(s, false);
	if (s->row_again)
		space_read_row(s);
}

void space_read_row(struct space *s)
{
	struct read_row *w;

	s->row_again = s->row_busy;
	if (s->row_busy)
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	*w = (struct read_row){ .s = s, .st = s->sp->store, .id = s->id };
	s->row_busy = true;
	sp_loop_work(s->sp->loop, read_row_work, read_row_done, w);
}

/* ---- builds ---- */

void space_queue_build(struct space *s, const char *commit, bool factory, const struct sp_id *again)
{
	struct build_request rq = { .space = s->id, .commit = commit, .factory = factory, .space_arg = s };
	struct build *old = s->build;

	if (again)
		rq.again = *again;
	s->build = NULL;
	s->superseded[0] = 0;
	if (old && strcmp(build_commit(old), commit) != 0)
		snprintf(s->superseded, sizeof(s->superseded), "%.7s", build_commit(old));
	if (old)
		builds_cancel(old, commit);
	s->build_failed = false;
	fault_clear(&s->build_fault);
	s->build = builds_add(s->sp->builds, &rq);
	s->build_id = *build_id(s->build);
	space_changed(s);
}

static void on_built(void *space_arg, const struct build_result *r)
{
	struct space *s = space_arg;
	struct release rel = { .build = r->id, .base = r->base, .env = r->env, .app = r->app };

	s->build = NULL;
	if (!r->ok) {
		s->build_failed_as = cause_stage(r->fault->code);
		fault_move(&s->build_fault, r->fault);
		s->build_failed = true;
		space_changed(s);
		return;
	}
	snprintf(rel.commit, sizeof(rel.commit), "%s", r->commit);
	rel.recipe = *r->recipe;        /* lent: copied by whoever keeps it */
	space_run_release(s, &rel);
}

/* ---- making and ending ---- */

static void on_exited(void *arg, const struct launch_exited *x)
{
	struct spaces *sp = arg;

	for (size_t i = 0; i < sp->n_entries; i++)      /* told by LIST, ended before it could be adopted */
		if (sp_id_eq(&sp->entries[i].at.run, &x->run))
			sp->entries[i].at.profile = PROFILE_MAX;
	if (!builds_on_exited(sp->builds, x) && !instances_on_exited(sp, x)) {
		if (sp->hooks.exited)
			sp->hooks.exited(sp->hooks.arg, x);
		else
			log_info("slot=%u/%u ended and was nobody's", x->slot.index, x->slot.generation);
	}
	spaces_check_removals(sp);
}

static void on_turn(void *arg)
{
	instances_turn(arg);
}

bool spaces_base(const struct spaces *sp, struct launch_hash *ret)
{
	return sp->images.known && images_current(&sp->images, IMAGE_BASE, ret);
}

int spaces_new(struct sp_loop *loop, struct store *st, struct repos *repos, struct logs *logs, struct launch_client *lc,
		const struct space_config *cfg, const struct space_hooks *hooks, struct spaces **ret, struct sp_err *e)
{
	const struct builds_hooks built = { .done = on_built };
	struct spaces *sp = calloc(1, sizeof(*sp));
	int r;

	if (!sp)
		return sp_fail(e, SP_ENOMEM, 0, "spaces");
	*sp = (struct spaces){ .loop = loop, .store = st, .repos = repos, .logs = logs, .lc = lc, .cfg = *cfg, .hooks = *hooks, .now_ms = sp_mono_ms };
	r = builds_new(loop, st, repos, logs, lc, &sp->cfg, &sp->images, &built, &sp->builds, e);
	if (r < 0) {
		free(sp);
		return r;
	}
	sp->turn = sp_timer_new(loop, on_turn, sp);
	launch_client_on_exited(lc, on_exited, sp);
	*ret = sp;
	return 0;
}

void spaces_free(struct spaces *sp)
{
	if (!sp)
		return;
	launch_client_on_exited(sp->lc, NULL, NULL);
	launch_client_shut(sp->lc);
	sp->quiet = true;
	traffic_end(sp);
	while (sp->instances)
		instance_free(sp->instances);
	builds_free(sp->builds);
	for (unsigned i = 0; i < SPACE_BUCKETS; i++)
		while (sp->buckets[i]) {
			struct space *s = sp->buckets[i];

			sp->buckets[i] = s->hash_next;
			space_run_fini(s);
			free(s->route);
			free(s);
		}
	images_fini(&sp->images);
	sp_timer_free(sp->turn);
	free(sp->entries);
	free(sp);
}

/* ---- requests from any thread, carried out on the loop ---- */

struct ask { struct spaces *sp; struct sp_id id; const char *commit; bool flag; struct sp_arena *arena; struct space_view *view; int result; };

static void start_here(void *arg)
{
	struct ask *a = arg;

	if (!a->sp->started)
		spaces_load(a->sp);
	a->sp->started = true;
}

void spaces_start(struct spaces *sp)
{
	struct ask a = { .sp = sp };

	sp_loop_call(sp->loop, start_here, &a);
}

static void quiesce_here(void *arg)
{
	struct ask *a = arg;

	a->sp->quiet = true;
	builds_quiesce(a->sp->builds);
}

void spaces_quiesce(struct spaces *sp)
{
	struct ask a = { .sp = sp };

	sp_loop_call(sp->loop, quiesce_here, &a);
}

static void pushed_here(void *arg)
{
	struct ask *a = arg;
	struct space *s = space_get(a->sp, &a->id);

	if (a->sp->quiet)
		return;         /* its row has the new head; the next server sees that nothing was built of it */
	memcpy(s->head, a->commit, sizeof(s->head));
	space_read_row(s);
	if (!s->build || strcmp(build_commit(s->build), s->head) != 0)
		space_queue_build(s, s->head, false, NULL);
}

void spaces_pushed(struct spaces *sp, const struct sp_id *space, const char *commit)
{
	char copy[41] = "";
	struct ask a = { .sp = sp, .id = *space, .commit = copy };

	snprintf(copy, sizeof(copy), "%s", commit);
	sp_loop_call(sp->loop, pushed_here, &a);
}

static void refresh_here(void *arg)
{
	struct ask *a = arg;

	space_read_row(space_get(a->sp, &a->id));
}

void spaces_created(struct spaces *sp, const struct sp_id *space)
{
	struct ask a = { .sp = sp, .id = *space };

	sp_loop_call(sp->loop, refresh_here, &a);
}

struct row { struct spaces *sp; struct sp_id id; struct store_repo *repo; /* NULL: not read */ };

static void take_here(void *arg)
{
	const struct row *row = arg;
	struct space *s = space_get(row->sp, &row->id);

	if (row->repo) {
		space_take_row(s, row->repo);
		space_publish(s, false);
	}
	space_read_row(s);      /* of two that change it at once the later one may come first */
}

void spaces_refresh(struct spaces *sp, const struct sp_id *space)
{
	struct row row = { .sp = sp, .id = *space };
	struct store_repo repo;
	struct sp_arena a;

	sp_arena_init(&a);
	if (store_repo_by_id(sp->store, space, &a, &repo, NULL) == 0)
		row.repo = &repo;
	sp_loop_call(sp->loop, take_here, &row);
	sp_arena_fini(&a);
}

static void restart_here(void *arg)
{
	struct ask *a = arg;
	struct space *s = space_get(a->sp, &a->id);
	bool retry = a->flag || s->build_failed || (!s->rel && !s->build);

	memcpy(s->head, a->commit, sizeof(s->head));
	if (s->run.state == RUN_PAUSED && !s->rel)
		space_run_end(s);
	if (retry && s->head[0])
		space_queue_build(s, s->head, a->flag, NULL);
	if (s->rel && (!a->flag || !s->current))
		space_run_restart(s);   /* a factory rebuild of a running app replaces it when it is ready */
	space_read_row(s);
}

int spaces_restart(struct spaces *sp, const struct sp_id *space, bool factory, struct sp_err *e)
{
	struct ask a = { .sp = sp, .id = *space, .flag = factory };
	struct store_repo repo;
	struct sp_arena arena;
	int r;

	sp_arena_init(&arena);
	r = store_repo_by_id(sp->store, space, &arena, &repo, e);
	sp_arena_fini(&arena);
	if (r == 0 && !repo.head[0])
		r = sp_fail(e, SP_ESTATE, 0, "the repository is empty: push an app first");
	if (r == 0 && repo.is_paused)
		r = store_repo_set_paused(sp->store, space, false, e);
	if (r == 0 && repo.is_asleep)
		r = store_repo_set_asleep(sp->store, space, false, e);
	if (r < 0)
		return r;
	a.commit = repo.head;
	sp_loop_call(sp->loop, restart_here, &a);
	return 0;
}

static void pause_here(void *arg)
{
	struct ask *a = arg;

	space_run_pause(space_get(a->sp, &a->id));
}

int spaces_pause(struct spaces *sp, const struct sp_id *space, struct sp_err *e)
{
	struct ask a = { .sp = sp, .id = *space };
	int r = store_repo_set_paused(sp->store, space, true, e);

	if (r < 0)
		return r;
	sp_loop_call(sp->loop, pause_here, &a);
	return 0;
}

static void wake_here(void *arg)
{
	struct ask *a = arg;
	struct space *s = space_find(a->sp, &a->id);

	if (s && !a->sp->quiet)
		space_run_wake(s);
}

void spaces_wake(struct spaces *sp, const struct sp_id *space)
{
	struct ask a = { .sp = sp, .id = *space };

	sp_loop_call(sp->loop, wake_here, &a);
}

static void view_here(void *arg)
{
	struct ask *a = arg;
	const struct space *s = space_find(a->sp, &a->id);

	if (!s && a->sp->loaded) {
		a->result = -SP_ENOENT;
		return;
	}
	if (s) {
		space_view_fill(s, a->view);
	} else {
		memset(a->view, 0, sizeof(*a->view));
		a->view->stage = STAGE_APP_STARTING;
		cause_fill(&a->view->cause, CAUSE_PLATFORM_RESTARTING, NULL);
	}
	a->view->cause.evidence = sp_arena_str(a->arena, a->view->cause.evidence);
}

int spaces_view(struct spaces *sp, const struct sp_id *space, struct sp_arena *arena, struct space_view *ret, struct sp_err *e)
{
	struct ask a = { .sp = sp, .id = *space, .arena = arena, .view = ret };

	sp_loop_call(sp->loop, view_here, &a);
	return a.result < 0 ? sp_fail(e, SP_ENOENT, 0, "no such Space") : 0;
}

void spaces_on_failing(struct spaces *sp, const struct sp_id *space)
{
	const struct space *s = space_find(sp, space);

	log_info("space=%s refuses connections", space->s);
	if (s && s->current && !sp->quiet)
		instance_check_port(s->current);
}

void spaces_publish_all(struct spaces *sp)
{
	for (unsigned i = 0; i < SPACE_BUCKETS; i++)
		for (struct space *s = sp->buckets[i]; s; s = s->hash_next)
			space_publish(s, true);
}
