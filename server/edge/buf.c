#include "buf.h"

#include <stdlib.h>

enum { SMALL_ROOM = BUF_SMALL - sizeof(struct buf), BIG_ROOM = BUF_BIG - sizeof(struct buf) };

struct buf *buf_new(struct buf_pool *pool, size_t need)
{
	bool small = need <= SMALL_ROOM;
	struct buf **list = small ? &pool->small : &pool->big;
	struct buf *b = *list;

	if (b) {
		*list = b->next;
		*(small ? &pool->nsmall : &pool->nbig) -= 1;
	} else {
		b = malloc(small ? BUF_SMALL : BUF_BIG);
		if (!b)
			abort();
		b->cap = small ? SMALL_ROOM : BIG_ROOM;
	}
	b->next = NULL;
	b->at = b->end = 0;
	return b;
}

void buf_free(struct buf_pool *pool, struct buf *b)
{
	bool small;
	struct buf **list;
	unsigned *count;

	if (!b)
		return;
	small = b->cap == SMALL_ROOM;
	list = small ? &pool->small : &pool->big;
	count = small ? &pool->nsmall : &pool->nbig;
	if (*count >= (small ? BUF_KEEP_SMALL : BUF_KEEP_BIG)) {
		free(b);
		return;
	}
	b->next = *list;
	*list = b;
	++*count;
}
