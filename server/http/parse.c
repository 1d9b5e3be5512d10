#include "server/http/parse.h"

#include <string.h>

#include "base64.h"
#include "num.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *parse_pct(struct sp_arena *a, struct sp_str raw, bool plus)
{
	char *out = sp_arena_get(a, raw.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%' && i + 2 < raw.n && hex_value(raw.p[i + 1]) >= 0 && hex_value(raw.p[i + 2]) >= 0) {
			c = (char)(hex_value(raw.p[i + 1]) << 4 | hex_value(raw.p[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0')
			return NULL;
		out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

static struct sp_str cut(const char **at, const char *end, char sep)
{
	const char *stop = memchr(*at, sep, (size_t)(end - *at));
	struct sp_str piece;

	if (!stop)
		stop = end;
	piece = (struct sp_str){ *at, (size_t)(stop - *at) };
	*at = stop < end ? stop + 1 : end;
	return piece;
}

struct http_pair *parse_query(struct sp_arena *a, struct sp_str raw)
{
	const char *at = raw.p, *end = raw.p + raw.n;
	struct http_pair *first = NULL, **last = &first;

	while (at < end) {
		struct sp_str piece = cut(&at, end, '&');
		const char *eq = piece.n ? memchr(piece.p, '=', piece.n) : NULL;
		size_t name_len = eq ? (size_t)(eq - piece.p) : piece.n;
		struct sp_str rest = eq ? (struct sp_str){ eq + 1, piece.n - name_len - 1 } : (struct sp_str){ "", 0 };
		const char *name = parse_pct(a, (struct sp_str){ piece.p, name_len }, true), *value = parse_pct(a, rest, true);

		if (!piece.n || !name || !value)
			continue;
		if (sp_ends_with(name, "[]"))
			name = sp_arena_mem(a, name, strlen(name) - 2);
		*last = sp_arena_get(a, sizeof(**last));
		**last = (struct http_pair){ name, value, NULL };
		last = &(*last)->next;
	}
	return first;
}

const char *parse_cookie(struct sp_arena *a, const char *header, const char *name)
{
	const char *at = header, *end;
	size_t len = strlen(name);

	if (!header)
		return NULL;
	end = header + strlen(header);
	while (at < end) {
		struct sp_str piece = cut(&at, end, ';');

		while (piece.n && (*piece.p == ' ' || *piece.p == '\t'))
			piece.p++, piece.n--;
		while (piece.n && (piece.p[piece.n - 1] == ' ' || piece.p[piece.n - 1] == '\t'))
			piece.n--;
		if (piece.n > len && piece.p[len] == '=' && memcmp(piece.p, name, len) == 0)
			return sp_arena_mem(a, piece.p + len + 1, piece.n - len - 1);
	}
	return NULL;
}

/* "bytes=A-B", "bytes=A-", "bytes=-N"; anything else is as if it were not there (RFC 9110 14.1.1, 14.2). */
int parse_range(const char *header, uint64_t size, uint64_t *ret_offset, uint64_t *ret_len, struct sp_err *e)
{
	const char *dash;
	uint64_t from = 0, to = 0;
	size_t a, b;

	if (!header || !sp_starts_with(header, "bytes=") || strchr(header, ','))
		return 0;
	header += strlen("bytes=");
	dash = strchr(header, '-');
	if (!dash)
		return 0;
	a = (size_t)(dash - header);
	b = strlen(dash + 1);
	if ((a && sp_parse_u64(header, a, INT64_MAX, &from) < 0) || (b && sp_parse_u64(dash + 1, b, INT64_MAX, &to) < 0) || (!a && !b))
		return 0;
	if (!a) {
		from = to < size ? size - to : 0;
		if (to == 0)
			from = size;
		to = size;
	} else if (b) {
		if (to < from)
			return 0;
		to = to < size ? to + 1 : size;
	} else {
		to = size;
	}
	if (from >= size)
		return sp_fail(e, SP_EINVAL, 0, "the range is outside of the file's %llu bytes", (unsigned long long)size);
	*ret_offset = from;
	*ret_len = to - from;
	return 1;
}

int parse_base64(const char *s, size_t n, unsigned char *out)
{
	struct base64 b = { 0 };

	if (n)
		memcpy(out, s, n);
	return (int)base64_feed(&b, (char *)out, n);
}

bool parse_is_host(const char *s)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_";
	size_t n = strlen(s);

	return n > 0 && n <= 255 && strspn(s, good) == n;
}
