/*
 * logs_int.h - what logs.c and logs_tail.c share. Loop thread, except the fields that an operation in
 * flight owns (file, writing, reader->pos, reader->got).
 */
#pragma once

#include "limit.h"
#include "logs.h"
#include "logs_file.h"
#include "str.h"

enum {
	LOG_OUT_MAX = 4 << 20,          /* unwritten output of one app */
	LOG_PIECE = 128 << 10,          /* of history, at a time; followers buffer no more than a few of these */
	LOG_PACE_MS = 20,
	LOG_LATE_MS = 2000,
	LOG_RATE_MS = 100,              /* the time for which a source's bytes are counted */
	LOG_RATE_BYTES = SP_LIMIT_log_bytes_per_s / (1000 / LOG_RATE_MS),
};

enum log_op { LOG_OP_OPEN, LOG_OP_WRITE, LOG_OP_READ, LOG_OP_CLOSE };

struct log_source {
	struct log_source *next;
	struct log_sink *sink;
	struct sp_watch *watch;
	struct sp_timer *rate;          /* runs: TAKEN counts */
	size_t taken;
	bool waits;
	int fd;
	size_t n;
	char line[SP_LIMIT_log_line_bytes];
};

struct log_sink {
	struct log_sink *next;
	struct logs *logs;
	struct sp_id space, id;
	enum log_kind kind;
	struct log_file file;
	struct sp_buf out, writing;
	uint64_t lost;
	enum log_op op;
	bool busy, opened, ended, late, complained, slowed;
	struct log_source *sources;
	struct log_tail *reader;
	struct sp_timer *timer;
	void (*drained)(void *arg);
	void *drained_arg;
};

/*
 *  sink: history ──▶ live ──▶ complete        no sink: history ──▶ complete
 *            ▲────────┘ (the consumer is slow)
 */
struct log_tail {
	struct log_tail *next;
	struct logs *logs;
	struct sp_id space;
	enum log_kind kind;
	struct log_sink *sink;          /* NULL: read from disk */
	struct sp_id id;                /* without a sink: which log; none: the newest */
	struct log_file file;
	struct sp_buf buf, got;
	uint64_t pos;
	struct sp_timer *timer;
	bool live, complete, busy, stopped, inside, told;
	void (*lines)(void *arg, const char *p, size_t n);
	void (*ended)(void *arg);
	void *arg;
};

struct logs {
	struct sp_loop *loop;
	int dir;
	bool closing;
	struct log_sink *sinks;         /* newest first */
	struct log_tail *tails;
};

void log_sink_pump(struct log_sink *s);
struct log_tail *log_tails_wanting(const struct log_sink *s);
void log_tails_written(struct log_sink *s, const char *p, size_t n);
void log_tail_read_done(struct log_tail *t, bool at_end);
void log_tails_sink_gone(struct log_sink *s);
