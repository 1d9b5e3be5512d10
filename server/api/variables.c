#include "server/api/variables.h"

#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "limit.h"
#include "runtime/space/space.h"
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
static int check_key(const char *key, struct sp_err *e)
{
	bool ok = isalpha((unsigned char)key[0]) || key[0] == '_';

	for (const char *p = key; ok && *p; p++)
		ok = isascii((unsigned char)*p) && (isalnum((unsigned char)*p) || *p == '_');
	return ok ? 0 : sp_fail(e, SP_EINVAL, 0, "the name of a variable has letters, digits and '_' only and does not begin with a digit");
}

int variable_read(const json_t *body, struct variable_in *ret, struct sp_err *e)
{
	int r = read_field(body, &key_field, &ret->key, e);

	if (r == 0)
		r = read_field(body, &value_field, &ret->value, e);
	if (r == 0)
		r = read_field(body, &description_field, &ret->description, e);
	return r == 0 ? check_key(ret->key, e) : r;
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
static int apply(struct http_req *rq, struct sp_err *e)
{
	struct sp_err ignored;
	int r;

	if (!rq->srv->spaces || rq->repo->is_paused)
		return 0;
	r = spaces_restart(rq->srv->spaces, &rq->repo->id, false, &ignored);
	if (r == 0 || r == -SP_ESTATE || r == -SP_ENOENT)       /* nothing runs: the next start reads the new value */
		return 0;
	*e = ignored;
	return sp_err_wrap(e, r, "the variable is saved, but the app could not be restarted");
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
	r = store_variable_set(rq->srv->store, &rq->repo->id, key, value, description, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "variable.set", key, e);
	return r == 0 && !(old && same(old->value, value)) ? apply(rq, e) : r;
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
			r = apply(rq, e);
	}
	return r < 0 ? r : reply_map(rq, rs, e);
}

/* There are none yet, so the list is empty; a client that stores one must not believe that it is safe here. */
int api_secrets(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_json(rq, rs, 200, json_object());
}

int api_secret_refused(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)rq, (void)rs;
	return sp_fail(e, SP_EUNSUPPORTED, 0, "secrets are not part of this version yet: use a variable if everybody may know the value");
}
