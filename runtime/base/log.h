/*
 * log.h - one line to stderr for each thing an operator may need, in logfmt.
 *
 *     2026-11-23T18:51:07.123Z info server build started space=… build=…
 *
 * Only main functions, loop dispatch, HTTP completion and message dispatch log; libraries return
 * errors. Untrusted values go through log_q. errno is kept. A non-fatal problem says "ignoring" or
 * "retrying".
 */
#pragma once

#include "err.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* ROLE is lent for ever (a literal). */
void log_init(const char *role, enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) SP_PRINTF(2, 3);

#define log_err(...)   log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Untrusted text made safe for one log field: quoted, control bytes and quotes as \xNN, at most 200 bytes. */
struct log_quoted { char s[832]; };
struct log_quoted log_q(const char *untrusted);
