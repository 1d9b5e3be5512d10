/* GET /spaces/{owner}/{name}: the app in its frame, or why there is none and what to do (C-UI-13, C-UI-18). */
#include <string.h>

#include "runtime/repo/repo.h"
#include "server/api/repo_util.h"
#include "server/api/space_json.h"
#include "server/pages/app_link.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

enum { LIKERS_MAX = 1000 };

/* "http://ada-chat.localhost:7860" to the same with a star for the label. */
static const char *frame_source(struct http_req *rq, const char *app_url)
{
	const char *host = strstr(app_url, "://") + 3;

	return sp_arena_fmt(rq->arena, "%.*s*%s", (int)(host - app_url), app_url, host + strcspn(host, "."));
}

/* The next action of the cause (causes.def) as what the page can offer. */
static void set_action(struct http_req *rq, struct view_state *v, const struct space_cause *c)
{
	v->action_label = c->label;
	v->action_path = v->action_kind = v->action_command = "";
	switch (c->action) {
	case ACTION_RESTART:
		v->is_restart = true;
		break;
	case ACTION_FACTORY:
		v->is_factory = true;
		break;
	case ACTION_EDIT:
		v->is_edit = c->target[0] != '\0';
		v->is_files = !v->is_edit;
		v->action_path = sp_arena_str(rq->arena, c->target);
		break;
	case ACTION_SETTINGS:
		v->is_settings = true;
		break;
	case ACTION_LOGS:
		v->is_logs = true;
		v->action_kind = sp_arena_str(rq->arena, c->target);
		break;
	case ACTION_OPERATOR:
	case ACTION_COMMAND:
		v->action_command = sp_arena_str(rq->arena, c->target);
		break;
	case ACTION_NONE:
	case ACTION_WAIT:
	case ACTION_MAX:
		break;
	}
}

static struct view_state state_of(struct http_req *rq, const struct store_repo *r, const struct space_view *s, bool may_write)
{
	const struct stage_row *row = stage_row(s->stage);
	struct view_state v = {
		.heading = row->heading, .tone = row->tone, .text = s->cause.text, .next = s->cause.next, .code = s->cause.code,
		.evidence = may_write ? page_plain_log(rq->arena, s->cause.evidence) : "", .steps = page_steps(rq->arena, s->stage),
		.usually = row->pulse ? page_usually(rq->arena, s) : "", .owner = r->owner_name, .name = r->name,
		.act = page_act(&s->cause), .may_write = may_write, .origin = rq->origin, .log.kind = "",
		.can_restart = s->stage != STAGE_NO_APP_FILE && s->stage != STAGE_DELETING && s->stage != STAGE_CONFIG_ERROR && !row->pulse,
		.show_start = s->stage == STAGE_NO_APP_FILE && may_write,
	};

	set_action(rq, &v, &s->cause);
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
	if (s->cause.text[0] && s->stage != STAGE_RUNNING_BUILDING)
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
	page->logs = page_may_write(rq, r);     /* also for the parts that a later state brings */
}

/* header: mini, fullWidth: false and base_path of the card (C-UI-14). */
static void set_card(struct http_req *rq, struct view_space *v, const struct store_repo *r)
{
	json_t *card = r->card_json ? json_loads(r->card_json, 0, NULL) : NULL;
	const char *header = json_string_value(json_object_get(card, "header")), *base = json_string_value(json_object_get(card, "base_path"));
	const char *at = strchr(v->frame_url + strlen(v->head.app_url), '/');

	v->page.mini = v->shows_app && header && strcmp(header, "mini") == 0;
	v->is_narrow = json_is_false(json_object_get(card, "fullWidth"));
	if (base && *page_local_path(base) && page_local_path(base)[1] && at)
		v->frame_url = sp_arena_fmt(rq->arena, "%s%s%s", v->head.app_url, repo_percent(rq->arena, base, true), at + 1);
	json_decref(card);
}

/* What there is to read while there is no app to see. */
static void set_readme(struct http_req *rq, struct view_space *v, const struct store_repo *r)
{
	struct repo_entry at;
	char commit[41];

	if (!rq->srv->repos || repo_resolve(rq->srv->repos, &r->id, "main", commit, NULL) < 0 ||
	    repo_stat(rq->srv->repos, &r->id, commit, "README.md", false, rq->arena, &at, NULL) < 0)
		return;
	v->readme = page_readme(rq, "main", &at);
	v->page.files = true;
}

int page_likers(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct store_repo *r = rq->repo;
	struct space_view s = page_space_view(rq, &r->id);
	struct view_likers v = { 0 };
	struct view_liker *likers;
	struct store_liker *rows;
	struct sp_buf html = { 0 };
	size_t n = 0;
	int rc = store_like_list(rq->srv->store, &r->id, rq->arena, &rows, &n, e);

	if (rc < 0)
		return rc;
	n = n > LIKERS_MAX ? LIKERS_MAX : n;
	likers = sp_arena_get(rq->arena, (n + 1) * sizeof(*likers));
	for (size_t i = 0; i < n; i++)
		likers[i] = (struct view_liker){ rows[i].name, strcmp(rows[i].name, rows[i].fullname) ? rows[i].fullname : "", page_when(rq->arena, rows[i].created_ms) };
	v.likers = likers;
	v.n_likers = n;
	set_frame(rq, &v.page, r, &s);
	v.page.refresh = false;
	v.head = page_space_head(rq, r, &s, "");
	view_likers(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

/* GET /spaces/{owner}/{name}/agents.md: how a program calls this app (C-HF-117). */
int page_agents(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct store_repo *r = rq->repo;
	const char *app = space_host_url(rq, r), *auth = r->is_private ? "Send `Authorization: Bearer hf_…` with every request.\n\n" : "";

	(void)e;
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	if (strcmp(r->sdk, "gradio") != 0)
		return http_reply_text(rq, rs, 200, sp_arena_fmt(rq->arena, "# %s/%s\n\nA %s app at %s. It has no described interface; its files are at %s.\n\n%s",
			r->owner_name, r->name, r->sdk, app, sp_arena_fmt(rq->arena, "%s/tree/main", space_page_url(rq, r)), auth));
	return http_reply_text(rq, rs, 200, sp_arena_fmt(rq->arena, "# %s/%s\n\nA Gradio app at %s.\n\n%s"
		"- Schema of its endpoints: GET %s/gradio_api/info\n"
		"- Call one: POST %s/gradio_api/call/ENDPOINT with {\"data\": [arguments]}; the answer is {\"event_id\": ID}\n"
		"- Result: GET %s/gradio_api/call/ENDPOINT/ID, an event stream; the event \"complete\" carries the data\n"
		"- Upload a file: POST %s/gradio_api/upload, multipart field \"files\"; pass {\"path\": PATH} as the argument\n",
		r->owner_name, r->name, app, auth, app, app, app, app));
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
	v.page.tall = v.page.app = v.shows_app;
	set_card(rq, &v, r);
	if (!v.shows_app)
		set_readme(rq, &v, r);
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
	bool factory = http_query_bool(rq, "factory");
	int r = spaces_restart(rq->srv->spaces, &rq->repo->id, factory, e);

	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "restart", factory ? "factory" : "", e);
	return r < 0 ? r : back(rq, rs);
}

int page_space_pause(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = spaces_pause(rq->srv->spaces, &rq->repo->id, e);

	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "pause", "", e);
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
