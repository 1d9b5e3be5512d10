#include "head.h"

#include <string.h>

#include "auto.h"
#include "num.h"

enum { TCHAR = 1, VCHAR = 2, TARGET = 4 };

/* RFC 9110 5.6.2 (token), 5.5 (field value, with obs-text), RFC 9112 3.2 (target; bytes from 0x80 pass unchanged) */
static const uint8_t class[256] = {
	['\t'] = VCHAR, [' '] = VCHAR,
	['!'] = 7, ['"'] = 6, ['#'] = 7, ['$'] = 7, ['%'] = 7, ['&'] = 7, ['\''] = 7, ['('] = 6, [')'] = 6, ['*'] = 7,
	['+'] = 7, [','] = 6, ['-'] = 7, ['.'] = 7, ['/'] = 6, ['0' ... '9'] = 7, [':' ... '@'] = 6, ['A' ... 'Z'] = 7,
	['[' ... ']'] = 6, ['^'] = 7, ['_'] = 7, ['`'] = 7, ['a' ... 'z'] = 7, ['{'] = 6, ['|'] = 7, ['}'] = 6, ['~'] = 7,
	[0x80 ... 0xff] = 6,
};

static bool all_of(const char *p, size_t n, uint8_t what)
{
	uint8_t ok = what;

	for (size_t i = 0; i < n; i++)
		ok &= class[(unsigned char)p[i]];
	return ok & what;
}

static int scan_fault(int *status, int what, struct sp_err *e, const char *why)
{
	*status = what;
	return sp_fail(e, what == 400 ? SP_EPROTO : SP_EQUOTA, 0, "%s", why);
}

static int scan_too_long(const struct head_scan *s, uint32_t end, const struct head_limits *max, int *status, struct sp_err *e)
{
	uint32_t line = end - s->line;

	if (s->lines == 0 && line > max->first_line)
		return scan_fault(status, 414, e, "request line too long");
	if (line > max->line)
		return scan_fault(status, s->lines == 0 ? 414 : 431, e, "header line too long");
	if (end > max->head)
		return scan_fault(status, 431, e, "head too large");
	return 0;
}

int head_scan(struct head_scan *s, const char *p, size_t n, const struct head_limits *max,
		size_t *size, int *status, struct sp_err *e)
{
	const char *nl;
	int r;

	if (n > 0 && !(class[(unsigned char)p[0]] & TCHAR) && p[0] != '\r')
		return scan_fault(status, 400, e, "not an HTTP message");
	while (s->at < n && (nl = memchr(p + s->at, '\n', n - s->at))) {
		uint32_t at = (uint32_t)(nl - p);
		bool empty = at == s->line + 1;

		if (at == s->line || p[at - 1] != '\r')
			return scan_fault(status, 400, e, "line not ended by CRLF");
		r = scan_too_long(s, at + 1, max, status, e);
		if (r < 0)
			return r;
		s->at = at + 1;
		s->line = at + 1;
		if (empty && (s->lines > 0 || at > 1)) {
			*size = s->at;
			return s->lines > 0 ? 1 : scan_fault(status, 400, e, "empty lines before the request");
		}
		if (!empty && ++s->lines > max->lines + 1)
			return scan_fault(status, 431, e, "too many header lines");
	}
	s->at = (uint32_t)n;
	return scan_too_long(s, (uint32_t)n, max, status, e);
}

int head_section_end(const char *p, size_t n, size_t max, size_t *end, struct sp_err *e)
{
	size_t at = 0;
	const char *nl;

	while (at < n && (nl = memchr(p + at, '\n', n - at))) {
		size_t line = at;

		at = (size_t)(nl - p) + 1;
		if (nl == p + line || nl[-1] != '\r')
			return sp_fail(e, SP_EPROTO, 0, "line not ended by CRLF");
		if (at > max)
			break;
		if (at == line + 2) {
			*end = at;
			return 1;
		}
	}
	return n > max ? sp_fail(e, SP_EPROTO, 0, "trailers too large") : 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct sp_str trimmed(const char *p, size_t n)
{
	while (n > 0 && is_blank(*p)) {
		p++;
		n--;
	}
	while (n > 0 && is_blank(p[n - 1]))
		n--;
	return (struct sp_str){ p, n };
}

int head_line_parse(const char *p, size_t n, struct head_line *l, struct sp_err *e)
{
	const char *colon = memchr(p, ':', n);
	size_t name;

	if (!colon)
		return sp_fail(e, SP_EPROTO, 0, "header line without a colon");
	name = (size_t)(colon - p);
	if (name == 0 || !all_of(p, name, TCHAR))
		return sp_fail(e, SP_EPROTO, 0, "bad header name");
	l->value = trimmed(colon + 1, n - name - 1);
	if (l->value.n > 0 && !all_of(l->value.p, l->value.n, VCHAR))
		return sp_fail(e, SP_EPROTO, 0, "control byte in a header value");
	l->name = (struct sp_str){ p, name };
	l->raw = (struct sp_str){ p, n };
	l->field = field_of(p, name);
	return 0;
}

/* The lines of a scanned head: every line ends in CRLF, the last is empty. */
static int parse_lines(const char *p, const char *end, struct head *h, struct sp_err *e)
{
	h->nlines = 0;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n;
		int r;

		if (!nl || nl == p || nl[-1] != '\r')
			return sp_fail(e, SP_EPROTO, 0, "line not ended by CRLF");
		n = (size_t)(nl - p) - 1;
		if (n == 0)
			return nl + 1 == end ? 0 : sp_fail(e, SP_EPROTO, 0, "empty line inside a head");
		if (h->nlines == HEAD_LINES)
			return sp_fail(e, SP_EPROTO, 0, "too many header lines");
		if (is_blank(*p))
			return sp_fail(e, SP_EPROTO, 0, "folded header line");
		r = head_line_parse(p, n, &h->lines[h->nlines++], e);
		if (r < 0)
			return r;
		p = nl + 1;
	}
	return sp_fail(e, SP_EPROTO, 0, "head without its end");
}

bool head_next_token(struct sp_str *list, struct sp_str *token)
{
	while (list->n > 0) {
		const char *comma = memchr(list->p, ',', list->n);
		size_t n = comma ? (size_t)(comma - list->p) : list->n;

		*token = trimmed(list->p, n);
		list->p += n + (comma != NULL);
		list->n -= n + (comma != NULL);
		if (token->n > 0)
			return true;
	}
	return false;
}

static int read_connection(struct head *h, struct sp_str list, unsigned *count, bool *close, struct sp_err *e)
{
	struct sp_str t;

	while (head_next_token(&list, &t)) {
		if (sp_str_eq_nocase(t, SP_STR("close")))
			*close = true;
		else if (sp_str_eq_nocase(t, SP_STR("keep-alive")))
			h->keep_alive = true;
		else if (sp_str_eq_nocase(t, SP_STR("upgrade")))
			h->upgrade = true;
		else
			h->nominates = true;
		if (++*count > HEAD_NOMINATED)
			return sp_fail(e, SP_EPROTO, 0, "too many options in Connection");
	}
	return 0;
}

/* What Connection and Upgrade say together. */
static int read_connections(struct head *h, struct sp_err *e)
{
	bool close = false, websocket = false;
	unsigned count = 0;

	h->keep_alive = !h->http10;
	for (unsigned i = 0; i < h->nlines; i++) {
		int r = 0;

		if (h->lines[i].field == FIELD_CONNECTION)
			r = read_connection(h, h->lines[i].value, &count, &close, e);
		else if (h->lines[i].field == FIELD_UPGRADE)
			websocket = sp_str_eq_nocase(h->lines[i].value, SP_STR("websocket"));
		if (r < 0)
			return r;
	}
	h->keep_alive = h->keep_alive && !close;
	h->upgrade = h->upgrade && websocket;
	return 0;
}

static int read_length(struct head *h, struct sp_str v, unsigned seen, struct sp_err *e)
{
	uint64_t n;

	if (v.n > 18 || sp_parse_u64(v.p, v.n, UINT64_MAX, &n) < 0)
		return sp_fail(e, SP_EPROTO, 0, "bad Content-Length");
	if (seen > 0 && n != h->length)
		return sp_fail(e, SP_EPROTO, 0, "differing Content-Length");
	h->length = n;
	return 0;
}

static int read_request_body(struct head *h, int *status, struct sp_err *e)
{
	unsigned lengths = 0, codings = 0;

	for (unsigned i = 0; i < h->nlines; i++) {
		struct sp_str v = h->lines[i].value;

		if (h->lines[i].field == FIELD_CONTENT_LENGTH) {
			int r = read_length(h, v, 0, e);

			if (r < 0)
				return r;
			lengths++;
		} else if (h->lines[i].field == FIELD_TRANSFER_ENCODING) {
			codings++;
			if (!sp_str_eq_nocase(v, SP_STR("chunked"))) {
				*status = 501;
				return sp_fail(e, SP_EPROTO, 0, "unknown Transfer-Encoding");
			}
		}
	}
	if (lengths > 1)
		return sp_fail(e, SP_EPROTO, 0, "more than one Content-Length");
	if (codings > 1 || (codings > 0 && (lengths > 0 || h->http10)))
		return sp_fail(e, SP_EPROTO, 0, "ambiguous body length");
	h->body = codings > 0 ? HEAD_CHUNKED : lengths > 0 && h->length > 0 ? HEAD_LENGTH : HEAD_NO_BODY;
	return 0;
}

static bool host_ok(struct sp_str h)
{
	size_t i = 0;

	if (h.n == 0 || h.n > 262)
		return false;
	if (h.p[0] == '[') {
		for (i = 1; i < h.n && h.p[i] != ']'; i++)
			if (!strchr("0123456789abcdefABCDEF:.", h.p[i]) || h.p[i] == '\0')
				return false;
		if (i++ >= h.n)
			return false;
	} else {
		for (; i < h.n && h.p[i] != ':'; i++) {
			char c = h.p[i];

			if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '.' || c == '_'))
				return false;
		}
		if (i == 0)
			return false;
	}
	if (i == h.n)
		return true;
	if (h.p[i++] != ':' || h.n - i > 5)
		return false;
	for (; i < h.n; i++)
		if (h.p[i] < '0' || h.p[i] > '9')
			return false;
	return true;
}

static int read_host(struct head *h, struct sp_err *e)
{
	unsigned hosts = 0;

	for (unsigned i = 0; i < h->nlines; i++) {
		const struct head_line *l = &h->lines[i];

		if (l->field == FIELD_HOST) {
			hosts++;
			if (!host_ok(l->value))
				return sp_fail(e, SP_EPROTO, 0, "bad Host");
			if (!h->absolute)
				h->host = l->value;
		} else if (l->field == FIELD_TE && sp_str_eq_nocase(l->value, SP_STR("trailers"))) {
			h->te_trailers = true;
		}
	}
	if (hosts > 1)
		return sp_fail(e, SP_EPROTO, 0, "more than one Host");
	if (hosts == 0 && !h->http10)
		return sp_fail(e, SP_EPROTO, 0, "no Host");
	h->has_host = hosts > 0;
	return 0;
}

static int read_target(struct head *h, struct sp_err *e)
{
	struct sp_str t = h->target, scheme;
	size_t at;

	if (t.n == 0 || !all_of(t.p, t.n, TARGET))
		return sp_fail(e, SP_EPROTO, 0, "bad request target");
	if (t.p[0] == '/' || (t.n == 1 && t.p[0] == '*' && h->method_id == METHOD_OPTIONS))
		return 0;
	scheme = (struct sp_str){ t.p, t.n < 7 ? t.n : 7 };
	if (sp_str_eq_nocase(scheme, SP_STR("http://")))
		at = 7;
	else if (t.n > 8 && sp_str_eq_nocase((struct sp_str){ t.p, 8 }, SP_STR("https://")))
		at = 8;
	else
		return sp_fail(e, SP_EPROTO, 0, "bad request target");
	h->absolute = true;
	h->host.p = t.p + at;
	while (at < t.n && t.p[at] != '/' && t.p[at] != '?')
		at++;
	h->host.n = (size_t)(t.p + at - h->host.p);
	h->target = (struct sp_str){ t.p + at, t.n - at };
	h->target_bare = at == t.n || t.p[at] == '?';
	return host_ok(h->host) ? 0 : sp_fail(e, SP_EPROTO, 0, "bad authority in the request target");
}

static enum head_method method_of(struct sp_str m)
{
	if (sp_str_eq(m, SP_STR("GET")))
		return METHOD_GET;
	if (sp_str_eq(m, SP_STR("POST")))
		return METHOD_POST;
	if (sp_str_eq(m, SP_STR("HEAD")))
		return METHOD_HEAD;
	return sp_str_eq(m, SP_STR("OPTIONS")) ? METHOD_OPTIONS : METHOD_OTHER;
}

static int read_version(struct head *h, struct sp_str v, int *status, struct sp_err *e)
{
	bool shaped = v.n == 8 && memcmp(v.p, "HTTP/", 5) == 0 && v.p[6] == '.' &&
		      v.p[5] >= '0' && v.p[5] <= '9' && v.p[7] >= '0' && v.p[7] <= '9';

	if (!shaped)
		return sp_fail(e, SP_EPROTO, 0, "bad request line");
	if (v.p[5] != '1') {
		*status = 505;
		return sp_fail(e, SP_EPROTO, 0, "HTTP version not supported");
	}
	h->http10 = v.p[7] == '0';
	return 0;
}

/* "METHOD SP TARGET SP HTTP/1.x" */
static int read_request_line(struct head *h, const char *p, size_t n, int *status, struct sp_err *e)
{
	const char *sp1 = memchr(p, ' ', n), *sp2;
	int r;

	if (!sp1)
		return sp_fail(e, SP_EPROTO, 0, "bad request line");
	h->method = (struct sp_str){ p, (size_t)(sp1 - p) };
	sp2 = memchr(sp1 + 1, ' ', n - h->method.n - 1);
	if (!sp2)
		return sp_fail(e, SP_EPROTO, 0, "bad request line");
	h->target = (struct sp_str){ sp1 + 1, (size_t)(sp2 - sp1) - 1 };
	if (h->method.n == 0 || h->method.n > 64 || !all_of(h->method.p, h->method.n, TCHAR))
		return sp_fail(e, SP_EPROTO, 0, "bad method");
	r = read_version(h, (struct sp_str){ sp2 + 1, n - (size_t)(sp2 - p) - 1 }, status, e);
	if (r < 0)
		return r;
	if (sp_str_eq(h->method, SP_STR("CONNECT")) || sp_str_eq(h->method, SP_STR("TRACE"))) {
		*status = 405;
		return sp_fail(e, SP_EPROTO, 0, "method not allowed");
	}
	h->method_id = method_of(h->method);
	return read_target(h, e);
}

static int read_expect(struct head *h, int *status, struct sp_err *e)
{
	for (unsigned i = 0; i < h->nlines; i++) {
		if (h->lines[i].field != FIELD_EXPECT)
			continue;
		if (!sp_str_eq_nocase(h->lines[i].value, SP_STR("100-continue"))) {
			*status = 417;
			return sp_fail(e, SP_EPROTO, 0, "unknown expectation");
		}
		h->expects = !h->http10 && h->body != HEAD_NO_BODY;
	}
	return 0;
}

static void start(struct head *h, size_t n)
{
	memset((char *)h + offsetof(struct head, nlines), 0, sizeof(*h) - offsetof(struct head, nlines));
	h->size = n;
}

int head_parse_request(const char *p, size_t n, struct head *h, int *status, struct sp_err *e)
{
	const char *line = p, *nl;
	int r;

	start(h, n);
	*status = 400;
	if (n >= 2 && p[0] == '\r' && p[1] == '\n')
		line += 2;
	nl = memchr(line, '\n', n - (size_t)(line - p));
	if (!nl || nl == line || nl[-1] != '\r')
		return sp_fail(e, SP_EPROTO, 0, "line not ended by CRLF");
	r = read_request_line(h, line, (size_t)(nl - line) - 1, status, e);
	if (r == 0)
		r = parse_lines(nl + 1, p + n, h, e);
	if (r == 0)
		r = read_connections(h, e);
	if (r == 0)
		r = read_request_body(h, status, e);
	if (r == 0)
		r = read_host(h, e);
	if (r == 0)
		r = read_expect(h, status, e);
	if (h->method_id != METHOD_GET || h->body != HEAD_NO_BODY || h->http10)
		h->upgrade = false;
	return r;
}

static int read_status_line(struct head *h, const char *p, size_t n, struct sp_err *e)
{
	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9' || p[8] != ' ')
		return sp_fail(e, SP_EPROTO, 0, "bad status line");
	for (unsigned i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return sp_fail(e, SP_EPROTO, 0, "bad status");
		h->status = h->status * 10 + p[i] - '0';
	}
	if (h->status < 100 || h->status > 599 || (n > 12 && p[12] != ' '))
		return sp_fail(e, SP_EPROTO, 0, "bad status");
	h->reason = n > 13 ? (struct sp_str){ p + 13, n - 13 } : (struct sp_str){ "", 0 };
	if (h->reason.n > 0 && !all_of(h->reason.p, h->reason.n, VCHAR))
		return sp_fail(e, SP_EPROTO, 0, "control byte in the reason");
	h->http10 = p[7] == '0';
	return 0;
}

static int read_response_body(struct head *h, bool is_head, struct sp_err *e)
{
	unsigned lengths = 0, codings = 0;

	for (unsigned i = 0; i < h->nlines; i++) {
		struct sp_str v = h->lines[i].value;

		if (h->lines[i].field == FIELD_CONTENT_LENGTH) {
			int r = read_length(h, v, lengths++, e);

			if (r < 0)
				return r;
		} else if (h->lines[i].field == FIELD_TRANSFER_ENCODING) {
			if (codings++ > 0 || !sp_str_eq_nocase(v, SP_STR("chunked")))
				return sp_fail(e, SP_EPROTO, 0, "unknown Transfer-Encoding");
		}
	}
	if (codings > 0 && (lengths > 0 || h->http10))
		h->keep_alive = false;
	if (is_head || h->status < 200 || h->status == 204 || h->status == 304)
		h->body = HEAD_NO_BODY;
	else if (codings > 0)
		h->body = HEAD_CHUNKED;
	else if (lengths > 0)
		h->body = h->length > 0 ? HEAD_LENGTH : HEAD_NO_BODY;
	else
		h->body = HEAD_UNTIL_EOF;
	return 0;
}

int head_parse_response(const char *p, size_t n, bool is_head, struct head *h, struct sp_err *e)
{
	const char *nl = memchr(p, '\n', n);
	int r;

	start(h, n);
	if (!nl || nl == p || nl[-1] != '\r')
		return sp_fail(e, SP_EPROTO, 0, "line not ended by CRLF");
	r = read_status_line(h, p, (size_t)(nl - p) - 1, e);
	if (r == 0)
		r = parse_lines(nl + 1, p + n, h, e);
	if (r == 0)
		r = read_connections(h, e);
	if (r == 0)
		r = read_response_body(h, is_head, e);
	return r;
}
