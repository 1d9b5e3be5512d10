/*
 * ansi.h - a terminal's line as HTML: colours as classes, everything else that a terminal would obey dropped (ui.md 4.5).
 *
 * SGR becomes a-f0…a-f15, a-b0…a-b15 (256 and true colours: the nearest of the sixteen), a-strong, a-dim, a-italic, a-under.
 * A carriage return begins the line anew, as progress bars do. OSC 8 becomes a link for http and https. The text is
 * escaped as all text of users. Pure and fuzzed (tests/fuzz/ansi.c); web/js/vt-log.js does the same in the browser.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

/* What a line inherits from the one before. Zeroed is the default style. */
struct ansi {
	int fg, bg;                     /* 0 default, else colour + 1 */
	bool bold, dim, italic, under, inverse;
};

/* One line of N bytes without its end. */
void ansi_line(struct sp_buf *out, struct ansi *st, const char *text, size_t n);
