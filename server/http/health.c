/*
 * health.c - GET /healthz and /readyz, for service managers and `make run`.
 */
#include <string.h>

#include "runtime/space/launch_client.h"
#include "runtime/store/store.h"
#include "server/http/http.h"
#include "server/server.h"

enum { PROBE_MS = 2000 };

static int probe(struct http_req *rq, struct launch_probe *ret, struct sp_err *e)
{
	if (!rq->srv->launch)
		return sp_fail(e, SP_EBUSY, 0, "the server is starting");
	return launch_client_probe_wait(rq->srv->launch, PROBE_MS, ret, e);
}

int http_healthz(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	struct launch_probe p;

	if (probe(rq, &p, NULL) < 0)
		return http_reply_json(rq, rs, 503, json_pack("{s:s, s:s}", "status", "launcher-silent",
			"error", "The launcher does not answer; it is restarting or stuck. Look at its log."));
	return http_reply_json(rq, rs, 200, json_pack("{s:s}", "status", "ok"));
}

/* The launcher lists what is missing as "a, b". */
static void add_missing(json_t *list, struct launch_probe *p)
{
	char *at = p->missing, *name;

	p->missing[sizeof(p->missing) - 1] = '\0';
	while ((name = strsep(&at, ",")) != NULL) {
		name += strspn(name, " ");
		if (*name)
			json_array_append_new(list, json_string(name));
	}
}

int http_readyz(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	struct launch_probe p = { 0 };
	json_t *missing = json_array();
	int64_t users;

	if (probe(rq, &p, NULL) < 0)
		json_array_append_new(missing, json_string("launcher"));
	add_missing(missing, &p);
	if (!rq->srv->store || store_user_count(rq->srv->store, &users, NULL) < 0)
		json_array_append_new(missing, json_string("database"));
	if (!rq->srv->spaces)
		json_array_append_new(missing, json_string("runtime"));
	if (p.can_run && p.can_build && rq->srv->spaces && rq->srv->store)
		return http_reply_json(rq, rs, 200, json_pack("{s:s, s:o}", "status", "ready", "missing", missing));
	return http_reply_json(rq, rs, 503, json_pack("{s:s, s:o}", "error", "Apps cannot be built and run yet; see 'missing'.", "missing", missing));
}
