#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "str.h"

bool term_is_person(FILE *to)
{
	const char *term = getenv("TERM");

	return isatty(fileno(to)) && !(term && !strcmp(term, "dumb"));
}

bool term_has_color(FILE *to)
{
	const char *no = getenv("NO_COLOR");

	return term_is_person(to) && !(no && no[0]);
}

const char *term_on(FILE *to, enum term_style s)
{
	static const char *const codes[] = { [STYLE_NONE] = "", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m", [STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[31m", [STYLE_BUSY] = "\033[33m" };

	return term_has_color(to) ? codes[s] : "";
}

const char *term_off(FILE *to)
{
	return term_has_color(to) ? "\033[0m" : "";
}

enum term_style term_stage(const char *stage)
{
	if (sp_starts_with(stage, "RUNNING"))
		return STYLE_GOOD;
	if (sp_ends_with(stage, "ERROR") || !strcmp(stage, "NO_APP_FILE"))
		return STYLE_BAD;
	return !strcmp(stage, "BUILDING") || !strcmp(stage, "APP_STARTING") ? STYLE_BUSY : STYLE_DIM;
}

/* ESC [ digits and ';' m: a colour. Its length, or 0. */
static size_t color_len(const char *p)
{
	size_t n;

	if (p[0] != '\033' || p[1] != '[')
		return 0;
	n = 2 + strspn(p + 2, "0123456789;");
	return p[n] == 'm' ? n + 1 : 0;
}

const char *term_safe(FILE *to, const char *text, struct sp_arena *a)
{
	char *out, *at;

	if (!isatty(fileno(to)))
		return text;
	out = at = sp_arena_get(a, strlen(text) + 1);
	for (const char *p = text; *p; ) {
		size_t n = color_len(p);

		if (n == 0 && ((unsigned char)*p >= ' ' || *p == '\n' || *p == '\t') && *p != 127 && !(p[0] == '\xc2' && (unsigned char)p[1] < 0xa0))
			n = 1;
		else if (n == 0 || !term_has_color(to)) {
			p += n ?: p[0] == '\xc2' ? 2 : 1;       /* C1 controls are two bytes in UTF-8 */
			continue;
		}
		memcpy(at, p, n);
		at += n;
		p += n;
	}
	return out;
}

static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void term_table(const char *const *cells, const enum term_style *styles, size_t rows, size_t cols)
{
	enum { COLS_MAX = 8 };
	size_t width[COLS_MAX] = { 0 };

	for (size_t i = 0; i < rows * cols; i++)
		if (i % cols < COLS_MAX && width_of(cells[i]) > width[i % cols])
			width[i % cols] = width_of(cells[i]);
	for (size_t r = 0; r < rows; r++) {
		size_t last = cols;

		while (last > 0 && !cells[r * cols + last - 1][0])
			last--;
		for (size_t c = 0; c < last; c++) {
			const char *cell = cells[r * cols + c];
			enum term_style s = styles ? styles[r * cols + c] : STYLE_NONE;

			printf("%s%s%s", term_on(stdout, s), cell, s ? term_off(stdout) : "");
			if (c + 1 < last)
				printf("%*s", (int)(width[c] - width_of(cell)) + 2, "");
		}
		putchar('\n');
	}
}

void term_progress(const char *text, unsigned long long start_us)
{
	static bool is_shown;
	double s = text ? (double)(sp_mono_us() - start_us) / 1e6 : 0;

	if (!term_is_person(stderr) || (text && s < 1))
		return;
	if (text)
		fprintf(stderr, "\r  %s%-52s %6.0f s%s\033[K", term_on(stderr, STYLE_DIM), text, s, term_off(stderr));
	else if (is_shown)
		fputs("\r\033[K", stderr);
	is_shown = text != NULL;
	fflush(stderr);
}

const char *term_ask_hidden(const char *prompt, struct sp_arena *a)
{
	sp_auto_fclose FILE *tty = fopen("/dev/tty", "r+e");
	struct termios old, quiet;
	char line[65536 + 2];
	bool got;

	if (!tty || tcgetattr(fileno(tty), &old) < 0)
		return NULL;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(tty, "%s: ", prompt);
	fflush(tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	got = fgets(line, sizeof(line), tty) != NULL;
	tcsetattr(fileno(tty), TCSAFLUSH, &old);
	fputs("\n", tty);
	if (!got)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return sp_arena_str(a, line);
}

const char *term_read_input(size_t max, struct sp_arena *a)
{
	char *text = sp_arena_get(a, max + 3);
	size_t n = fread(text, 1, max + 3, stdin);

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n > max || memchr(text, '\0', n))
		return NULL;
	text[n] = '\0';
	return text;
}
