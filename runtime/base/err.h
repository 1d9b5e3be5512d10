/*
 * err.h - how every function of the tree fails.
 *
 * A function that can fail returns 0 or a positive value on success and -CODE on failure, where CODE
 * is one of enum sp_code. The last parameter is the caller's struct sp_err; it may be NULL. Only the
 * code decides behaviour; the text is for logs and operators.
 */
#pragma once

#include <stdarg.h>

#define SP_MUST          __attribute__((warn_unused_result))
#define SP_PRINTF(f, a)  __attribute__((format(printf, f, a), nonnull(f)))
#define SP_UNUSED        __attribute__((unused))

enum sp_code {
	SP_OK,
	SP_EINVAL,      /* the caller's input is wrong */
	SP_EAUTH,       /* no valid credentials */
	SP_EDENIED,     /* credentials are known and not enough */
	SP_ENOENT,
	SP_EEXIST,
	SP_ESTALE,      /* the thing moved on: parent commit is not the head, generation is old */
	SP_EQUOTA,      /* a limit of limits.def or an account's quota */
	SP_EBUSY,       /* try again later */
	SP_ESTATE,      /* not possible in the present state */
	SP_ETIMEOUT,
	SP_EPROTO,      /* a peer's bytes break the protocol */
	SP_EUNSUPPORTED, /* a documented thing that this version or this kernel does not have */
	SP_ENOMEM,
	SP_EIO,
	SP_EBUG,        /* our own fault */
	SP_CODE_MAX
};

struct sp_err {
	enum sp_code code;
	int sys;                /* errno, or 0 */
	char msg[240];          /* lower case, no full stop; never shown to visitors as it is unless code says so */
};

/* Fill E (when not NULL) and return -CODE. */
int sp_fail(struct sp_err *e, enum sp_code code, int sys, const char *fmt, ...) SP_PRINTF(4, 5);

/* Put "CONTEXT: " before the text of E and return R unchanged. */
int sp_err_wrap(struct sp_err *e, int r, const char *fmt, ...) SP_PRINTF(3, 4);

/* "no-such-thing" and the like: the machine code that logs and answers carry. Never NULL. */
const char *sp_code_name(enum sp_code code);
