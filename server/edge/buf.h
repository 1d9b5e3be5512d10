/*
 * buf.h - buffers in three sizes: a head that waits, a long head, one read.
 *
 * Small and big ones come from free lists. One in between is as large as the longest head and is touched only
 * as far as it is filled: ten thousand half-sent heads shall not hold ten thousand big ones.
 */
#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

enum { BUF_SMALL = 4096, BUF_MID = 36864, BUF_BIG = 131072, BUF_KEEP_BIG = 16, BUF_KEEP_SMALL = 512 };

/* Bytes AT to END of P are filled. */
struct buf { struct buf *next; uint32_t at, end, cap; char p[]; };

struct buf_pool { struct buf *small, *big; unsigned nsmall, nbig; };

struct buf *buf_new(struct buf_pool *pool, size_t need);        /* the smallest that has room; empty. Aborts without memory */
void buf_free(struct buf_pool *pool, struct buf *b);            /* NULL is fine */

static inline size_t buf_room(size_t size)
{
	return size - sizeof(struct buf);
}

static inline size_t buf_n(const struct buf *b)
{
	return b ? b->end - b->at : 0;
}
