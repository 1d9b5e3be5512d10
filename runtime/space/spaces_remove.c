#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/space/spaces_int.h"

enum { PATIENCE_S = 30 };       /* a sandbox is killed after stop_grace_ms; more than this is a broken launcher */

/* A thread that waits until nothing of a Space runs any more; shared with the loop, the last of the two frees it. */
struct removal {
	struct removal *next;
	struct sp_id id;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned refs;
	bool over;
	struct spaces *sp;
};

static void unref(struct removal *r)
{
	bool last;

	pthread_mutex_lock(&r->lock);
	last = --r->refs == 0;
	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool still_runs(const struct spaces *sp, const struct sp_id *id)
{
	for (const struct instance *in = sp->instances; in; in = in->next)
		if (in->phase != INST_GONE && sp_id_eq(&in->space_id, id))
			return true;
	return builds_busy(sp->builds, id);
}

void spaces_check_removals(struct spaces *sp)
{
	for (struct removal **at = &sp->removals; *at;) {
		struct removal *r = *at;

		if (still_runs(sp, &r->id)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		logs_drop(sp->logs, &r->id);
		pthread_mutex_lock(&r->lock);
		r->over = true;
		pthread_cond_signal(&r->cond);
		pthread_mutex_unlock(&r->lock);
		unref(r);
	}
}

static void drop_app_image(struct spaces *sp, const struct release *rel)
{
	struct launch_image_drop drop = { .kind = IMAGE_APP, .hash = rel->app };

	if (!hash_is_none(&rel->app))
		launch_client_ask(sp->lc, LAUNCH_IMAGE_DROP, &drop, sizeof(drop), NULL, 0, NULL, NULL);
}

void space_remove(struct space *s)
{
	struct build *b = s->build;

	s->build = NULL;
	if (b)
		builds_cancel(b, NULL);
	space_run_end(s);
	space_unpublish(s);
	if (s->rel)
		drop_app_image(s->sp, s->rel);
	space_forget(s);
}

static void remove_here(void *arg)
{
	struct removal *r = arg;
	struct spaces *sp = r->sp;
	struct space *s = space_find(sp, &r->id);

	r->next = sp->removals;
	sp->removals = r;
	if (s)
		space_remove(s);
	spaces_check_removals(sp);
}

int spaces_remove(struct spaces *sp, const struct sp_id *space, struct sp_err *e)
{
	struct removal *r = calloc(1, sizeof(*r));
	struct timespec until;
	int err = 0;
	bool over;

	if (!r)
		return sp_fail(e, SP_ENOMEM, 0, "remove Space");
	r->sp = sp;
	r->id = *space;
	r->refs = 2;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->cond, NULL);
	sp_loop_call(sp->loop, remove_here, r);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;

	pthread_mutex_lock(&r->lock);
	while (!r->over && err == 0 && !sp_loop_is_here(sp->loop))      /* the loop itself cannot wait for what it has to do */
		err = pthread_cond_timedwait(&r->cond, &r->lock, &until);
	over = r->over || sp_loop_is_here(sp->loop);
	pthread_mutex_unlock(&r->lock);
	unref(r);
	return over ? 0 : sp_fail(e, SP_ETIMEOUT, 0, "a sandbox of the Space did not end");
}
