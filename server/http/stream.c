#include "server/http/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limit.h"
#include "runtime/store/store.h"
#include "server/readers.h"
#include "server/server.h"

struct http_stream {
	struct sp_loop *loop;
	void (*closed)(void *arg);
	void *closed_arg;
	void (*resume)(void *arg);      /* loop thread only */
	void *resume_arg;
	bool is_events, is_refused;
	struct reader reader;           /* of events; a body is read to its end */
	int fd;                         /* of http_stream_from, read here on the loop thread; else -1 */
	struct sp_watch *watch;

	pthread_mutex_t lock;
	struct sp_buf unsent;
	uint64_t taken;                 /* bytes read out of it */
	bool is_ended, is_broken;
	bool is_waiting;                /* the reader found nothing and wants RESUME */
	bool is_posted;                 /* a wake-up is on its way and holds a reference */
	unsigned refs;
};

static atomic_int open_streams;

struct http_stream *stream_new(struct sp_loop *loop, bool is_events, void (*closed)(void *arg), void *arg)
{
	struct http_stream *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->loop = loop;
	s->is_events = is_events;
	s->closed = closed;
	s->closed_arg = arg;
	s->refs = 1;
	s->fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->is_refused = atomic_fetch_add(&open_streams, 1) >= SP_LIMIT_sse_streams;
	return s;
}

static void on_revoked(void *arg)
{
	http_stream_end(arg);
}

struct http_stream *http_stream_open(struct http_req *rq, struct http_resp *rs, const char *content_type,
		void (*closed)(void *arg), void *arg)
{
	struct http_stream *s = stream_new(rq->srv->loop, strcmp(content_type, "text/event-stream") == 0, closed, arg);

	rs->stream = s;
	rq->conn->stream = s;
	s->reader = (struct reader){ .user = rq->actor.user, .token = rq->actor.token, .end = on_revoked, .arg = s };
	if (rq->repo)
		s->reader.repo = rq->repo->id;
	if (s->is_events && !sp_id_is_none(&s->reader.token))
		reader_add(rq->srv, &s->reader);
	http_set(rq, rs, "Content-Type", content_type);
	http_set(rq, rs, "Cache-Control", "no-cache");
	http_set(rq, rs, "X-Accel-Buffering", "no");
	return s;
}

struct http_stream *http_stream_from(struct http_req *rq, struct http_resp *rs, const char *content_type, int fd,
		void (*closed)(void *arg), void *arg)
{
	struct http_stream *s = http_stream_open(rq, rs, content_type, closed, arg);

	s->fd = fd;
	return s;
}

static void unref(struct http_stream *s)
{
	unsigned left;

	pthread_mutex_lock(&s->lock);
	left = --s->refs;
	pthread_mutex_unlock(&s->lock);
	if (left)
		return;
	pthread_mutex_destroy(&s->lock);
	sp_buf_fini(&s->unsent);
	free(s);
}

static void wake(void *arg)
{
	struct http_stream *s = arg;
	bool call;

	pthread_mutex_lock(&s->lock);
	s->is_posted = false;
	call = s->is_waiting && s->resume;
	if (call)
		s->is_waiting = false;
	pthread_mutex_unlock(&s->lock);
	if (call)
		s->resume(s->resume_arg);
	unref(s);
}

/* With the lock held. */
static void want_wake(struct http_stream *s)
{
	if (!s->is_waiting || s->is_posted)
		return;
	s->is_posted = true;
	s->refs++;
	sp_loop_post(s->loop, wake, s);
}

void http_stream_write(struct http_stream *s, const void *p, size_t n)
{
	pthread_mutex_lock(&s->lock);
	if (!s->is_ended && !s->is_broken) {
		if (s->unsent.n + n > STREAM_UNSENT_MAX) {
			s->is_broken = true;    /* too slow: the client reconnects and goes on from its last event */
			sp_buf_fini(&s->unsent);
		} else {
			sp_buf_add(&s->unsent, p, n);
		}
		want_wake(s);
	}
	pthread_mutex_unlock(&s->lock);
}

uint64_t http_stream_taken(struct http_stream *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->taken;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void http_stream_end(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_ended = true;
	want_wake(s);
	pthread_mutex_unlock(&s->lock);
}

void stream_break(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_broken = true;
	want_wake(s);
	pthread_mutex_unlock(&s->lock);
}

void stream_keep_alive(struct http_stream *s)
{
	bool idle;

	pthread_mutex_lock(&s->lock);
	idle = s->unsent.n == 0;
	pthread_mutex_unlock(&s->lock);
	if (idle && s->is_events)
		http_stream_write(s, ": \n\n", 4);
}

void stream_set_resume(struct http_stream *s, void (*resume)(void *arg), void *arg)
{
	s->resume = resume;
	s->resume_arg = arg;
}

bool stream_is_refused(const struct http_stream *s)
{
	return s->is_refused;
}

static void on_readable(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable)
{
	struct http_stream *s = arg;

	sp_watch_want(s->watch, false, false);
	pthread_mutex_lock(&s->lock);
	s->is_waiting = true;
	want_wake(s);
	pthread_mutex_unlock(&s->lock);
}

/* What the client does not take stays in the socket, and its writer waits. */
static int read_fd(struct http_stream *s, char *p, size_t max)
{
	ssize_t n = s->is_broken || s->is_ended ? -2 : read(s->fd, p, max < INT32_MAX ? max : INT32_MAX);

	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		if (!s->watch)
			s->watch = sp_watch_new(s->loop, s->fd, on_readable, s);
		sp_watch_want(s->watch, true, false);
		s->is_waiting = true;
		return 0;
	}
	if (n > 0)
		s->taken += (uint64_t)n;
	return n == -1 ? -2 : n == 0 ? -1 : (int)n;
}

int stream_read(struct http_stream *s, char *p, size_t max)
{
	int n;

	pthread_mutex_lock(&s->lock);
	if (s->fd >= 0) {
		n = read_fd(s, p, max);
		pthread_mutex_unlock(&s->lock);
		return n;
	}
	if (s->is_broken) {
		n = -2;
	} else if (s->unsent.n) {
		n = (int)(s->unsent.n < max ? s->unsent.n : max);
		memcpy(p, s->unsent.p, (size_t)n);
		sp_buf_drop(&s->unsent, (size_t)n);
	} else if (s->is_ended) {
		n = -1;
	} else {
		n = 0;
		s->is_waiting = true;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

void stream_close(struct http_stream *s)
{
	void (*closed)(void *) = s->closed;

	reader_del(&s->reader);
	s->resume = NULL;
	s->closed = NULL;
	sp_watch_free(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	atomic_fetch_sub(&open_streams, 1);
	if (closed)
		closed(s->closed_arg);
	unref(s);
}
