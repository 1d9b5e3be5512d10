/*
 * sm.h - state machines as tables: a name and a bit mask of allowed next states per row.
 *
 * Each machine draws its picture in its own header, keeps an invariant that is checked on a moved copy
 * before the move is made, and logs one line per move where it is driven.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define SP_SM_TO(state) (UINT32_C(1) << (state))

struct sp_sm_row { const char *name; uint32_t may; };

static inline bool sp_sm_may(const struct sp_sm_row *rows, unsigned from, unsigned to)
{
	return (rows[from].may >> to) & 1;
}
