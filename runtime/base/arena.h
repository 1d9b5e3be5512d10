/*
 * arena.h - memory of one request: allocate freely, free once.
 *
 * A request allocates from its arena, which dies with it. Out of memory aborts: the server is
 * restartable and a half-built answer is worse. Never used by the launcher.
 */
#pragma once

#include <stddef.h>

#include "err.h"

struct sp_arena_block;
struct sp_arena { struct sp_arena_block *head; size_t total_bytes; };

void sp_arena_init(struct sp_arena *a);
void sp_arena_fini(struct sp_arena *a);
void sp_arena_wipe(struct sp_arena *a);         /* fini, after overwriting everything: it held secrets */

void *sp_arena_get(struct sp_arena *a, size_t n);        /* zeroed, aligned for any type */
char *sp_arena_str(struct sp_arena *a, const char *s);   /* copy; NULL stays NULL */
char *sp_arena_mem(struct sp_arena *a, const void *p, size_t n);        /* copy with a NUL behind */
char *sp_arena_fmt(struct sp_arena *a, const char *fmt, ...) SP_PRINTF(2, 3);
