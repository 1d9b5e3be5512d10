/*
 * vtc - the build's template compiler.
 *
 *     vtc views OUT.c OUT.h FILE.html…
 *     vtc assets OUT.c OUT.h FILE…
 *     vtc starters OUT.c OUT.h templates/NAME/FILE…
 *
 * Exit status 1 and one line "FILE:LINE:COLUMN: reason" when a file is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asset.h"
#include "auto.h"
#include "starter.h"
#include "view.h"

static int read_file(const char *file, struct sp_buf *out, struct sp_err *e)
{
	sp_auto_fclose FILE *f = fopen(file, "re");
	char chunk[8192];
	size_t n;

	if (!f)
		return sp_fail(e, SP_EIO, 0, "%s:1:1: cannot be read", file);
	sp_buf_add(out, "", 0);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		sp_buf_add(out, chunk, n);
	return ferror(f) ? sp_fail(e, SP_EIO, 0, "%s:1:1: cannot be read", file) : 0;
}

static int write_file(const char *file, const struct sp_buf *b, struct sp_err *e)
{
	FILE *f = fopen(file, "we");
	bool ok = f && fwrite(b->p, 1, b->n, f) == b->n;

	if (f && fclose(f) != 0)
		ok = false;
	return ok ? 0 : sp_fail(e, SP_EIO, 0, "%s:1:1: cannot be written", file);
}

static int views(char **files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e)
{
	sp_buf_puts(h, "/* Made by vtc from web/views: do not edit. */\n#pragma once\n\n"
		"#include \"server/pages/view.h\"\n#include \"str.h\"\n\n");
	sp_buf_puts(c, "/* Made by vtc from web/views: do not edit. */\n#include \"views.h\"\n\n"
		"#include \"assets.h\"\n#include \"server/pages/vt.h\"\n");
	for (size_t i = 0; i < n; i++) {
		sp_auto_buf struct sp_buf text = { 0 };
		int r = read_file(files[i], &text, e);

		if (r >= 0)
			r = view_compile(files[i], (struct sp_str){ text.p, text.n }, c, h, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int assets(char **files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e)
{
	struct asset_in *in = calloc(n + 1, sizeof(*in));
	struct sp_buf *texts = calloc(n + 1, sizeof(*texts));
	int r = in && texts ? 0 : sp_fail(e, SP_ENOMEM, 0, "out of memory");

	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = read_file(files[i], &texts[i], e);
		in[i] = (struct asset_in){ files[i], { texts[i].p, texts[i].n } };
	}
	if (r >= 0)
		r = asset_compile(in, n, c, h, e);
	for (size_t i = 0; texts && i < n; i++)
		sp_buf_fini(&texts[i]);
	free(texts);
	free(in);
	return r;
}

static int starters(char **files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e)
{
	struct starter_in *in = calloc(n + 1, sizeof(*in));
	struct sp_buf *texts = calloc(n + 1, sizeof(*texts));
	int r = in && texts ? 0 : sp_fail(e, SP_ENOMEM, 0, "out of memory");

	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = read_file(files[i], &texts[i], e);
		in[i] = (struct starter_in){ files[i], { texts[i].p, texts[i].n } };
	}
	if (r >= 0)
		r = starter_compile(in, n, c, h, e);
	for (size_t i = 0; texts && i < n; i++)
		sp_buf_fini(&texts[i]);
	free(texts);
	free(in);
	return r;
}

static const struct mode {
	const char *name;
	int (*make)(char **files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e);
} modes[] = { { "views", views }, { "assets", assets }, { "starters", starters } };

static const struct mode *mode_of(const char *name)
{
	for (size_t i = 0; i < SP_COUNT(modes); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

int main(int argc, char **argv)
{
	sp_auto_buf struct sp_buf c = { 0 }, h = { 0 };
	struct sp_err e = { 0 };
	const struct mode *mode = argc < 4 ? NULL : mode_of(argv[1]);
	int r;

	if (!mode) {
		fprintf(stderr, "usage: vtc views|assets|starters OUT.c OUT.h FILE...\n");
		return 2;
	}
	r = mode->make(argv + 4, (size_t)argc - 4, &c, &h, &e);
	if (r >= 0)
		r = write_file(argv[2], &c, &e);
	if (r >= 0)
		r = write_file(argv[3], &h, &e);
	if (r < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	return 0;
}
