/*
 * app_host_default.c - what app hosts answer as long as server/pages and server/api do not have their own.
 */
#include "server/http/http.h"

static SP_UNUSED int not_here(struct http_req *rq, struct http_resp *rs)
{
	return http_reply_error(rq, rs, 503, NULL, "The app cannot be reached right now (%s).", rq->space_why);
}

#if !__has_include("server/pages/app_host.c")
int app_host_waiting(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e) { return not_here(rq, rs); }
int app_host_down(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e) { return not_here(rq, rs); }
int app_host_unknown(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e) { return not_here(rq, rs); }
int app_host_private(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e) { return not_here(rq, rs); }
#endif

#if !__has_include("server/api/app_host_static.c") && !__has_include("server/api/static.c") && !__has_include("server/api/app_static.c")
int app_host_static(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e) { return not_here(rq, rs); }
#endif
