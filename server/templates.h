/*
 * templates.h - the starter Spaces of templates/, compiled into the server: it sees no file of the program's.
 *
 * Everything is static; nothing fails. Title, emoji, sdk and description are those of the template's README.
 */
#pragma once

#include <stddef.h>

struct template_file { const char *path; const unsigned char *bytes; size_t n; };

struct template {
	const char *name;               /* "gradio-hello" */
	const char *title, *emoji, *sdk, *description;
	const struct template_file *files;
	size_t n_files;
};

/* In the order of their names. */
const struct template *templates_list(size_t *ret_n);

/* By "gradio-hello" or "vitrine/gradio-hello", the id that clients are told; the case does not matter. NULL: none. */
const struct template *template_find(const char *name);

/* Made at build time from templates/ (web/compiler). */
extern const struct template template_rows[];
extern const size_t template_count;
