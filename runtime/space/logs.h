/*
 * logs.h - what builds and runs print, kept in files of bounded size, readable while it grows.
 *
 * STATE/logs/SPACE/{build,run}-ID.log: one JSON object a line, {"data": text, "timestamp": iso}, which is
 * exactly what the Hub's log stream sends after "data: " (hf-api.md 5.5), so reading is copying. A line
 * longer than log_line_bytes is split. At log_run_bytes the middle is dropped and its size told in one
 * line (C-SBX-20). log_runs_kept files of each kind are kept.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "id.h"
#include "loop.h"
#include "str.h"

struct logs;
struct log_sink;
struct log_tail;

enum log_kind { LOG_BUILD, LOG_RUN };

SP_MUST int logs_open(const char *state_dir, struct sp_loop *loop, struct logs **ret, struct sp_err *e);
void logs_close(struct logs *l);

/* Loop thread. Start writing the log of ID; READ_FD (taken, may be -1) is drained to it until its end. EVICTS old ones. */
struct log_sink *log_sink_new(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, int read_fd);
/* A line of the platform's own ("===== Build queued …"), from the loop thread. */
void log_sink_say(struct log_sink *s, const char *fmt, ...) SP_PRINTF(2, 3);
/* Add another source to the same log (the next build step). */
void log_sink_attach(struct log_sink *s, int read_fd);
/* No more will come; followers are told once everything read is written. The sink frees itself. */
void log_sink_end(struct log_sink *s);
/*
 * Call FN(ARG) once, on the loop thread, when every source has ended and is written, so that
 * log_last_lines sees all of it; at the latest after 2 s (a process may have left its output open).
 */
void log_sink_drained(struct log_sink *s, void (*fn)(void *arg), void *arg);
/* The last N lines of text as they are now, newest last, for causes. From any thread. "" when none. */
const char *log_last_lines(struct logs *l, const struct sp_id *space, enum log_kind kind, unsigned n, struct sp_arena *a);
/* The same of the log ID. */
const char *log_last_lines_of(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, unsigned n, struct sp_arena *a);

/*
 * Up to MAX lines of the log ID (none: the newest) from line FIRST on, counted from 1; FIRST 0: the last ones. A line is
 * one event of the stream, with its own line end if it had one. From any thread. SP_ENOENT.
 */
struct log_window { const char *const *lines; size_t n; uint64_t first, total; };
SP_MUST int log_window(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, uint64_t first, size_t max,
		struct sp_arena *a, struct log_window *ret, struct sp_err *e);
/* All of it as it was printed, at most log_run_bytes. */
SP_MUST int log_text(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, struct sp_buf *out, struct sp_err *e);

/*
 * Follow the newest log of this kind from its beginning (C-HF-88): LINES(ARG, json, n) with whole JSON
 * lines, then ENDED(ARG) when the log is complete (at once when there is none). On the loop thread.
 * Tail_stop ends it without ENDED and must be called once for every tail, also after ENDED. From any
 * thread, callbacks included: starting and stopping wait for the loop.
 */
SP_MUST int log_tail_start(struct logs *l, const struct sp_id *space, enum log_kind kind,
		void (*lines)(void *arg, const char *p, size_t n), void (*ended)(void *arg), void *arg,
		struct log_tail **ret, struct sp_err *e);
void log_tail_stop(struct log_tail *t);

/* Forget every log of a deleted Space. */
void logs_drop(struct logs *l, const struct sp_id *space);
