/*
 * logs_file.h - one log on disk, bounded: its beginning and its end are kept (C-SBX-20).
 *
 * KIND-ID.log holds the first half of log_run_bytes; then two segments of a quarter each, KIND-ID.log.1
 * before KIND-ID.log.2, take turns. Offsets are logical: bytes since the log began, also those that were
 * dropped since. The dropped count is kept as the last line of KIND-ID.log, of fixed width, rewritten in
 * place. Blocking: pool threads only. One writer a log; readers of a growing log are serialised with it.
 */
#pragma once

#include <stdint.h>

#include "err.h"
#include "id.h"
#include "logs.h"
#include "str.h"

struct log_file {
	int dir, head, prev, cur;       /* descriptors; -1: none */
	char base[40];                  /* "run-ID.log" */
	uint64_t head_n, prev_n, cur_n, dropped;
	bool split;                     /* the head is full */
};

void log_file_init(struct log_file *f);
void log_file_close(struct log_file *f);

/* Open for appending; makes the Space's folder, goes on where a former server stopped, forgets the oldest logs. */
SP_MUST int log_file_create(int logs_dir, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, struct log_file *ret, struct sp_err *e);

/* Open for reading the log ID, or the newest of KIND when ID is none. SP_ENOENT. */
SP_MUST int log_file_open(int logs_dir, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, struct log_file *ret, struct sp_err *e);

/* P holds whole lines. */
SP_MUST int log_file_append(struct log_file *f, const char *p, size_t n, struct sp_err *e);

uint64_t log_file_end(const struct log_file *f);

/*
 * Append up to MAX bytes from logical offset *POS to OUT and move *POS on; where bytes were dropped a
 * line says how many. Nothing added: the end.
 */
SP_MUST int log_file_read(struct log_file *f, uint64_t *pos, size_t max, struct sp_buf *out, struct sp_err *e);

/* Forget every log of SPACE. */
void log_file_remove_all(int logs_dir, const struct sp_id *space);

/* Bytes of the UTF-8 sequence at P; 0 when there is none. */
size_t log_utf8_len(const unsigned char *p, size_t n);

/* TEXT as one JSON line {"data":…,"timestamp":…}; bytes that are not UTF-8 become U+FFFD. */
void log_json_line(struct sp_buf *out, const char *text, size_t n, int64_t wall_ms);
