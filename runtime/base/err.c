#include "err.h"

#include <stdio.h>
#include <string.h>

static const char *const code_names[SP_CODE_MAX] = {
	[SP_OK] = "ok",
	[SP_EINVAL] = "bad-input",
	[SP_EAUTH] = "unauthorized",
	[SP_EDENIED] = "forbidden",
	[SP_ENOENT] = "not-found",
	[SP_EEXIST] = "already-exists",
	[SP_ESTALE] = "stale",
	[SP_EQUOTA] = "over-limit",
	[SP_EBUSY] = "busy",
	[SP_ESTATE] = "wrong-state",
	[SP_ETIMEOUT] = "timed-out",
	[SP_EPROTO] = "protocol-error",
	[SP_EUNSUPPORTED] = "unsupported",
	[SP_ENOMEM] = "out-of-memory",
	[SP_EIO] = "io-error",
	[SP_EBUG] = "internal-error",
};

const char *sp_code_name(enum sp_code code)
{
	if ((unsigned)code >= SP_CODE_MAX)
		return "internal-error";
	return code_names[code];
}

int sp_fail(struct sp_err *e, enum sp_code code, int sys, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!e)
		return -(int)code;

	e->code = code;
	e->sys = sys;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	if (sys != 0 && n + 4 < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerrordesc_np(sys) ? strerrordesc_np(sys) : "unknown error");
	return -(int)code;
}

int sp_err_wrap(struct sp_err *e, int r, const char *fmt, ...)
{
	char context[sizeof(e->msg)], inner[sizeof(e->msg)];
	va_list ap;

	if (!e)
		return r;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(inner, e->msg, sizeof(inner));
	if (snprintf(e->msg, sizeof(e->msg), "%s: %s", context, inner) < 0)
		e->msg[0] = '\0';
	return r;
}
