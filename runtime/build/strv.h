/*
 * strv.h - a growing NULL-terminated list of strings in an arena: command lines, environments.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

struct strv { struct sp_arena *a; const char **v; size_t n, cap; };

/* S is lent and must live as long as the arena. */
static inline void strv_add(struct strv *l, const char *s)
{
	if (l->n + 2 > l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;
		const char **v = sp_arena_get(l->a, cap * sizeof(*v));

		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

static inline void strv_fmt(struct strv *l, const char *fmt, ...) SP_PRINTF(2, 3);
static inline void strv_fmt(struct strv *l, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	strv_add(l, sp_arena_str(l->a, text));
	free(text);
}
