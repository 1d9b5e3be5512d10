/* Logs as an event stream (hf-api.md 5.5; C-HF-86..88). The adapter sends keep-alives. */
#include <stdlib.h>
#include <string.h>

#include "runtime/space/logs.h"
#include "server/api/repo_util.h"
#include "server/server.h"

/* One reader. Everything in it belongs to the loop thread once it was started. */
struct follow {
	struct server *srv;
	struct sp_id space;
	enum log_kind kind;
	struct http_stream *stream;
	struct log_tail *tail;
	bool is_closed;                 /* the client went before the start */
	bool is_started;
};

static void on_lines(void *arg, const char *p, size_t n)
{
	struct follow *f = arg;
	struct sp_buf out = { 0 };

	for (const char *end = p + n; p < end; ) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((eol ? eol : end) - p);

		if (len) {
			sp_buf_puts(&out, "data: ");
			sp_buf_add(&out, p, len);
			sp_buf_puts(&out, "\n\n");
		}
		p += len + 1;
	}
	if (out.n)
		http_stream_write(f->stream, out.p, out.n);
	sp_buf_fini(&out);
}

static void on_ended(void *arg)
{
	struct follow *f = arg;

	http_stream_end(f->stream);
}

static void on_closed(void *arg)
{
	struct follow *f = arg;

	f->is_closed = true;
	if (!f->is_started)
		return;
	if (f->tail)
		log_tail_stop(f->tail);
	free(f);
}

static void start(void *arg)
{
	struct follow *f = arg;

	f->is_started = true;
	if (f->is_closed)
		free(f);
	else if (log_tail_start(f->srv->logs, &f->space, f->kind, on_lines, on_ended, f, &f->tail, NULL) < 0)
		http_stream_end(f->stream);     /* nothing was ever printed: an empty log */
}

int api_logs(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *kind = http_param(rq, "kind");
	struct follow *f;

	(void)e;
	if (strcmp(kind, "run") != 0 && strcmp(kind, "build") != 0)
		return http_reply_error(rq, rs, 404, NULL, "There are two logs: /logs/run and /logs/build.");
	if (rq->method == HTTP_HEAD) {
		http_set(rq, rs, "Content-Type", "text/event-stream");
		return 0;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->srv = rq->srv;
	f->space = rq->repo->id;
	f->kind = strcmp(kind, "run") == 0 ? LOG_RUN : LOG_BUILD;
	f->stream = http_stream_open(rq, rs, "text/event-stream", on_closed, f);
	sp_loop_call(rq->srv->loop, start, f);
	return 0;
}
