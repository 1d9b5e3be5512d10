#include "credential.h"

#include <string.h>
#include <strings.h>

static const struct sp_str sign_name = { "__sign", 6 };

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Is PARAM's name, percent-decoded once, __sign? */
static bool is_sign(struct sp_str param)
{
	size_t at = 0, got = 0;

	while (at < param.n && param.p[at] != '=') {
		char c = param.p[at++];

		if (c == '%' && at + 1 < param.n && hex_of(param.p[at]) >= 0 && hex_of(param.p[at + 1]) >= 0) {
			c = (char)(hex_of(param.p[at]) << 4 | hex_of(param.p[at + 1]));
			at += 2;
		}
		if (got == sign_name.n || c != sign_name.p[got++])
			return false;
	}
	return got == sign_name.n;
}

/* The query behind "?", or nothing. */
static struct sp_str query_of(struct sp_str target)
{
	const char *mark = memchr(target.p, '?', target.n);

	return mark ? (struct sp_str){ mark + 1, target.n - (size_t)(mark + 1 - target.p) } : (struct sp_str){ NULL, 0 };
}

/* The next piece of a list, which may be empty; *LIST.p is NULL behind the last one. */
static bool next_piece(struct sp_str *list, char by, struct sp_str *piece)
{
	const char *end;

	if (!list->p)
		return false;
	end = memchr(list->p, by, list->n);
	*piece = (struct sp_str){ list->p, end ? (size_t)(end - list->p) : list->n };
	*list = end ? (struct sp_str){ end + 1, list->n - piece->n - 1 } : (struct sp_str){ NULL, 0 };
	return true;
}

bool target_has_sign(struct sp_str target)
{
	struct sp_str query = query_of(target), param;

	while (next_piece(&query, '&', &param))
		if (is_sign(param))
			return true;
	return false;
}

size_t target_without_sign(struct sp_str target, char *out)
{
	struct sp_str query = query_of(target), param;
	size_t n = query.p ? (size_t)(query.p - 1 - target.p) : target.n;
	bool dropped = false, any = false;

	memcpy(out, target.p, n);
	while (next_piece(&query, '&', &param)) {
		if (is_sign(param)) {
			dropped = true;
			continue;
		}
		out[n++] = any ? '&' : '?';
		memcpy(out + n, param.p, param.n);
		n += param.n;
		any = true;
	}
	if (!dropped)
		memcpy(out, target.p, n = target.n);
	return n;
}

static bool all_printable(struct sp_str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~')
			return false;
	return true;
}

/* What claims are written with: URL-safe base64 and dots. */
static bool is_claim(struct sp_str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i], low = (char)(c | 0x20);

		if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
			return false;
	}
	return v.n > 0 && v.n <= CREDENTIAL_MAX;
}

bool bearer_of(struct sp_str v, struct sp_str *token)
{
	if (v.n < 7 || strncasecmp(v.p, "bearer ", 7) != 0)
		return false;
	v.p += 7;
	v.n -= 7;
	while (v.n > 0 && *v.p == ' ') {
		v.p++;
		v.n--;
	}
	*token = v;
	return true;
}

struct found { struct credential *list; unsigned n; };

static void add(struct found *f, enum credential_kind kind, struct sp_str value)
{
	if (f->n < CREDENTIALS_MAX)
		f->list[f->n++] = (struct credential){ kind, value };
}

static void add_bearer(struct found *f, const struct head *h, enum field field, enum credential_kind kind)
{
	const struct head_line *l = head_find(h, field);
	struct sp_str token;

	if (l && bearer_of(l->value, &token) && token.n > 0 && token.n <= CREDENTIAL_MAX && all_printable(token))
		add(f, kind, token);
}

static void add_sign(struct found *f, struct sp_str target)
{
	struct sp_str query = query_of(target), param, value = { NULL, 0 };
	unsigned n = 0;

	while (next_piece(&query, '&', &param)) {
		const char *eq = memchr(param.p, '=', param.n);

		if (!is_sign(param))
			continue;
		n++;
		if (eq)
			value = (struct sp_str){ eq + 1, param.n - (size_t)(eq + 1 - param.p) };
	}
	if (n == 1 && is_claim(value))
		add(f, CREDENTIAL_SIGN, value);
}

/* Also a second one: a browser has one for the app's own tab and one for the dashboard's frame. */
static void add_cookies(struct found *f, const struct head *h, struct sp_str name)
{
	for (unsigned i = 0; i < h->nlines; i++) {
		struct sp_str list = h->lines[i].value, pair;

		if (h->lines[i].field != FIELD_COOKIE)
			continue;
		while (next_piece(&list, ';', &pair)) {
			while (pair.n > 0 && (*pair.p == ' ' || *pair.p == '\t')) {
				pair.p++;
				pair.n--;
			}
			if (pair.n <= name.n || memcmp(pair.p, name.p, name.n) != 0 || pair.p[name.n] != '=')
				continue;
			pair.p += name.n + 1;
			pair.n -= name.n + 1;
			if (is_claim(pair))
				add(f, CREDENTIAL_COOKIE, pair);
		}
	}
}

unsigned credentials_of(const struct head *h, struct sp_str cookie, struct credential out[CREDENTIALS_MAX])
{
	struct found f = { out, 0 };

	add_bearer(&f, h, FIELD_X_HF_AUTHORIZATION, CREDENTIAL_HF_BEARER);
	add_bearer(&f, h, FIELD_AUTHORIZATION, CREDENTIAL_BEARER);
	add_sign(&f, h->target);
	add_cookies(&f, h, cookie);
	return f.n;
}
