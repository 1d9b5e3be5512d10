/*
 * login_file.h - tokens that `vitrine login` keeps: $XDG_CONFIG_HOME/vitrine/login.json, 0600, one for each server.
 */
#pragma once

#include <stdbool.h>

#include "arena.h"
#include "err.h"

struct login { const char *url, *token, *name; };

/* "http://localhost:7860" out of what people type: "localhost:7860/", "apps.example". From A. SP_EINVAL. */
SP_MUST int login_url(const char *typed, struct sp_arena *a, const char **ret, struct sp_err *e);
bool login_url_is_local(const char *url);       /* this machine, by its name or address */

/* The login at URL, or the newest one when NULL. SP_ENOENT: none. SP_EDENIED: others may read the file. From A. */
SP_MUST int login_get(const char *url, struct sp_arena *a, struct login *ret, struct sp_err *e);
SP_MUST int login_put(const struct login *l, struct sp_arena *a, struct sp_err *e);      /* becomes the one that is used without --to */
SP_MUST int login_drop(const char *url, struct sp_arena *a, struct sp_err *e);           /* SP_ENOENT: was not there */
const char *login_path(struct sp_arena *a);
