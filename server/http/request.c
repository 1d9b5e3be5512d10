#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "num.h"
#include "server/http/conn.h"
#include "server/http/parse.h"

const char *http_pair_get(const struct http_pair *list, const char *name, bool nocase)
{
	for (; list; list = list->next)
		if (nocase ? strcasecmp(list->name, name) == 0 : strcmp(list->name, name) == 0)
			return list->value;
	return NULL;
}

void http_pair_add(struct sp_arena *a, struct http_pair **list, const char *name, const char *value)
{
	while (*list)
		list = &(*list)->next;
	*list = sp_arena_get(a, sizeof(**list));
	**list = (struct http_pair){ name, value, NULL };
}

static const char *pair_at(const struct http_pair *list, const char *name, unsigned i)
{
	for (; list; list = list->next)
		if (strcmp(list->name, name) == 0 && i-- == 0)
			return list->value;
	return NULL;
}

const char *http_param(const struct http_req *rq, const char *name)
{
	const char *value = http_pair_get(rq->conn->params, name, false);

	return value ? value : "";
}

const char *http_query(const struct http_req *rq, const char *name)
{
	return pair_at(rq->conn->query, name, 0);
}

const char *http_query_at(const struct http_req *rq, const char *name, unsigned i)
{
	return pair_at(rq->conn->query, name, i);
}

bool http_query_bool(const struct http_req *rq, const char *name)
{
	const char *value = http_query(rq, name);

	return value && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

int http_query_int(const struct http_req *rq, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret, struct sp_err *e)
{
	const char *value = http_query(rq, name);
	bool negative = value && value[0] == '-';
	uint64_t n;
	int64_t got;

	if (!value) {
		*ret = fallback;
		return 0;
	}
	if (sp_parse_u64(value + negative, strlen(value + negative), INT64_MAX, &n) < 0)
		return sp_fail(e, SP_EINVAL, 0, "the query parameter '%s' must be a whole number", name);
	got = negative ? -(int64_t)n : (int64_t)n;
	if (got < min || got > max)
		return sp_fail(e, SP_EINVAL, 0, "the query parameter '%s' must be between %lld and %lld", name, (long long)min, (long long)max);
	*ret = got;
	return 0;
}

const char *http_header(const struct http_req *rq, const char *name)
{
	return http_pair_get(rq->conn->headers, name, true);
}

const char *http_cookie(const struct http_req *rq, const char *name)
{
	/* HTTP/2 clients may send several Cookie lines; behind an edge they stay several. */
	for (const struct http_pair *h = rq->conn->headers; h; h = h->next) {
		const char *value = strcasecmp(h->name, "cookie") == 0 ? parse_cookie(rq->arena, h->value, name) : NULL;

		if (value)
			return value;
	}
	return NULL;
}

int http_range(const struct http_req *rq, uint64_t size, uint64_t *ret_offset, uint64_t *ret_len, struct sp_err *e)
{
	return parse_range(http_header(rq, "range"), size, ret_offset, ret_len, e);
}

int http_json(struct http_req *rq, json_t **ret, struct sp_err *e)
{
	struct http_conn *c = rq->conn;
	json_error_t where;

	if (!c->json) {
		json_t *j = rq->body_len ? json_loadb(rq->body, rq->body_len, JSON_REJECT_DUPLICATES, &where) : json_object();

		if (!j)
			return sp_fail(e, SP_EINVAL, 0, "the body is not JSON: line %d, column %d: %.120s", where.line, where.column, where.text);
		if (!json_is_object(j)) {
			json_decref(j);
			return sp_fail(e, SP_EINVAL, 0, "the body must be a JSON object");
		}
		c->json = j;
	}
	*ret = c->json;
	return 0;
}

void http_give_json(struct http_req *rq, json_t *j)
{
	json_decref(rq->conn->json);
	rq->conn->json = j;
}

const char *http_form_at(struct http_req *rq, const char *name, unsigned i)
{
	struct http_conn *c = rq->conn;
	const char *type = http_header(rq, "content-type");

	if (!c->form_parsed) {
		c->form_parsed = true;
		if (type && strncasecmp(type, "application/x-www-form-urlencoded", strlen("application/x-www-form-urlencoded")) == 0)
			c->form = parse_query(rq->arena, (struct sp_str){ rq->body, rq->body_len });
	}
	return pair_at(c->form, name, i);
}

const char *http_form(struct http_req *rq, const char *name)
{
	return http_form_at(rq, name, 0);
}

/* API clients accept anything or JSON; only browsers name text/html. */
bool http_wants_html(const struct http_req *rq)
{
	const char *accept = http_header(rq, "accept");
	const char *html = accept ? strstr(accept, "text/html") : NULL, *json = accept ? strstr(accept, "application/json") : NULL;

	return html && (!json || html < json);
}

bool http_is_fragment(const struct http_req *rq)
{
	const char *value = http_header(rq, "hx-request");

	return value && strcmp(value, "true") == 0;
}
