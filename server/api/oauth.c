/*
 * The device flow of RFC 8628 as `hf auth login` uses it (hf-api.md 1.3, C-HF-23..25). Errors are OAuth's
 * ({"error": "authorization_pending"}, RFC 6749 5.2), not the Hub's.
 */
#include <string.h>

#include "clock.h"
#include "limit.h"
#include "runtime/account/account.h"
#include "runtime/account/devices.h"
#include "server/http/http.h"
#include "server/server.h"

#define GRANT_DEVICE  "urn:ietf:params:oauth:grant-type:device_code"
#define GRANT_REFRESH "refresh_token"

/* Public clients that are built in: an id proves nothing, so that the page can only show names of ours. */
static const struct { const char *id, *name; } clients[] = {
	{ "26be6b09-91c5-47da-9861-d2d2bb7a7e36", "hf auth login" },
	{ "vitrine", "vitrine login" },
};

static const char *client_name(struct http_req *rq)
{
	const char *id = http_form(rq, "client_id");

	for (size_t i = 0; id && i < sizeof(clients) / sizeof(clients[0]); i++)
		if (strcmp(clients[i].id, id) == 0)
			return clients[i].name;
	return NULL;
}

static int refuse(struct http_req *rq, struct http_resp *rs, const char *error, const char *sentence)
{
	http_set(rq, rs, "Cache-Control", "no-store");
	return http_reply_json(rq, rs, 400, json_pack("{s:s, s:s}", "error", error, "error_description", sentence));
}

int api_oauth_device(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *client = client_name(rq), *page = sp_arena_fmt(rq->arena, "%s/-/device", rq->origin);
	struct account_token code;
	struct device_login login;

	(void)e;
	if (!client)
		return refuse(rq, rs, "invalid_client", "This server knows the clients of hf and vitrine only.");
	devices_begin(rq->srv->devices, client, rq->peer, sp_wall_ms(), &code, &login);
	http_set(rq, rs, "Cache-Control", "no-store");
	return http_reply_json(rq, rs, 200, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "device_code", code.s, "user_code", login.user_code,
		"verification_uri", page, "verification_uri_complete", sp_arena_fmt(rq->arena, "%s?code=%s", page, login.user_code),
		"interval", DEVICE_INTERVAL_S, "expires_in", SP_LIMIT_device_login_ms / 1000));
}

static int grant(struct http_req *rq, struct http_resp *rs, const struct account_token *access, const struct account_token *refresh)
{
	http_set(rq, rs, "Cache-Control", "no-store");
	return http_reply_json(rq, rs, 200, json_pack("{s:s, s:s, s:i, s:s}", "access_token", access->s, "refresh_token", refresh->s,
		"expires_in", GRANT_SECONDS, "token_type", "bearer"));
}

static int poll(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *code = http_form(rq, "device_code");
	struct account_token access, refresh;
	struct device_grant g;
	int r = devices_poll(rq->srv->devices, code ? code : "", sp_wall_ms(), &g, e);

	if (r == -SP_ENOENT)
		return refuse(rq, rs, "expired_token", "This login is older than 15 minutes, was used, or the server was restarted. Begin again.");
	if (r == -SP_EBUSY)
		return refuse(rq, rs, "slow_down", "Ask less often.");
	if (r < 0)
		return r;
	if (g.state == DEVICE_WAITING)
		return refuse(rq, rs, "authorization_pending", "Nobody has answered yet.");
	if (g.state == DEVICE_DENIED)
		return refuse(rq, rs, "access_denied", "The login was denied in the browser.");
	r = account_grant_new(rq->srv->store, &g.user, sp_arena_fmt(rq->arena, "%s from %s", g.client, g.address), g.role, &access, &refresh, e);
	if (r == -SP_EQUOTA)
		return refuse(rq, rs, "access_denied", "The account has too many access tokens. Revoke one in the account settings and begin again.");
	if (r == -SP_ENOENT)
		return refuse(rq, rs, "access_denied", "The account is gone.");
	return r < 0 ? r : grant(rq, rs, &access, &refresh);
}

static int renew(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *given = http_form(rq, "refresh_token");
	struct account_token access, refresh;
	int r = account_token_refresh(rq->srv->store, given ? given : "", &access, &refresh, e);

	if (r == -SP_EAUTH)
		return refuse(rq, rs, "invalid_grant", "This refresh token was used, revoked or has expired. Log in again.");
	return r < 0 ? r : grant(rq, rs, &access, &refresh);
}

int api_oauth_token(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *type = http_form(rq, "grant_type");

	if (!client_name(rq))
		return refuse(rq, rs, "invalid_client", "This server knows the clients of hf and vitrine only.");
	if (type && strcmp(type, GRANT_DEVICE) == 0)
		return poll(rq, rs, e);
	if (type && strcmp(type, GRANT_REFRESH) == 0)
		return renew(rq, rs, e);
	return refuse(rq, rs, "unsupported_grant_type", "This server grants device_code and refresh_token.");
}
