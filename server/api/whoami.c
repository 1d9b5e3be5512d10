#include "server/api/user_json.h"
#include "server/http/http.h"

/* A browser's session is told as a token of the user's full role, so that clients need no third case. */
static const char *role_name(enum account_role role)
{
	return role == ROLE_READ ? "read" : "write";
}

/* hf-api.md 1.2, C-HF-21. displayName is the name under which `hf auth login` stores the token. */
int api_whoami(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct account_actor *a = &rq->actor;
	json_t *auth = json_pack("{s:s, s:{s:s, s:s}}", "type", "access_token", "accessToken", "displayName", a->name, "role", role_name(a->role));
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:[], s:o}", "type", "user", "id", a->user.s, "name", a->name,
			"fullname", a->fullname[0] ? a->fullname : a->name, "avatarUrl", user_avatar_url(rq, a->name),
			"isPro", false, "canPay", false, "isAdmin", a->is_admin, "orgs", "auth", auth);

	return j ? http_reply_json(rq, rs, 200, j) : sp_fail(e, SP_EBUG, 0, "the account could not be written as JSON");
}
