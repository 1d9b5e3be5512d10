#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "limit.h"
#include "server/uvloop.h"

struct job {
	struct job *next;
	void (*work)(void *arg);
	void (*done)(void *arg);        /* run on the loop thread; NULL for a plain post */
	void *arg;
};

struct queue { struct job *first, **last; };

struct pool {
	struct sp_loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue jobs;
	pthread_t threads[SP_LIMIT_pool_threads];
	unsigned count, busy;
	bool ending;
};

struct sp_timer { uv_timer_t uv; void (*fn)(void *arg); void *arg; };

struct sp_watch {
	uv_poll_t uv;
	void (*fn)(void *arg, bool readable, bool writable);
	void (*hangup)(void *arg);
	void *arg;
};

struct on_signal { uv_signal_t uv; void (*fn)(void *arg, int signo); void *arg; };

struct sp_loop {
	uv_loop_t uv;
	uv_async_t wake;
	pthread_mutex_t lock;
	struct queue posted;
	_Atomic pthread_t thread;       /* of the loop, once it has one */
	atomic_bool has_thread;
	bool stopping;
	struct pool pools[POOL_MAX];
};

static const unsigned pool_sizes[POOL_MAX] = {
	[POOL_REQUEST] = SP_LIMIT_pool_threads,
	[POOL_WORK] = SP_LIMIT_pool_threads / 2,
	[POOL_FILE] = 2,
	[POOL_ACCESS] = 2,
};

static void *must(void *p)
{
	if (!p)
		abort();        /* restartable; see arena.h */
	return p;
}

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct queue *q, struct job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct job *queue_get(struct queue *q)
{
	struct job *j = q->first;

	if (j) {
		q->first = j->next;
		if (!q->first)
			q->last = &q->first;
	}
	return j;
}

static struct job *job_new(void (*work)(void *), void (*done)(void *), void *arg)
{
	struct job *j = must(malloc(sizeof(*j)));

	*j = (struct job){ .work = work, .done = done, .arg = arg };
	return j;
}

/* ---- posting ---- */

static void post_job(struct sp_loop *loop, struct job *j)
{
	pthread_mutex_lock(&loop->lock);
	queue_put(&loop->posted, j);
	pthread_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake);
}

void sp_loop_post(struct sp_loop *loop, void (*fn)(void *arg), void *arg)
{
	post_job(loop, job_new(NULL, fn, arg));
}

/* Takes all that is there at once: what these post runs in the next round, so that sockets get their turn. */
static void run_posted(uv_async_t *wake)
{
	struct sp_loop *loop = wake->data;
	struct job *j, *next;
	bool stopping;

	pthread_mutex_lock(&loop->lock);
	j = loop->posted.first;
	queue_init(&loop->posted);
	pthread_mutex_unlock(&loop->lock);
	for (; j; j = next) {
		next = j->next;
		j->done(j->arg);
		free(j);
	}
	pthread_mutex_lock(&loop->lock);
	stopping = loop->stopping;
	pthread_mutex_unlock(&loop->lock);
	if (stopping)
		uv_stop(&loop->uv);
}

struct call {
	void (*fn)(void *arg);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_over;
};

static void call_run(void *arg)
{
	struct call *c = arg;

	c->fn(c->arg);
	pthread_mutex_lock(&c->lock);
	c->is_over = true;
	pthread_cond_signal(&c->over);
	pthread_mutex_unlock(&c->lock);
}

void sp_loop_call(struct sp_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER };

	if (sp_loop_is_here(loop)) {
		fn(arg);
		return;
	}
	sp_loop_post(loop, call_run, &c);
	pthread_mutex_lock(&c.lock);
	while (!c.is_over)
		pthread_cond_wait(&c.over, &c.lock);
	pthread_mutex_unlock(&c.lock);
	pthread_cond_destroy(&c.over);
	pthread_mutex_destroy(&c.lock);
}

bool sp_loop_is_here(const struct sp_loop *loop)
{
	return loop->has_thread && pthread_equal(loop->thread, pthread_self());
}

/* ---- pools ---- */

static void *pool_main(void *arg)
{
	struct pool *p = arg;

	for (;;) {
		struct job *j;

		pthread_mutex_lock(&p->lock);
		while (!p->jobs.first && !p->ending)
			pthread_cond_wait(&p->more, &p->lock);
		j = queue_get(&p->jobs);
		p->busy += j != NULL;
		pthread_mutex_unlock(&p->lock);
		if (!j)
			return NULL;
		j->work(j->arg);
		if (j->done)
			post_job(p->loop, j);
		else
			free(j);
		pthread_mutex_lock(&p->lock);
		p->busy--;
		pthread_mutex_unlock(&p->lock);
	}
}

void loop_work_on(struct sp_loop *loop, enum loop_pool pool, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct pool *p = &loop->pools[pool];

	pthread_mutex_lock(&p->lock);
	queue_put(&p->jobs, job_new(work, done, arg));
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void sp_loop_work(struct sp_loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	loop_work_on(loop, POOL_WORK, work, done, arg);
}

static int pool_start(struct pool *p, struct sp_loop *loop, unsigned count, struct sp_err *e)
{
	p->loop = loop;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	queue_init(&p->jobs);
	for (; p->count < count; p->count++) {
		int r = pthread_create(&p->threads[p->count], NULL, pool_main, p);

		if (r != 0)
			return sp_fail(e, SP_ENOMEM, r, "start a pool thread");
	}
	return 0;
}

static void pool_end(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		pthread_join(p->threads[i], NULL);
	p->count = 0;
}

/* ---- the loop ---- */

int loop_new(struct sp_loop **ret, struct sp_err *e)
{
	struct sp_loop *loop = must(calloc(1, sizeof(*loop)));
	int r = uv_loop_init(&loop->uv);

	if (r < 0) {
		free(loop);
		return sp_fail(e, SP_EIO, -r, "make the event loop");
	}
	queue_init(&loop->posted);
	pthread_mutex_init(&loop->lock, NULL);
	r = uv_async_init(&loop->uv, &loop->wake, run_posted);
	if (r < 0) {
		free(loop);
		return sp_fail(e, SP_EIO, -r, "make the event loop");
	}
	loop->wake.data = loop;
	for (unsigned i = 0; i < POOL_MAX; i++) {
		r = pool_start(&loop->pools[i], loop, pool_sizes[i], e);
		if (r < 0) {
			loop_free(loop);
			return r;
		}
	}
	*ret = loop;
	return 0;
}

void loop_run(struct sp_loop *loop)
{
	loop->thread = pthread_self();
	loop->has_thread = true;
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct sp_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stopping = true;
	pthread_mutex_unlock(&loop->lock);
	uv_async_send(&loop->wake);
}

static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void close_left(uv_handle_t *h, SP_UNUSED void *arg)
{
	if (!uv_is_closing(h))
		uv_close(h, h->type == UV_SIGNAL ? free_handle : NULL);
}

/* Work under way may wait for the loop (sp_loop_call), so the loop turns until nobody has anything to do. */
void loop_drain(struct sp_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stopping = false;         /* it did stop; from here on it turns again */
	pthread_mutex_unlock(&loop->lock);
	loop->thread = pthread_self();
	loop->has_thread = true;
	for (unsigned i = 0; i < POOL_MAX; i++) {
		struct pool *p = &loop->pools[i];
		bool idle = p->count == 0;

		while (!idle) {
			run_posted(&loop->wake);
			uv_run(&loop->uv, UV_RUN_NOWAIT);
			pthread_mutex_lock(&p->lock);
			idle = !p->jobs.first && p->busy == 0;
			pthread_mutex_unlock(&p->lock);
			if (!idle)
				usleep(1000);
		}
	}
	run_posted(&loop->wake);
}

void loop_free(struct sp_loop *loop)
{
	struct job *j;

	if (!loop)
		return;
	loop_drain(loop);
	for (unsigned i = 0; i < POOL_MAX; i++)
		if (loop->pools[i].loop)
			pool_end(&loop->pools[i]);
	run_posted(&loop->wake);
	while ((j = queue_get(&loop->posted)) != NULL) {
		j->done(j->arg);
		free(j);
	}
	uv_walk(&loop->uv, close_left, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	free(loop);
}

void *loop_uv(struct sp_loop *loop)
{
	return &loop->uv;
}

/* ---- timers ---- */

static void timer_fire(uv_timer_t *uv)
{
	struct sp_timer *t = (struct sp_timer *)uv;

	t->fn(t->arg);
}

struct sp_timer *sp_timer_new(struct sp_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct sp_timer *t = must(calloc(1, sizeof(*t)));

	t->fn = fn;
	t->arg = arg;
	if (uv_timer_init(&loop->uv, &t->uv) < 0)
		abort();
	return t;
}

void sp_timer_start(struct sp_timer *t, uint64_t after_ms, uint64_t repeat_ms)
{
	uv_update_time(t->uv.loop);     /* a long callback must not make timers fire early */
	uv_timer_start(&t->uv, timer_fire, after_ms, repeat_ms);
}

void sp_timer_stop(struct sp_timer *t)
{
	uv_timer_stop(&t->uv);
}

void sp_timer_free(struct sp_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, free_handle);
}

/* ---- descriptors ---- */

static void watch_fire(uv_poll_t *uv, int status, int events)
{
	struct sp_watch *w = (struct sp_watch *)uv;

	if (w->hangup) {
		uv_poll_stop(uv);
		w->hangup(w->arg);
		return;
	}
	/* On an error both, so that the owner's next read or write meets it. */
	w->fn(w->arg, status < 0 || (events & UV_READABLE), status < 0 || (events & UV_WRITABLE));
}

static struct sp_watch *watch_make(struct sp_loop *loop, int fd)
{
	struct sp_watch *w = must(calloc(1, sizeof(*w)));

	if (uv_poll_init(&loop->uv, &w->uv, fd) < 0)
		abort();        /* only for a descriptor that cannot be polled: our own fault */
	return w;
}

struct sp_watch *sp_watch_new(struct sp_loop *loop, int fd, void (*fn)(void *arg, bool readable, bool writable), void *arg)
{
	struct sp_watch *w = watch_make(loop, fd);

	w->fn = fn;
	w->arg = arg;
	return w;
}

struct sp_watch *loop_watch_hangup(struct sp_loop *loop, int fd, void (*fn)(void *arg), void *arg)
{
	struct sp_watch *w = watch_make(loop, fd);

	w->hangup = fn;
	w->arg = arg;
	uv_poll_start(&w->uv, UV_DISCONNECT, watch_fire);
	return w;
}

void sp_watch_want(struct sp_watch *w, bool readable, bool writable)
{
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

	if (events)
		uv_poll_start(&w->uv, events, watch_fire);
	else
		uv_poll_stop(&w->uv);
}

void sp_watch_free(struct sp_watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->uv, free_handle);
}

/* ---- signals ---- */

static void signal_fire(uv_signal_t *uv, int signo)
{
	struct on_signal *s = (struct on_signal *)uv;

	s->fn(s->arg, signo);
}

int loop_on_signal(struct sp_loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg, struct sp_err *e)
{
	struct on_signal *s = must(calloc(1, sizeof(*s)));
	int r;

	s->fn = fn;
	s->arg = arg;
	r = uv_signal_init(&loop->uv, &s->uv);
	if (r == 0)
		r = uv_signal_start(&s->uv, signal_fire, signo);
	if (r < 0)
		return sp_fail(e, SP_EIO, -r, "watch signal %d", signo);
	return 0;
}
