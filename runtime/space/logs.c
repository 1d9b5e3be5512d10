#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "fd.h"
#include "limit.h"
#include "log.h"
#include "logs_file.h"
#include "logs_int.h"

int logs_open(const char *state_dir, struct sp_loop *loop, struct logs **ret, struct sp_err *e)
{
	sp_auto_close int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -1;
	struct logs *l;

	if (state < 0)
		return sp_fail(e, SP_EIO, errno, "open the state directory");
	if (mkdirat(state, "logs", 0700) < 0 && errno != EEXIST)
		return sp_fail(e, SP_EIO, errno, "make the log directory");
	dir = openat(state, "logs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return sp_fail(e, SP_EIO, errno, "open the log directory");
	l = calloc(1, sizeof(*l));
	if (!l)
		return sp_fail(e, SP_ENOMEM, 0, "logs");
	l->loop = loop;
	l->dir = sp_take_fd(&dir);
	*ret = l;
	return 0;
}

/* ---- sources: pipes of sandboxes ---- */

static void source_emit(struct log_source *src, size_t n)
{
	struct log_sink *s = src->sink;

	if (s->out.n > LOG_OUT_MAX)
		s->lost += n;           /* the disk is slower than the app: the app is never blocked (C-SBX-20) */
	else
		log_json_line(&s->out, src->line, n, sp_wall_ms());
	src->n -= n;
	memmove(src->line, src->line + n, src->n);
}

/* Where to cut a line that is too long: not inside a UTF-8 sequence. */
static size_t cut_at(const char *p, size_t n)
{
	for (size_t back = 1; back < 4; back++) {
		unsigned char c = (unsigned char)p[n - back];

		if (c < 0x80)
			return n;
		if (c >= 0xc0)
			return back < (c >= 0xf0 ? 4U : c >= 0xe0 ? 3U : 2U) ? n - back : n;
	}
	return n;
}

static void source_take(struct log_source *src, const char *p, size_t n)
{
	while (n > 0) {
		size_t room = sizeof(src->line) - src->n, part = n < room ? n : room;
		const char *nl = memchr(p, '\n', part);

		if (nl)
			part = (size_t)(nl - p) + 1;
		memcpy(src->line + src->n, p, part);
		src->n += part;
		p += part;
		n -= part;
		if (nl)
			source_emit(src, src->n);
		else if (src->n == sizeof(src->line))
			source_emit(src, cut_at(src->line, src->n));
	}
}

static void source_free(struct log_source *src)
{
	sp_timer_free(src->rate);
	sp_watch_free(src->watch);
	close(src->fd);
	free(src);
}

static void source_drop(struct log_source *src)
{
	for (struct log_source **at = &src->sink->sources; *at; at = &(*at)->next)
		if (*at == src) {
			*at = src->next;
			break;
		}
	if (src->n > 0)
		source_emit(src, src->n);
	source_free(src);
}

/* One event for each line of TEXT. */
static void say_lines(struct log_sink *s, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[SP_LIMIT_log_line_bytes + 1];

		memcpy(line, text, n);
		line[n] = '\n';
		log_json_line(&s->out, line, n + 1, sp_wall_ms());
		text += n + (text[n] == '\n');
	}
}

_Static_assert(SP_LIMIT_log_bytes_per_s == 4 << 20, "the sentence below says it");

static void source_rate(void *arg)
{
	struct log_source *src = arg;

	src->taken = 0;
	if (src->waits)
		sp_watch_want(src->watch, true, false);
	src->waits = false;
}

/* Who prints without end is read at this pace and then waits in its own write: the pipe is full. */
static void source_count(struct log_source *src, size_t n)
{
	if (src->taken == 0)
		sp_timer_start(src->rate, LOG_RATE_MS, 0);
	src->taken += n;
	if (src->taken < LOG_RATE_BYTES)
		return;
	src->waits = true;
	sp_watch_want(src->watch, false, false);
	if (!src->sink->slowed)
		say_lines(src->sink, "... output of more than 4 MB a second: what prints so fast is made to wait ...");
	src->sink->slowed = true;
}

static void source_read(void *arg, bool readable SP_UNUSED, bool writable SP_UNUSED)
{
	struct log_source *src = arg;
	struct log_sink *s = src->sink;
	char buf[16384];

	for (unsigned i = 0; i < 8 && !src->waits; i++) {       /* one busy app shall not hold the loop */
		ssize_t n = read(src->fd, buf, sizeof(buf));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			source_drop(src);
			break;
		}
		source_take(src, buf, (size_t)n);
		source_count(src, (size_t)n);
	}
	log_sink_pump(s);
}

void log_sink_attach(struct log_sink *s, int read_fd)
{
	struct log_source *src;

	if (read_fd < 0)
		return;
	src = calloc(1, sizeof(*src));
	if (!src || sp_set_nonblock(read_fd, true, NULL) < 0) {
		close(read_fd);
		free(src);
		return;
	}
	src->sink = s;
	src->fd = read_fd;
	src->rate = sp_timer_new(s->logs->loop, source_rate, src);
	src->next = s->sources;
	s->sources = src;
	src->watch = sp_watch_new(s->logs->loop, read_fd, source_read, src);
	sp_watch_want(src->watch, true, false);
}

/* ---- sinks ---- */

static void sink_late(void *arg)
{
	struct log_sink *s = arg;

	while (s->ended && s->sources)
		source_drop(s->sources);
	s->late = true;
	log_sink_pump(s);
}

struct log_sink *log_sink_new(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, int read_fd)
{
	struct log_sink *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->logs = l;
	s->space = *space;
	s->kind = kind;
	s->id = *id;
	log_file_init(&s->file);
	s->timer = sp_timer_new(l->loop, sink_late, s);
	s->next = l->sinks;
	l->sinks = s;
	log_sink_attach(s, read_fd);
	log_sink_pump(s);
	return s;
}

void log_sink_say(struct log_sink *s, const char *fmt, ...)
{
	char text[SP_LIMIT_log_line_bytes];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	say_lines(s, text);
	log_sink_pump(s);
}

void log_sink_end(struct log_sink *s)
{
	s->ended = true;
	sp_timer_start(s->timer, LOG_LATE_MS, 0);
	log_sink_pump(s);
}

void log_sink_drained(struct log_sink *s, void (*fn)(void *arg), void *arg)
{
	s->drained = fn;
	s->drained_arg = arg;
	s->late = false;
	sp_timer_start(s->timer, LOG_LATE_MS, 0);
	log_sink_pump(s);
}

static void sink_free(struct log_sink *s)
{
	for (struct log_sink **at = &s->logs->sinks; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	while (s->sources) {
		struct log_source *src = s->sources;

		s->sources = src->next;
		source_free(src);
	}
	sp_timer_free(s->timer);
	log_file_close(&s->file);
	sp_buf_fini(&s->out);
	sp_buf_fini(&s->writing);
	free(s);
}

static void op_work(void *arg)
{
	struct log_sink *s = arg;
	struct sp_err e;
	int r = 0;

	switch (s->op) {
	case LOG_OP_OPEN:
		r = log_file_create(s->logs->dir, &s->space, s->kind, &s->id, &s->file, &e);
		break;
	case LOG_OP_WRITE:
		if (s->file.head >= 0)
			r = log_file_append(&s->file, s->writing.p, s->writing.n, &e);
		break;
	case LOG_OP_READ:
		r = s->file.head >= 0 ? log_file_read(&s->file, &s->reader->pos, LOG_PIECE, &s->reader->got, &e) : 0;
		break;
	case LOG_OP_CLOSE:
		log_file_close(&s->file);
		break;
	}
	if (r < 0 && !s->complained)
		log_warn("log not written, ignoring space=%s code=%s errno=%d", s->space.s, sp_code_name((enum sp_code)-r), e.sys);
	s->complained = s->complained || r < 0;
}

static void op_done(void *arg)
{
	struct log_sink *s = arg;
	enum log_op op = s->op;

	s->busy = false;
	if (op == LOG_OP_OPEN)
		s->opened = true;
	if (op == LOG_OP_WRITE) {
		log_tails_written(s, s->writing.p, s->writing.n);
		s->writing.n = 0;
	}
	if (op == LOG_OP_READ) {
		struct log_tail *t = s->reader;

		s->reader = NULL;
		log_tail_read_done(t, t->got.n == 0 || t->pos == log_file_end(&s->file));
	}
	if (op == LOG_OP_CLOSE || s->logs->closing) {
		log_tails_sink_gone(s);
		sink_free(s);
		return;
	}
	log_sink_pump(s);
}

static void op_start(struct log_sink *s, enum log_op op)
{
	s->op = op;
	s->busy = true;
	sp_loop_work(s->logs->loop, op_work, op_done, s);
}

void log_sink_pump(struct log_sink *s)
{
	struct log_tail *t;

	if (s->busy || s->logs->closing)
		return;
	if (s->lost > 0 && s->out.n == 0) {
		char text[100];
		int n = snprintf(text, sizeof(text), "... %llu bytes of output came too fast and are left out ...\n", (unsigned long long)s->lost);

		s->lost = 0;
		log_json_line(&s->out, text, (size_t)n, sp_wall_ms());
	}
	if (!s->opened) {
		op_start(s, LOG_OP_OPEN);
		return;
	}
	t = log_tails_wanting(s);
	if (t) {
		s->reader = t;
		t->busy = true;
		op_start(s, LOG_OP_READ);
		return;
	}
	if (s->out.n > 0) {
		struct sp_buf swap = s->writing;

		s->writing = s->out;
		s->out = swap;
		op_start(s, LOG_OP_WRITE);
		return;
	}
	if (s->drained && (!s->sources || s->late)) {
		void (*fn)(void *arg) = s->drained;

		s->drained = NULL;
		fn(s->drained_arg);     /* may end the sink, which only starts an operation */
		if (s->busy)
			return;
	}
	if (s->ended && !s->sources)
		op_start(s, LOG_OP_CLOSE);
}

void logs_close(struct logs *l)
{
	if (!l)
		return;
	l->closing = true;
	for (struct log_sink *s = l->sinks, *next; s; s = next) {
		next = s->next;
		if (!s->busy)
			sink_free(s);
	}
	if (l->sinks)
		return;         /* a pool thread still writes: the process is about to end, what it holds stays */
	close(l->dir);
	free(l);
}

/* ---- the end of a log as text, for causes ---- */

enum { LAST_BYTES = 65536 };

static const char *text_of_lines(struct sp_buf *json, unsigned n, bool from_start, struct sp_arena *a)
{
	struct sp_buf text = { 0 };
	char *at = json->p, *end = json->p + json->n, *out;
	size_t from;

	if (!from_start) {
		char *nl = memchr(at, '\n', json->n);

		at = nl ? nl + 1 : end;
	}
	while (at < end) {
		char *nl = memchr(at, '\n', (size_t)(end - at));
		json_t *j;

		if (!nl)
			break;
		j = json_loadb(at, (size_t)(nl - at), 0, NULL);
		sp_buf_puts(&text, j ? json_string_value(json_object_get(j, "data")) ? json_string_value(json_object_get(j, "data")) : "" : "");
		json_decref(j);
		at = nl + 1;
	}
	from = text.n;
	while (from > 0 && n > 0) {
		from--;
		while (from > 0 && text.p[from - 1] != '\n')
			from--;
		n--;
	}
	out = sp_arena_mem(a, text.p ? text.p + from : "", text.n - from);
	sp_buf_fini(&text);
	return out;
}

const char *log_last_lines_of(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, unsigned n, struct sp_arena *a)
{
	struct log_file f;
	sp_auto_buf struct sp_buf json = { 0 };
	uint64_t pos, start;
	size_t before;

	if (log_file_open(l->dir, space, kind, id, &f, NULL) < 0)
		return "";
	start = log_file_end(&f) > LAST_BYTES ? log_file_end(&f) - LAST_BYTES : 0;
	pos = start;
	do {
		before = json.n;
	} while (json.n < 2 * LAST_BYTES && log_file_read(&f, &pos, LAST_BYTES, &json, NULL) == 0 && json.n > before);
	log_file_close(&f);
	return json.n > 0 ? text_of_lines(&json, n, start == 0, a) : "";
}

const char *log_last_lines(struct logs *l, const struct sp_id *space, enum log_kind kind, unsigned n, struct sp_arena *a)
{
	const struct sp_id newest = { "" };

	return log_last_lines_of(l, space, kind, &newest, n, a);
}

struct drop { int dir; struct sp_id space; };

static void drop_work(void *arg)
{
	struct drop *d = arg;

	log_file_remove_all(d->dir, &d->space);
}

void logs_drop(struct logs *l, const struct sp_id *space)
{
	struct drop *d = malloc(sizeof(*d));

	if (!d)
		abort();
	*d = (struct drop){ l->dir, *space };
	sp_loop_work(l->loop, drop_work, free, d);
}
