/*
 * view.h - templates to C functions.
 *
 * web/views/NAME.html becomes `void view_NAME(struct sp_buf *o, const struct view_NAME *v)`; a file with
 * {{@slot}} is a layout and becomes view_NAME_open and view_NAME_close. The structs are hand-written in
 * server/pages/view.h, so the C compiler checks every field.
 *
 *   {{ a.b }}                 a value, escaped for where it stands (context.h); filters: | enum | path | paths | query
 *   {{#if a}} {{#unless a}} {{#else}} {{/if}}      text is true when not empty, numbers when not 0
 *   {{#each items as x}} {{#else}} {{/each}}       items and n_items of the struct; x.field, or x itself
 *   {{> name a}}              view_name(o, &v->a); {{> name *a}} when the field is a pointer; {{> name x}} for an each variable
 *   {{#layout name a}} {{/layout}}    view_name_open(o, &v->a) … view_name_close
 *   {{@asset site.css}}       the address of an embedded file (asset.h)
 *   {{! comment }}
 */
#pragma once

#include "err.h"
#include "str.h"

/* Compile TEXT of FILE, appending functions to C and declarations to H. SP_EINVAL: "FILE:LINE:COLUMN: reason". */
SP_MUST int view_compile(const char *file, struct sp_str text, struct sp_buf *c, struct sp_buf *h, struct sp_err *e);

/* "web/views/space_card.html" to "space_card". SP_EINVAL: not letters, digits and '_'. */
SP_MUST int view_name(const char *file, char *out, size_t size, struct sp_err *e);

/* Append P[0..n) as C string literals, broken into lines. */
void view_add_literal(struct sp_buf *c, const char *p, size_t n);
