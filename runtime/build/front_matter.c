#include "front_matter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "num.h"
#include "str.h"
#include "yaml_tree.h"

struct reading {
	struct front_matter *fm;
	struct sp_buf notes, headers;
	struct yaml_error *where;
};

typedef int take_fn(struct reading *r, const struct yaml_node *n, void *into);

static int refuse(struct reading *r, const struct yaml_node *n, const char *key, const char *text)
{
	r->where->line = n->line;
	r->where->column = n->column;
	snprintf(r->where->text, sizeof(r->where->text), "'%.60s' %s", key, text);
	return -SP_EINVAL;
}

static int take_text(struct reading *r, const struct yaml_node *n, void *into)
{
	const char **ret = into;

	if (n->kind != YAML_SCALAR)
		return refuse(r, n, n->key, "must be text");
	if (!yaml_is_null(n))
		*ret = n->text;
	return 0;
}

static int take_bool(struct reading *r, const struct yaml_node *n, void *into)
{
	if (yaml_is_null(n))
		return 0;
	return yaml_bool(n, into) < 0 ? refuse(r, n, n->key, "must be true or false") : 0;
}

static int take_port(struct reading *r, const struct yaml_node *n, void *into)
{
	uint32_t *ret = into;
	uint64_t v;

	if (n->kind != YAML_SCALAR || sp_parse_u64(n->text, strlen(n->text), 65535, &v) < 0 || v == 0)
		return refuse(r, n, n->key, "must be a port number from 1 to 65535");
	*ret = (uint32_t)v;
	return 0;
}

static int take_duration(struct reading *r, const struct yaml_node *n, void *into)
{
	enum { LONGEST_MS = 24 * 3600 * 1000 };
	uint64_t *ret = into, v;

	if (n->kind != YAML_SCALAR || sp_parse_duration_ms(n->text, LONGEST_MS, &v) < 0 || v == 0)
		return refuse(r, n, n->key, "must be a duration such as 30s, 30m or 1h, at most 24h");
	*ret = v;
	return 0;
}

/* A path beneath the repository: what the app is started with, so nothing may lead out of it. */
static int take_path(struct reading *r, const struct yaml_node *n, void *into)
{
	const char **ret = into, *p;

	if (n->kind != YAML_SCALAR)
		return refuse(r, n, n->key, "must be the path of a file");
	if (yaml_is_null(n) || n->text[0] == 0)
		return 0;
	for (p = n->text; p[0] == '.' && p[1] == '/'; p += 2)
		;
	if (p[0] == '/' || p[0] == '-' || strlen(p) > SP_LIMIT_repo_path_bytes)
		return refuse(r, n, n->key, "must be a path inside the repository");
	for (const char *c = p; c; c = strchr(c, '/') ? strchr(c, '/') + 1 : NULL)
		if (strncmp(c, "..", 2) == 0 && (c[2] == '/' || c[2] == 0))
			return refuse(r, n, n->key, "must be a path inside the repository");
	for (const char *c = p; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return refuse(r, n, n->key, "must not contain control characters");
	*ret = p;
	return 0;
}

/* It becomes part of a requirement: nothing but what a version may have (PEP 440, and a closing ".*"). */
static int take_version(struct reading *r, const struct yaml_node *n, void *into)
{
	int err = take_text(r, n, into);
	const char *const *ret = into;

	if (err < 0 || !*ret)
		return err;
	if (!**ret || strlen(*ret) > 40 || strspn(*ret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+!_-*") != strlen(*ret))
		return refuse(r, n, n->key, "must be a version such as 5.49.1");
	return 0;
}

static int take_base_path(struct reading *r, const struct yaml_node *n, void *into)
{
	int err = take_text(r, n, into);
	const char **ret = into;

	if (err < 0)
		return err;
	if ((*ret)[0] != '/' || strlen(*ret) > 255 || strpbrk(*ret, "\r\n"))
		return refuse(r, n, n->key, "must start with '/'");
	return 0;
}

static int take_tags(struct reading *r, const struct yaml_node *n, void *into)
{
	const char *const **ret = into;
	const char **list;
	size_t count = 0;

	if (yaml_is_null(n))
		return 0;
	if (n->kind != YAML_SEQ)
		return refuse(r, n, n->key, "must be a list");
	for (const struct yaml_node *c = n->child; c; c = c->next) {
		if (c->kind != YAML_SCALAR)
			return refuse(r, c, n->key, "must be a list of texts");
		count++;
	}
	list = sp_arena_get(&r->fm->arena, (count + 1) * sizeof(*list));
	count = 0;
	for (const struct yaml_node *c = n->child; c; c = c->next)
		list[count++] = c->text;
	*ret = list;
	return 0;
}

/* hf-api.md 9.1, custom_headers: the only names and values that reach a response. */
static const struct { const char *name, *values[4]; } header_rows[] = {
	{ "cross-origin-embedder-policy", { "unsafe-none", "require-corp", "credentialless" } },
	{ "cross-origin-opener-policy",   { "same-origin", "same-origin-allow-popups", "unsafe-none" } },
	{ "cross-origin-resource-policy", { "same-site", "same-origin", "cross-origin" } },
};

static bool header_allowed(const char *name, const char *value)
{
	for (size_t i = 0; i < SP_COUNT(header_rows); i++)
		for (size_t v = 0; strcmp(name, header_rows[i].name) == 0 && header_rows[i].values[v]; v++)
			if (strcmp(value, header_rows[i].values[v]) == 0)
				return true;
	return false;
}

static int take_headers(struct reading *r, const struct yaml_node *n, void *into SP_UNUSED)
{
	if (yaml_is_null(n))
		return 0;
	if (n->kind != YAML_MAP)
		return refuse(r, n, n->key, "must be a mapping of header names to values");
	for (const struct yaml_node *c = n->child; c; c = c->next) {
		if (c->kind == YAML_SCALAR && header_allowed(c->key, c->text))
			sp_buf_fmt(&r->headers, "%s: %s\r\n", c->key, c->text);
		else
			sp_buf_fmt(&r->notes, "README.md, line %u: the header '%.60s' with this value is not one of the three allowed ones and is left out.\n",
				   c->line, c->key);
	}
	return 0;
}

static int take_nothing(struct reading *r SP_UNUSED, const struct yaml_node *n SP_UNUSED, void *into SP_UNUSED)
{
	return 0;
}

#define AT(field) offsetof(struct front_matter, field)

/* hf-api.md 9.1, every key. Those without a reader here are kept in the card only. */
static const struct { const char *key; take_fn *take; size_t at; } key_rows[] = {
	{ "title",                       take_text,      AT(title) },
	{ "emoji",                       take_text,      AT(emoji) },
	{ "colorFrom",                   take_text,      AT(color_from) },
	{ "colorTo",                     take_text,      AT(color_to) },
	{ "sdk",                         take_text,      AT(sdk) },
	{ "sdk_version",                 take_version,   AT(sdk_version) },
	{ "python_version",              take_version,   AT(python_version) },
	{ "suggested_hardware",          take_text,      AT(suggested_hardware) },
	{ "suggested_storage",           take_text,      AT(suggested_storage) },
	{ "app_file",                    take_path,      AT(app_file) },
	{ "app_build_command",           take_text,      AT(app_build_command) },
	{ "app_port",                    take_port,      AT(app_port) },
	{ "base_path",                   take_base_path, AT(base_path) },
	{ "fullWidth",                   take_bool,      AT(full_width) },
	{ "header",                      take_text,      AT(header) },
	{ "short_description",           take_text,      AT(short_description) },
	{ "tags",                        take_tags,      AT(tags) },
	{ "license",                     take_text,      AT(license) },
	{ "thumbnail",                   take_text,      AT(thumbnail) },
	{ "pinned",                      take_bool,      AT(pinned) },
	{ "hf_oauth",                    take_bool,      AT(hf_oauth) },
	{ "disable_embedding",           take_bool,      AT(disable_embedding) },
	{ "startup_duration_timeout",    take_duration,  AT(startup_ms) },
	{ "custom_headers",              take_headers,   0 },
	{ "models",                      take_nothing,   0 },
	{ "datasets",                    take_nothing,   0 },
	{ "hf_oauth_scopes",             take_nothing,   0 },
	{ "hf_oauth_expiration_minutes", take_nothing,   0 },
	{ "hf_oauth_authorized_org",     take_nothing,   0 },
	{ "preload_from_hub",            take_nothing,   0 },
	{ "duplicated_from",             take_nothing,   0 },
	{ "dev-mode-folder",             take_nothing,   0 },
	{ "metaTitle",                   take_nothing,   0 },
	{ "description",                 take_nothing,   0 },
	{ "language",                    take_nothing,   0 },
};

static int read_keys(struct reading *r, const struct yaml_node *root)
{
	for (const struct yaml_node *n = root->child; n; n = n->next) {
		size_t i = 0;

		while (i < SP_COUNT(key_rows) && strcmp(n->key, key_rows[i].key) != 0)
			i++;
		if (i == SP_COUNT(key_rows)) {
			sp_buf_fmt(&r->notes, "README.md, line %u: the key '%.60s' is not known and is ignored.\n", n->line, n->key);
			continue;
		}
		if (key_rows[i].take(r, n, (char *)r->fm + key_rows[i].at) < 0)
			return -SP_EINVAL;
		if (strcmp(n->key, "sdk") == 0)
			r->fm->sdk_line = n->line;
		if (strcmp(n->key, "app_file") == 0)
			r->fm->app_file_line = n->line;
	}
	return 0;
}

struct block { const char *p; size_t n; unsigned line0; size_t body_at; };

static size_t line_len(const char *p, size_t n)
{
	const char *end = memchr(p, '\n', n);

	return end ? (size_t)(end - p) + 1 : n;
}

static size_t without_space(const char *p, size_t n)
{
	while (n > 0 && strchr(" \t\r\n", p[n - 1]))
		n--;
	return n;
}

static bool is_fence(const char *p, size_t n)
{
	return without_space(p, n) == 3 && memcmp(p, "---", 3) == 0;
}

/* The lines between the two fences. Returns SP_ENOENT without an opening one, SP_EINVAL without a closing one. */
static int find_block(const char *text, size_t len, struct block *ret, struct yaml_error *where)
{
	size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	unsigned line = 0;

	while (at < len && without_space(text + at, line_len(text + at, len - at)) == 0) {
		at += line_len(text + at, len - at);
		line++;
	}
	if (at == len || !is_fence(text + at, line_len(text + at, len - at)))
		return -SP_ENOENT;
	at += line_len(text + at, len - at);
	*ret = (struct block){ .p = text + at, .line0 = line + 1 };
	for (; at < len; at += line_len(text + at, len - at)) {
		if ((size_t)(text + at - ret->p) > SP_LIMIT_front_matter_bytes)
			break;
		if (is_fence(text + at, line_len(text + at, len - at))) {
			ret->n = (size_t)(text + at - ret->p);
			ret->body_at = at + line_len(text + at, len - at);
			return 0;
		}
	}
	*where = (struct yaml_error){ line + 1, 1, "the settings block that starts here is not closed by a line '---'" };
	if (at < len)
		snprintf(where->text, sizeof(where->text), "the settings block is larger than %d bytes", SP_LIMIT_front_matter_bytes);
	return -SP_EINVAL;
}

static bool stays_text(const char *key)
{
	return strcmp(key, "sdk_version") == 0 || strcmp(key, "python_version") == 0;
}

static void set_defaults(struct front_matter *fm)
{
	static const char *const no_tags[] = { NULL };

	fm->tags = no_tags;
	fm->base_path = "/";
	fm->header = "default";
	fm->full_width = true;
	fm->startup_ms = SP_LIMIT_start_ms;
}

static int parse_block(const char *text, size_t len, struct front_matter *fm, struct yaml_error *where)
{
	struct reading r = { .fm = fm, .where = where };
	struct yaml_node *root;
	struct block b;
	char *json;
	json_t *j;
	int err = find_block(text, len, &b, where);

	if (err < 0)
		return err;
	err = yaml_tree_parse(&fm->arena, b.p, b.n, b.line0, &root, where);
	if (err < 0)
		return err;
	set_defaults(fm);
	err = read_keys(&r, root);
	fm->body_at = b.body_at;
	fm->notes = sp_arena_mem(&fm->arena, r.notes.p ? r.notes.p : "", r.notes.n);
	fm->custom_headers = sp_arena_mem(&fm->arena, r.headers.p ? r.headers.p : "", r.headers.n);
	sp_buf_fini(&r.notes);
	sp_buf_fini(&r.headers);
	if (err < 0)
		return err;
	j = yaml_tree_json(root, stays_text);
	json = json_dumps(j, JSON_COMPACT);
	fm->json = sp_arena_str(&fm->arena, json ? json : "{}");
	free(json);
	json_decref(j);
	return 0;
}

int front_matter_parse_at(const char *text, size_t len, struct front_matter *ret, struct front_matter_where *where, struct sp_err *e)
{
	struct front_matter fm = { 0 };
	struct yaml_error at = { 1, 1, "" };
	int r;

	sp_arena_init(&fm.arena);
	r = parse_block(text, len, &fm, &at);
	if (r == 0) {
		*ret = fm;
		return 0;
	}
	sp_arena_fini(&fm.arena);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "README.md does not start with a line '---'");
	if (where) {
		*where = (struct front_matter_where){ .line = at.line, .column = at.column };
		snprintf(where->text, sizeof(where->text), "%s", at.text);
	}
	return sp_fail(e, (enum sp_code)-r, 0, "line %u, column %u: %s", at.line, at.column, at.text);
}

int front_matter_parse(const char *text, size_t len, struct front_matter *ret, struct sp_err *e)
{
	return front_matter_parse_at(text, len, ret, NULL, e);
}

void front_matter_fini(struct front_matter *fm)
{
	sp_arena_fini(&fm->arena);
	memset(fm, 0, sizeof(*fm));
}

const char *front_matter_card_json(const struct front_matter *fm)
{
	return fm->json;
}
