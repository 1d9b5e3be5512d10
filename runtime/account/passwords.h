/*
 * passwords.h - a password as it is stored. Inside runtime/account only.
 */
#pragma once

#include "runtime/account/gate.h"
#include "runtime/store/store.h"

/* SP_EINVAL: too short, too long, or NAME itself. SP_EBUSY as gate_enter. */
SP_MUST int password_hash(struct gate *g, const char *name, const char *password, struct store_password *ret, struct sp_err *e);
