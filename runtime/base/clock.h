/*
 * clock.h - time. Deadlines use the monotonic clock, records the wall clock; both in milliseconds.
 */
#pragma once

#include <stdint.h>

uint64_t sp_mono_ms(void);
uint64_t sp_mono_us(void);
int64_t sp_wall_ms(void);

/* "2026-11-23T18:51:07.123Z": clients insist on the Z (hf-api.md 0.4). */
struct sp_iso { char s[32]; };
struct sp_iso sp_iso_ms(int64_t wall_ms);
