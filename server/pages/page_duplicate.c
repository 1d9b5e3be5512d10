/*
 * GET and POST /spaces/{owner}/{name}/duplicate: variables prefilled, secrets by name with empty fields (C-UI-16). Whoever may
 * read the Space sees the names: without them nobody could run a copy.
 */
#include <string.h>

#include "server/pages/page_form.h"
#include "server/server.h"
#include "views.h"

/* Field "PREFIX:KEY" without the CR of a textarea's line ends; NULL when the form has none. */
static const char *field_of(struct http_req *rq, const char *prefix, const char *key)
{
	const char *value = rq->method == HTTP_POST ? http_form(rq, sp_arena_fmt(rq->arena, "%s:%s", prefix, key)) : NULL;
	char *text = sp_arena_str(rq->arena, value), *to = text;

	for (const char *p = text; p && *p; p++)
		if (*p != '\r' || p[1] != '\n')
			*to++ = *p;
	if (to)
		*to = '\0';
	return text;
}

static int set_variables(struct http_req *rq, struct view_duplicate *v, struct sp_err *e)
{
	struct store_variable *list = NULL;
	struct view_variable *to;
	size_t n = 0;
	int r = store_variable_list(rq->srv->store, &rq->repo->id, rq->arena, &list, &n, e);

	if (r < 0)
		return r;
	to = sp_arena_get(rq->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++) {
		const char *typed = field_of(rq, "variable", list[i].key);

		to[i] = (struct view_variable){ .key = list[i].key, .value = typed ? typed : list[i].value,
			.description = list[i].description ? list[i].description : "" };
	}
	v->variables = to;
	v->n_variables = n;
	return 0;
}

static int reply(struct http_req *rq, struct http_resp *rs, struct view_duplicate *v, int status)
{
	const struct store_repo *repo = rq->repo;
	struct space_view s = page_space_view(rq, &repo->id);
	struct sp_buf html = { 0 };

	page_begin(rq, &v->page, sp_arena_fmt(rq->arena, "Duplicate · %s", repo->title[0] ? repo->title : repo->name));
	v->page.icon = repo->emoji;
	v->page.icon_state = stage_row(s.stage)->tone;
	v->page.forms = true;
	v->head = page_space_head(rq, repo, &s, "duplicate");
	v->owner = repo->owner_name;
	v->name = repo->name;
	view_duplicate(&html, v);
	return page_reply(rq, rs, status, &html, NULL);
}

static int load(struct http_req *rq, struct view_duplicate *v, struct sp_err *e)
{
	int r = account_may(&rq->actor, MAY_SIGNED_IN, NULL, e);

	if (r == 0)
		r = set_variables(rq, v, e);
	return r < 0 ? r : page_secrets(rq, &v->secrets, &v->n_secrets, e);
}

int page_duplicate(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct view_duplicate v = { .problem = "", .to_owner = rq->actor.name, .to_name = rq->repo->name };
	int r = load(rq, &v, e);

	return r < 0 ? r : reply(rq, rs, &v, 200);
}

static json_t *body_of(struct http_req *rq, const struct view_duplicate *v)
{
	json_t *variables = json_array(), *secrets = json_array();

	for (size_t i = 0; i < v->n_variables; i++)
		json_array_append_new(variables, json_pack("{s:s, s:s, s:s*}", "key", v->variables[i].key, "value", v->variables[i].value,
			"description", v->variables[i].description[0] ? v->variables[i].description : NULL));
	for (size_t i = 0; i < v->n_secrets; i++) {
		const char *value = field_of(rq, "secret", v->secrets[i].key);

		if (value && *value)
			json_array_append_new(secrets, json_pack("{s:s, s:s, s:s*}", "key", v->secrets[i].key, "value", value,
				"description", v->secrets[i].description[0] ? v->secrets[i].description : NULL));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "repository", sp_arena_fmt(rq->arena, "%s/%s", v->to_owner, v->to_name),
		"visibility", v->is_public ? "public" : "private", "variables", variables, "secrets", secrets);
}

int page_duplicate_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *owner = http_form(rq, "owner"), *name = http_form(rq, "name"), *visibility = http_form(rq, "visibility");
	struct view_duplicate v = { .problem = "", .to_owner = owner ? owner : "", .to_name = name ? name : "",
		.is_public = visibility && strcmp(visibility, "public") == 0 };
	struct page_answer answer;
	int r = load(rq, &v, e);

	if (r == 0)
		r = page_call(rq, api_duplicate, body_of(rq, &v), &answer, e);
	if (r < 0)
		return r;
	json_decref(answer.json);
	if (answer.status < 400)
		return page_see_other(rq, rs, sp_arena_fmt(rq->arena, "/spaces/%s/%s", v.to_owner, v.to_name));
	v.problem = answer.status != 409 ? answer.sentence :
		sp_arena_fmt(rq->arena, "There is a Space %s/%s already. Choose another name.", v.to_owner, v.to_name);
	return reply(rq, rs, &v, answer.status);
}
