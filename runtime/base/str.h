/*
 * str.h - growing byte buffers and views of text that is not ours.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* A view: lent, not terminated. Print with "%.*s", SP_STR_ARG(v). */
struct sp_str { const char *p; size_t n; };

#define SP_STR(literal)  ((struct sp_str){ (literal), sizeof(literal) - 1 })
#define SP_STR_ARG(v)    (int)(v).n, (v).p

struct sp_str sp_str_of(const char *s);
bool sp_str_eq(struct sp_str a, struct sp_str b);
bool sp_str_eq_nocase(struct sp_str a, struct sp_str b);
bool sp_starts_with(const char *s, const char *prefix);
bool sp_ends_with(const char *s, const char *suffix);

/* A growing buffer. Zero-initialised is empty; always NUL-terminated once something was added. Out of memory aborts. */
struct sp_buf { char *p; size_t n, cap; };

void sp_buf_fini(struct sp_buf *b);
#define sp_auto_buf __attribute__((cleanup(sp_buf_fini)))
void sp_buf_add(struct sp_buf *b, const void *p, size_t n);
void sp_buf_puts(struct sp_buf *b, const char *s);
void sp_buf_fmt(struct sp_buf *b, const char *fmt, ...) SP_PRINTF(2, 3);
void sp_buf_drop(struct sp_buf *b, size_t n);   /* forget the first N bytes */
char *sp_buf_take(struct sp_buf *b);            /* yours to free; never NULL */

/* Bytes of the UTF-8 sequence at P of N, 0 when it is none (RFC 3629: no overlong form, no surrogate, nothing over U+10FFFF). */
size_t sp_utf8_len(const char *p, size_t n);

/* Copy S into the fixed array OUT of SIZE bytes. SP_EINVAL when it does not fit; OUT is then "". */
SP_MUST int sp_copy(char *out, size_t size, const char *s);
