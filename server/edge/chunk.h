/*
 * chunk.h - checks a chunked body byte by byte, in whatever pieces it arrives. Pure.
 *
 * Rules: RFC 9112 7.1 as narrowed by proxy.md 7.10: 1 to 15 hexadecimal digits, CRLF only, extensions up to
 * 256 bytes, trailers up to 4 KB whose framing fields are dropped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct chunk { uint64_t left; uint16_t state, ext; uint8_t digits; bool decode; };

/* DECODE: keep only the data, for a client that does not know the coding (C-PROXY-20). */
void chunk_start(struct chunk *c, bool decode);

/*
 * Check the N bytes at P and move those to pass on to its front. *USED: how many of the N were looked at;
 * the rest has to be given again with more behind it (an unfinished trailer section) or lies behind the
 * body. *KEPT: how many bytes at P to pass on. Returns 1 when the body ended, 0 when more is to come.
 * SP_EPROTO: not a chunked body; *KEPT bytes before the fault are good.
 */
SP_MUST int chunk_pass(struct chunk *c, char *p, size_t n, size_t *used, size_t *kept, struct sp_err *e);
