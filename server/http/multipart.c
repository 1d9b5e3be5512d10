#include "server/http/multipart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auto.h"
#include "limit.h"
#include "str.h"

/* RFC 2046 5.1.1: a boundary has at most 70 characters. */
enum { BOUNDARY_MAX = 70, HEAD_MAX = 4096, SCAN_BYTES = 1 << 18 };

struct scan {
	int fd;
	uint64_t size, at;
	char delimiter[BOUNDARY_MAX + 5];       /* CR LF "--" boundary */
	size_t delimiter_n;
	uint64_t heads_n;
	char *buf;                              /* SCAN_BYTES */
	struct sp_arena *a;
	struct sp_err *e;
};

static int bad(const struct scan *s, const char *what)
{
	return sp_fail(s->e, SP_EINVAL, 0, "the form could not be read: %s", what);
}

/* Up to MAX bytes from AT; fewer only at the end. */
static int read_at(const struct scan *s, uint64_t at, char *to, size_t max, size_t *ret_n)
{
	size_t n = 0;

	if (at < s->size && max > s->size - at)
		max = (size_t)(s->size - at);
	while (at < s->size && n < max) {
		ssize_t got = pread(s->fd, to + n, max - n, (off_t)(at + n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sp_fail(s->e, SP_EIO, errno, "read the form");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret_n = n;
	return 0;
}

/* Where the next delimiter begins, from s->at on. */
static int find_delimiter(const struct scan *s, uint64_t *ret)
{
	uint64_t at = s->at;

	while (at < s->size) {
		const char *hit;
		size_t n;
		int r = read_at(s, at, s->buf, SCAN_BYTES, &n);

		if (r < 0)
			return r;
		hit = memmem(s->buf, n, s->delimiter, s->delimiter_n);
		if (hit) {
			*ret = at + (uint64_t)(hit - s->buf);
			return 0;
		}
		if (n < s->delimiter_n || at + n >= s->size)
			break;
		at += n - s->delimiter_n + 1;
	}
	return bad(s, "it ends in the middle of a part; send it again");
}

/* Boundary out of: multipart/form-data; boundary=X or ="X". */
static int set_delimiter(struct scan *s, const char *type)
{
	static const char kind[] = "multipart/form-data";
	const char *p = type && strncasecmp(type, kind, sizeof(kind) - 1) == 0 ? strcasestr(type, "boundary=") : NULL;
	size_t n;

	if (!p)
		return bad(s, "it is not multipart/form-data with a boundary");
	p += strlen("boundary=");
	if (*p == '"')
		n = strcspn(++p, "\"");
	else
		n = strcspn(p, "; \t,");
	if (n == 0 || n > BOUNDARY_MAX)
		return bad(s, "its boundary is empty or longer than 70 characters");
	memcpy(s->delimiter, "\r\n--", 4);
	memcpy(s->delimiter + 4, p, n);
	s->delimiter_n = n + 4;
	return 0;
}

/*
 * A quoted parameter of Content-Disposition. Browsers write %22, %0D and %0A for what would end it (HTML standard,
 * multipart/form-data encoding algorithm), others a backslash before the quote; every other byte stands for itself.
 */
static const char *parameter(const struct scan *s, const char *line, const char *name)
{
	const char *p = line, *end;
	size_t n = strlen(name), out = 0;
	char *value;

	while ((p = strchr(p, ';'))) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, n) == 0 && p[n] == '=' && p[n + 1] == '"')
			break;
		for (bool quoted = false; *p && (quoted || *p != ';'); p++)     /* a ';' may stand in another's value */
			if (*p == '"')
				quoted = !quoted;
			else if (quoted && *p == '\\' && p[1])
				p++;
	}
	if (!p)
		return NULL;
	p += n + 2;
	for (end = p; *end && *end != '"'; end++)
		if (*end == '\\' && end[1] == '"')
			end++;
	if (*end != '"')
		return NULL;
	value = sp_arena_get(s->a, (size_t)(end - p) + 1);
	while (p < end) {
		bool escaped = *p == '%' && (strncmp(p, "%22", 3) == 0 || strncasecmp(p, "%0d", 3) == 0 || strncasecmp(p, "%0a", 3) == 0);

		if (*p == '\\' && p[1] == '"')
			p++;
		value[out++] = !escaped ? *p : p[1] == '2' ? '"' : p[2] == 'd' || p[2] == 'D' ? '\r' : '\n';
		p += escaped ? 3 : 1;
	}
	return value;
}

/* The head at s->at, which then is behind it. */
static int read_head(struct scan *s, struct multipart_part *part)
{
	static const char field[] = "content-disposition:";
	char head[HEAD_MAX + 1];
	const char *line, *end;
	size_t n;
	int r = read_at(s, s->at, head, HEAD_MAX, &n);

	if (r < 0)
		return r;
	head[n] = '\0';
	end = memmem(head, n, "\r\n\r\n", 4);
	if (!end)
		return bad(s, n == HEAD_MAX ? "the head of a part is longer than 4096 bytes" : "it ends in the head of a part; send it again");
	n = (size_t)(end - head);
	if (memchr(head, '\0', n))
		return bad(s, "the head of a part holds a NUL byte");
	s->heads_n += n;
	if (s->heads_n > SP_LIMIT_form_head_bytes)
		return sp_fail(s->e, SP_EQUOTA, 0, "the names of these files are longer than %d MB together: send fewer at once",
			(int)(SP_LIMIT_form_head_bytes >> 20));
	head[n] = '\0';
	s->at += n + 4;
	for (line = head; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
		if (strncasecmp(line, field, sizeof(field) - 1) == 0)
			break;
	if (!line)
		return bad(s, "a part has no Content-Disposition");
	line = sp_arena_mem(s->a, line, strcspn(line, "\r\n"));
	*part = (struct multipart_part){ .name = parameter(s, line, "name"), .filename = parameter(s, line, "filename") };
	return part->name ? 0 : bad(s, "a part has no name");
}

/* What follows a delimiter: 1 the end, 0 another part. */
static int after_delimiter(struct scan *s)
{
	char two[2];
	size_t n;
	int r = read_at(s, s->at, two, sizeof(two), &n);

	if (r < 0)
		return r;
	s->at += n;
	if (n == 2 && memcmp(two, "--", 2) == 0)
		return 1;
	return n == 2 && memcmp(two, "\r\n", 2) == 0 ? 0 : bad(s, "it ends in the middle of a part; send it again");
}

static int read_parts(struct scan *s, struct sp_buf *to, size_t *ret_n)
{
	struct multipart_part part;
	size_t n = 0;
	int r;

	while ((r = after_delimiter(s)) == 0) {
		uint64_t end = 0;

		if (n >= SP_LIMIT_form_parts)
			return sp_fail(s->e, SP_EQUOTA, 0, "more than %d files at once: send fewer, or use hf upload", (int)SP_LIMIT_form_parts);
		r = read_head(s, &part);
		if (r == 0) {
			part.offset = s->at;
			s->at -= 2;     /* an empty part's delimiter begins with the line end of its head */
			r = find_delimiter(s, &end);
		}
		if (r < 0)
			return r;
		part.len = end > part.offset ? end - part.offset : 0;
		s->at = end + s->delimiter_n;
		sp_buf_add(to, &part, sizeof(part));
		n++;
	}
	*ret_n = n;
	return r < 0 ? r : 0;
}

int multipart_parse(int fd, uint64_t size, const char *content_type, struct sp_arena *a, struct multipart *ret, struct sp_err *e)
{
	sp_auto_free char *buf = malloc(SCAN_BYTES);
	sp_auto_buf struct sp_buf parts = { 0 };
	struct scan s = { .fd = fd, .size = size, .buf = buf, .a = a, .e = e };
	struct multipart_part *copy;
	size_t n = 0;
	int r = set_delimiter(&s, content_type);

	if (!buf)
		abort();
	if (r == 0)
		r = read_at(&s, 0, buf, s.delimiter_n - 2, &n);
	if (r < 0)
		return r;
	/* The first delimiter has no line end before it. */
	if (n != s.delimiter_n - 2 || memcmp(buf, s.delimiter + 2, n) != 0)
		return bad(&s, "it does not begin with its boundary");
	s.at = n;
	r = read_parts(&s, &parts, &n);
	if (r < 0)
		return r;
	copy = sp_arena_get(a, (n + 1) * sizeof(*copy));
	if (n)
		memcpy(copy, parts.p, n * sizeof(*copy));
	*ret = (struct multipart){ .fd = fd, .parts = copy, .n = n };
	return 0;
}

int multipart_text(const struct multipart *m, const char *name, size_t max, struct sp_arena *a, const char **ret, struct sp_err *e)
{
	struct scan s = { .fd = m->fd, .e = e };
	size_t n;
	char *p;
	int r;

	for (size_t i = 0; i < m->n; i++) {
		const struct multipart_part *part = &m->parts[i];

		if (part->filename || strcmp(part->name, name) != 0)
			continue;
		if (part->len > max)
			return sp_fail(e, SP_EQUOTA, 0, "the field '%.40s' is longer than %zu bytes", name, max);
		p = sp_arena_get(a, (size_t)part->len + 1);
		s.size = part->offset + part->len;
		r = read_at(&s, part->offset, p, (size_t)part->len, &n);
		if (r < 0)
			return r;
		if (n != part->len || memchr(p, '\0', n))
			return sp_fail(e, SP_EINVAL, 0, "the field '%.40s' holds a NUL byte", name);
		*ret = p;
		return 0;
	}
	*ret = "";
	return 0;
}
