#include "launch_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"

enum { OUT_MAX = 1024 };        /* queued requests: four for each slot */

struct call {
	struct call *next;
	uint32_t seq;
	launch_answer *fn;
	void *arg;
};

struct out {
	struct out *next;
	uint32_t seq;
	uint16_t type;
	size_t len;
	unsigned nfds;
	int fds[2];
	unsigned char body[];
};

struct launch_client {
	struct sp_loop *loop;
	struct sp_watch *watch;
	int fd;
	uint32_t seq;
	unsigned out_n;
	bool dead;
	struct out *out_head, **out_tail;
	struct call *calls;
	void (*gone)(void *arg);
	void *gone_arg;
	void (*exited)(void *arg, const struct launch_exited *x);
	void *exited_arg;
};

static void on_io(void *arg, bool readable, bool writable);

int launch_client_new(struct sp_loop *loop, int fd, void (*gone)(void *arg), void *arg,
		struct launch_client **ret, struct sp_err *e)
{
	sp_auto_close int owned = fd;
	struct launch_client *lc;
	int r;

	r = sp_set_nonblock(owned, true, e);
	if (r < 0)
		return r;
	lc = calloc(1, sizeof(*lc));
	if (!lc)
		return sp_fail(e, SP_ENOMEM, 0, "launch client");
	lc->loop = loop;
	lc->fd = sp_take_fd(&owned);
	lc->out_tail = &lc->out_head;
	lc->gone = gone;
	lc->gone_arg = arg;
	lc->watch = sp_watch_new(loop, lc->fd, on_io, lc);
	sp_watch_want(lc->watch, true, false);
	*ret = lc;
	return 0;
}

void launch_client_on_exited(struct launch_client *lc, void (*fn)(void *arg, const struct launch_exited *x), void *arg)
{
	lc->exited = fn;
	lc->exited_arg = arg;
}

static struct call *call_take(struct launch_client *lc, uint32_t seq)
{
	for (struct call **at = &lc->calls; *at; at = &(*at)->next)
		if ((*at)->seq == seq) {
			struct call *c = *at;

			*at = c->next;
			return c;
		}
	return NULL;
}

static void call_fail(struct launch_client *lc, uint32_t seq)
{
	struct call *c = call_take(lc, seq);

	if (c)
		c->fn(c->arg, NULL, true);
	free(c);
}

static void out_free(struct out *o)
{
	for (unsigned i = 0; i < o->nfds; i++)
		close(o->fds[i]);
	free(o);
}

static void drop_all(struct launch_client *lc)
{
	while (lc->out_head) {
		struct out *o = lc->out_head;

		lc->out_head = o->next;
		out_free(o);
	}
	lc->out_tail = &lc->out_head;
	lc->out_n = 0;
	while (lc->calls)
		call_fail(lc, lc->calls->seq);
}

static void die(struct launch_client *lc)
{
	if (lc->dead)
		return;
	lc->dead = true;
	sp_watch_free(lc->watch);
	lc->watch = NULL;
	drop_all(lc);
	if (lc->gone)
		lc->gone(lc->gone_arg);
}

void launch_client_shut(struct launch_client *lc)
{
	lc->gone = NULL;
	die(lc);
}

void launch_client_free(struct launch_client *lc)
{
	if (!lc)
		return;
	launch_client_shut(lc);
	close(lc->fd);
	free(lc);
}

static void flush(struct launch_client *lc)
{
	while (!lc->dead && lc->out_head) {
		struct out *o = lc->out_head;
		struct sp_err e;
		int r = sp_msg_send(lc->fd, o->type, o->seq, o->body, o->len, o->fds, o->nfds, &e);

		if (r == -SP_EBUSY)
			break;
		lc->out_head = o->next;
		if (!lc->out_head)
			lc->out_tail = &lc->out_head;
		lc->out_n--;
		out_free(o);
		if (r < 0)
			die(lc);
	}
	if (!lc->dead)
		sp_watch_want(lc->watch, true, lc->out_head != NULL);
}

/* Failing at once would call back into a caller that is still setting itself up. */
struct late_fail { launch_answer *fn; void *arg; bool is_gone; struct sp_msg full; };

static void fail_later_run(void *arg)
{
	struct late_fail *f = arg;

	f->fn(f->arg, f->is_gone ? NULL : &f->full, true);
	free(f);
}

/* NULL would say that the launcher is gone, after which nobody tries again: a full queue is refused like a full table of slots. */
static void fail_later(struct launch_client *lc, launch_answer *fn, void *arg)
{
	const struct launch_failed why = { .code = SP_EQUOTA, .step = "queue", .text = "too many requests wait for the launcher" };
	struct late_fail *f = fn ? calloc(1, sizeof(*f)) : NULL;

	if (!f)
		return;
	f->fn = fn;
	f->arg = arg;
	f->is_gone = lc->dead;
	f->full.head.type = LAUNCH_REFUSED;
	memcpy(f->full.body, &why, sizeof(why));
	sp_loop_post(lc->loop, fail_later_run, f);
}

void launch_client_ask(struct launch_client *lc, enum launch_type type, const void *body, size_t len,
		const int *fds, unsigned nfds, launch_answer *fn, void *arg)
{
	/* What wants no answer (STOP, drops) is at most as much as what did, and nobody would ask for it again. */
	struct out *o = lc->dead || (fn && lc->out_n >= OUT_MAX) ? NULL : calloc(1, sizeof(*o) + len);
	struct call *c = o && fn ? calloc(1, sizeof(*c)) : NULL;

	if (!o || (fn && !c)) {
		for (unsigned i = 0; i < nfds; i++)
			close(fds[i]);
		free(o);
		fail_later(lc, fn, arg);
		return;
	}
	if (++lc->seq == 0)
		lc->seq = 1;
	o->seq = lc->seq;
	o->type = (uint16_t)type;
	o->len = len;
	o->nfds = nfds;
	memcpy(o->body, body, len);
	for (unsigned i = 0; i < nfds; i++)
		o->fds[i] = fds[i];
	*lc->out_tail = o;
	lc->out_tail = &o->next;
	lc->out_n++;
	if (c) {
		c->seq = lc->seq;
		c->fn = fn;
		c->arg = arg;
		c->next = lc->calls;
		lc->calls = c;
	}
	sp_watch_want(lc->watch, true, true);
}

static void dispatch(struct launch_client *lc, struct sp_msg *m)
{
	bool more = m->head.type == LAUNCH_ENTRY || m->head.type == LAUNCH_IMAGE_IS;
	struct call *c;

	if (m->head.type == LAUNCH_EXITED) {
		if (lc->exited)
			lc->exited(lc->exited_arg, LAUNCH_BODY(m, EXITED, launch_exited));
		return;
	}
	if (!more) {
		c = call_take(lc, m->head.seq);
		if (c)
			c->fn(c->arg, m, true);
		free(c);
		return;
	}
	for (c = lc->calls; c; c = c->next)
		if (c->seq == m->head.seq) {
			c->fn(c->arg, m, false);
			return;
		}
}

static void on_io(void *arg, bool readable, bool writable)
{
	struct launch_client *lc = arg;

	if (writable)
		flush(lc);
	for (unsigned i = 0; readable && !lc->dead && i < 64; i++) {
		struct sp_msg m;
		struct sp_err e;
		int r = sp_msg_recv(lc->fd, &launch_table, LAUNCH_FROM_LAUNCHER, &m, &e);

		if (r == -SP_EBUSY)
			return;
		if (r <= 0) {
			die(lc);
			return;
		}
		dispatch(lc, &m);
		sp_msg_close(&m);
	}
}

void launch_client_start(struct launch_client *lc, const struct launch_start *s, int exec_fd, int stdin_fd,
		launch_answer *fn, void *arg)
{
	const int fds[2] = { exec_fd, stdin_fd };

	launch_client_ask(lc, LAUNCH_START, s, sizeof(*s), fds, stdin_fd >= 0 ? 2 : 1, fn, arg);
}

void launch_client_stop(struct launch_client *lc, struct launch_slot slot, uint32_t grace_ms)
{
	const struct launch_stop b = { .slot = slot, .grace_ms = grace_ms };

	launch_client_ask(lc, LAUNCH_STOP, &b, sizeof(b), NULL, 0, NULL, NULL);
}

void launch_client_dial(struct launch_client *lc, struct launch_slot slot, uint32_t count, uint32_t family,
		launch_answer *fn, void *arg)
{
	const struct launch_dial b = { .slot = slot, .count = count, .family = family };

	launch_client_ask(lc, LAUNCH_DIAL, &b, sizeof(b), NULL, 0, fn, arg);
}

void launch_client_ports(struct launch_client *lc, struct launch_slot slot, launch_answer *fn, void *arg)
{
	launch_client_ask(lc, LAUNCH_PORTS, &slot, sizeof(slot), NULL, 0, fn, arg);
}

static void ask_none(struct launch_client *lc, enum launch_type type, launch_answer *fn, void *arg)
{
	const struct launch_none b = { .nothing = "" };

	launch_client_ask(lc, type, &b, sizeof(b), NULL, 0, fn, arg);
}

void launch_client_list(struct launch_client *lc, launch_answer *fn, void *arg)
{
	ask_none(lc, LAUNCH_LIST, fn, arg);
}

void launch_client_images(struct launch_client *lc, launch_answer *fn, void *arg)
{
	ask_none(lc, LAUNCH_IMAGES, fn, arg);
}

void launch_client_probe(struct launch_client *lc, launch_answer *fn, void *arg)
{
	ask_none(lc, LAUNCH_PROBE, fn, arg);
}

void launch_client_scratch_drop(struct launch_client *lc, const struct sp_id *id)
{
	const struct launch_scratch b = { .id = *id };

	launch_client_ask(lc, LAUNCH_SCRATCH_DROP, &b, sizeof(b), NULL, 0, NULL, NULL);
}

/* Shared by the waiting thread and the loop; the last of the two frees it, for either may be late. */
struct probe_wait {
	struct launch_client *lc;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned refs;
	int answered;           /* 1: probe filled, -1: gone */
	struct launch_probe probe;
};

static void wait_unref(struct probe_wait *w)
{
	bool last;

	pthread_mutex_lock(&w->lock);
	last = --w->refs == 0;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void wait_answer(void *arg, struct sp_msg *m, bool last SP_UNUSED)
{
	struct probe_wait *w = arg;
	const struct launch_probe *p = LAUNCH_BODY(m, PROBE_IS, launch_probe);

	pthread_mutex_lock(&w->lock);
	w->answered = p ? 1 : -1;
	if (p)
		w->probe = *p;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
	wait_unref(w);
}

static void wait_ask(void *arg)
{
	struct probe_wait *w = arg;

	launch_client_probe(w->lc, wait_answer, w);
}

int launch_client_probe_wait(struct launch_client *lc, unsigned timeout_ms, struct launch_probe *ret, struct sp_err *e)
{
	struct probe_wait *w = calloc(1, sizeof(*w));
	struct timespec until;
	int answered, r = 0;

	if (!w)
		return sp_fail(e, SP_ENOMEM, 0, "probe");
	w->lc = lc;
	w->refs = 2;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	sp_loop_post(lc->loop, wait_ask, w);

	pthread_mutex_lock(&w->lock);
	while (!w->answered && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&w->cond, &w->lock, &until);
	answered = w->answered;
	if (answered > 0)
		*ret = w->probe;
	pthread_mutex_unlock(&w->lock);
	wait_unref(w);
	if (answered > 0)
		return 0;
	if (answered < 0)
		return sp_fail(e, SP_EIO, 0, "the launcher is gone");
	return sp_fail(e, SP_ETIMEOUT, 0, "the launcher did not answer within %u ms", timeout_ms);
}
