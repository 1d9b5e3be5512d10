/*
 * sending.h - the file of an answer on its way out: a pool thread reads pieces, the loop thread hands them on.
 */
#pragma once

#include <sys/types.h>

#include "server/http/http.h"

enum { SENDING_PIECE = 256 * 1024 };

struct sending { char *piece; size_t n; uint64_t at; bool is_failed; };

/* Loop thread: up to MAX bytes from position POS. 0: not here, let sending_read get it. -1: the file failed. */
ssize_t sending_take(struct sending *s, uint64_t pos, char *buf, size_t max);

/* Pool thread: read the piece that sending_take wanted. */
void sending_read(struct sending *s, const struct http_resp *rs);

void sending_fini(struct sending *s);
