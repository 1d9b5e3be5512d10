#include <string.h>

#include "limit.h"
#include "server/api/repo_util.h"
#include "server/server.h"

enum { FILES_MAX = 4096 };

struct asked { const char **paths; bool *ignored, *is_large; struct repo_entry *now; size_t n; };

/* Read the request. 1: answered. */
static int read_files(struct http_req *rq, struct http_resp *rs, json_t *files, struct asked *to)
{
	size_t n = json_array_size(files);

	if (n > FILES_MAX) {
		http_reply_error(rq, rs, 413, NULL, "At most %d files in one request: send several.", FILES_MAX);
		return 1;
	}
	to->paths = sp_arena_get(rq->arena, (n + 1) * sizeof(*to->paths));
	to->ignored = sp_arena_get(rq->arena, (n + 1) * sizeof(*to->ignored));
	to->is_large = sp_arena_get(rq->arena, (n + 1) * sizeof(*to->is_large));
	to->n = n;
	for (size_t i = 0; i < n; i++) {
		json_t *f = json_array_get(files, i);
		json_int_t size = json_integer_value(json_object_get(f, "size"));
		const char *path = json_string_value(json_object_get(f, "path"));

		if (!path) {
			http_reply_error(rq, rs, 400, NULL, "Each of 'files' needs a 'path'.");
			return 1;
		}
		if (size > (json_int_t)SP_LIMIT_lfs_object_bytes) {
			http_reply_error(rq, rs, 413, NULL, "The file '%.200s' has %lld MB; this server takes files of up to %d MB. "
				"Load larger ones when the app starts.", path, (long long)(size >> 20), (int)(SP_LIMIT_lfs_object_bytes >> 20));
			return 1;
		}
		to->paths[i] = path;
		to->is_large[i] = size > SP_LIMIT_regular_file_bytes;
	}
	return 0;
}

static json_t *file_json(const struct asked *q, size_t i)
{
	const struct repo_entry *now = &q->now[i];
	json_t *j = json_pack("{s:s, s:s, s:b}", "path", q->paths[i], "uploadMode", q->is_large[i] ? "lfs" : "regular", "shouldIgnore", (int)q->ignored[i]);

	if (now->path && !now->is_dir && !now->is_link)
		json_object_set_new(j, "oid", json_string(now->lfs.is_lfs ? now->lfs.sha256 : now->oid));
	return j;
}

int api_preupload(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct asked q = { 0 };
	bool has_large = false;
	json_t *body, *all;
	char commit[41];
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	r = repo_revision(rq, rs, http_param(rq, "rev"), commit, e);
	if (r == 0)
		r = read_files(rq, rs, json_object_get(body, "files"), &q);
	if (r != 0)
		return r < 0 ? r : 0;
	r = repo_stat_many(rq->srv->repos, &rq->repo->id, commit, q.paths, q.n, false, rq->arena, &q.now, e);
	if (r == 0)
		r = repo_ignored(rq->srv->repos, &rq->repo->id, commit, json_string_value(json_object_get(body, "gitIgnore")), q.paths, q.n, q.ignored, e);
	if (r < 0)
		return r;
	all = json_array();
	for (size_t i = 0; i < q.n; i++) {
		json_array_append_new(all, file_json(&q, i));
		has_large = has_large || q.is_large[i];
	}
	/* Where hf_xet is installed the client goes to Xet and shows nothing of what that answers; this it shows (clients.md 5.1). */
	if (has_large)
		http_setf(rq, rs, "X-HF-Warning", "large-files; Files over %d MB go by git-lfs here, this server has no Xet storage: "
			"set HF_HUB_DISABLE_XET=1 and upload again, or push with git-lfs.", (int)(SP_LIMIT_regular_file_bytes >> 20));
	return http_reply_json(rq, rs, 200, json_pack("{s:o, s:s}", "files", all, "commitOid", commit));
}
