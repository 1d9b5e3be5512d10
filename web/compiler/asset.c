#include "asset.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

static const struct { const char *ext, *type; } type_rows[] = {
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "svg", "image/svg+xml" },
};

static uint64_t fnv1a(struct sp_str s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h;
}

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static const char *type_of(const char *ext)
{
	for (size_t i = 0; i < sizeof(type_rows) / sizeof(type_rows[0]); i++)
		if (strcmp(type_rows[i].ext, ext) == 0)
			return type_rows[i].type;
	return NULL;
}

/* The best deflate level, no time stamp: a clean build gives the same bytes. */
static int gzip(struct sp_str in, struct sp_buf *out, struct sp_err *e)
{
	z_stream z = { 0 };
	unsigned char chunk[4096];
	int r = deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY);

	if (r != Z_OK)
		return sp_fail(e, SP_ENOMEM, 0, "zlib: %d", r);
	z.next_in = (z_const Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		r = deflate(&z, Z_FINISH);
		sp_buf_add(out, chunk, sizeof(chunk) - z.avail_out);
	} while (r == Z_OK);
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : sp_fail(e, SP_EIO, 0, "zlib: %d", r);
}

static void add_array(struct sp_buf *c, const char *kind, size_t at, const char *p, size_t n)
{
	sp_buf_fmt(c, "static const unsigned char %s_%zu[] = {", kind, at);
	for (size_t i = 0; i < n; i++)
		sp_buf_fmt(c, "%s%u,", i % 24 ? "" : "\n\t", (unsigned char)p[i]);
	sp_buf_puts(c, "\n};\n");
}

static int add_row(const struct asset_in *in, size_t at, struct sp_buf *c, struct sp_buf *rows, struct sp_buf *h, struct sp_err *e)
{
	const char *name = base_name(in->file), *dot = strrchr(name, '.');
	const char *type = dot ? type_of(dot + 1) : NULL;
	sp_auto_buf struct sp_buf zipped = { 0 };
	sp_auto_buf struct sp_buf macro = { 0 };
	unsigned long long hash = fnv1a(in->bytes);
	int r;

	if (!dot || !type)
		return sp_fail(e, SP_EINVAL, 0, "%s:1:1: only .css, .js and .svg are served", in->file);
	r = gzip(in->bytes, &zipped, e);
	if (r < 0)
		return r;
	for (const char *p = name; *p; p++)
		sp_buf_fmt(&macro, "%c", isalnum((unsigned char)*p) ? *p : '_');
	add_array(c, "bytes", at, in->bytes.p, in->bytes.n);
	add_array(c, "gzip", at, zipped.p, zipped.n);
	sp_buf_fmt(rows, "\t{ \"%s\", ASSET_%s, \"%s\", \"\\\"%016llx\\\"\", bytes_%zu, sizeof(bytes_%zu), gzip_%zu, sizeof(gzip_%zu) },\n",
		name, macro.p, type, hash, at, at, at, at);
	sp_buf_fmt(h, "#define ASSET_%s \"/-/assets/%.*s.%016llx.%s\"\n", macro.p, (int)(dot - name), name, hash, dot + 1);
	return 0;
}

int asset_compile(const struct asset_in *files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e)
{
	sp_auto_buf struct sp_buf rows = { 0 };

	sp_buf_puts(c, "/* Made by vtc from web/: do not edit. */\n#include \"assets.h\"\n\n");
	sp_buf_puts(h, "/* Made by vtc from web/: do not edit. */\n#pragma once\n\n#include \"server/pages/asset.h\"\n\n");
	for (size_t i = 0; i < n; i++) {
		int r;

		for (size_t j = 0; j < i; j++)
			if (strcmp(base_name(files[i].file), base_name(files[j].file)) == 0)
				return sp_fail(e, SP_EINVAL, 0, "%s:1:1: %s has the same name", files[i].file, files[j].file);
		r = add_row(&files[i], i, c, &rows, h, e);
		if (r < 0)
			return r;
	}
	sp_buf_fmt(c, "\nconst struct asset asset_rows[] = {\n%s};\nconst size_t asset_count = %zu;\n", rows.p ? rows.p : "", n);
	return 0;
}
