#include "server/api/space_json.h"

#include <string.h>

#include "auto.h"
#include "clock.h"
#include "runtime/repo/repo.h"
#include "runtime/space/space.h"
#include "server/api/space_state.h"
#include "server/server.h"

void space_ask_read(const struct http_req *rq, struct space_ask *ret)
{
	const char *name;

	*ret = (struct space_ask){ .full = http_query_bool(rq, "full"), .blobs = http_query_bool(rq, "blobs") };
	for (unsigned i = 0; ret->expand_n < SPACE_EXPAND_MAX && (name = http_query_at(rq, "expand", i)); i++)
		ret->expand[ret->expand_n++] = name;
}

const char *space_host_url(const struct http_req *rq, const struct store_repo *r)
{
	const char *host = strstr(rq->origin, "://") + 3, *port = strrchr(host, ':');
	bool has_port = port && !strchr(port, ']');     /* the colons of "[::1]" are none */

	return sp_arena_fmt(rq->arena, "%.*s%s.%s%s", (int)(host - rq->origin), rq->origin, r->label, rq->srv->domain, has_port ? port : "");
}

const char *space_page_url(const struct http_req *rq, const struct store_repo *r)
{
	return sp_arena_fmt(rq->arena, "%s/spaces/%s/%s", rq->origin, r->owner_name, r->name);
}

/* TEXT as JSON of the wanted kind, else an empty one. */
static json_t *parsed(const char *text, bool want_array)
{
	json_t *j = text ? json_loads(text, 0, NULL) : NULL;

	if (j && (want_array ? json_is_array(j) : json_is_object(j)))
		return j;
	json_decref(j);
	return want_array ? json_array() : json_object();
}

static bool is_error(enum space_stage stage)
{
	return stage == STAGE_CONFIG_ERROR || stage == STAGE_BUILD_ERROR || stage == STAGE_RUNTIME_ERROR || stage == STAGE_NO_APP_FILE;
}

static bool may_write(const struct http_req *rq, const struct store_repo *r)
{
	const struct account_object on = { .owner = r->owner, .is_private = r->is_private };

	return account_may(&rq->actor, MAY_WRITE, &on, NULL) == 0;
}

/* Log lines are for those who may change the app: a traceback can hold what it read. */
static json_t *cause_json(const struct http_req *rq, const struct store_repo *r, const struct space_view *v)
{
	return space_cause_json(v, may_write(rq, r));
}

/* Our own, beside the Hub's fields. */
static json_t *network_json(const struct store_repo *r, const struct space_traffic *t)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I}", "policy", r->network, "bytesOut", (json_int_t)t->bytes_out, "bytesIn", (json_int_t)t->bytes_in,
		"connections", (json_int_t)t->connections, "refused", (json_int_t)t->refused);
}

/* Seconds without visits until it falls asleep; null: never, and for static Spaces, which run nothing (hf-api.md 5.2). */
static json_t *sleep_json(const struct store_repo *r, const struct space_view *v)
{
	return r->sleep_s <= 0 || strcmp(v->sdk, "static") == 0 ? json_null() : json_integer(r->sleep_s);
}

static json_t *hardware_json(const struct space_view *v)
{
	bool is_static = strcmp(v->sdk, "static") == 0;
	bool serves = v->stage == STAGE_RUNNING || v->stage == STAGE_RUNNING_BUILDING || v->stage == STAGE_RUNNING_APP_STARTING;

	/* Both values null for a static Space (hf-api.md 5.2); "current" only while something runs. */
	return json_pack("{s:s?, s:s?}", "current", is_static || !serves ? NULL : "cpu-basic", "requested", is_static ? NULL : "cpu-basic");
}

int space_json_runtime(struct http_req *rq, const struct store_repo *r, json_t **ret, struct sp_err *e)
{
	struct space_view v = { 0 };
	const char *host = strstr(space_host_url(rq, r), "://") + 3;
	json_t *j;
	int rc = space_state(rq, &r->id, &v, e);

	if (rc == -SP_ENOENT) {
		*ret = json_object();
		return 0;
	}
	if (rc < 0)
		return rc;
	j = json_pack("{s:s, s:o, s:n, s:o, s:{s:i, s:i}, s:b, s:[{s:s, s:s}]}", "stage", space_stage_name(v.stage), "hardware", hardware_json(&v),
			"storage", "gcTimeout", sleep_json(r, &v), "replicas", "requested", 1, "current", v.started_ms ? 1 : 0, "devMode", false,
			"domains", "domain", host, "stage", "READY");
	if (!j)
		return sp_fail(e, SP_EBUG, 0, "runtime of '%s' could not be written", r->name);
	if (v.serving[0])
		json_object_set_new(j, "sha", json_string(v.serving));
	if (v.since_ms)
		json_object_set_new(j, "since", json_string(sp_iso_ms(v.since_ms).s));
	if (may_write(rq, r))
		json_object_set_new(j, "network", network_json(r, &v.traffic));
	if (v.cause.code[0]) {
		json_object_set_new(j, "cause", cause_json(rq, r, &v));
		if (is_error(v.stage))
			json_object_set_new(j, "errorMessage", json_string(v.cause.text));
	}
	*ret = j;
	return 0;
}

static json_t *sibling_json(const struct repo_entry *at, bool blobs)
{
	json_t *j = json_pack("{s:s}", "rfilename", at->path);

	if (!j || !blobs)
		return j;
	json_object_set_new(j, "size", json_integer((json_int_t)at->size));
	json_object_set_new(j, "blobId", json_string(at->oid));
	if (at->lfs.is_lfs)
		json_object_set_new(j, "lfs", json_pack("{s:I, s:s, s:I}", "size", (json_int_t)at->lfs.size, "sha256", at->lfs.sha256,
				"pointerSize", (json_int_t)at->lfs.pointer_size));
	return j;
}

static int siblings_json(struct http_req *rq, const struct store_repo *r, const struct space_ask *ask, json_t **ret, struct sp_err *e)
{
	const char *commit = ask->commit ? ask->commit : r->head;
	struct repo_entry *at = NULL;
	size_t n = 0;
	json_t *j;
	int rc = commit[0] && rq->srv->repos ? repo_tree(rq->srv->repos, &r->id, commit, "", true, false, rq->arena, &at, &n, e) : 0;

	if (rc < 0 && rc != -SP_ENOENT)
		return rc;
	j = json_array();
	for (size_t i = 0; i < n; i++)
		if (!at[i].is_dir)
			json_array_append_new(j, sibling_json(&at[i], ask->blobs));     /* a name that is not UTF-8 gives NULL, which is left out */
	*ret = j;
	return 0;
}

enum { IN_LIST = 1, IN_FULL_LIST = 2, IN_ONE = 4 };

/* Which form has a field without being asked; fields that are not here come everywhere. */
static const struct { const char *key; unsigned forms; } rows[] = {
	{ "sha",             IN_FULL_LIST | IN_ONE },
	{ "cardData",        IN_FULL_LIST | IN_ONE },
	{ "siblings",        IN_FULL_LIST | IN_ONE },
	{ "models",          IN_ONE },
	{ "datasets",        IN_ONE },
	{ "runtime",         IN_ONE },
	{ "region",          0 },
	{ "resourceGroup",   0 },
	{ "xetEnabled",      0 },       /* asked for by clients 0.30 to 0.35 (hf-api.md 2.3) */
};

static bool is_wanted(const struct space_ask *ask, const char *key)
{
	unsigned form = !ask->in_list ? IN_ONE : ask->full ? IN_FULL_LIST : IN_LIST;

	for (unsigned i = 0; i < ask->expand_n; i++)
		if (strcmp(ask->expand[i], key) == 0)
			return true;
	if (ask->expand_n)
		return strcmp(key, "_id") == 0 || strcmp(key, "id") == 0;
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			return rows[i].forms & form;
	return true;
}

static json_t *list_of(const json_t *card, const char *key)
{
	json_t *list = json_object_get(card, key);

	return json_is_array(list) ? json_incref(list) : json_array();
}

/* Everything that needs no further look-up. */
static json_t *plain_json(struct http_req *rq, const struct store_repo *r, const struct space_ask *ask, const json_t *card)
{
	const char *id = sp_arena_fmt(rq->arena, "%s/%s", r->owner_name, r->name), *sha = ask->commit ? ask->commit : r->head;
	json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:I, s:f, s:o, s:s, s:s, s:s, s:s?}",
			"_id", r->id.s, "id", id, "author", r->owner_name, "private", r->is_private, "disabled", false, "gated", false,
			"visibility", r->is_private ? "private" : "public",
			"createdAt", sp_iso_ms(r->created_ms).s, "lastModified", sp_iso_ms(r->changed_ms).s,
			"likes", (json_int_t)r->likes, "trendingScore", r->trending, "tags", parsed(r->tags_json, true),
			"sdk", r->sdk, "host", space_host_url(rq, r), "subdomain", r->label, "sha", sha[0] ? sha : NULL);

	if (!j)
		return NULL;
	json_object_set_new(j, "title", json_string(r->title[0] ? r->title : r->name));
	json_object_set_new(j, "emoji", json_string(r->emoji));
	json_object_set_new(j, "colorFrom", json_string(r->color_from));
	json_object_set_new(j, "colorTo", json_string(r->color_to));
	json_object_set_new(j, "shortDescription", json_string(r->short_description));
	json_object_set_new(j, "models", list_of(card, "models"));
	json_object_set_new(j, "datasets", list_of(card, "datasets"));
	if (r->duplicated_from[0])
		json_object_set_new(j, "duplicatedFrom", json_string(r->duplicated_from));
	json_object_set_new(j, "region", json_null());
	json_object_set_new(j, "resourceGroup", json_null());
	json_object_set_new(j, "xetEnabled", json_false());
	return j;
}

static void keep_wanted(json_t *j, const struct space_ask *ask)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(j, next, key, value)
		if (!is_wanted(ask, key))
			json_object_del(j, key);
}

int space_json(struct http_req *rq, const struct store_repo *r, const struct space_ask *ask, json_t **ret, struct sp_err *e)
{
	json_t *card = parsed(r->card_json, false), *j = plain_json(rq, r, ask, card), *more = NULL;
	int rc = 0;

	if (!j) {
		json_decref(card);
		return sp_fail(e, SP_EBUG, 0, "'%s' could not be written as JSON", r->name);
	}
	json_object_set_new(j, "cardData", card);
	keep_wanted(j, ask);
	if (is_wanted(ask, "siblings")) {
		rc = siblings_json(rq, r, ask, &more, e);
		if (rc == 0)
			json_object_set_new(j, "siblings", more);
	}
	if (rc == 0 && is_wanted(ask, "runtime")) {
		rc = space_json_runtime(rq, r, &more, e);
		if (rc == 0)
			json_object_set_new(j, "runtime", more);
	}
	if (rc < 0) {
		json_decref(j);
		return rc;
	}
	*ret = j;
	return 0;
}
