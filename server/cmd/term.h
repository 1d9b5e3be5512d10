/*
 * term.h - what is printed: colours where a person looks, aligned columns, nothing that could steer the terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "arena.h"

/* Does a person look at TO? Then colours are used, unless NO_COLOR says otherwise (no-color.org). */
bool term_is_person(FILE *to);
bool term_has_color(FILE *to);

enum term_style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_BUSY };
const char *term_on(FILE *to, enum term_style s);       /* "" without colours */
const char *term_off(FILE *to);
enum term_style term_stage(const char *stage);          /* "RUNNING" is good */

/*
 * Text that others wrote (logs, causes) for TO: on a terminal only colours, tabs and line ends are left of the control
 * characters, so that an app cannot retitle it or type into it. From A.
 */
const char *term_safe(FILE *to, const char *text, struct sp_arena *a);

/* Aligned columns on standard output; CELLS has ROWS * COLS texts, STYLES as many or NULL. Empty last cells leave no spaces. */
void term_table(const char *const *cells, const enum term_style *styles, size_t rows, size_t cols);

/* Show that something goes on, on the terminal's standard error, from its first second on; NULL ends the line. */
void term_progress(const char *text, unsigned long long start_us);

/* Ask for a line without showing what is typed. NULL: no terminal, or nothing came. From A. */
const char *term_ask_hidden(const char *prompt, struct sp_arena *a);

/* All of standard input without the last line end, at most MAX bytes. NULL: too long, or not text. From A. */
const char *term_read_input(size_t max, struct sp_arena *a);
