/*
 * vt.h - what compiled views call to write a value: one function for each place in HTML (C-UI-06).
 *
 * web/compiler chooses the function from where the value stands; handlers do not call these. Text that is
 * not UTF-8, and control characters, become U+FFFD: what a user wrote is shown, and does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

/* HTML that our own code made. The compiler writes it as it is, between tags only. */
struct safe_html { const char *p; size_t n; };

void vt_put_text(struct sp_buf *o, const char *s);      /* NULL is "" */
void vt_put_html(struct sp_buf *o, struct safe_html h);
void vt_put_int(struct sp_buf *o, long n);
void vt_put_unsigned(struct sp_buf *o, unsigned long n);

#define vt_attr(o, x) _Generic((x), char *: vt_put_text, const char *: vt_put_text, int: vt_put_int, unsigned: vt_put_unsigned, \
	long: vt_put_int, unsigned long: vt_put_unsigned)((o), (x))
#define vt_text(o, x) _Generic((x), char *: vt_put_text, const char *: vt_put_text, int: vt_put_int, unsigned: vt_put_unsigned, \
	long: vt_put_int, unsigned long: vt_put_unsigned, struct safe_html: vt_put_html)((o), (x))

/* A whole URL: http, https, mailto or relative; anything else becomes "#". */
void vt_url(struct sp_buf *o, const char *url);
void vt_path(struct sp_buf *o, const char *segment);    /* one segment; "", "." and ".." become "-" */
void vt_paths(struct sp_buf *o, const char *path);      /* several; no empty or dot segment is written */
void vt_put_query(struct sp_buf *o, const char *value); /* after '?' or '#' */
void vt_enum(struct sp_buf *o, const char *token);      /* a class token of [A-Za-z0-9_-]; anything else becomes "none" */

#define vt_query(o, x) _Generic((x), char *: vt_put_query, const char *: vt_put_query, int: vt_put_int, long: vt_put_int)((o), (x))

bool vt_is_text(const char *s);
bool vt_is_html(struct safe_html h);
bool vt_is_int(long n);
bool vt_is_pointer(const void *p);

#define vt_true(x) _Generic((x), char *: vt_is_text, const char *: vt_is_text, bool: vt_is_int, int: vt_is_int, unsigned: vt_is_int, \
	long: vt_is_int, unsigned long: vt_is_int, struct safe_html: vt_is_html, default: vt_is_pointer)(x)
