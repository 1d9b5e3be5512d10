#include "server/api/new_space.h"

#include <ctype.h>
#include <string.h>

#include "auto.h"
#include "server/http/base64.h"
#include "server/templates.h"
#include "str.h"

enum { FILES_MAX = 1000 };

/* Newest at the time of writing; a Space's README may say another. */
static const struct { const char *sdk, *version, *app_file; } sdks[] = {
	{ "gradio", "6.31.0", "app.py" }, { "streamlit", "1.67.0", "app.py" }, { "static", NULL, "index.html" }, { "docker", NULL, NULL },
};

static int sdk_index(const char *sdk)
{
	for (size_t i = 0; i < SP_COUNT(sdks); i++)
		if (strcmp(sdks[i].sdk, sdk) == 0)
			return (int)i;
	return -1;
}

bool new_space_is_sdk(const char *sdk)
{
	return sdk_index(sdk) >= 0;
}

static unsigned hash_of(const char *s)
{
	unsigned h = 2166136261u;       /* FNV-1a: spreads looks, nothing more */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h ^ h >> 15;
}

/* "my-chat_demo" as people write it: "My Chat Demo". */
static void add_title(struct sp_buf *b, const char *name)
{
	bool starts = true;

	for (; *name; name++) {
		char c = *name == '-' || *name == '_' ? ' ' : starts ? (char)toupper((unsigned char)*name) : *name;

		sp_buf_add(b, &c, 1);
		starts = c == ' ';
	}
}

/* A value that clients send and YAML could misread: only what needs no quotes is let through. */
static bool is_plain(const char *s)
{
	return s && *s && strlen(s) <= 64 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_") == strlen(s);
}

static const char *readme(struct sp_arena *a, const char *name, const char *sdk, json_t *body)
{
	static const char *const emojis[] = { "🌍", "🚀", "🎨", "🔥", "⚡", "🌱", "🐢", "🦀", "📈", "🎧", "🔭", "🧩", "🍋", "🐙", "💡", "🏔️" };
	static const char *const colors[] = { "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray" };
	const char *license = json_string_value(json_object_get(body, "license")), *version = json_string_value(json_object_get(body, "sdkVersion"));
	unsigned h = hash_of(name), i = (unsigned)sdk_index(sdk);
	sp_auto_buf struct sp_buf b = { 0 };

	sp_buf_puts(&b, "---\ntitle: \"");
	add_title(&b, name);
	sp_buf_fmt(&b, "\"\nemoji: %s\ncolorFrom: %s\ncolorTo: %s\nsdk: %s\n", emojis[h % SP_COUNT(emojis)], colors[h / 16 % SP_COUNT(colors)],
		colors[(h / 16 + 1 + h / 128 % 7) % SP_COUNT(colors)], sdk);
	version = is_plain(version) ? version : sdks[i].version;
	if (version)
		sp_buf_fmt(&b, "sdk_version: \"%s\"\n", version);
	if (sdks[i].app_file)
		sp_buf_fmt(&b, "app_file: %s\n", sdks[i].app_file);
	sp_buf_puts(&b, "pinned: false\n");
	if (is_plain(license))
		sp_buf_fmt(&b, "license: %s\n", license);
	sp_buf_puts(&b, "---\n");
	return sp_arena_mem(a, b.p, b.n);
}

/* No pattern names git-lfs: files of up to 64 MB are stored as they are (CONTRACTS 9.3, upload mode). */
static const char attributes[] = "# Files of up to 64 MB are stored as they are; no pattern needs git-lfs.\n";

static int decode_file(struct sp_arena *a, json_t *f, struct repo_file *to, struct sp_err *e)
{
	const char *path = json_string_value(json_object_get(f, "path")), *content = json_string_value(json_object_get(f, "content"));
	const char *encoding = json_string_value(json_object_get(f, "encoding"));
	struct base64 b = { 0 };
	ssize_t n;
	char *p;

	if (!path || !content)
		return sp_fail(e, SP_EINVAL, 0, "each of 'files' needs a path and a content");
	n = (ssize_t)strlen(content);
	p = sp_arena_mem(a, content, (size_t)n);
	if (!encoding || strcmp(encoding, "utf-8") != 0) {
		n = base64_feed(&b, p, (size_t)n);
		if (n < 0 || !base64_end(&b))
			return sp_fail(e, SP_EINVAL, 0, "the content of '%.100s' is not base64", path);
	}
	*to = (struct repo_file){ .path = path, .bytes = p, .len = (size_t)n };
	return repo_check_path(path, e);
}

/* Add or replace. */
static void put(struct new_space *s, struct repo_file f)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (strcmp(s->files[i].path, f.path) == 0) {
			s->files[i] = f;
			return;
		}
	s->files[s->n_files++] = f;
}

/* README of TEMPLATE under the new Space's own title. */
static const char *retitled(struct sp_arena *a, const struct template_file *f, const char *name)
{
	const char *text = sp_arena_mem(a, f->bytes, f->n), *line = strstr(text, "\ntitle:");
	sp_auto_buf struct sp_buf b = { 0 };

	if (!line)
		return text;
	sp_buf_add(&b, text, (size_t)(line - text));
	sp_buf_puts(&b, "\ntitle: \"");
	add_title(&b, name);
	sp_buf_puts(&b, "\"");
	sp_buf_puts(&b, strchrnul(line + 1, '\n'));
	return sp_arena_mem(a, b.p, b.n);
}

static void put_template(struct sp_arena *a, struct new_space *s, const struct template *t, const char *name)
{
	for (size_t i = 0; i < t->n_files; i++) {
		struct repo_file f = { t->files[i].path, t->files[i].bytes, t->files[i].n };

		if (strcmp(f.path, "README.md") == 0) {
			f.bytes = retitled(a, &t->files[i], name);
			f.len = strlen(f.bytes);
		}
		put(s, f);
	}
}

int new_space_plan(struct sp_arena *a, const char *name, const char *sdk, json_t *body, struct new_space *ret, struct sp_err *e)
{
	json_t *files = json_object_get(body, "files");
	size_t n = json_array_size(files);
	const char *wanted = json_string_value(json_object_get(body, "template")), *text = readme(a, name, sdk, body);
	const struct template *t = wanted ? template_find(wanted) : NULL;
	struct new_space s = { .files = sp_arena_get(a, (n + 2 + (t ? t->n_files : 0)) * sizeof(*s.files)), .has_app = n > 0 || t };

	if (wanted && !t)
		return sp_fail(e, SP_EINVAL, 0, "there is no template '%.80s': ask /api/spaces/templates for those that there are", wanted);
	if (t && strcmp(t->sdk, sdk) != 0)
		return sp_fail(e, SP_EINVAL, 0, "the template '%s' is for sdk %s, not %s", t->name, t->sdk, sdk);
	if (n > FILES_MAX)
		return sp_fail(e, SP_EQUOTA, 0, "at most %d files when a Space is created: commit the others afterwards", FILES_MAX);
	put(&s, (struct repo_file){ ".gitattributes", attributes, sizeof(attributes) - 1 });
	put(&s, (struct repo_file){ "README.md", text, strlen(text) });
	if (t)
		put_template(a, &s, t, name);
	for (size_t i = 0; i < n; i++) {
		struct repo_file f;
		int r = decode_file(a, json_array_get(files, i), &f, e);

		if (r < 0)
			return r;
		put(&s, f);
	}
	*ret = s;
	return 0;
}
