/*
 * base64.h - RFC 4648 section 4 in pieces, decoded in place. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct base64 { unsigned bits, n, pads; };      /* zeroed to begin */

/* Decode the N bytes at P to the same place; how many came out, or -1: a byte that is not base64. Line ends are skipped. */
ssize_t base64_feed(struct base64 *b, char *p, size_t n);
/* Was that a whole text? */
bool base64_end(const struct base64 *b);
