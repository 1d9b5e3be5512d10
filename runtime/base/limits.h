/*
 * limits.h - the numbers of limits.def as constants: SP_LIMIT_edge_head_bytes and so on.
 */
#pragma once

#include <stdint.h>

#define LIMIT(name, value, unit, why) SP_LIMIT_##name = (value),
enum sp_limit {
#include "limits.def"
};
#undef LIMIT
