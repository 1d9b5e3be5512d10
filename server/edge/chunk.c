#include "chunk.h"

#include <string.h>

#include "field.h"
#include "head.h"

enum { SIZE_DIGITS = 15, EXT_MAX = 256, TRAILER_MAX = 4096 };

enum state { AT_SIZE, AT_EXT, AT_SIZE_LF, AT_DATA, AT_DATA_CR, AT_DATA_LF, AT_TRAILER, AT_END };

/* Reading and writing positions in the caller's buffer. */
struct cursor { char *p; size_t n, in, out; };

void chunk_start(struct chunk *c, bool decode)
{
	*c = (struct chunk){ .state = AT_SIZE, .decode = decode };
}

static int hex_value(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)(ch | 0x20);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static void keep(const struct chunk *c, struct cursor *cur, size_t n, bool data)
{
	if (data || !c->decode) {
		if (cur->out != cur->in)
			memmove(cur->p + cur->out, cur->p + cur->in, n);
		cur->out += n;
	}
	cur->in += n;
}

/* One byte of "SIZE [;EXT] CRLF". */
static int size_byte(struct chunk *c, char ch, struct sp_err *e)
{
	int v;

	if (c->state == AT_SIZE_LF) {
		if (ch != '\n')
			return sp_fail(e, SP_EPROTO, 0, "chunk size line not ended by CRLF");
		c->state = c->left > 0 ? AT_DATA : AT_TRAILER;
		return 0;
	}
	v = c->state == AT_SIZE ? hex_value(ch) : -1;
	if (v >= 0) {
		if (++c->digits > SIZE_DIGITS)
			return sp_fail(e, SP_EPROTO, 0, "chunk size too large");
		c->left = c->left << 4 | (unsigned)v;
		return 0;
	}
	if (c->digits == 0)
		return sp_fail(e, SP_EPROTO, 0, "chunk size without digits");
	if (ch == '\r') {
		c->state = AT_SIZE_LF;
		return 0;
	}
	if (c->state == AT_SIZE && ch != ';')
		return sp_fail(e, SP_EPROTO, 0, "bad byte in a chunk size");
	if (++c->ext > EXT_MAX || ((unsigned char)ch < 0x20 && ch != '\t') || ch == 0x7f)
		return sp_fail(e, SP_EPROTO, 0, "bad chunk extension");
	c->state = AT_EXT;
	return 0;
}

static int data_end_byte(struct chunk *c, char ch, struct sp_err *e)
{
	if (ch != (c->state == AT_DATA_CR ? '\r' : '\n'))
		return sp_fail(e, SP_EPROTO, 0, "chunk data not ended by CRLF");
	if (c->state == AT_DATA_CR) {
		c->state = AT_DATA_LF;
		return 0;
	}
	c->state = AT_SIZE;
	c->digits = 0;
	c->ext = 0;
	c->left = 0;
	return 0;
}

static bool trailer_passes(const struct head_line *l)
{
	unsigned use = field_use(l->field);

	return !(use & (FIELD_REQ | FIELD_APP | FIELD_RES | FIELD_UNSAFE | FIELD_KEPT)) &&
	       l->field != FIELD_COOKIE && l->field != FIELD_AUTHORIZATION && l->field != FIELD_SET_COOKIE;
}

/* The whole trailer section, or nothing of it. Returns 1 when it is complete. */
static int trailer(struct chunk *c, struct cursor *cur, struct sp_err *e)
{
	size_t from = cur->in, end;
	int r = head_section_end(cur->p + from, cur->n - from, TRAILER_MAX, &end, e);

	if (r <= 0)
		return r;
	while (cur->in < from + end) {
		const char *line = cur->p + cur->in;
		const char *nl = memchr(line, '\n', from + end - cur->in);
		size_t n = (size_t)(nl - line) + 1;
		struct head_line l;

		if (n > 2) {
			r = head_line_parse(line, n - 2, &l, e);
			if (r < 0)
				return r;
			if (!trailer_passes(&l)) {
				cur->in += n;
				continue;
			}
		}
		keep(c, cur, n, false);
	}
	c->state = AT_END;
	return 1;
}

int chunk_pass(struct chunk *c, char *p, size_t n, size_t *used, size_t *kept, struct sp_err *e)
{
	struct cursor cur = { .p = p, .n = n };
	int r = 0;

	while (r == 0 && c->state != AT_END && (cur.in < n)) {
		if (c->state == AT_DATA) {
			size_t run = n - cur.in < c->left ? n - cur.in : (size_t)c->left;

			keep(c, &cur, run, true);
			c->left -= run;
			if (c->left == 0)
				c->state = AT_DATA_CR;
		} else if (c->state == AT_TRAILER) {
			r = trailer(c, &cur, e);
			break;
		} else {
			r = c->state < AT_DATA ? size_byte(c, p[cur.in], e) : data_end_byte(c, p[cur.in], e);
			if (r == 0)
				keep(c, &cur, 1, false);
		}
	}
	*used = cur.in;
	*kept = cur.out;
	return r < 0 ? r : c->state == AT_END;
}
