/*
 * tokens.h - what is kept of a token: its SHA-256. Inside runtime/account only.
 *
 * A plain hash is enough: tokens are 200 random bits, there is nothing to guess slowly.
 */
#pragma once

#include <stdint.h>

#include "runtime/account/account.h"
#include "runtime/store/store.h"

void token_hash(const char *token, uint8_t ret[32]);

/* A live row of KIND with its user. SP_EAUTH whatever is wrong with it: a stranger learns nothing else. */
SP_MUST int token_find(struct store *st, const char *token, int kind, struct store_token *ret, struct store_user *ret_user, struct sp_err *e);

/* SP_EINVAL unless NAME may be a user's. */
SP_MUST int user_check_name(const char *name, struct sp_err *e);
