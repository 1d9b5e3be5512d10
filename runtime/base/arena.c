#include "arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 8192 };

struct sp_arena_block {
	struct sp_arena_block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

void sp_arena_init(struct sp_arena *a)
{
	*a = (struct sp_arena){ 0 };
}

void sp_arena_fini(struct sp_arena *a)
{
	while (a->head) {
		struct sp_arena_block *next = a->head->next;

		free(a->head);
		a->head = next;
	}
	a->total_bytes = 0;
}

void sp_arena_wipe(struct sp_arena *a)
{
	for (struct sp_arena_block *b = a->head; b; b = b->next)
		explicit_bzero(b->bytes, b->used);
	sp_arena_fini(a);
}

void *sp_arena_get(struct sp_arena *a, size_t n)
{
	size_t need = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct sp_arena_block *b = a->head;
	void *p;

	if (!b || b->size - b->used < need) {
		size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;

		b = malloc(sizeof(*b) + size);
		if (!b)
			abort();
		*b = (struct sp_arena_block){ .next = a->head, .size = size };
		a->head = b;
		a->total_bytes += size;
	}
	p = b->bytes + b->used;
	b->used += need;
	memset(p, 0, n);
	return p;
}

char *sp_arena_mem(struct sp_arena *a, const void *p, size_t n)
{
	char *copy = sp_arena_get(a, n + 1);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *sp_arena_str(struct sp_arena *a, const char *s)
{
	return s ? sp_arena_mem(a, s, strlen(s)) : NULL;
}

char *sp_arena_fmt(struct sp_arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	s = sp_arena_get(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}
