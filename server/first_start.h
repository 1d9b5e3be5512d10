/*
 * first_start.h - an installation without users gets its user "admin".
 *
 * Its token is VITRINE_ADMIN_TOKEN when that is set, else a fresh one; either way it is in
 * STATE/admin-token (0600) before the user exists, so that a crash between the two locks nobody out. The
 * token is never logged.
 */
#pragma once

#include "err.h"

struct store;

SP_MUST int first_start(struct store *st, const char *state_dir, struct sp_err *e);
