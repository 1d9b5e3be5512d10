#include "requirements.h"

#include <string.h>
#include <strings.h>

#include "auto.h"

enum { FILES_MAX = 16, DEPTH_MAX = 4, TEXT_MAX = 1 << 20, PACKAGES_MAX = 200 };

struct walk { req_read_fn *read; void *arg; struct req_text *ret; unsigned files, depth; };

static int take_file(struct walk *w, const char *path, bool optional, struct sp_err *e);

/* The argument of "-r x", "-rx", "--requirement x" or "--requirement=x"; NULL when LINE is none of them. */
static const char *option_value(const char *line, const char *brief, const char *full)
{
	size_t n = strlen(full);

	if (brief && strncmp(line, brief, 2) == 0)
		line += 2;
	else if (strncmp(line, full, n) == 0 && strchr(" \t=", line[n]) && line[n])
		line += n + 1;
	else
		return NULL;
	return line + strspn(line, " \t=");
}

static bool has_credentials(const char *line)
{
	const char *scheme = strstr(line, "://"), *at = scheme ? strchr(scheme + 3, '@') : NULL;

	return at && (size_t)(at - scheme - 3) == strcspn(scheme + 3, "@/ \t");
}

/*
 * Could this line mean something else in another repository, or reach what another owner may not? What is
 * not known to be harmless is private: whoever finds a line that is read differently here and in uv could
 * otherwise build an environment that other owners get (C-SBX-24).
 */
static bool line_is_private(const char *line, size_t n)
{
	static const char *const options[] = { "--hash=", "--pre", "--no-binary", "--only-binary", "--prefer-binary", "--require-hashes",
		"-r", "-c", "--requirement", "--constraint" };
	static const char *const inside[] = { "file:", "ssh", "git+git", "${" };
	bool url = strstr(line, "://") != NULL;

	if (n == 0 || *line == '#')
		return false;
	if (line[n - 1] == '\\' && (n < 2 || !strchr(" \t", line[n - 2]) || (!strstr(line, "==") && !strstr(line, "--hash="))))
		return true;    /* a continuation could hide what a line is */
	for (size_t i = 0; *line == '-' && i < SP_COUNT(options); i++)
		if (sp_starts_with(line, options[i]))
			return false;
	if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *line))
		return true;
	for (size_t i = 0; i < SP_COUNT(inside); i++)
		if (strcasestr(line, inside[i]))
			return true;
	if (has_credentials(line))
		return true;
	return !url && (strpbrk(line, "/@") || strstr(line, ".whl") || strstr(line, ".tar") || strstr(line, ".zip"));
}

static int take_line(struct walk *w, const char *line, const char *file, struct sp_err *e)
{
	const char *other = option_value(line, "-r", "--requirement"), *slash = strrchr(file, '/');
	sp_auto_buf struct sp_buf path = { 0 };

	if (!other)
		other = option_value(line, "-c", "--constraint");
	if (!other)
		return 0;
	if (strstr(other, "://")) {
		w->ret->is_private = true;
		return 0;
	}
	if (slash && *other != '/')
		sp_buf_add(&path, file, (size_t)(slash - file) + 1);
	sp_buf_puts(&path, sp_starts_with(other, "./") ? other + 2 : other);
	return take_file(w, path.p, true, e);
}

/* Lines are kept as they are, comments too: what is left out here and read by uv would be missing in the key. */
static int take_text(struct walk *w, const char *text, const char *file, struct sp_err *e)
{
	while (*text) {
		size_t n = strcspn(text, "\n"), keep = n, skip;
		sp_auto_buf struct sp_buf line = { 0 };
		int r;

		while (keep > 0 && strchr(" \t\r", text[keep - 1]))
			keep--;
		skip = strspn(text, " \t");
		sp_buf_add(&line, text, keep);
		sp_buf_add(&line, "", 1);
		sp_buf_fmt(&w->ret->text, "%s\n", line.p);
		if (memchr(text, '\r', keep) || line_is_private(keep > skip ? line.p + skip : "", keep > skip ? keep - skip : 0))
			w->ret->is_private = true;
		text += n + (text[n] == '\n');
		r = keep > skip ? take_line(w, line.p + skip, file, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_file(struct walk *w, const char *path, bool optional, struct sp_err *e)
{
	const char *text;
	int r;

	if (++w->files > FILES_MAX || w->depth >= DEPTH_MAX)
		return sp_fail(e, SP_EINVAL, 0, "requirements include more than %d files", FILES_MAX);
	r = w->read(w->arg, path, &text, e);
	if (r == -SP_ENOENT && optional) {
		w->ret->is_private = true;      /* uv will say what it thinks of it */
		return 0;
	}
	if (r < 0)
		return r;
	if (w->ret->text.n + strlen(text) > TEXT_MAX)
		return sp_fail(e, SP_EINVAL, 0, "requirements are larger than 1 MB");
	w->depth++;
	r = take_text(w, text, path, e);
	w->depth--;
	return r;
}

int req_normalise(const char *path, req_read_fn *read, void *arg, struct req_text *ret, struct sp_err *e)
{
	struct req_text made = { 0 };
	struct walk w = { .read = read, .arg = arg, .ret = &made };
	int r = take_file(&w, path, false, e);

	if (r < 0) {
		req_fini(&made);
		return r;
	}
	*ret = made;
	return 0;
}

void req_fini(struct req_text *r)
{
	sp_buf_fini(&r->text);
	*r = (struct req_text){ 0 };
}

/* Debian policy 5.6.1, with an architecture (:amd64) or version (=1.2) behind. */
static bool is_package(const char *s, size_t n)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.:=~ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	return n >= 2 && n <= 200 && strchr(first, *s) && strspn(s, rest) >= n;
}

int packages_parse(const char *text, struct sp_arena *a, const char *const **ret, size_t *ret_n, struct sp_err *e)
{
	const char **list = sp_arena_get(a, (PACKAGES_MAX + 1) * sizeof(*list));
	size_t n = 0;

	while (*text) {
		size_t len = strcspn(text, " \t\r\n#");

		if (*text == '#') {
			text += strcspn(text, "\n");
		} else if (len == 0) {
			text++;
		} else {
			if (!is_package(text, len))
				return sp_fail(e, SP_EINVAL, 0, "'%.*s' is not the name of a Debian package", (int)(len < 60 ? len : 60), text);
			if (n == PACKAGES_MAX)
				return sp_fail(e, SP_EINVAL, 0, "more than %d packages", PACKAGES_MAX);
			list[n++] = sp_arena_mem(a, text, len);
			text += len;
		}
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
