#include "server/app_access.h"
#include "server/http/http.h"
#include "server/server.h"
#include "runtime/store/store.h"

/* GET S/jwt: for addresses that a program makes (hf-api.md 5.1). */
int api_space_jwt(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *token;
	int r = app_access_jwt(rq->srv->app_access, &rq->actor, &rq->repo->id, rq->arena, &token, e);

	if (r < 0)
		return r;
	http_set(rq, rs, "Cache-Control", "no-store");
	return http_reply_json(rq, rs, 200, json_pack("{s:s}", "token", token));
}
