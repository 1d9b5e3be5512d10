/*
 * highlight.h - source text as lines of HTML with coloured words: one lexer, a table of languages (ui.md 4.5).
 *
 * It knows strings, comments, numbers and keywords and nothing else: good enough to read. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "server/pages/vt.h"

struct highlight_language;

/* By the file's name; NULL: none is known, the text stays plain. */
const struct highlight_language *highlight_language_of(const char *path);
const char *highlight_name(const struct highlight_language *l);         /* "Python"; "Text" for NULL */

/*
 * Each line as <span class="line" id="L1"><a …>1</a>text</span>, at most view_lines of them. Text over highlight_bytes has no
 * colours. *RET_LINES: how many the text has.
 */
struct safe_html highlight_lines(const struct highlight_language *l, const char *text, size_t n, struct sp_arena *a, size_t *ret_lines);
