#include "server/pages/highlight.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "auto.h"
#include "limit.h"

enum { ENDS = 8, WORD_MAX = 24 };

enum flags {
	TRIPLE = 1,             /* """ strings over lines */
	BACKTICK = 2,           /* `strings` over lines */
	NO_CASE = 4,            /* keywords in any case */
	TAGS = 8,               /* <tag …>: words behind '<' are keywords, comments are <!-- --> */
	KEYS = 16,              /* "word:" or "word =" at the start of a line is a key */
	HEADINGS = 32,          /* lines that start with '#' are headings: Markdown */
	PREPROCESSOR = 64,      /* lines that start with '#' are keywords: C */
	CHARS = 128,            /* ' begins a character, not a string over many: Rust's lifetimes */
	NO_SINGLE = 256,        /* ' is nothing */
};

struct highlight_language {
	const char *name;
	const char *ends[ENDS];         /* of file names, or whole names */
	const char *line, *line2;       /* what begins a comment to the end of the line */
	const char *open, *close;       /* of a comment over lines */
	unsigned flags;
	const char *words;              /* keywords between single spaces, one at both ends */
};

static const struct highlight_language languages[] = {
	{ "Python", { ".py", ".pyi" }, "#", NULL, NULL, NULL, TRIPLE,
	  " and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass"
	  " raise return try while with yield None True False self " },
	{ "JavaScript", { ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx" }, "//", NULL, "/*", "*/", BACKTICK,
	  " abstract as async await break case catch class const continue debugger declare default delete do else enum export extends false finally for from function"
	  " if implements import in instanceof interface let new null of private protected public readonly return static super switch this throw true try type typeof"
	  " undefined var void while with yield " },
	{ "HTML", { ".html", ".htm", ".xml", ".svg", ".vue" }, NULL, NULL, "<!--", "-->", TAGS, " " },
	{ "CSS", { ".css", ".scss" }, NULL, NULL, "/*", "*/", KEYS, " important media import supports layer keyframes font-face from to " },
	{ "JSON", { ".json", ".ipynb", ".jsonl", ".webmanifest" }, NULL, NULL, NULL, NULL, NO_SINGLE, " true false null " },
	{ "YAML", { ".yaml", ".yml" }, "#", NULL, NULL, NULL, KEYS, " true false null yes no on off " },
	{ "TOML", { ".toml", ".ini", ".cfg" }, "#", ";", NULL, NULL, KEYS | TRIPLE, " true false " },
	{ "Shell", { ".sh", ".bash", ".zsh", "Makefile", ".mk" }, "#", NULL, NULL, NULL, BACKTICK,
	  " case do done elif else esac exec exit export fi for function if in local return set shift then trap unset until while cd echo source sudo " },
	{ "Dockerfile", { "Dockerfile", ".dockerfile", "Containerfile" }, "#", NULL, NULL, NULL, NO_CASE,
	  " add arg cmd copy entrypoint env expose from healthcheck label onbuild run shell stopsignal user volume workdir as " },
	{ "Markdown", { ".md", ".markdown" }, NULL, NULL, "<!--", "-->", HEADINGS | BACKTICK | NO_SINGLE, " " },
	{ "C", { ".c", ".h", ".cc", ".cpp", ".hpp", ".cu", ".glsl", ".frag" }, "//", NULL, "/*", "*/", PREPROCESSOR,
	  " auto bool break case catch char class const constexpr continue default delete do double else enum explicit extern false final float for friend goto if inline"
	  " int int64_t long namespace new nullptr NULL operator override private protected public register return short signed size_t sizeof static struct switch template"
	  " this throw true try typedef typename uint32_t uint64_t uint8_t union unsigned using virtual void volatile while " },
	{ "Go", { ".go" }, "//", NULL, "/*", "*/", BACKTICK,
	  " any bool break byte case chan const continue default defer else error fallthrough false for func go goto if import int interface map nil package range return"
	  " select string struct switch true type var " },
	{ "Rust", { ".rs" }, "//", NULL, "/*", "*/", CHARS,
	  " as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super"
	  " trait true type unsafe use where while Some None Ok Err " },
	{ "R", { ".r", ".R" }, "#", NULL, NULL, NULL, 0, " break else FALSE for function if in library next NULL NA repeat require return TRUE while " },
	{ "Julia", { ".jl" }, "#", NULL, "#=", "=#", TRIPLE | CHARS,
	  " abstract begin break catch const continue do else elseif end export false finally for function global if import in let local macro module mutable nothing"
	  " return struct true try using where while " },
	{ "SQL", { ".sql" }, "--", NULL, "/*", "*/", NO_CASE,
	  " add all alter and as asc by case create default delete desc distinct drop else end exists foreign from group having in index inner insert into is join key left"
	  " like limit not null on or order outer primary references select set table then union unique update values view when where with " },
};

const struct highlight_language *highlight_language_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = strlen(name);

	for (size_t i = 0; i < SP_COUNT(languages); i++) {
		for (size_t k = 0; k < ENDS && languages[i].ends[k]; k++) {
			const char *end = languages[i].ends[k];
			size_t m = strlen(end);

			if (n >= m && strcmp(name + n - m, end) == 0 && (*end == '.' || n == m))
				return &languages[i];
		}
	}
	return NULL;
}

const char *highlight_name(const struct highlight_language *l)
{
	return l ? l->name : "Text";
}

/* ---- output: a class spans lines by ending and beginning again ---- */

struct lexer {
	const struct highlight_language *l;     /* NULL: plain */
	const char *p, *end;
	struct sp_buf *out;
	size_t line;
	const char *kind;                       /* class that is open; NULL: none */
	bool at_start;                          /* nothing but space before this on the line */
};

static void line_open(struct lexer *x)
{
	x->line++;
	x->at_start = true;
	sp_buf_fmt(x->out, "<span class=\"line\" id=\"L%zu\"><a href=\"#L%zu\" tabindex=\"-1\" aria-hidden=\"true\" data-n=\"%zu\"></a>", x->line, x->line, x->line);
	if (x->kind)
		sp_buf_fmt(x->out, "<span class=\"%s\">", x->kind);
}

static void line_close(struct lexer *x)
{
	sp_buf_puts(x->out, x->kind ? "</span>\n</span>" : "\n</span>");
}

static bool is_full(const struct lexer *x)
{
	return x->line > SP_LIMIT_view_lines;
}

/* N bytes of the text as they are. */
static void put(struct lexer *x, size_t n)
{
	const char *stop = x->p + n;

	while (x->p < stop && !is_full(x)) {
		const char *nl = memchr(x->p, '\n', (size_t)(stop - x->p)), *to = nl ? nl : stop;
		size_t len = (size_t)(to - x->p);
		char part[512];

		while (len) {           /* in pieces: vt_put_text wants a NUL; at a whole character */
			size_t some = len < sizeof(part) - 1 ? len : sizeof(part) - 1;

			while (some < len && some > 1 && ((unsigned char)x->p[some] & 0xc0) == 0x80)
				some--;
			memcpy(part, x->p, some);
			part[some] = '\0';
			for (size_t i = 0; i < some; i++)
				part[i] = part[i] == '\0' || part[i] == '\r' ? ' ' : part[i];
			vt_put_text(x->out, part);
			x->p += some;
			len -= some;
		}
		if (nl) {
			line_close(x);
			x->p++;
			if (x->p < x->end)
				line_open(x);
		}
	}
	x->p = stop;
}

static void put_as(struct lexer *x, const char *kind, size_t n)
{
	sp_buf_fmt(x->out, "<span class=\"%s\">", kind);
	x->kind = kind;
	put(x, n);
	if (x->p < x->end || x->p[-1] != '\n')
		sp_buf_puts(x->out, "</span>");
	x->kind = NULL;
}

/* ---- lexing ---- */

static bool starts(const struct lexer *x, const char *with)
{
	size_t n = with ? strlen(with) : 0;

	return n && (size_t)(x->end - x->p) >= n && memcmp(x->p, with, n) == 0;
}

static size_t to_line_end(const struct lexer *x)
{
	const char *nl = memchr(x->p, '\n', (size_t)(x->end - x->p));

	return (size_t)((nl ? nl : x->end) - x->p);
}

/* Length until behind CLOSE, from FROM on; the rest when it never comes. */
static size_t to_behind(const struct lexer *x, size_t from, const char *close)
{
	size_t n = (size_t)(x->end - x->p);
	const char *at = from < n ? memmem(x->p + from, n - from, close, strlen(close)) : NULL;

	return at ? (size_t)(at - x->p) + strlen(close) : n;
}

/* A string from its quote on; it ends with its line unless it may go on. */
static size_t string_length(const struct lexer *x, bool over_lines)
{
	char quote = *x->p;
	size_t n = (size_t)(x->end - x->p), i = 1;

	for (; i < n && x->p[i] != quote; i++) {
		if (x->p[i] == '\n' && !over_lines)
			return i;
		if (x->p[i] == '\\' && i + 1 < n && x->p[i + 1] != '\n')
			i++;
	}
	return i < n ? i + 1 : n;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_keyword(const struct highlight_language *l, const char *p, size_t n)
{
	char word[WORD_MAX + 3];

	if (n > WORD_MAX)
		return false;
	word[0] = ' ';
	for (size_t i = 0; i < n; i++)
		word[i + 1] = l->flags & NO_CASE ? (char)tolower((unsigned char)p[i]) : p[i];
	memcpy(word + n + 1, " ", 2);
	return strstr(l->words, word) != NULL;
}

static bool lex_comment(struct lexer *x)
{
	const struct highlight_language *l = x->l;

	if (starts(x, l->open)) {
		put_as(x, "t-c", to_behind(x, strlen(l->open), l->close));
		return true;
	}
	if (starts(x, l->line) || starts(x, l->line2)) {
		put_as(x, "t-c", to_line_end(x));
		return true;
	}
	return false;
}

static bool lex_string(struct lexer *x)
{
	unsigned flags = x->l->flags;

	if (flags & TRIPLE && (starts(x, "\"\"\"") || starts(x, "'''"))) {
		put_as(x, "t-s", to_behind(x, 3, *x->p == '"' ? "\"\"\"" : "'''"));
		return true;
	}
	if (*x->p == '\'' && flags & CHARS) {   /* 'a' or '\n', else a lifetime */
		size_t n = string_length(x, false);

		put_as(x, "t-s", n <= 4 || x->p[1] == '\\' ? n : 1);
		return true;
	}
	if (*x->p != '"' && (*x->p != '\'' || flags & NO_SINGLE) && (*x->p != '`' || !(flags & BACKTICK)))
		return false;
	put_as(x, "t-s", string_length(x, *x->p == '`'));
	return true;
}

/* What is told from the start of its line. */
static bool lex_line(struct lexer *x)
{
	size_t n = 0, all = to_line_end(x);

	if (!x->at_start)
		return false;
	if (x->l->flags & (HEADINGS | PREPROCESSOR) && *x->p == '#') {
		put_as(x, "t-k", all);
		return true;
	}
	if (!(x->l->flags & KEYS) || !(is_word(*x->p) || *x->p == '-'))
		return false;
	while (n < all && (is_word(x->p[n]) || strchr("-. ", x->p[n])))
		n++;
	if (n == all || (x->p[n] != ':' && x->p[n] != '='))
		return false;
	put_as(x, "t-k", n);
	return true;
}

static void lex_word(struct lexer *x)
{
	size_t n = 1, most = (size_t)(x->end - x->p);
	bool is_tag = x->l->flags & TAGS && x->p[0] == '<';

	if (is_tag) {
		while (n < most && (is_word(x->p[n]) || strchr("/!-:", x->p[n])))
			n++;
		put_as(x, "t-k", n);
		return;
	}
	if (!is_word(*x->p)) {
		put(x, 1);
		return;
	}
	while (n < most && (is_word(x->p[n]) || (isdigit((unsigned char)*x->p) && x->p[n] == '.')))
		n++;
	if (isdigit((unsigned char)*x->p))
		put_as(x, "t-n", n);
	else if (is_keyword(x->l, x->p, n))
		put_as(x, "t-k", n);
	else
		put(x, n);
}

static void lex(struct lexer *x)
{
	while (x->p < x->end && !is_full(x)) {
		bool is_space = *x->p == ' ' || *x->p == '\t' || *x->p == '\n';

		if (is_space)
			put(x, 1);
		else if (!lex_line(x) && !lex_comment(x) && !lex_string(x))
			lex_word(x);
		if (!is_space)
			x->at_start = false;
	}
}

struct safe_html highlight_lines(const struct highlight_language *l, const char *text, size_t n, struct sp_arena *a, size_t *ret_lines)
{
	sp_auto_buf struct sp_buf out = { 0 };
	struct lexer x = { .l = n > SP_LIMIT_highlight_bytes ? NULL : l, .p = text, .end = text + n, .out = &out };
	size_t lines = n > 0 && text[n - 1] != '\n';

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	*ret_lines = lines;
	if (n) {
		line_open(&x);
		if (x.l)
			lex(&x);
		else
			put(&x, n);
		if (text[n - 1] != '\n' && !is_full(&x))
			line_close(&x);
	}
	return (struct safe_html){ sp_arena_mem(a, out.p ? out.p : "", out.n), out.n };
}
