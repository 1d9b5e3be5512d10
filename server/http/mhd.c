#include "server/http/mhd.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "limit.h"
#include "log.h"
#include "num.h"
#include "server/http/body.h"
#include "server/http/conn.h"
#include "server/http/http_status.h"
#include "server/http/sending.h"
#include "server/http/stream.h"
#include "server/server.h"
#include "server/uvloop.h"

enum {
	IDLE_S = 120,                   /* edge closes its idle connections long before */
	SEND_BLOCK = 32 * 1024,         /* libmicrohttpd reads a body of ours in blocks of this size */
	ACCEPTS_MAX = 64,               /* per turn, so that accepting does not starve answering */
};

struct http {
	struct server *srv;
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct sp_watch *listening, *events;
	struct sp_timer *timer, *keep_alive;
	struct request *requests;       /* all that are under way */
	unsigned connections;
	bool is_listening, is_ending;
};

enum phase { PH_HEAD, PH_ADMITTED, PH_BODY, PH_DISCARD, PH_ANSWER, PH_SENT };

struct request {
	struct http_conn c;             /* first: what handlers get as rq->conn */
	struct http *http;
	struct MHD_Connection *mhd;
	struct request *next, **self;
	enum phase phase;
	bool is_parked;                 /* suspended */
	struct body body;
	uint64_t discarded;
	struct sending sending;
	struct sp_watch *hangup;
};

/* ---- parking: suspend, work on a pool thread, resume ---- */

static void park(struct request *q)
{
	q->is_parked = true;
	MHD_suspend_connection(q->mhd);
}

static void unpark(void *arg)
{
	struct request *q = arg;

	if (!q->is_parked)
		return;
	q->is_parked = false;
	MHD_resume_connection(q->mhd);
	sp_timer_start(q->http->timer, 0, 0);   /* without threads it has no way to wake us itself */
}

static void work_park(struct request *q, enum loop_pool pool, void (*work)(void *arg), void (*done)(void *arg))
{
	park(q);
	loop_work_on(q->http->srv->loop, pool, work, done, q);
}

/* ---- request in ---- */

static enum MHD_Result take_header(void *arg, SP_UNUSED enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct request *q = arg;

	http_pair_add(&q->c.arena, &q->c.headers, sp_arena_str(&q->c.arena, name), sp_arena_str(&q->c.arena, value ? value : ""));
	return MHD_YES;
}

/* The raw target, before libmicrohttpd decodes anything: called with the request line. */
static void *begin(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	struct http *h = arg;
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		abort();
	q->http = h;
	q->mhd = mhd;
	q->body.fd = -1;
	sp_arena_init(&q->c.arena);
	q->c.rs.file_fd = -1;
	q->c.rq.body_fd = -1;
	q->c.rq.srv = h->srv;
	q->c.rq.arena = &q->c.arena;
	q->c.rq.target = sp_arena_str(&q->c.arena, uri);
	q->c.started_us = sp_mono_us();
	q->next = h->requests;
	q->self = &h->requests;
	if (q->next)
		q->next->self = &q->next;
	h->requests = q;
	return q;
}

static bool take_method(struct http_req *rq, const char *method)
{
	static const char *const names[HTTP_METHOD_MAX] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };

	for (unsigned i = 0; i < HTTP_METHOD_MAX; i++) {
		if (strcmp(method, names[i]) == 0) {
			rq->method = (enum http_method)i;
			return true;
		}
	}
	return false;
}

static void answer_work(void *arg)
{
	struct request *q = arg;
	struct sp_err e;

	if (!q->c.refused && !q->c.is_done && body_finish(&q->body, q->http->srv->tmp_dirfd, &q->c.rq, &e) < 0) {
		http_refuse(&q->c.rq, &q->c.rs, &e);
		q->c.is_done = true;
	}
	http_answer(&q->c);
}

static void answer_done(void *arg)
{
	struct request *q = arg;

	q->phase = PH_ANSWER;
	unpark(q);
}

static void admit_work(void *arg)
{
	struct request *q = arg;

	http_admit(&q->c);
}

static void admit_done(void *arg)
{
	struct request *q = arg;

	q->phase = PH_ADMITTED;
	q->body.max = q->c.body_max;
	unpark(q);
}

static void answer(struct request *q)
{
	work_park(q, POOL_REQUEST, answer_work, answer_done);
}

/* The body's size by its head: false when it is chunked. No body: 0. */
static bool announced(const struct http_req *rq, uint64_t *ret)
{
	const char *length = http_header(rq, "content-length");

	*ret = 0;
	if (http_header(rq, "transfer-encoding"))
		return false;
	if (length && sp_parse_u64(length, strlen(length), INT64_MAX, ret) < 0)
		*ret = UINT64_MAX;
	return true;
}

/* The answer is a refusal and known before the body: read the body first, so that the client gets to reading, or not. */
static enum MHD_Result refuse_early(struct request *q)
{
	uint64_t size;
	bool is_known = announced(&q->c.rq, &size);

	q->phase = PH_DISCARD;
	if ((is_known && size > BODY_DISCARD_MAX) || http_header(&q->c.rq, "expect"))
		answer(q);
	return MHD_YES;
}

static void check_body(struct request *q)
{
	const char *coding = http_header(&q->c.rq, "content-encoding");
	uint64_t size;
	bool is_known = announced(&q->c.rq, &size);

	if (q->c.refused || (is_known && size == 0))
		return;
	if (coding && strcasecmp(coding, "identity") != 0 && (!body_may_be_gzip(q->c.body) || strcasecmp(coding, "gzip") != 0)) {
		http_reject(&q->c, SP_EINVAL, "bodies must come without Content-Encoding");
		http_refuse_with(&q->c.rq, &q->c.rs, 415, "encoded-body", false, "Send the body without Content-Encoding.");
		q->c.is_done = true;
		return;
	}
	q->body.kind = q->c.body;
	if (is_known && size > body_limit(q->body.kind) && q->body.kind != BODY_NONE)
		http_reject(&q->c, SP_EQUOTA, sp_arena_fmt(&q->c.arena, "the body's %llu bytes are more than the %llu that are taken here",
			(unsigned long long)size, (unsigned long long)body_limit(q->body.kind)));
}

static enum MHD_Result on_head(struct request *q, const char *method)
{
	bool known = take_method(&q->c.rq, method);

	MHD_get_connection_values(q->mhd, MHD_HEADER_KIND, take_header, q);
	http_begin(&q->c, known);
	check_body(q);
	if (q->c.refused)
		return refuse_early(q);
	q->phase = PH_BODY;
	if (body_in_file(q->c.body))
		work_park(q, POOL_REQUEST, admit_work, admit_done);     /* a stranger shall not fill the disk */
	return MHD_YES;
}

static void spool_work(void *arg)
{
	struct request *q = arg;
	struct sp_err e;

	if (body_spool(&q->body, q->http->srv->tmp_dirfd, &e) < 0) {
		http_refuse(&q->c.rq, &q->c.rs, &e);
		q->c.is_done = true;
	}
}

static void spool_done(void *arg)
{
	struct request *q = arg;

	if (q->c.is_done)
		q->phase = PH_DISCARD;
	unpark(q);
}

static enum MHD_Result on_piece(struct request *q, const char *p, size_t *n)
{
	size_t taken = *n;
	struct sp_err e;

	if (q->phase == PH_BODY && q->body.kind == BODY_NONE)
		q->phase = PH_DISCARD;          /* a route without a body: whatever came is not looked at */
	if (q->phase == PH_BODY && body_add(&q->body, p, *n, &taken, &e) < 0) {
		http_reject(&q->c, e.code, sp_arena_str(&q->c.arena, e.msg));
		q->phase = PH_DISCARD;
		body_fini(&q->body);
	}
	if (q->phase == PH_DISCARD) {
		q->discarded += *n;
		*n = 0;
		return q->discarded > BODY_DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	*n -= taken;
	if (body_is_full(&q->body))
		work_park(q, POOL_FILE, spool_work, spool_done);
	return MHD_YES;
}

/* ---- answer out ---- */

static ssize_t read_nothing(SP_UNUSED void *arg, SP_UNUSED uint64_t pos, SP_UNUSED char *buf, SP_UNUSED size_t max)
{
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void file_work(void *arg)
{
	struct request *q = arg;

	sending_read(&q->sending, &q->c.rs);
}

static ssize_t read_file(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct request *q = arg;
	ssize_t n = sending_take(&q->sending, pos, buf, max);

	if (n == 0)
		work_park(q, POOL_FILE, file_work, unpark);
	return n < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static ssize_t read_stream(void *arg, SP_UNUSED uint64_t pos, char *buf, size_t max)
{
	struct request *q = arg;
	int n = stream_read(q->c.stream, buf, max);

	if (n == 0)
		park(q);
	if (n == -1)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return n < -1 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static void client_gone(void *arg)
{
	struct request *q = arg;

	stream_break(q->c.stream);
}

static struct MHD_Response *stream_response(struct request *q)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(q->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	stream_set_resume(q->c.stream, unpark, q);
	/* A suspended connection is not polled: without this a closed tab would be seen at the next keep-alive only. */
	if (info && q->c.rq.method != HTTP_HEAD)
		q->hangup = loop_watch_hangup(q->http->srv->loop, info->connect_fd, client_gone, q);
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SEND_BLOCK, read_stream, q, NULL);
}

static const char *header_of(const struct http_resp *rs, const char *name)
{
	for (const struct http_header *h = rs->headers; h; h = h->next)
		if (strcasecmp(h->name, name) == 0)
			return h->value;
	return NULL;
}

static struct MHD_Response *response_of(struct request *q)
{
	struct http_resp *rs = &q->c.rs;
	const char *length = header_of(rs, "content-length");
	uint64_t n;

	if (rs->stream)
		return stream_response(q);
	if (rs->file_fd >= 0 && rs->file_len > 0)
		return MHD_create_response_from_callback(rs->file_len, SEND_BLOCK, read_file, q, NULL);
	if (q->c.rq.method == HTTP_HEAD && length && sp_parse_u64(length, strlen(length), INT64_MAX, &n) == 0)
		return MHD_create_response_from_callback(n, SEND_BLOCK, read_nothing, q, NULL);
	/* The bytes live as long as the request, which ends after the answer was sent. */
	return MHD_create_response_from_buffer(rs->body_len, (void *)(uintptr_t)rs->body, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_answer(struct request *q)
{
	struct http_resp *rs = &q->c.rs;
	struct MHD_Response *out;
	enum MHD_Result queued;

	if (rs->stream && stream_is_refused(rs->stream)) {
		http_refuse_with(&q->c.rq, rs, 503, "busy", false, "Too many event streams are open. Try again later.");
		http_set(&q->c.rq, rs, "X-Request-Id", q->c.rq.request_id);
	}
	out = response_of(q);
	if (!out)
		return MHD_NO;
	for (const struct http_header *h = rs->headers; h; h = h->next)
		if (strcasecmp(h->name, "content-length") != 0 && MHD_add_response_header(out, h->name, h->value) != MHD_YES)
			log_warn("http request=%s ignoring header name=%s", q->c.rq.request_id, log_q(h->name).s);
	q->phase = PH_SENT;
	queued = MHD_queue_response(q->mhd, (unsigned)rs->status, out);
	MHD_destroy_response(out);
	return queued;
}

static enum MHD_Result on_access(SP_UNUSED void *arg, SP_UNUSED struct MHD_Connection *mhd, SP_UNUSED const char *url, const char *method,
		SP_UNUSED const char *version, const char *upload, size_t *upload_size, void **cls)
{
	struct request *q = *cls;

	switch (q->phase) {
	case PH_HEAD:
		return on_head(q, method);
	case PH_ADMITTED:
		q->phase = PH_BODY;
		return q->c.is_done ? refuse_early(q) : MHD_YES;
	case PH_BODY:
	case PH_DISCARD:
		if (*upload_size)
			return on_piece(q, upload, upload_size);
		answer(q);
		return MHD_YES;
	case PH_ANSWER:
		return send_answer(q);
	case PH_SENT:
		return MHD_YES;
	}
	return MHD_NO;
}

static void log_request(const struct request *q)
{
	const struct http_req *rq = &q->c.rq;
	int status = q->c.rs.status;
	/* An address that carries its own permission is no secret for a log. */
	const char *path = q->c.route && q->c.route->verb == MAY_LINK ? q->c.route->pattern : rq->path;

	if (q->phase != PH_SENT)
		return;         /* gone before its answer: the client's own doing */
	log_line(status >= 500 && status != 503 ? LOG_LEVEL_WARN : status >= 400 || rq->method != HTTP_GET ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		"http request=%s status=%d us=%llu user=%s path=%s", rq->request_id, status, (unsigned long long)(sp_mono_us() - q->c.started_us),
		log_q(rq->actor.name).s, log_q(path).s);
}

static void on_completed(SP_UNUSED void *arg, SP_UNUSED struct MHD_Connection *mhd, void **cls,
		SP_UNUSED enum MHD_RequestTerminationCode why)
{
	struct request *q = *cls;

	if (!q)
		return;
	*cls = NULL;
	if (q->phase != PH_HEAD)
		log_request(q);
	sp_watch_free(q->hangup);
	*q->self = q->next;
	if (q->next)
		q->next->self = q->self;
	http_conn_fini(&q->c);
	body_fini(&q->body);
	sending_fini(&q->sending);
	free(q);
}

/* ---- the daemon on the loop ---- */

static void turn(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG wait;

	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &wait) == MHD_YES)
		sp_timer_start(h->timer, wait, 0);
	else
		sp_timer_stop(h->timer);
}

static void on_events(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable)
{
	turn(arg);
}

static void on_timer(void *arg)
{
	turn(arg);
}

static void listen_on(struct http *h, bool on)
{
	if (h->is_listening != on)
		sp_watch_want(h->listening, on, false);
	h->is_listening = on;
}

static void on_keep_alive(void *arg)
{
	struct http *h = arg;

	for (struct request *q = h->requests; q; q = q->next)
		if (q->phase == PH_SENT && q->c.rs.stream)
			stream_keep_alive(q->c.stream);
	if (!h->is_ending)      /* without descriptors and without connections nobody else would turn it on again */
		listen_on(h, h->connections < SP_LIMIT_http_connections);
}

static void on_connection(void *arg, SP_UNUSED struct MHD_Connection *mhd, SP_UNUSED void **socket_context,
		enum MHD_ConnectionNotificationCode what)
{
	struct http *h = arg;

	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		h->connections++;
	else
		h->connections--;
	if (!h->is_ending)
		listen_on(h, h->connections < SP_LIMIT_http_connections);
}

static void on_accept(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable)
{
	struct http *h = arg;

	for (unsigned i = 0; i < ACCEPTS_MAX && h->is_listening; i++) {
		struct sockaddr_storage from = { .ss_family = AF_UNIX };
		socklen_t len = sizeof(from);
		int fd = accept4(h->listen_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			listen_on(h, false);    /* until a connection ends */
		if (fd < 0)
			break;
		if (len < sizeof(struct sockaddr))
			len = sizeof(struct sockaddr);  /* an unnamed peer: libmicrohttpd wants a whole one */
		MHD_add_connection(h->daemon, fd, (const struct sockaddr *)&from, len); /* closes it itself when it fails */
	}
	turn(h);
}

static size_t keep_raw(SP_UNUSED void *arg, SP_UNUSED struct MHD_Connection *mhd, char *s)
{
	return strlen(s);       /* decoding is ours (parse.h), after the query was split */
}

static void on_log(void *arg, const char *fmt, va_list ap) SP_PRINTF(2, 0);
static void on_log(SP_UNUSED void *arg, const char *fmt, va_list ap)
{
	char line[200];

	vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("http library: %s", log_q(line).s);
}

static struct MHD_Daemon *daemon_start(struct http *h)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access, h,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_URI_LOG_CALLBACK, begin, h,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_raw, NULL,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)SP_LIMIT_http_connections + ACCEPTS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SP_LIMIT_http_memory_bytes,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
}

int http_new(struct server *srv, int listen_fd, struct http **ret, struct sp_err *e)
{
	struct http *h = calloc(1, sizeof(*h));
	const union MHD_DaemonInfo *info;
	int r;

	if (!h)
		return sp_fail(e, SP_ENOMEM, 0, "http adapter");
	h->srv = srv;
	h->listen_fd = listen_fd;
	r = sp_set_nonblock(listen_fd, true, e);
	h->daemon = r < 0 ? NULL : daemon_start(h);
	info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		free(h);
		return r < 0 ? r : sp_fail(e, SP_EIO, 0, "libmicrohttpd did not start with epoll");
	}
	h->events = sp_watch_new(srv->loop, info->epoll_fd, on_events, h);
	sp_watch_want(h->events, true, false);
	h->timer = sp_timer_new(srv->loop, on_timer, h);
	h->keep_alive = sp_timer_new(srv->loop, on_keep_alive, h);
	sp_timer_start(h->keep_alive, STREAM_KEEPALIVE_MS, STREAM_KEEPALIVE_MS);
	h->listening = sp_watch_new(srv->loop, listen_fd, on_accept, h);
	listen_on(h, true);
	*ret = h;
	return 0;
}

void http_quiesce(struct http *h)
{
	if (h->is_ending)
		return;
	h->is_ending = true;
	listen_on(h, false);
	for (struct request *q = h->requests; q; q = q->next)
		if (q->c.stream)
			http_stream_end(q->c.stream);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	/* A daemon with suspended connections cannot be stopped. */
	for (struct request *q = h->requests; q; q = q->next) {
		if (q->c.stream)
			stream_break(q->c.stream);
		unpark(q);
	}
	MHD_run(h->daemon);
	sp_watch_free(h->listening);
	sp_watch_free(h->events);
	sp_timer_free(h->timer);
	sp_timer_free(h->keep_alive);
	MHD_stop_daemon(h->daemon);
	free(h);
}
