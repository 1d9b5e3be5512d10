/*
 * limit.h - the numbers of limits.def as constants: SP_LIMIT_edge_head_bytes and so on.
 *
 * Not named limits.h: the C library's own header of that name would find it first.
 */
#pragma once

#include <stdint.h>

#define LIMIT(name, value, unit, why) SP_LIMIT_##name = (value),
enum sp_limit {
#include "limits.def"
};
#undef LIMIT
