/*
 * gate.h - how often and how many at once may try a password.
 *
 * Tries are counted per account and per address (IPv6: per /64) over password_window_ms, before the password is looked
 * at, so that many at once are all counted; a right one is taken back. Counts live in memory, in a table of fixed
 * size: a restart forgives. All functions may be called from every thread.
 */
#pragma once

#include <stdint.h>

#include "err.h"

struct gate;

SP_MUST int gate_new(struct gate **ret, struct sp_err *e);
void gate_free(struct gate *g);         /* NULL is fine */

/* One more try for ACCOUNT (without case; NULL: none) from ADDRESS. SP_EQUOTA: no more for now, with the sentence. */
SP_MUST int gate_try(struct gate *g, const char *account, const char *address, int64_t now_ms, struct sp_err *e);
/* It was right: the account's count is cleared, the address gets this one back. */
void gate_forgive(struct gate *g, const char *account, const char *address);
/* It was not looked at after all: both get this one back. */
void gate_undo(struct gate *g, const char *account, const char *address);

/* One of the password_hashes places, waiting for it among at most password_waiters. SP_EBUSY: too many wait. */
SP_MUST int gate_enter(struct gate *g, struct sp_err *e);
void gate_leave(struct gate *g);
