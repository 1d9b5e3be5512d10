#include "server/http/http.h"

/* Asked by every process of the Hub's client before its first real request (hf-api.md 0.6, C-HF-17): answered from memory. */
int api_agent_harnesses(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_json(rq, rs, 200, json_pack("{s:[], s:{}}", "standardEnvVars", "harnesses"));
}

/* Nothing is kept of it. */
int api_telemetry(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)rq, (void)e;
	rs->status = 204;
	return 0;
}

/* The route's permission is the answer (hf-api.md 1.4, C-HF-26). */
int api_auth_check(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_json(rq, rs, 200, json_object());
}
