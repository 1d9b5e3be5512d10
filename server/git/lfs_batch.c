/* The batch endpoint of git-lfs (git-lfs docs/api/batch.md, hf-api.md 4.4, 8.2): which objects, and where they go. */
#include <string.h>
#include <strings.h>

#include "limit.h"
#include "runtime/repo/repo.h"
#include "runtime/store/store.h"
#include "server/git/lfs_link.h"
#include "server/server.h"

enum { OBJECTS_MAX = 1000 };

static int reply(struct http_req *rq, struct http_resp *rs, int status, json_t *j)
{
	int r = http_reply_json(rq, rs, status, j);

	for (struct http_header *h = rs->headers; h; h = h->next)
		if (strcasecmp(h->name, "content-type") == 0)
			h->value = "application/vnd.git-lfs+json";
	return r;
}

static json_t *with_error(json_t *object, int code, const char *message)
{
	json_object_set_new(object, "error", json_pack("{s:i, s:s}", "code", code, "message", message));
	return object;
}

static int add_action(struct http_req *rq, json_t *actions, const char *verb, const char *oid, uint64_t size, struct sp_err *e)
{
	const char *href;
	int r = lfs_link_new(rq, verb, oid, size, &href, e);

	if (r == 0)
		json_object_set_new(actions, verb, json_pack("{s:s, s:i}", "href", href, "expires_in", (int)(SP_LIMIT_lfs_link_ms / 1000)));
	return r;
}

/*
 * An object counts as stored only when this very repository was given its bytes: whoever knows the hash of
 * somebody else's file must neither read it nor learn that it is here.
 */
static int add_actions(struct http_req *rq, bool is_upload, const char *oid, uint64_t size, json_t *object, struct sp_err *e)
{
	json_t *actions = NULL;
	uint64_t stored = 0;
	int r = repo_lfs_has(rq->srv->repos, &rq->repo->id, oid, &stored, e);

	if (r < 0 && r != -SP_ENOENT)
		return r;
	if (r == 0 && stored != size) {
		with_error(object, 422, sp_arena_fmt(rq->arena, "The object has %llu bytes, not %llu.", (unsigned long long)stored, (unsigned long long)size));
		return 0;
	}
	if (r < 0 && !is_upload) {
		with_error(object, 404, "This repository does not have the object. Push it with 'git lfs push' from where it is.");
		return 0;
	}
	if (r == 0 && is_upload)
		return 0;       /* no "actions" at all: it is there (C-HF-61) */
	actions = json_object();
	r = add_action(rq, actions, is_upload ? "upload" : "download", oid, size, e);
	if (r == 0 && is_upload)
		r = add_action(rq, actions, "verify", oid, size, e);
	json_object_set_new(object, "actions", actions);
	json_object_set_new(object, "authenticated", json_true());
	return r;
}

static int answer_object(struct http_req *rq, bool is_upload, const json_t *asked, json_t *to, struct sp_err *e)
{
	const char *oid = json_string_value(json_object_get(asked, "oid"));
	json_int_t size = json_integer_value(json_object_get(asked, "size"));
	json_t *object = json_pack("{s:s, s:I}", "oid", oid ? oid : "", "size", size);
	int r = 0;

	if (!oid || strlen(oid) != 64 || !sp_is_hex(oid, 64) || !json_is_integer(json_object_get(asked, "size")) || size < 0)
		with_error(object, 422, "An object needs an oid of 64 lower-case hex digits and a size.");
	else if (is_upload && size > (json_int_t)SP_LIMIT_lfs_object_bytes)
		with_error(object, 413, sp_arena_fmt(rq->arena, "One file may have %lld MB. Split it, or load it when the app starts.",
			(long long)(SP_LIMIT_lfs_object_bytes >> 20)));
	else
		r = add_actions(rq, is_upload, oid, (uint64_t)size, object, e);
	json_array_append_new(to, object);
	return r;
}

/* 1: answered. */
static int check_request(struct http_req *rq, struct http_resp *rs, const json_t *body, bool *ret_upload, struct sp_err *e)
{
	const char *operation = json_string_value(json_object_get(body, "operation")), *hash = json_string_value(json_object_get(body, "hash_algo"));
	const struct account_object on = { .owner = rq->repo->owner, .is_private = rq->repo->is_private };

	if (!operation || (strcmp(operation, "upload") != 0 && strcmp(operation, "download") != 0))
		http_reply_error(rq, rs, 422, NULL, "The operation must be upload or download.");
	else if (hash && strcmp(hash, "sha256") != 0 && strcmp(hash, "sha_256") != 0)
		http_reply_error(rq, rs, 409, NULL, "Objects are named by sha256 here, not by '%.20s'.", hash);
	else if (json_array_size(json_object_get(body, "objects")) > OBJECTS_MAX)
		http_reply_error(rq, rs, 413, NULL, "At most %d objects in one batch: send several.", OBJECTS_MAX);
	else {
		*ret_upload = strcmp(operation, "upload") == 0;
		return *ret_upload ? account_may(&rq->actor, MAY_WRITE, &on, e) : 0;
	}
	return 1;
}

int git_lfs_batch(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const json_t *objects;
	bool is_upload = false;
	json_t *body, *all;
	int r = http_json(rq, &body, e);

	if (r == 0)
		r = check_request(rq, rs, body, &is_upload, e);
	if (r != 0)
		return r < 0 ? r : 0;
	objects = json_object_get(body, "objects");
	all = json_array();
	for (size_t i = 0; i < json_array_size(objects) && r == 0; i++)
		r = answer_object(rq, is_upload, json_array_get(objects, i), all, e);
	if (r < 0) {
		json_decref(all);
		return r;
	}
	return reply(rq, rs, 200, json_pack("{s:s, s:o, s:s}", "transfer", "basic", "objects", all, "hash_algo", "sha256"));
}

/* git-lfs asks before a push who has locked what (C-GIT-13): nobody, here. */
int git_lfs_locks_verify(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return reply(rq, rs, 200, json_pack("{s:[], s:[]}", "ours", "theirs"));
}

int git_lfs_no_locks(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_error(rq, rs, 404, NULL, "This server keeps no file locks. Set lfs.locksverify to false if your client asks for them.");
}
