/* Reading finished and growing logs from any thread: a window of lines, the whole as text. */
#include <jansson.h>
#include <string.h>

#include "logs_int.h"

/* Line by line without keeping more than a piece: FN gets each whole JSON line and its number from 1; a partial last one is left out. */
static int each_line(struct log_file *f, bool (*fn)(void *arg, uint64_t number, const char *p, size_t n), void *arg, struct sp_err *e)
{
	sp_auto_buf struct sp_buf piece = { 0 };
	uint64_t pos = 0, number = 0;

	while (true) {
		const char *at, *nl;
		size_t before = piece.n;
		int r = log_file_read(f, &pos, LOG_PIECE, &piece, e);

		if (r < 0 || piece.n == before)
			return r;
		for (at = piece.p; (nl = memchr(at, '\n', piece.n - (size_t)(at - piece.p))); at = nl + 1)
			if (!fn(arg, ++number, at, (size_t)(nl - at)))
				return 0;
		sp_buf_drop(&piece, (size_t)(at - piece.p));
	}
}

static bool count(void *arg, uint64_t number, SP_UNUSED const char *p, SP_UNUSED size_t n)
{
	*(uint64_t *)arg = number;
	return true;
}

struct collect { struct sp_arena *a; struct log_window *to; const char **lines; size_t max; };

static bool collect(void *arg, uint64_t number, const char *p, size_t n)
{
	struct collect *c = arg;
	json_t *j;
	const char *text;

	if (number < c->to->first)
		return true;
	j = json_loadb(p, n, 0, NULL);
	text = json_string_value(json_object_get(j, "data"));
	c->lines[c->to->n++] = sp_arena_str(c->a, text ? text : "");
	json_decref(j);
	return c->to->n < c->max;
}

int log_window(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, uint64_t first, size_t max,
		struct sp_arena *a, struct log_window *ret, struct sp_err *e)
{
	struct log_window w = { 0 };
	struct collect c = { .a = a, .to = &w, .max = max };
	struct log_file f;
	int r = log_file_open(l->dir, space, kind, id, &f, e);

	if (r < 0)
		return r;
	r = each_line(&f, count, &w.total, e);
	w.first = first ? first : w.total > max ? w.total - max + 1 : 1;
	c.lines = sp_arena_get(a, (max + 1) * sizeof(*c.lines));
	w.lines = c.lines;
	if (r == 0 && w.first <= w.total)
		r = each_line(&f, collect, &c, e);
	log_file_close(&f);
	if (r == 0)
		*ret = w;
	return r;
}

static bool add_text(void *arg, SP_UNUSED uint64_t number, const char *p, size_t n)
{
	json_t *j = json_loadb(p, n, 0, NULL);
	const char *text = json_string_value(json_object_get(j, "data"));

	sp_buf_puts(arg, text ? text : "");
	json_decref(j);
	return true;
}

int log_text(struct logs *l, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, struct sp_buf *out, struct sp_err *e)
{
	struct log_file f;
	int r = log_file_open(l->dir, space, kind, id, &f, e);

	if (r < 0)
		return r;
	r = each_line(&f, add_text, out, e);
	log_file_close(&f);
	return r;
}
