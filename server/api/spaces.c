/* A Space and its runtime (hf-api.md 2.3, 2.5, 5.1, 5.2). */
#include <string.h>

#include "limit.h"
#include "runtime/space/network.h"
#include "runtime/space/space.h"
#include "server/api/repo_util.h"
#include "server/api/space_json.h"
#include "server/server.h"

/*
 * C-GRADIO-21: gradio_client polls while it reads BUILDING, but goes straight on to the app and gives up after
 * 5 s on any other stage that becomes RUNNING by itself. Its own name wakes the app too. gradio_client 2.7 asks
 * under the name that every plain use of huggingface_hub has ("unknown/None; hf_hub/…"): for that one an app
 * that starts is BUILDING, which its wait_for_space waits for alike, but nothing is woken and SLEEPING is told.
 */
static void be_patient(struct http_req *rq, const struct store_repo *r, json_t *runtime)
{
	const char *stage = json_string_value(json_object_get(runtime, "stage")), *agent = http_header(rq, "user-agent");
	bool by_name = agent && sp_starts_with(agent, "gradio_client/"), maybe = agent && sp_starts_with(agent, "unknown/None; hf_hub/");
	bool starts = stage && strcmp(stage, "APP_STARTING") == 0;
	bool asleep = stage && (strcmp(stage, "SLEEPING") == 0 || strcmp(stage, "STOPPED") == 0);

	if (!(starts && (by_name || maybe)) && !(asleep && by_name))
		return;
	if (by_name)
		spaces_wake(rq->srv->spaces, &r->id);
	json_object_set_new(runtime, "stage", json_string("BUILDING"));
}

static int reply_runtime(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo now;
	json_t *j;
	int r = store_repo_by_id(rq->srv->store, &rq->repo->id, rq->arena, &now, e);

	if (r == 0)
		r = space_json_runtime(rq, &now, &j, e);
	if (r < 0)
		return r;
	be_patient(rq, &now, j);
	return http_reply_json(rq, rs, 200, j);
}

static int reply_space(struct http_req *rq, struct http_resp *rs, const struct store_repo *repo, const char *commit, struct sp_err *e)
{
	struct space_ask ask = { 0 };
	json_t *j;
	int r;

	space_ask_read(rq, &ask);
	ask.commit = commit;
	r = space_json(rq, repo, &ask, &j, e);
	if (r < 0)
		return r;
	be_patient(rq, repo, json_object_get(j, "runtime"));
	return http_reply_json(rq, rs, 200, j);
}

int api_space(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return reply_space(rq, rs, rq->repo, NULL, e);
}

int api_space_revision(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	char commit[41];
	int r = repo_revision(rq, rs, http_param(rq, "rev"), commit, e);

	return r != 0 ? (r < 0 ? r : 0) : reply_space(rq, rs, rq->repo, sp_arena_str(rq->arena, commit), e);
}

int api_space_runtime(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return reply_runtime(rq, rs, e);
}

int api_space_restart(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	bool factory = http_query_bool(rq, "factory");
	int r = spaces_restart(rq->srv->spaces, &rq->repo->id, factory, e);

	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "restart", factory ? "factory" : "", e);
	return r < 0 ? r : reply_runtime(rq, rs, e);
}

int api_space_pause(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = spaces_pause(rq->srv->spaces, &rq->repo->id, e);

	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "pause", "", e);
	return r < 0 ? r : reply_runtime(rq, rs, e);
}

/* VALUE NULL or null: nothing is asked for. */
static int set_sleep(struct http_req *rq, const json_t *value, struct sp_err *e)
{
	int64_t seconds = json_integer_value(value);
	int r;

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value))
		return sp_fail(e, SP_EINVAL, 0, "the sleep time must be a whole number of seconds, or -1 for never");
	if (seconds != -1 && (seconds < 1 || seconds > (int64_t)SP_LIMIT_sleep_max_s))
		return sp_fail(e, SP_EINVAL, 0, "the sleep time is 1 to %lld seconds, or -1 for never", (long long)SP_LIMIT_sleep_max_s);
	r = store_repo_set_sleep(rq->srv->store, &rq->repo->id, seconds, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "sleep-time", sp_arena_fmt(rq->arena, "%lld s", (long long)seconds), e);
	if (r < 0)
		return r;
	spaces_refresh(rq->srv->spaces, &rq->repo->id);
	return 0;
}

int api_space_hardware(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *flavor;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	flavor = json_string_value(json_object_get(body, "flavor"));
	if (!flavor || strcmp(flavor, "cpu-basic") != 0)
		return http_reply_error(rq, rs, 400, NULL, "This server has no hardware '%.40s'. It has cpu-basic; GET /api/spaces/hardware lists what there is.",
			flavor ? flavor : "");
	r = set_sleep(rq, json_object_get(body, "sleepTimeSeconds"), e);       /* `hf spaces settings` sends both at once */
	return r < 0 ? r : reply_runtime(rq, rs, e);
}

int api_space_sleeptime(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	if (!json_is_integer(json_object_get(body, "seconds")))
		return http_reply_error(rq, rs, 400, NULL, "'seconds' must be a whole number, or -1 for never.");
	r = set_sleep(rq, json_object_get(body, "seconds"), e);
	return r < 0 ? r : reply_runtime(rq, rs, e);
}

int api_space_network(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *policy;
	enum launch_egress egress;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	policy = json_string_value(json_object_get(body, "policy"));
	if (!policy || !network_policy(policy, &egress))
		return http_reply_error(rq, rs, 400, NULL, "'policy' is one of 'none', 'web' (ports 80, 443 and 8080) and 'any' (any port but mail).");
	r = store_repo_set_network(rq->srv->store, &rq->repo->id, policy, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "network", policy, e);
	return r < 0 ? r : reply_runtime(rq, rs, e);
}

static void add_ref(json_t *to, const struct repo_ref *ref)
{
	json_array_append_new(to, json_pack("{s:o, s:o, s:s}", "name", repo_text(ref->name), "ref", repo_text(ref->full), "targetCommit", ref->commit));
}

int api_refs(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	json_t *branches, *tags, *converts, *pulls, *all;
	struct repo_ref *v;
	size_t n;
	int r = repo_refs(rq->srv->repos, &rq->repo->id, rq->arena, &v, &n, e);

	if (r < 0)
		return r;
	branches = json_array();
	tags = json_array();
	converts = json_array();
	pulls = json_array();
	for (size_t i = 0; i < n; i++)
		add_ref(sp_starts_with(v[i].full, "refs/heads/") ? branches : sp_starts_with(v[i].full, "refs/tags/") ? tags :
			sp_starts_with(v[i].full, "refs/convert/") ? converts : pulls, &v[i]);
	all = json_pack("{s:o, s:o, s:o}", "branches", branches, "converts", converts, "tags", tags);
	if (http_query_bool(rq, "include_prs"))
		json_object_set(all, "pullRequests", pulls);
	json_decref(pulls);
	return http_reply_json(rq, rs, 200, all);
}

int api_space_by_subdomain(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct account_object on;
	struct store_repo r;
	int res = store_repo_by_label(rq->srv->store, http_param(rq, "sub"), rq->arena, &r, e);

	if (res == 0) {
		on = (struct account_object){ r.owner, r.is_private };
		res = account_may(&rq->actor, MAY_READ, &on, e);
	}
	if (res == -SP_ENOENT)
		return http_reply_error(rq, rs, account_is_anonymous(&rq->actor) ? 401 : 404, "RepoNotFound", "No Space answers at '%.70s'.", http_param(rq, "sub"));
	return res < 0 ? res : reply_space(rq, rs, &r, NULL, e);
}

int api_space_host(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_json(rq, rs, 200, json_pack("{s:s, s:s}", "host", space_host_url(rq, rq->repo), "subdomain", rq->repo->label));
}

int api_zero_gpu_quota(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_error(rq, rs, 404, NULL, "This server has no ZeroGPU, so there is no quota of it.");
}
