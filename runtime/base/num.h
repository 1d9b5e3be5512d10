/*
 * num.h - bounded numbers out of untrusted text. No sign, no space, no base but ten.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* The N bytes at S as a number of 0..MAX. SP_EINVAL: empty, another byte than a digit, or too large. */
SP_MUST int sp_parse_u64(const char *s, size_t n, uint64_t max, uint64_t *ret);

/* "30s" "10m" "2h" "1d" or a bare number of seconds; at most MAX_MS. For start-up time-outs and the like. */
SP_MUST int sp_parse_duration_ms(const char *s, uint64_t max_ms, uint64_t *ret_ms);
