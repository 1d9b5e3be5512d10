/*
 * keys.h - the installation's key: what is sealed at rest and what is signed for a short while.
 *
 * STATE/keys/master.key is 32 random bytes, 0600, made on first use; it is read once and kept in locked
 * memory. Every use has a key of its own, derived from it, so that a signature for one purpose is worth
 * nothing for another. All functions may be called from every thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "str.h"

struct keys;

/* SP_EPROTO: the file is damaged. A missing one is made; what a lost one had sealed cannot be read then: server/main.c says so. */
SP_MUST int keys_open(const char *state_dir, struct keys **ret, struct sp_err *e);
bool keys_is_new(const struct keys *k); /* this call made the file */
void keys_close(struct keys *k);        /* wipes; NULL is fine */

/*
 * Seal bytes (XChaCha20-Poly1305). CONTEXT is authenticated: what was sealed for "secret REPO KEY" opens
 * nowhere else, so rows cannot be exchanged in the database. SP_EDENIED: not sealed by this key for CONTEXT.
 * keys_unseal returns bytes followed by a NUL; the caller wipes them with sodium_memzero.
 */
SP_MUST int keys_seal(const struct keys *k, const char *context, const void *plain, size_t n, struct sp_arena *a,
		const uint8_t **ret, size_t *ret_n, struct sp_err *e);
SP_MUST int keys_unseal(const struct keys *k, const char *context, const uint8_t *sealed, size_t n, struct sp_arena *a,
		char **ret, size_t *ret_n, struct sp_err *e);

/*
 * A claim that carries itself: PAYLOAD (text without NUL) until EXPIRES_MS (wall clock), as URL-safe text
 * "payload.expires.mac". PURPOSE ("lfs-upload", "sign-in at app") separates the uses. keys_check: SP_EAUTH
 * when forged, for another purpose, or expired.
 */
SP_MUST int keys_sign(const struct keys *k, const char *purpose, const char *payload, int64_t expires_ms, struct sp_buf *to, struct sp_err *e);
SP_MUST int keys_check(const struct keys *k, const char *purpose, const char *claim, int64_t now_ms, struct sp_arena *a,
		const char **ret_payload, struct sp_err *e);
