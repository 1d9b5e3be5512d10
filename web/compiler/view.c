#include "view.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

enum { BLOCKS_MAX = 16, WORDS_MAX = 6, NAME_SIZE = 48, EXPR_SIZE = 200 };

enum block_kind { BLOCK_IF, BLOCK_UNLESS, BLOCK_EACH, BLOCK_LAYOUT };

struct block {
	enum block_kind kind;
	struct html_context start, first_end;   /* where it began; where its first branch ended */
	bool has_else;
	unsigned line, column;
	char name[NAME_SIZE];                   /* each: the variable; layout: its name */
	char expr[EXPR_SIZE];
};

struct view {
	const char *file;
	struct sp_str text;
	size_t at;
	unsigned line, column;
	char name[NAME_SIZE];
	bool is_layout, slot_seen;
	struct html_context ctx;
	struct block blocks[BLOCKS_MAX];
	unsigned depth;
	struct sp_buf literal;
	char last;                              /* last literal byte, for squeezing indentation */
	struct sp_buf *c;
};

struct words { struct sp_str w[WORDS_MAX]; size_t n; };

static int bad(const struct view *v, int r, struct sp_err *e)
{
	return sp_err_wrap(e, r, "%s:%u:%u", v->file, v->line, v->column);
}

/* ---- emitting C ---- */

void view_add_literal(struct sp_buf *c, const char *p, size_t n)
{
	sp_buf_puts(c, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char b = (unsigned char)p[i];

		if (b == '\n')
			sp_buf_puts(c, i + 1 < n ? "\\n\"\n\t\t\"" : "\\n");
		else if (b == '"' || b == '\\' || b == '?' || b < 0x20 || b > 0x7e)
			sp_buf_fmt(c, "\\%03o", b);
		else
			sp_buf_add(c, &p[i], 1);
	}
	sp_buf_puts(c, "\"");
}

static void flush_literal(struct view *v)
{
	if (v->literal.n == 0)
		return;
	sp_buf_puts(v->c, "\tsp_buf_add(o, ");
	view_add_literal(v->c, v->literal.p, v->literal.n);
	sp_buf_fmt(v->c, ", %zu);\n", v->literal.n);
	sp_buf_drop(&v->literal, v->literal.n);
}

static void mark_line(struct view *v)
{
	sp_buf_fmt(v->c, "#line %u \"%s\"\n", v->line, v->file);
}

/* ---- names and paths ---- */

static bool is_name(struct sp_str s)
{
	if (s.n == 0 || s.n >= NAME_SIZE || !(isalpha((unsigned char)s.p[0]) || s.p[0] == '_'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

int view_name(const char *file, char *out, size_t size, struct sp_err *e)
{
	const char *base = strrchr(file, '/');
	const char *dot;
	struct sp_str name;

	base = base ? base + 1 : file;
	dot = strrchr(base, '.');
	name = (struct sp_str){ base, dot ? (size_t)(dot - base) : strlen(base) };
	if (!is_name(name) || name.n >= size)
		return sp_fail(e, SP_EINVAL, 0, "%s: file names of views are letters, digits and '_'", file);
	memcpy(out, name.p, name.n);
	out[name.n] = '\0';
	return 0;
}

static bool is_variable(const struct view *v, struct sp_str name)
{
	for (unsigned i = 0; i < v->depth; i++)
		if (v->blocks[i].kind == BLOCK_EACH && sp_str_eq(name, sp_str_of(v->blocks[i].name)))
			return true;
	return false;
}

static size_t name_length(struct sp_str s)
{
	size_t n = 0;

	while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '_'))
		n++;
	return n;
}

/*
 * "card.owner->name" to C. The parameter and each variables are pointers, so the step from them is an
 * arrow; later steps are as written. PREFIX is put before the last name ("n_" for counts).
 */
static int path_to_c(const struct view *v, struct sp_str path, const char *prefix, struct sp_buf *out, struct sp_err *e)
{
	struct sp_str rest = path;
	bool from_variable = false, first = true;

	while (true) {
		struct sp_str name = { rest.p, name_length(rest) };
		bool last = name.n == rest.n;
		const char *step;

		if (!is_name(name))
			return sp_fail(e, SP_EINVAL, 0, "'%.*s' is not a path of names", SP_STR_ARG(path));
		if (first && is_variable(v, name))
			from_variable = true;
		else if (first)
			sp_buf_puts(out, "v->");
		sp_buf_fmt(out, "%s%.*s", last ? prefix : "", SP_STR_ARG(name));
		if (last)
			return 0;
		rest = (struct sp_str){ rest.p + name.n, rest.n - name.n };
		step = first && from_variable ? "->" : rest.p[0] == '.' ? "." : "->";
		sp_buf_puts(out, step);
		if (rest.p[0] != '.' && !(rest.n > 1 && rest.p[0] == '-' && rest.p[1] == '>'))
			return sp_fail(e, SP_EINVAL, 0, "'%.*s' is not a path of names", SP_STR_ARG(path));
		rest = rest.p[0] == '.' ? (struct sp_str){ rest.p + 1, rest.n - 1 } : (struct sp_str){ rest.p + 2, rest.n - 2 };
		first = false;
	}
}

static int value_to_c(const struct view *v, struct sp_str path, struct sp_buf *out, struct sp_err *e)
{
	if (is_variable(v, path)) {
		sp_buf_fmt(out, "*%.*s", SP_STR_ARG(path));
		return 0;
	}
	return path_to_c(v, path, "", out, e);
}

/* The argument of a partial or layout: always a pointer. */
static int pointer_to_c(const struct view *v, struct sp_str path, struct sp_buf *out, struct sp_err *e)
{
	if (path.n && path.p[0] == '*')
		return path_to_c(v, (struct sp_str){ path.p + 1, path.n - 1 }, "", out, e);
	if (!is_variable(v, path))
		sp_buf_puts(out, "&");
	return path_to_c(v, path, "", out, e);
}

/* ---- values ---- */

static const struct { const char *filter; unsigned slots; const char *fn; } filter_rows[] = {
	/* filter   may stand in                                                     function of server/pages/vt.h */
	{ "",       1u << SLOT_TEXT,                                                  "vt_text" },
	{ "",       1u << SLOT_RCDATA | 1u << SLOT_ATTR,                              "vt_attr" },
	{ "",       1u << SLOT_URL,                                                   "vt_url" },
	{ "enum",   1u << SLOT_TEXT | 1u << SLOT_RCDATA | 1u << SLOT_ATTR | 1u << SLOT_CLASS, "vt_enum" },
	{ "path",   1u << SLOT_URL | 1u << SLOT_URL_PATH,                             "vt_path" },
	{ "paths",  1u << SLOT_URL_PATH,                                              "vt_paths" },
	{ "query",  1u << SLOT_URL_QUERY,                                             "vt_query" },
};

static const char *const slot_wants[] = {
	[SLOT_TEXT] = "no filter or '| enum'", [SLOT_RCDATA] = "no filter or '| enum'", [SLOT_ATTR] = "no filter or '| enum'",
	[SLOT_CLASS] = "'| enum'", [SLOT_URL] = "no filter (a whole URL) or '| path'", [SLOT_URL_PATH] = "'| path' or '| paths'",
	[SLOT_URL_QUERY] = "'| query'",
};

static int compile_value(struct view *v, const struct words *w, struct sp_err *e)
{
	struct sp_str filter = w->n == 3 ? w->w[2] : SP_STR("");
	sp_auto_buf struct sp_buf expr = { 0 };
	enum html_slot slot;
	int r;

	if (w->n != 1 && !(w->n == 3 && sp_str_eq(w->w[1], SP_STR("|"))))
		return sp_fail(e, SP_EINVAL, 0, "a value is {{ path }} or {{ path | filter }}");
	r = html_slot(&v->ctx, &slot, e);
	if (r >= 0)
		r = value_to_c(v, w->w[0], &expr, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(filter_rows) / sizeof(filter_rows[0]); i++) {
		if (!(filter_rows[i].slots & 1u << slot) || !sp_str_eq(filter, sp_str_of(filter_rows[i].filter)))
			continue;
		mark_line(v);
		sp_buf_fmt(v->c, "\t%s(o, %s);\n", filter_rows[i].fn, expr.p);
		html_valued(&v->ctx);
		v->last = '\0';
		return 0;
	}
	return sp_fail(e, SP_EINVAL, 0, "a value here takes %s", slot_wants[slot]);
}

static int compile_asset(struct view *v, const struct words *w, struct sp_err *e)
{
	enum html_slot slot;
	int r = html_slot(&v->ctx, &slot, e);

	if (r < 0)
		return r;
	if (w->n != 2 || slot != SLOT_URL)
		return sp_fail(e, SP_EINVAL, 0, "{{@asset name}} is a whole URL attribute");
	mark_line(v);
	sp_buf_puts(v->c, "\tsp_buf_puts(o, ASSET_");
	for (size_t i = 0; i < w->w[1].n; i++)
		sp_buf_fmt(v->c, "%c", isalnum((unsigned char)w->w[1].p[i]) ? w->w[1].p[i] : '_');
	sp_buf_puts(v->c, ");\n");
	html_valued(&v->ctx);
	return 0;
}

/* ---- blocks ---- */

static int push(struct view *v, enum block_kind kind, struct block **ret, struct sp_err *e)
{
	struct block *b = &v->blocks[v->depth];

	if (v->depth >= BLOCKS_MAX)
		return sp_fail(e, SP_EINVAL, 0, "blocks are nested deeper than %d", BLOCKS_MAX);
	*b = (struct block){ .kind = kind, .start = v->ctx, .line = v->line, .column = v->column };
	v->last = '\0';
	*ret = b;
	return 0;
}

static int compile_if(struct view *v, const struct words *w, bool negated, struct sp_err *e)
{
	sp_auto_buf struct sp_buf expr = { 0 };
	struct block *b;
	int r;

	if (w->n != 2)
		return sp_fail(e, SP_EINVAL, 0, "write {{#if path}}");
	r = value_to_c(v, w->w[1], &expr, e);
	if (r >= 0)
		r = push(v, negated ? BLOCK_UNLESS : BLOCK_IF, &b, e);
	if (r < 0)
		return r;
	mark_line(v);
	sp_buf_fmt(v->c, "\tif (%svt_true(%s)) {\n", negated ? "!" : "", expr.p);
	v->depth++;
	return 0;
}

static int compile_each(struct view *v, const struct words *w, struct sp_err *e)
{
	sp_auto_buf struct sp_buf items = { 0 }, count = { 0 };
	struct block *b;
	int r;

	if (w->n != 4 || !sp_str_eq(w->w[2], SP_STR("as")) || !is_name(w->w[3]) || w->w[3].n < 2 || is_variable(v, w->w[3]))
		return sp_fail(e, SP_EINVAL, 0, "write {{#each items as item}} with a new name of at least two letters");
	r = path_to_c(v, w->w[1], "", &items, e);
	if (r >= 0)
		r = path_to_c(v, w->w[1], "n_", &count, e);
	if (r >= 0)
		r = push(v, BLOCK_EACH, &b, e);
	if (r < 0)
		return r;
	memcpy(b->name, w->w[3].p, w->w[3].n);
	r = sp_copy(b->expr, sizeof(b->expr), count.p);
	if (r < 0)
		return sp_fail(e, SP_EINVAL, 0, "the path is too long");
	mark_line(v);
	sp_buf_fmt(v->c, "\tfor (size_t at_%s = 0; at_%s < %s; at_%s++) {\n\tconst __auto_type %s = &%s[at_%s];\n",
		b->name, b->name, count.p, b->name, b->name, items.p, b->name);
	v->depth++;
	return 0;
}

static int compile_layout(struct view *v, const struct words *w, struct sp_err *e)
{
	sp_auto_buf struct sp_buf expr = { 0 };
	struct block *b;
	int r;

	if (w->n != 3 || !is_name(w->w[1]) || v->ctx.state != HTML_TEXT || v->depth)
		return sp_fail(e, SP_EINVAL, 0, "write {{#layout name path}} around the whole view");
	r = pointer_to_c(v, w->w[2], &expr, e);
	if (r >= 0)
		r = push(v, BLOCK_LAYOUT, &b, e);
	if (r >= 0)
		r = sp_copy(b->expr, sizeof(b->expr), expr.p);
	if (r < 0)
		return r;
	memcpy(b->name, w->w[1].p, w->w[1].n);
	mark_line(v);
	sp_buf_fmt(v->c, "\tview_%s_open(o, %s);\n", b->name, b->expr);
	v->depth++;
	return 0;
}

static int compile_else(struct view *v, struct sp_err *e)
{
	struct block *b = v->depth ? &v->blocks[v->depth - 1] : NULL;

	if (!b || b->has_else || b->kind == BLOCK_LAYOUT)
		return sp_fail(e, SP_EINVAL, 0, "{{#else}} without its {{#if}} or {{#each}}");
	if (b->kind == BLOCK_EACH && !html_same(&b->start, &v->ctx))
		return sp_fail(e, SP_EINVAL, 0, "the block of line %u ends at another place of the HTML than it began", b->line);
	b->has_else = true;
	b->first_end = v->ctx;
	v->ctx = b->start;
	v->last = '\0';
	if (b->kind == BLOCK_EACH)
		sp_buf_fmt(v->c, "\t}\n\tif (!vt_true(%s)) {\n", b->expr);
	else
		sp_buf_puts(v->c, "\t} else {\n");
	return 0;
}

static int compile_end(struct view *v, struct sp_str name, struct sp_err *e)
{
	static const char *const names[] = { [BLOCK_IF] = "if", [BLOCK_UNLESS] = "unless", [BLOCK_EACH] = "each", [BLOCK_LAYOUT] = "layout" };
	struct block *b = v->depth ? &v->blocks[v->depth - 1] : NULL;

	if (!b || !sp_str_eq(name, sp_str_of(names[b->kind])))
		return sp_fail(e, SP_EINVAL, 0, "{{/%.*s}} closes nothing", SP_STR_ARG(name));
	if (!html_same(b->has_else ? &b->first_end : &b->start, &v->ctx))
		return sp_fail(e, SP_EINVAL, 0, "the branches of the block of line %u end at different places of the HTML", b->line);
	if (b->kind == BLOCK_LAYOUT)
		sp_buf_fmt(v->c, "\tview_%s_close(o, %s);\n", b->name, b->expr);
	else
		sp_buf_puts(v->c, "\t}\n");
	v->depth--;
	v->last = '\0';
	return 0;
}

static int compile_partial(struct view *v, const struct words *w, struct sp_err *e)
{
	sp_auto_buf struct sp_buf expr = { 0 };
	int r;

	if (w->n != 3 || !is_name(w->w[1]))
		return sp_fail(e, SP_EINVAL, 0, "write {{> name path}}");
	if (v->ctx.state != HTML_TEXT)
		return sp_fail(e, SP_EINVAL, 0, "a partial stands between tags only");
	r = pointer_to_c(v, w->w[2], &expr, e);
	if (r < 0)
		return r;
	mark_line(v);
	sp_buf_fmt(v->c, "\tview_%.*s(o, %s);\n", SP_STR_ARG(w->w[1]), expr.p);
	v->last = '\0';
	return 0;
}

static int compile_slot(struct view *v, struct sp_err *e)
{
	if (v->slot_seen || v->depth || v->ctx.state != HTML_TEXT)
		return sp_fail(e, SP_EINVAL, 0, "{{@slot}} stands once, between tags and outside blocks");
	v->slot_seen = true;
	v->last = '\0';
	sp_buf_fmt(v->c, "}\n\nvoid view_%s_close(struct sp_buf *o, const struct view_%s *v)\n{\n\t(void)v;\n", v->name, v->name);
	return 0;
}

/* ---- reading ---- */

static void split(struct sp_str s, struct words *w)
{
	w->n = 0;
	for (size_t i = 0; i < s.n;) {
		size_t from;

		while (i < s.n && isspace((unsigned char)s.p[i]))
			i++;
		from = i;
		while (i < s.n && !isspace((unsigned char)s.p[i]))
			i++;
		if (i > from && w->n < WORDS_MAX)
			w->w[w->n++] = (struct sp_str){ s.p + from, i - from };
	}
}

static int compile_tag(struct view *v, struct sp_str inner, struct sp_err *e)
{
	struct words w;

	if (inner.n && inner.p[0] == '!')
		return 0;
	flush_literal(v);
	split(inner, &w);
	if (w.n == 0)
		return sp_fail(e, SP_EINVAL, 0, "empty {{ }}");
	if (w.w[0].p[0] == '/')
		return compile_end(v, (struct sp_str){ w.w[0].p + 1, w.w[0].n - 1 }, e);
	if (sp_str_eq(w.w[0], SP_STR("#if")) || sp_str_eq(w.w[0], SP_STR("#unless")))
		return compile_if(v, &w, w.w[0].p[1] == 'u', e);
	if (sp_str_eq(w.w[0], SP_STR("#each")))
		return compile_each(v, &w, e);
	if (sp_str_eq(w.w[0], SP_STR("#else")))
		return compile_else(v, e);
	if (sp_str_eq(w.w[0], SP_STR("#layout")))
		return compile_layout(v, &w, e);
	if (sp_str_eq(w.w[0], SP_STR(">")))
		return compile_partial(v, &w, e);
	if (sp_str_eq(w.w[0], SP_STR("@slot")))
		return compile_slot(v, e);
	if (sp_str_eq(w.w[0], SP_STR("@asset")))
		return compile_asset(v, &w, e);
	return compile_value(v, &w, e);
}

static void advance(struct view *v, size_t n)
{
	for (; n; n--, v->at++) {
		v->column++;
		if (v->text.p[v->at] == '\n') {
			v->line++;
			v->column = 1;
		}
	}
}

static int literal_byte(struct view *v, struct sp_err *e)
{
	char b = v->text.p[v->at];
	bool squeezed = v->ctx.state == HTML_TEXT && v->last == '\n' && (b == '\n' || b == '\t');
	int r = html_feed(&v->ctx, b, e);

	if (r < 0)
		return bad(v, r, e);
	if (!squeezed) {
		sp_buf_add(&v->literal, &b, 1);
		v->last = b;
	}
	advance(v, 1);
	return 0;
}

static int tag(struct view *v, struct sp_err *e)
{
	const char *from = v->text.p + v->at + 2;
	const char *end = memmem(from, v->text.n - v->at - 2, "}}", 2);
	int r;

	if (!end)
		return bad(v, sp_fail(e, SP_EINVAL, 0, "'{{' without '}}'"), e);
	r = compile_tag(v, (struct sp_str){ from, (size_t)(end - from) }, e);
	if (r < 0)
		return bad(v, r, e);
	advance(v, (size_t)(end - from) + 4);
	return 0;
}

static int body(struct view *v, struct sp_err *e)
{
	while (v->at < v->text.n) {
		bool is_tag = v->at + 1 < v->text.n && v->text.p[v->at] == '{' && v->text.p[v->at + 1] == '{';
		int r = is_tag ? tag(v, e) : literal_byte(v, e);

		if (r < 0)
			return r;
	}
	flush_literal(v);
	if (v->depth) {
		v->line = v->blocks[v->depth - 1].line;
		v->column = v->blocks[v->depth - 1].column;
		return bad(v, sp_fail(e, SP_EINVAL, 0, "this block is not closed"), e);
	}
	if (v->ctx.state != HTML_TEXT)
		return bad(v, sp_fail(e, SP_EINVAL, 0, "the file ends inside a tag, a comment or <%s>", v->ctx.tag), e);
	return 0;
}

int view_compile(const char *file, struct sp_str text, struct sp_buf *c, struct sp_buf *h, struct sp_err *e)
{
	struct view v = { .file = file, .text = text, .line = 1, .column = 1, .c = c, .last = '\n' };
	int r = view_name(file, v.name, sizeof(v.name), e);

	if (r < 0)
		return r;
	html_begin(&v.ctx);
	v.is_layout = memmem(text.p, text.n, "{{@slot}}", 9) != NULL;
	if (v.is_layout)
		sp_buf_fmt(h, "void view_%s_close(struct sp_buf *o, const struct view_%s *v);\n", v.name, v.name);
	sp_buf_fmt(h, "void view_%s%s(struct sp_buf *o, const struct view_%s *v);\n", v.name, v.is_layout ? "_open" : "", v.name);
	sp_buf_fmt(c, "\nvoid view_%s%s(struct sp_buf *o, const struct view_%s *v)\n{\n\t(void)v;\n", v.name, v.is_layout ? "_open" : "", v.name);
	r = body(&v, e);
	sp_buf_puts(c, "}\n");
	sp_buf_fini(&v.literal);
	return r;
}
