#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "err", "warn", "info", "debug" };
static const char *log_role = "vitrine";
static enum log_level log_max = LOG_LEVEL_INFO;

void log_init(const char *role, enum log_level level)
{
	log_role = role;
	log_max = level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	struct timespec ts;
	struct tm tm;
	int saved = errno;
	size_t n;
	va_list ap;

	if (level > log_max)
		return;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ldZ %s %s ", ts.tv_nsec / 1000000, level_names[level], log_role);
	errno = saved;                                  /* for %m */
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	/* One write, so that lines of several processes do not mix; a full pipe loses the line, not us. */
	if (write(STDERR_FILENO, line, n) < 0)
		errno = saved;
	errno = saved;
}

struct log_quoted log_q(const char *untrusted)
{
	struct log_quoted q;
	size_t n = 0;

	q.s[n++] = '"';
	for (size_t i = 0; i < 200 && untrusted[i]; i++) {
		unsigned char c = (unsigned char)untrusted[i];

		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			n += (size_t)snprintf(q.s + n, sizeof(q.s) - n, "\\x%02x", c);
		else
			q.s[n++] = (char)c;
	}
	q.s[n++] = '"';
	q.s[n] = '\0';
	return q;
}
