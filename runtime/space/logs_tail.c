#include <stdlib.h>
#include <string.h>

#include "logs_int.h"

static void tail_read(struct log_tail *t);

static void tail_free(struct log_tail *t)
{
	for (struct log_tail **at = &t->logs->tails; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	sp_timer_free(t->timer);
	log_file_close(&t->file);
	sp_buf_fini(&t->buf);
	sp_buf_fini(&t->got);
	free(t);
}

static bool tail_may_free(const struct log_tail *t)
{
	return t->stopped && !t->busy && !t->inside;
}

/* Hand over one piece; at a measured pace, because a follower's connection buffers no more than a megabyte. */
static void tail_deliver(void *arg)
{
	struct log_tail *t = arg;
	size_t n = t->buf.n;

	if (t->stopped || t->inside)
		return;
	t->inside = true;
	if (n > LOG_PIECE)
		for (n = LOG_PIECE; n > 0 && t->buf.p[n - 1] != '\n'; n--)
			;
	while (n > 0 && t->buf.p[n - 1] != '\n')
		n--;                    /* half a line of a piece of history */
	if (n > 0) {
		t->lines(t->arg, t->buf.p, n);
		sp_buf_drop(&t->buf, n);
	}
	if (!t->stopped && n == 0 && t->complete && !t->told) {
		t->told = true;
		t->ended(t->arg);
	}
	t->inside = false;
	if (tail_may_free(t))
		tail_free(t);
	else if (!t->stopped && n > 0 && (t->buf.n > 0 || !t->live))
		sp_timer_start(t->timer, LOG_PACE_MS, 0);
	else if (!t->stopped && !t->live && !t->complete)
		tail_read(t);
}

static void disk_work(void *arg)
{
	struct log_tail *t = arg;

	if (t->file.head < 0 && log_file_open(t->logs->dir, &t->space, t->kind, &t->id, &t->file, NULL) < 0)
		return;
	if (log_file_read(&t->file, &t->pos, LOG_PIECE, &t->got, NULL) < 0)
		t->got.n = 0;
}

static void disk_done(void *arg)
{
	struct log_tail *t = arg;

	log_tail_read_done(t, t->got.n == 0);
}

/* Fetch the next piece of history. */
static void tail_read(struct log_tail *t)
{
	if (t->busy || t->stopped)
		return;
	if (t->sink) {
		log_sink_pump(t->sink);
		return;
	}
	t->busy = true;
	sp_loop_work(t->logs->loop, disk_work, disk_done, t);
}

struct log_tail *log_tails_wanting(const struct log_sink *s)
{
	for (struct log_tail *t = s->logs->tails; t; t = t->next)
		if (t->sink == s && !t->live && !t->stopped && !t->busy && t->buf.n < LOG_PIECE)
			return t;
	return NULL;
}

void log_tail_read_done(struct log_tail *t, bool at_end)
{
	t->busy = false;
	if (tail_may_free(t)) {
		tail_free(t);
		return;
	}
	sp_buf_add(&t->buf, t->got.p, t->got.n);
	t->got.n = 0;
	if (at_end && t->sink)
		t->live = true;
	if (at_end && !t->sink)
		t->complete = true;
	tail_deliver(t);
}

void log_tails_written(struct log_sink *s, const char *p, size_t n)
{
	for (struct log_tail *t = s->logs->tails, *next; t; t = next) {
		next = t->next;
		if (t->sink != s || !t->live || t->stopped)
			continue;
		if (t->buf.n > 4 * LOG_PIECE) {         /* slow: goes on from the file */
			t->live = false;
			continue;
		}
		sp_buf_add(&t->buf, p, n);
		t->pos += n;
		tail_deliver(t);
	}
}

/* What a follower has not had yet it reads from the disk, where the log is complete now. */
void log_tails_sink_gone(struct log_sink *s)
{
	for (struct log_tail *t = s->logs->tails, *next; t; t = next) {
		next = t->next;
		if (t->sink != s)
			continue;
		t->sink = NULL;
		t->id = s->id;
		t->complete = t->live;
		t->live = false;
		if (t->complete)
			tail_deliver(t);
		else
			tail_read(t);
	}
}

/* ---- starting and stopping, from any thread ---- */

static void tail_start_here(void *arg)
{
	struct log_tail *t = arg;

	t->timer = sp_timer_new(t->logs->loop, tail_deliver, t);
	t->next = t->logs->tails;
	t->logs->tails = t;
	for (struct log_sink *s = t->logs->sinks; s && !t->sink; s = s->next)
		if (s->kind == t->kind && sp_id_eq(&s->space, &t->space))
			t->sink = s;
	tail_read(t);
}

int log_tail_start(struct logs *l, const struct sp_id *space, enum log_kind kind,
		void (*lines)(void *arg, const char *p, size_t n), void (*ended)(void *arg), void *arg,
		struct log_tail **ret, struct sp_err *e)
{
	struct log_tail *t = calloc(1, sizeof(*t));

	if (!t)
		return sp_fail(e, SP_ENOMEM, 0, "follow log");
	t->logs = l;
	t->space = *space;
	t->kind = kind;
	t->lines = lines;
	t->ended = ended;
	t->arg = arg;
	log_file_init(&t->file);
	*ret = t;               /* before the first callback, which may want it */
	sp_loop_call(l->loop, tail_start_here, t);
	return 0;
}

static void tail_stop_here(void *arg)
{
	struct log_tail *t = arg;

	t->stopped = true;
	sp_timer_stop(t->timer);
	if (tail_may_free(t))
		tail_free(t);
}

void log_tail_stop(struct log_tail *t)
{
	if (t)
		sp_loop_call(t->logs->loop, tail_stop_here, t);
}
