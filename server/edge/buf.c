#include "buf.h"

#include <stdlib.h>

struct buf *buf_new(struct buf_pool *pool, size_t need)
{
	size_t size = need <= buf_room(BUF_SMALL) ? BUF_SMALL : need <= buf_room(BUF_MID) ? BUF_MID : BUF_BIG;
	struct buf **list = size == BUF_SMALL ? &pool->small : &pool->big;
	struct buf *b = size == BUF_MID ? NULL : *list;

	if (b) {
		*list = b->next;
		*(size == BUF_SMALL ? &pool->nsmall : &pool->nbig) -= 1;
	} else {
		b = malloc(size);
		if (!b)
			abort();
		b->cap = (uint32_t)buf_room(size);
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
	small = b->cap == buf_room(BUF_SMALL);
	list = small ? &pool->small : &pool->big;
	count = small ? &pool->nsmall : &pool->nbig;
	if (b->cap == buf_room(BUF_MID) || *count >= (small ? BUF_KEEP_SMALL : BUF_KEEP_BIG)) {
		free(b);
		return;
	}
	b->next = *list;
	*list = b;
	++*count;
}
