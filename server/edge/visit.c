/* What a parsed request head tells about the visit: who looks, and for what. */
#include "head.h"

#include <string.h>

#include "auto.h"

const struct head_line *head_find(const struct head *h, enum field field)
{
	for (unsigned i = 0; i < h->nlines; i++)
		if (h->lines[i].field == field)
			return &h->lines[i];
	return NULL;
}

bool head_nominates(const struct head *h, struct sp_str name)
{
	for (unsigned i = 0; i < h->nlines; i++) {
		struct sp_str list = h->lines[i].value, t;

		if (h->lines[i].field != FIELD_CONNECTION)
			continue;
		while (head_next_token(&list, &t))
			if (sp_str_eq_nocase(t, name))
				return true;
	}
	return false;
}

static bool contains_nocase(struct sp_str in, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= in.n; i++)
		if (sp_str_eq_nocase((struct sp_str){ in.p + i, n }, (struct sp_str){ what, n }))
			return true;
	return false;
}

bool head_is_navigation(const struct head *h)
{
	const struct head_line *mode = head_find(h, FIELD_SEC_FETCH_MODE), *accept = head_find(h, FIELD_ACCEPT);

	if (h->method_id != METHOD_GET || h->upgrade)
		return false;
	if (mode)
		return sp_str_eq_nocase(mode->value, SP_STR("navigate"));
	return accept && contains_nocase(accept->value, "text/html");
}

bool head_is_framed(const struct head *h)
{
	const struct head_line *dest = head_find(h, FIELD_SEC_FETCH_DEST);

	return dest && !sp_str_eq_nocase(dest->value, SP_STR("document"));
}

bool head_is_new_browser(const struct head *h)
{
	const struct head_line *agent = head_find(h, FIELD_USER_AGENT);

	return agent && (contains_nocase(agent->value, "chrome/") || contains_nocase(agent->value, "firefox/"));
}

bool head_is_quiet(const struct head *h)
{
	static const char *const robots[] = {
		"bot", "crawl", "spider", "slurp", "facebookexternalhit", "whatsapp", "preview", "embedly", "skypeuripreview",
	};
	const struct head_line *purpose = head_find(h, FIELD_SEC_PURPOSE), *agent = head_find(h, FIELD_USER_AGENT);

	if (h->method_id == METHOD_HEAD)
		return true;
	if (!purpose)
		purpose = head_find(h, FIELD_PURPOSE);
	if (purpose && contains_nocase(purpose->value, "prefetch"))
		return true;
	for (unsigned i = 0; agent && i < SP_COUNT(robots); i++)
		if (contains_nocase(agent->value, robots[i]))
			return true;
	return false;
}
