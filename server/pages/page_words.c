/* Times, sizes and log text for people. Pure. */
#include <string.h>

#include "clock.h"
#include "server/pages/page.h"

const char *page_duration(struct sp_arena *a, int64_t ms)
{
	static const struct { int64_t below_s, per_s; const char *word; } rows[] = {
		{ 60, 1, "s" }, { 3600, 60, "min" }, { 86400, 3600, "h" }, { 86400 * 30, 86400, "d" },
		{ 86400 * 365, 86400 * 30, "mo" }, { INT64_MAX, 86400 * 365, "y" },
	};
	int64_t s = ms < 0 ? 0 : ms / 1000;
	size_t i = 0;

	while (s >= rows[i].below_s)
		i++;
	return sp_arena_fmt(a, "%lld %s", (long long)(s / rows[i].per_s), rows[i].word);
}

struct view_when page_when(struct sp_arena *a, int64_t wall_ms)
{
	int64_t age = sp_wall_ms() - wall_ms;

	if (wall_ms <= 0)
		return (struct view_when){ "", "" };
	return (struct view_when){
		sp_arena_str(a, sp_iso_ms(wall_ms).s),
		age < 10000 ? "just now" : sp_arena_fmt(a, "%s ago", page_duration(a, age)),
	};
}

const char *page_size(struct sp_arena *a, uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	size_t u = 0;
	uint64_t tenths = bytes / 100;

	if (bytes < 1000)
		return sp_arena_fmt(a, "%llu B", (unsigned long long)bytes);
	while (tenths >= 10000 && u + 1 < sizeof(units) / sizeof(units[0])) {
		tenths /= 1000;
		u++;
	}
	return sp_arena_fmt(a, "%llu.%llu %s", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10), units[u]);
}

/* Length of the terminal control sequence at P (ECMA-48: CSI, OSC, two-byte escapes), or 0. */
static size_t escape_length(const char *p)
{
	size_t n = 2;

	if (p[0] != '\x1b' || !p[1])
		return 0;
	if (p[1] == '[') {
		while (p[n] >= 0x20 && p[n] <= 0x3f)
			n++;
		return p[n] ? n + 1 : n;
	}
	if (p[1] == ']') {
		while (p[n] && p[n] != '\a' && p[n] != '\x1b' && p[n] != '\n')
			n++;
		return p[n] == '\a' ? n + 1 : p[n] == '\x1b' && p[n + 1] == '\\' ? n + 2 : n;
	}
	return 2;
}

const char *page_plain_log(struct sp_arena *a, const char *text)
{
	char *out = sp_arena_get(a, strlen(text) + 1);
	size_t n = 0, line = 0;

	for (const char *p = text; *p;) {
		size_t skip = escape_length(p);

		if (skip) {
			p += skip;
			continue;
		}
		if (*p == '\r' && p[1] != '\n' && p[1] != '\r' && p[1] != '\0')
			n = line;       /* progress bars write over their line */
		else if (*p != '\r')
			out[n++] = *p;
		if (*p == '\n')
			line = n;
		p++;
	}
	out[n] = '\0';
	return out;
}

/* "cod.\u202egpj.exe" would read "cod.exe.jpg": U+202A to 202E and U+2066 to 2069 (UAX #9), three bytes each, become U+FFFD. */
const char *page_name(struct sp_arena *a, const char *name)
{
	char *shown = sp_arena_str(a, name);

	for (char *p = shown; (p = strstr(p, "\xe2\x80")) != NULL; p += 2)
		if ((unsigned char)p[2] >= 0xaa && (unsigned char)p[2] <= 0xae)
			memcpy(p, "\xef\xbf\xbd", 3);
	for (char *p = shown; (p = strstr(p, "\xe2\x81")) != NULL; p += 2)
		if ((unsigned char)p[2] >= 0xa6 && (unsigned char)p[2] <= 0xa9)
			memcpy(p, "\xef\xbf\xbd", 3);
	return shown;
}
