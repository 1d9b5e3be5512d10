#include "server/api/variables.h"

#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "limit.h"
#include "runtime/space/run_env.h"
#include "runtime/space/space_env.h"
#include "runtime/store/store.h"
#include "server/http/http.h"
#include "server/server.h"

struct field { const char *name; bool is_needed; size_t max; };
static const struct field key_field = { "key", true, 127 }, value_field = { "value", true, SP_LIMIT_variable_bytes },
	description_field = { "description", false, 1000 };

static int read_field(const json_t *body, const struct field *f, const char **ret, struct sp_err *e)
{
	const json_t *j = json_object_get(body, f->name);

	if (!f->is_needed && (!j || json_is_null(j))) {
		*ret = NULL;
		return 0;
	}
	if (!json_is_string(j))
		return sp_fail(e, SP_EINVAL, 0, "'%s' must be a string", f->name);
	if (json_string_length(j) > f->max)
		return sp_fail(e, SP_EINVAL, 0, "'%s' is longer than %zu bytes", f->name, f->max);
	*ret = json_string_value(j);
	return 0;
}

/* A name that every shell and language can read from its environment. */
int variable_check_key(const char *key, struct sp_err *e)
{
	bool ok = isalpha((unsigned char)key[0]) || key[0] == '_';

	for (const char *p = key; ok && *p; p++)
		ok = isascii((unsigned char)*p) && (isalnum((unsigned char)*p) || *p == '_');
	if (!ok)
		return sp_fail(e, SP_EINVAL, 0, "the name of a variable or secret has letters, digits and '_' only and does not begin with a digit");
	if (run_env_is_reserved(key))
		return sp_fail(e, SP_EINVAL, 0, "%s is set by the platform and cannot be changed: choose another name", key);
	return 0;
}

int variable_read_key(const json_t *body, const char **ret, struct sp_err *e)
{
	return read_field(body, &key_field, ret, e);
}

int variable_read(const json_t *body, struct variable_in *ret, struct sp_err *e)
{
	int r = read_field(body, &key_field, &ret->key, e);

	if (r == 0)
		r = read_field(body, &value_field, &ret->value, e);
	if (r == 0)
		r = read_field(body, &description_field, &ret->description, e);
	return r == 0 ? variable_check_key(ret->key, e) : r;
}

static int list_of(const struct http_req *rq, struct store_variable **ret, size_t *ret_n, struct sp_err *e)
{
	return store_variable_list(rq->srv->store, &rq->repo->id, rq->arena, ret, ret_n, e);
}

static const struct store_variable *find(const struct store_variable *v, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].key, key) == 0)
			return &v[i];
	return NULL;
}

/* The full map, after reads and writes alike (C-HF-83). */
static int reply_map(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_variable *v = NULL;
	size_t n = 0;
	json_t *map;
	int r = list_of(rq, &v, &n, e);

	if (r < 0)
		return r;
	map = json_object();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_pack("{s:s, s:s, s:s}", "key", v[i].key, "value", v[i].value, "updatedAt", sp_iso_ms(v[i].changed_ms).s);

		if (one && v[i].description)
			json_object_set_new(one, "description", json_string(v[i].description));
		json_object_set_new(map, v[i].key, one);
	}
	return http_reply_json(rq, rs, 200, map);
}

/* An environment is given at the start: a change restarts what runs (C-HF-84), and never wakes what was paused. */
static void apply(const struct http_req *rq)
{
	if (rq->srv->spaces)
		spaces_env_changed(rq->srv->spaces, &rq->repo->id);
}

int variable_has(struct store *st, const struct sp_id *repo, const char *key, struct sp_err *e)
{
	struct store_variable *v = NULL;
	struct sp_arena a;
	size_t n = 0;
	int r;

	sp_arena_init(&a);
	r = store_variable_list(st, repo, &a, &v, &n, e);
	r = r < 0 ? r : find(v, n, key) != NULL;
	sp_arena_fini(&a);
	return r;
}

/* 1: a secret has this name. Adds to BYTES what the others need as "NAME=value". */
static int count_secrets(struct store *st, const struct sp_id *repo, const char *key, struct sp_arena *a, size_t *bytes, struct sp_err *e)
{
	struct store_secret *v = NULL;
	bool is_there = false;
	size_t n = 0;
	int r = store_secret_list(st, repo, a, &v, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].key, key) == 0)
			is_there = true;
		else
			*bytes += strlen(v[i].key) + v[i].sealed_n;     /* nonce and tag are a few bytes on the safe side */
	}
	return is_there;
}

int variable_check_room(struct store *st, const struct sp_id *repo, const char *key, size_t value_n, struct sp_err *e)
{
	size_t n = 0, bytes = strlen(key) + value_n + 2;
	struct store_variable *v = NULL;
	struct sp_arena a;
	int r;

	sp_arena_init(&a);
	r = store_variable_list(st, repo, &a, &v, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (strcmp(v[i].key, key) != 0)
			bytes += strlen(v[i].key) + strlen(v[i].value) + 2;
	if (r == 0)
		r = count_secrets(st, repo, key, &a, &bytes, e);
	sp_arena_fini(&a);
	if (r >= 0 && bytes > SP_LIMIT_environment_bytes)
		return sp_fail(e, SP_EQUOTA, 0, "all variables and secrets of a Space together may have %d bytes: put large values into a file",
				(int)SP_LIMIT_environment_bytes);
	return r;
}

int api_variables(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return reply_map(rq, rs, e);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int save(struct http_req *rq, const char *key, const char *value, const char *description, struct sp_err *e)
{
	const struct store_variable *old;
	struct store_variable *v = NULL;
	size_t n = 0;
	int r = list_of(rq, &v, &n, e);

	if (r < 0)
		return r;
	old = find(v, n, key);
	if (!old && n >= SP_LIMIT_variables)
		return sp_fail(e, SP_EQUOTA, 0, "a Space may have %d variables: delete one first", (int)SP_LIMIT_variables);
	if (old && same(old->value, value) && same(old->description, description))
		return 0;
	r = variable_check_room(rq->srv->store, &rq->repo->id, key, strlen(value), e);
	if (r > 0)
		return sp_fail(e, SP_EEXIST, 0, "'%s' is a secret of this Space: delete the secret first, or choose another name", key);
	if (r < 0)
		return r;
	r = store_variable_set(rq->srv->store, &rq->repo->id, key, value, description, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "variable.set", key, e);
	if (r == 0 && !(old && same(old->value, value)))
		apply(rq);
	return r;
}

int api_variable_set(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct variable_in v;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r == 0)
		r = variable_read(body, &v, e);
	if (r == 0)
		r = save(rq, v.key, v.value, v.description, e);
	return r < 0 ? r : reply_map(rq, rs, e);
}

int api_variable_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_variable *v = NULL;
	const char *key;
	size_t n = 0;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r == 0)
		r = read_field(body, &key_field, &key, e);
	if (r == 0)
		r = list_of(rq, &v, &n, e);
	if (r < 0)
		return r;
	if (find(v, n, key)) {
		r = store_variable_del(rq->srv->store, &rq->repo->id, key, e);
		if (r == 0)
			r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "variable.delete", key, e);
		if (r == 0)
			apply(rq);
	}
	return r < 0 ? r : reply_map(rq, rs, e);
}
