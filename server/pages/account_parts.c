/* What the pages of accounts share. */
#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "runtime/store/store.h"
#include "server/http/auth.h"
#include "server/http/http_status.h"
#include "server/pages/account.h"
#include "server/server.h"

enum { FRESH_MS = 15 * 60 * 1000 };

int account_need_session(const struct http_req *rq, struct sp_err *e)
{
	return rq->actor.by_session ? 0 : sp_fail(e, SP_EDENIED, 0, "this is done in the browser, by the user who is signed in");
}

int account_need_fresh(const struct http_req *rq, struct sp_err *e)
{
	struct store_token row;
	int r = store_token_by_id(rq->srv->store, &rq->actor.token, &row, e);

	if (r < 0 || sp_wall_ms() - row.created_ms < FRESH_MS)
		return r;
	return sp_fail(e, SP_EDENIED, 0, "you signed in more than 15 min ago and have no password: sign in once more, then do this again");
}

/* "Firefox on Linux": enough to tell one's own sessions apart. Only words of ours, whatever the header says. */
static const char *browser_of(const struct http_req *rq)
{
	static const struct { const char *mark, *word; } browsers[] = {
		{ "Edg/", "Edge" }, { "OPR/", "Opera" }, { "Firefox/", "Firefox" }, { "Chrome/", "Chromium" }, { "Safari/", "Safari" },
	}, systems[] = {
		{ "Android", "Android" }, { "iPhone", "iPhone" }, { "iPad", "iPad" }, { "Windows", "Windows" }, { "Mac OS X", "macOS" }, { "Linux", "Linux" },
	};
	const char *agent = http_header(rq, "user-agent"), *browser = "A program", *system = NULL;

	if (!agent)
		return browser;
	for (size_t i = sizeof(browsers) / sizeof(browsers[0]); i--;)
		if (strstr(agent, browsers[i].mark))
			browser = browsers[i].word;
	for (size_t i = sizeof(systems) / sizeof(systems[0]); i--;)
		if (strstr(agent, systems[i].mark))
			system = systems[i].word;
	return system ? sp_arena_fmt(rq->arena, "%s on %s", browser, system) : browser;
}

int account_begin_session(struct http_req *rq, struct http_resp *rs, const struct sp_id *user, struct sp_err *e)
{
	struct account_token cookie;
	int r = account_session_new(rq->srv->store, user, browser_of(rq), &cookie, e);

	if (r < 0)
		return r;
	if (rq->actor.by_session) {     /* the browser has one cookie: what it replaces ends, and with it what it opened at apps */
		r = store_token_revoke(rq->srv->store, &rq->actor.user, &rq->actor.token, e);
		server_account_changed(rq->srv, &rq->actor.user);
	}
	if (r < 0 && r != -SP_ENOENT)
		return r;
	auth_set_cookie(rq, rs, cookie.s);
	return 0;
}

int account_form_status(struct http_req *rq, struct http_resp *rs, const struct sp_err *e)
{
	switch ((int)e->code) {
	case SP_EQUOTA:
		http_set(rq, rs, "Retry-After", "60");
		return 429;
	case SP_EBUSY:
		http_set(rq, rs, "Retry-After", "1");
		return 503;
	case SP_EINVAL:
	case SP_EAUTH:
	case SP_EDENIED:
	case SP_ENOENT:
	case SP_EEXIST:
	case SP_ESTATE:
		return http_status_of(e->code);
	default:
		return 0;
	}
}

const char *account_sentence(struct sp_arena *a, const struct sp_err *e)
{
	char *s = sp_arena_fmt(a, "%s.", e->msg);

	s[0] = (char)toupper((unsigned char)s[0]);
	return s;
}

const char *account_day(struct sp_arena *a, int64_t wall_ms)
{
	return wall_ms ? sp_arena_fmt(a, "%.10s", sp_iso_ms(wall_ms).s) : "";
}

const char *account_link(const struct http_req *rq, const char *path, const char *token)
{
	return sp_arena_fmt(rq->arena, "%s%s?token=%s", rq->origin, path, token);
}

int account_form_password(struct http_req *rq, const char **ret, struct sp_err *e)
{
	const char *password = http_form(rq, "password"), *again = http_form(rq, "again");

	if (!password || !again || strcmp(password, again) != 0)
		return sp_fail(e, SP_EINVAL, 0, "the two passwords differ: type the same one twice");
	*ret = password;
	return 0;
}
