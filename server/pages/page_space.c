/* GET /spaces/{owner}/{name}: the app in its frame, or why there is none and what to do (C-UI-13, C-UI-18). */
#include <string.h>

#include "runtime/space/logs.h"
#include "server/api/space_json.h"
#include "server/pages/app_link.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

/* "http://ada-chat.localhost:7860" to the same with a star for the label. */
static const char *frame_source(struct http_req *rq, const char *app_url)
{
	const char *host = strstr(app_url, "://") + 3;

	return sp_arena_fmt(rq->arena, "%.*s*%s", (int)(host - app_url), app_url, host + strcspn(host, "."));
}

static struct view_state state_of(struct http_req *rq, const struct store_repo *r, const struct space_view *s, bool may_write)
{
	const struct stage_row *row = stage_row(s->stage);
	struct view_state v = {
		.heading = row->heading, .tone = row->tone, .text = s->cause.text, .next = s->cause.next, .code = s->cause.code,
		.evidence = may_write ? page_plain_log(rq->arena, s->cause.evidence) : "", .steps = page_steps(rq->arena, s->stage),
		.usually = row->pulse ? page_usually(rq->arena, s) : "", .owner = r->owner_name, .name = r->name,
		.may_write = may_write, .origin = rq->origin, .log.kind = "",
		.can_restart = s->stage != STAGE_NO_APP_FILE && s->stage != STAGE_DELETING && s->stage != STAGE_CONFIG_ERROR && !row->pulse,
		.show_start = s->stage == STAGE_NO_APP_FILE && may_write,
	};

	if (s->stage == STAGE_NO_APP_FILE && !*v.text)
		v.text = "Nothing has been uploaded yet.";
	if (may_write && s->stage == STAGE_BUILDING)
		v.log = page_log(rq, r, LOG_BUILD);
	if (may_write && s->stage == STAGE_APP_STARTING)
		v.log = page_log(rq, r, LOG_RUN);
	return v;
}

static const char *notice_of(struct http_req *rq, const struct space_view *s)
{
	if (s->cause.text[0])
		return sp_arena_fmt(rq->arena, "The newest version is not serving; the one before it is. %s", s->cause.text);
	if (s->stage == STAGE_RUNNING_BUILDING)
		return "A new version is being built; this one keeps running until it answers.";
	if (s->stage == STAGE_RUNNING_APP_STARTING)
		return "A new version is starting; this one keeps running until it answers.";
	return "";
}

static void set_frame(struct http_req *rq, struct view_page *page, const struct store_repo *r, const struct space_view *s)
{
	const struct stage_row *row = stage_row(s->stage);
	const char *title = r->title[0] ? r->title : r->name;

	page_begin(rq, page, sp_arena_fmt(rq->arena, "● %s · %s", row->word, title));
	page->icon = r->emoji;
	page->icon_state = row->tone;
	page->topics = sp_arena_fmt(rq->arena, "space:%s", r->id.s);
	page->announce = sp_arena_fmt(rq->arena, "%s: %s", title, row->word);
	page->refresh = row->pulse && !row->shows_app;
	page->logs = page->copies = page_may_write(rq, r);      /* also for the parts that a later state brings */
}

int page_space(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct store_repo *r = rq->repo;
	struct space_view s = page_space_view(rq, &r->id);
	struct view_space v = { 0 };
	struct sp_buf html = { 0 };

	if (page_wants_json(rq)) {
		struct space_ask ask = { 0 };
		json_t *j = NULL;
		int rc = space_json(rq, r, &ask, &j, e);

		http_set(rq, rs, "Vary", "Accept, Cookie, HX-Request");
		return rc < 0 ? rc : http_reply_json(rq, rs, 200, j);
	}
	set_frame(rq, &v.page, r, &s);
	v.head = page_space_head(rq, r, &s, "app");
	v.shows_app = page_shows_app(&s);
	v.frame_url = app_frame_url(rq, r);
	if (v.shows_app && v.head.may_write) {
		v.notice = notice_of(rq, &s);
		v.notice_next = s.cause.next;
		v.notice_evidence = page_plain_log(rq->arena, s.cause.evidence);
	}
	v.version = s.serving;
	v.keep = v.shows_app ? "app" :
		sp_arena_fmt(rq->arena, "%d %s %s %s", (int)s.stage, s.cause.code, s.build.s, s.run.s);
	v.state = state_of(rq, r, &s, v.head.may_write);
	v.page.tall = v.shows_app;
	view_space(&html, &v);
	return page_reply(rq, rs, 200, &html, frame_source(rq, v.head.app_url));
}

/* ---- forms; scripts and clients use the API ---- */

static int back(struct http_req *rq, struct http_resp *rs)
{
	const struct store_repo *r = rq->repo;

	return page_see_other(rq, rs, sp_arena_fmt(rq->arena, "/spaces/%s/%s", r->owner_name, r->name));
}

int page_space_restart(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = spaces_restart(rq->srv->spaces, &rq->repo->id, http_query_bool(rq, "factory"), e);

	return r < 0 ? r : back(rq, rs);
}

int page_space_pause(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = spaces_pause(rq->srv->spaces, &rq->repo->id, e);

	return r < 0 ? r : back(rq, rs);
}

int page_space_like(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int64_t likes;
	bool liked;
	int r;

	if (account_is_anonymous(&rq->actor))
		return sp_fail(e, SP_EAUTH, 0, "sign in to like a Space");
	if (rq->actor.role < ROLE_WRITE)
		return sp_fail(e, SP_EDENIED, 0, "this token may only read: use one with the role write");
	r = store_like_has(rq->srv->store, &rq->actor.user, &rq->repo->id, &liked, e);
	if (r >= 0)
		r = store_like_set(rq->srv->store, &rq->actor.user, &rq->repo->id, !liked, &likes, e);
	return r < 0 ? r : back(rq, rs);
}
