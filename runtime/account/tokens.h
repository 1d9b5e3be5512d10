/*
 * tokens.h - what is kept of a token: its SHA-256. Inside runtime/account only.
 *
 * A plain hash is enough: tokens are 200 random bits, there is nothing to guess slowly.
 */
#pragma once

#include <stdint.h>

void token_hash(const char *token, uint8_t ret[32]);
