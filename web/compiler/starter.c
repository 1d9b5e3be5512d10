#include "starter.h"

#include <string.h>

/* "NAME" and "PATH" of ".../NAME/PATH" behind the folder templates/. */
static int split(const char *file, struct sp_str *ret_name, const char **ret_path, struct sp_err *e)
{
	static const char folder[] = "templates/";
	const char *at = strstr(file, folder), *slash = at ? strchr(at + sizeof(folder) - 1, '/') : NULL;

	if (!slash || !slash[1])
		return sp_fail(e, SP_EINVAL, 0, "%s:1:1: not a file of a folder below templates/", file);
	at += sizeof(folder) - 1;
	*ret_name = (struct sp_str){ at, (size_t)(slash - at) };
	*ret_path = slash + 1;
	return 0;
}

/* The value of KEY in the block at the start of README, without quotes; empty when it has none. */
static struct sp_str value_of(struct sp_str readme, const char *key)
{
	const char *at = readme.p, *end = readme.p + readme.n;
	size_t k = strlen(key);

	for (unsigned line = 0; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);

		if (line > 0 && n >= 3 && memcmp(at, "---", 3) == 0)
			break;
		if (n > k + 1 && memcmp(at, key, k) == 0 && at[k] == ':') {
			struct sp_str v = { at + k + 1, n - k - 1 };

			for (; v.n && *v.p == ' '; v.p++)
				v.n--;
			if (v.n >= 2 && *v.p == '"' && v.p[v.n - 1] == '"')
				v = (struct sp_str){ v.p + 1, v.n - 2 };
			return v;
		}
		at += n + 1;
	}
	return (struct sp_str){ "", 0 };
}

static void add_string(struct sp_buf *c, struct sp_str s)
{
	sp_buf_puts(c, "\"");
	for (size_t i = 0; i < s.n; i++)
		sp_buf_fmt(c, "\\%03o", (unsigned char)s.p[i]);
	sp_buf_puts(c, "\"");
}

static void add_bytes(struct sp_buf *c, size_t at, struct sp_str s)
{
	sp_buf_fmt(c, "static const unsigned char bytes_%zu[] = {", at);
	for (size_t i = 0; i < s.n; i++)
		sp_buf_fmt(c, "%s%u,", i % 24 ? "" : "\n\t", (unsigned char)s.p[i]);
	sp_buf_puts(c, s.n ? "\n};\n" : " 0 };\n");     /* an empty array is no C */
}

/* One starter: FILES from FROM up to TO. */
static int add_starter(const struct starter_in *files, size_t from, size_t to, struct sp_buf *c, struct sp_buf *rows, struct sp_err *e)
{
	static const char *const keys[] = { "title", "emoji", "sdk", "short_description" };
	struct sp_str name = { 0 }, readme = { 0 };
	sp_auto_buf struct sp_buf list = { 0 };
	const char *path;
	int r;

	for (size_t i = from; i < to; i++) {
		r = split(files[i].file, &name, &path, e);
		if (r < 0)
			return r;
		if (strcmp(path, "README.md") == 0)
			readme = files[i].bytes;
		add_bytes(c, i, files[i].bytes);
		sp_buf_fmt(&list, "\t{ \"%s\", bytes_%zu, %zu },\n", path, i, files[i].bytes.n);
	}
	if (!value_of(readme, "sdk").n)
		return sp_fail(e, SP_EINVAL, 0, "%s:1:1: templates/%.*s has no README.md that names an sdk", files[from].file, SP_STR_ARG(name));
	sp_buf_fmt(c, "static const struct template_file files_%zu[] = {\n%s};\n", from, list.p);
	sp_buf_fmt(rows, "\t{ \"%.*s\", ", SP_STR_ARG(name));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		add_string(rows, value_of(readme, keys[i]));
		sp_buf_puts(rows, ", ");
	}
	sp_buf_fmt(rows, "files_%zu, %zu },\n", from, to - from);
	return 0;
}

int starter_compile(const struct starter_in *files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e)
{
	sp_auto_buf struct sp_buf rows = { 0 };
	size_t count = 0;

	sp_buf_puts(c, "/* Made by vtc from templates/: do not edit. */\n#include \"starters.h\"\n\n");
	sp_buf_puts(h, "/* Made by vtc from templates/: do not edit. */\n#pragma once\n\n#include \"server/templates.h\"\n");
	for (size_t from = 0, to; from < n; from = to, count++) {
		struct sp_str name, next;
		const char *path;
		int r = split(files[from].file, &name, &path, e);

		for (to = from + 1; r == 0 && to < n; to++) {
			r = split(files[to].file, &next, &path, e);
			if (r == 0 && !sp_str_eq(name, next))
				break;
		}
		if (r == 0)
			r = add_starter(files, from, to, c, &rows, e);
		if (r < 0)
			return r;
	}
	sp_buf_fmt(c, "\nconst struct template template_rows[] = {\n%s};\nconst size_t template_count = %zu;\n", rows.p ? rows.p : "", count);
	return 0;
}
