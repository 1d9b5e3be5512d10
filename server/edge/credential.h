/*
 * credential.h - by what a request claims to be allowed to see a private app, and taking that out of what the
 * app gets. Pure.
 *
 * Tokens come as `Authorization: Bearer` or `x-hf-authorization: Bearer` (app-frameworks.md 2.4), claims as
 * `?__sign=` (hf-api.md 5.1) or in edge's own cookie (CONTRACTS 9.3).
 */
#pragma once

#include "head.h"

enum credential_kind { CREDENTIAL_HF_BEARER, CREDENTIAL_BEARER, CREDENTIAL_SIGN, CREDENTIAL_COOKIE };

enum { CREDENTIAL_MAX = 512, CREDENTIALS_MAX = 5 };

struct credential { enum credential_kind kind; struct sp_str value; };

/*
 * What H carries, in the order in which it is tried; returns how many. A value that is too long or has bytes that
 * ours never have is none, and so is `__sign` given twice: somebody hopes that two readers differ.
 */
unsigned credentials_of(const struct head *h, struct sp_str cookie, struct credential out[CREDENTIALS_MAX]);

/* Does the query name `__sign`, in any spelling that an app would decode to it? */
bool target_has_sign(struct sp_str target);

/* TARGET without it, every other byte as it came; returns its size, at most TARGET's. */
size_t target_without_sign(struct sp_str target, char *out);

/* Is V `Bearer TOKEN`, and which? */
bool bearer_of(struct sp_str v, struct sp_str *token);
