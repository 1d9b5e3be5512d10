#include "recipe.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char *dup_text(const char *s)
{
	char *copy = strdup(s ? s : "");

	if (!copy)
		abort();
	return copy;
}

void recipe_fini(struct recipe *r)
{
	free(r->app_file);
	free(r->headers);
	free(r->title);
	*r = (struct recipe){ 0 };
}

struct recipe recipe_dup(const struct recipe *r)
{
	struct recipe copy = *r;

	copy.app_file = dup_text(r->app_file);
	copy.headers = dup_text(r->headers);
	copy.title = dup_text(r->title);
	return copy;
}

const char *recipe_json(const struct recipe *r, struct sp_arena *a)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:b}", "sdk", r->sdk->name, "app_file", r->app_file, "headers", r->headers,
			"title", r->title, "port", (int)r->port, "startup_ms", (json_int_t)r->startup_ms, "embed_off", r->embed_off);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	const char *kept = sp_arena_str(a, text ? text : "{}");

	free(text);
	json_decref(j);
	return kept;
}

int recipe_parse(const char *json, struct recipe *ret, struct sp_err *e)
{
	json_t *j = json ? json_loads(json, 0, NULL) : NULL;
	const char *sdk, *app_file, *headers, *title;
	struct recipe r = { 0 };
	json_int_t startup_ms;
	int port, embed_off;

	if (!j || json_unpack(j, "{s:s, s:s, s:s, s:s, s:i, s:I, s:b}", "sdk", &sdk, "app_file", &app_file, "headers", &headers,
			"title", &title, "port", &port, "startup_ms", &startup_ms, "embed_off", &embed_off) < 0 || !sdk_by_name(sdk)) {
		json_decref(j);
		return sp_fail(e, SP_EPROTO, 0, "not a recipe");
	}
	r.sdk = sdk_by_name(sdk);
	r.app_file = dup_text(app_file);
	r.headers = dup_text(headers);
	r.title = dup_text(title);
	r.port = (uint32_t)port;
	r.startup_ms = (uint64_t)startup_ms;
	r.embed_off = embed_off;
	json_decref(j);
	*ret = r;
	return 0;
}
