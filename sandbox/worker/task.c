#include "task.h"

#include <stdio.h>

int task_fail(enum task_status status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)                   /* names from the archive must not forge lines or move a terminal's cursor */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	fprintf(stderr, "%s\n", text);
	return status;
}

enum task_status task_status_of(const struct sp_err *e)
{
	if (e->code == SP_EQUOTA)
		return TASK_TOO_MUCH;
	if (e->code == SP_EDENIED)
		return TASK_REFUSED;
	if (e->code == SP_EPROTO)
		return TASK_BAD_ARCHIVE;
	/* Almost always a full disk, which is what the packing would have met a moment later. */
	return e->code == SP_EIO ? TASK_MKFS : TASK_BROKEN;
}
