/*
 * devices.h - the device flow of RFC 8628: `hf auth login` asks for a code, somebody who is signed in says yes (hf-api.md 1.3).
 *
 * Waiting logins live in memory, at most device_logins of them for device_login_ms: after a restart the client is
 * told that its code has expired. Device codes are kept as hashes. All functions may be called from every thread.
 */
#pragma once

#include <stdint.h>

#include "err.h"
#include "id.h"
#include "runtime/account/account.h"

struct devices;

enum { DEVICE_INTERVAL_S = 2, DEVICE_USER_CODE = 10 /* "BCDF-GHJK" and NUL */ };

enum device_state { DEVICE_WAITING, DEVICE_GRANTED, DEVICE_DENIED };

/* What the page shows before somebody says yes. */
struct device_login { char user_code[DEVICE_USER_CODE]; char client[64], address[64]; int64_t created_ms; };

SP_MUST int devices_new(struct devices **ret, struct sp_err *e);
void devices_free(struct devices *d);           /* NULL is fine */

/* CLIENT is a name for people. An address that has ten waiting loses its oldest one. */
void devices_begin(struct devices *d, const char *client, const char *address, int64_t now_ms, struct account_token *ret_device_code,
		struct device_login *ret);

/* USER_CODE as a person typed it: without case, with or without the hyphen. SP_ENOENT: unknown, too old or answered. */
SP_MUST int devices_find(struct devices *d, const char *user_code, int64_t now_ms, struct device_login *ret, struct sp_err *e);
/* ROLE_NONE: denied. SP_ENOENT as above. */
SP_MUST int devices_answer(struct devices *d, const char *user_code, const struct sp_id *user, enum account_role role, int64_t now_ms,
		struct sp_err *e);

/* What a poll learns. A granted or denied login is forgotten with this. SP_ENOENT: unknown or too old. SP_EBUSY: polled too often. */
struct device_grant { enum device_state state; struct sp_id user; enum account_role role; char client[64], address[64]; };
SP_MUST int devices_poll(struct devices *d, const char *device_code, int64_t now_ms, struct device_grant *ret, struct sp_err *e);
