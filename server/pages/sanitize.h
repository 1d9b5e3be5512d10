/*
 * sanitize.h - HTML that anybody wrote, as HTML that does nothing (C-UI-07; ui.md 4.3).
 *
 * The text is parsed as browsers parse it (gumbo, an HTML5 fragment in a div) and written anew from lists of
 * elements, attributes and schemes. Nothing is filtered: what no list names is not written. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "server/pages/vt.h"
#include "str.h"

struct sanitize {
	/* Where relative links lead: "/spaces/ada/chat/blob/main" and "…/resolve/main" for images; NULL: they are dropped. */
	const char *pages, *files;
	const char *dir;                /* folder of the document in its repository, "" for the root */
	bool shift_headings;            /* h1 becomes h2, because the page has its own */
	bool remote_images;             /* else an image of another host is a link: looking at a page tells nobody (C-UI-22) */
};

/*
 * Append the harmless form of HTML to OUT, at most 4 times as long as it and 16 KiB. SP_EQUOTA: parsing takes more memory or
 * time than markdown_parse_bytes and markdown_parse_ms; OUT is as it was.
 */
SP_MUST int sanitize_html(const char *html, size_t n, const struct sanitize *how, struct sp_buf *out, struct sp_err *e);
