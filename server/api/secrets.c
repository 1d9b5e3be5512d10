#include "server/api/secrets.h"

#include <string.h>

#include "clock.h"
#include "limit.h"
#include "runtime/account/keys.h"
#include "runtime/space/space.h"
#include "runtime/space/space_env.h"
#include "runtime/store/store.h"
#include "server/api/variables.h"
#include "server/http/http.h"
#include "server/server.h"

int secret_read(const json_t *body, struct secret_in *ret, struct sp_err *e)
{
	struct variable_in v;
	int r = variable_read(body, &v, e);

	if (r == 0)
		*ret = (struct secret_in){ v.key, v.value, v.description };
	return r;
}

static const struct store_secret *find(const struct store_secret *v, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].key, key) == 0)
			return &v[i];
	return NULL;
}

/* One name is one value in the app's environment: which of the two would win nobody could see. */
static int check_place(struct server *srv, const struct store_repo *repo, const char *key, size_t value_n, struct sp_arena *a, struct sp_err *e)
{
	struct store_secret *v = NULL;
	size_t n = 0;
	int r = variable_has(srv->store, &repo->id, key, e);

	if (r < 0)
		return r;
	if (r > 0)
		return sp_fail(e, SP_EEXIST, 0, "'%s' is a variable of this Space: delete the variable first, or choose another name", key);
	r = store_secret_list(srv->store, &repo->id, a, &v, &n, e);
	if (r < 0)
		return r;
	if (n >= SP_LIMIT_secrets && !find(v, n, key))
		return sp_fail(e, SP_EQUOTA, 0, "a Space may have %d secrets: delete one first", (int)SP_LIMIT_secrets);
	r = variable_check_room(srv->store, &repo->id, key, value_n, e);
	return r < 0 ? r : 0;
}

static int put(struct server *srv, const struct account_actor *actor, const struct store_repo *repo, const struct secret_in *in,
		struct sp_arena *a, struct sp_err *e)
{
	struct store_secret row = { .description = in->description, .changed_ms = sp_wall_ms() };
	int r;

	if (sp_copy(row.key, sizeof(row.key), in->key) < 0)
		return sp_fail(e, SP_EINVAL, 0, "the name of a secret has at most %zu bytes", sizeof(row.key) - 1);
	r = check_place(srv, repo, in->key, strlen(in->value), a, e);
	if (r == 0)
		r = keys_seal(srv->keys, space_secret_context(a, &repo->id, in->key), in->value, strlen(in->value), a, &row.sealed, &row.sealed_n, e);
	if (r == 0)
		r = store_secret_set(srv->store, &repo->id, &row, e);
	if (r == 0)
		r = store_event_add(srv->store, &actor->user, &repo->id, "secret.set", in->key, e);
	if (r == 0 && srv->spaces)
		spaces_env_changed(srv->spaces, &repo->id);
	return r;
}

int secret_put(struct server *srv, const struct account_actor *actor, const struct store_repo *repo, const char *key,
		const char *value, const char *description, struct sp_err *e)
{
	const struct secret_in in = { key, value, description };
	struct sp_arena a;
	int r = variable_check_key(key, e);

	if (r < 0)
		return r;
	if (strlen(value) > SP_LIMIT_secret_bytes)
		return sp_fail(e, SP_EINVAL, 0, "the value of a secret has at most %d bytes", (int)SP_LIMIT_secret_bytes);
	sp_arena_init(&a);
	r = put(srv, actor, repo, &in, &a, e);
	sp_arena_fini(&a);
	return r;
}

int secret_drop(struct server *srv, const struct account_actor *actor, const struct store_repo *repo, const char *key, struct sp_err *e)
{
	struct store_secret *v = NULL;
	struct sp_arena a;
	size_t n = 0;
	bool is_there;
	int r;

	sp_arena_init(&a);
	r = store_secret_list(srv->store, &repo->id, &a, &v, &n, e);
	is_there = r == 0 && find(v, n, key);
	sp_arena_fini(&a);
	if (!is_there)
		return r;
	r = store_secret_del(srv->store, &repo->id, key, e);
	if (r == 0)
		r = store_event_add(srv->store, &actor->user, &repo->id, "secret.delete", key, e);
	if (r == 0 && srv->spaces)
		spaces_env_changed(srv->spaces, &repo->id);
	return r;
}

int secret_list(struct server *srv, const struct store_repo *repo, struct sp_arena *a, struct secret_info **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_secret *v = NULL;
	struct secret_info *out;
	size_t n = 0;
	int r = store_secret_list(srv->store, &repo->id, a, &v, &n, e);

	if (r < 0)
		return r;
	out = sp_arena_get(a, (n + 1) * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = (struct secret_info){ v[i].key, v[i].description, v[i].changed_ms };
	*ret = out;
	*ret_n = n;
	return 0;
}

/* ---- the API (hf-api.md 5.1) ---- */

int api_secrets(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct secret_info *v = NULL;
	json_t *map;
	size_t n = 0;
	int r = secret_list(rq->srv, rq->repo, rq->arena, &v, &n, e);

	if (r < 0)
		return r;
	map = json_object();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_pack("{s:s, s:s}", "key", v[i].key, "updatedAt", sp_iso_ms(v[i].changed_ms).s);

		if (one && v[i].description)
			json_object_set_new(one, "description", json_string(v[i].description));
		json_object_set_new(map, v[i].key, one);
	}
	return http_reply_json(rq, rs, 200, map);
}

int api_secret_set(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct secret_in s;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r == 0)
		r = secret_read(body, &s, e);
	if (r == 0)
		r = secret_put(rq->srv, &rq->actor, rq->repo, s.key, s.value, s.description, e);
	return r < 0 ? r : http_reply_json(rq, rs, 200, json_object());
}

int api_secret_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *key;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r == 0)
		r = variable_read_key(body, &key, e);
	if (r == 0)
		r = secret_drop(rq->srv, &rq->actor, rq->repo, key, e);
	return r < 0 ? r : http_reply_json(rq, rs, 200, json_object());
}
