/*
 * What visitors of an app's own host see while the app cannot answer (CONTRACTS 9.3, ui.md 3.7). These pages
 * stand on the app's origin: they load nothing of the platform's and carry nothing that the app may not read.
 */
#include <string.h>

#include "server/api/space_state.h"
#include "server/pages/asset.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

enum { RETRY_S = 2 };

/* Files of ours inside an element that the nonce allows. */
static struct safe_html inlined(struct http_req *rq, const char *element, const char *nonce, const char *first, const char *second)
{
	const struct asset *files[] = { asset_named(first), second ? asset_named(second) : NULL };
	sp_auto_buf struct sp_buf b = { 0 };

	sp_buf_fmt(&b, "<%s nonce=\"%s\">", element, nonce);
	for (size_t i = 0; i < 2; i++)
		if (files[i])
			sp_buf_add(&b, files[i]->bytes, files[i]->len);
	sp_buf_fmt(&b, "</%s>", element);
	return (struct safe_html){ sp_arena_mem(rq->arena, b.p, b.n), b.n };
}

static int reply_bare(struct http_req *rq, struct http_resp *rs, int status, const char *nonce, struct sp_buf *html)
{
	http_setf(rq, rs, "Content-Security-Policy", "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; "
		"base-uri 'none'; form-action 'none'", nonce, nonce);
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	http_set(rq, rs, "Referrer-Policy", "strict-origin-when-cross-origin");
	http_set(rq, rs, "Cache-Control", "no-store");
	http_set(rq, rs, "Vary", "Accept");
	return http_reply_html(rq, rs, status, html);
}

/* The error object of app hosts: the same for scripts, gradio_client and the waiting page. */
static int reply_problem(struct http_req *rq, struct http_resp *rs, int status, const char *error, const char *code,
		const char *stage, int retry_s, const struct space_view *why)
{
	json_t *j = json_pack("{s:s, s:s, s:s}", "error", error, "code", code, "stage", stage);

	if (j && retry_s)
		json_object_set_new(j, "retry_after", json_integer(retry_s));
	if (j && why && why->cause.code[0])     /* never its evidence: this is the app's own origin */
		json_object_set_new(j, "cause", space_cause_json(why, false));
	if (retry_s)
		http_setf(rq, rs, "Retry-After", "%d", retry_s);
	http_set(rq, rs, "Cache-Control", "no-store");
	http_set(rq, rs, "Vary", "Accept");
	return http_reply_json(rq, rs, status, j ? j : json_object());
}

/* A browser that opens the page; everything else is a program that reads JSON. */
static bool is_navigation(const struct http_req *rq)
{
	const char *mode = http_header(rq, "sec-fetch-mode");

	return mode ? strcmp(mode, "navigate") == 0 : http_wants_html(rq);
}

/* The Space of this host; SP_ENOENT also when the visitor may not know of it. */
static int find(struct http_req *rq, struct store_repo *repo, struct sp_err *e)
{
	struct account_object on;
	int r;

	if (sp_id_is_none(&rq->space) || !rq->srv->store)
		return sp_fail(e, SP_ENOENT, 0, "no Space");
	r = store_repo_by_id(rq->srv->store, &rq->space, rq->arena, repo, e);
	if (r < 0)
		return r;
	on = (struct account_object){ .owner = repo->owner, .is_private = repo->is_private };
	return account_may(&rq->actor, MAY_READ, &on, e);
}

static void set_bare(struct http_req *rq, struct view_bare *v, const struct store_repo *repo, const char *title, const char *nonce)
{
	v->title = title;
	v->style = inlined(rq, "style", nonce, "palette.css", "wait.css");
	v->emoji = v->from = v->to = "";
	if (repo) {
		struct view_card card = page_card(rq, repo);

		v->emoji = card.emoji;
		v->from = card.from;
		v->to = card.to;
	}
}

/* ---- not up yet ---- */

static struct view_steps waiting_steps(struct sp_arena *a, enum space_stage s)
{
	struct view_steps steps = page_steps(a, s);

	return steps.n_steps ? steps : page_steps(a, STAGE_APP_STARTING);
}

static const char *waiting_sentence(const struct space_view *s)
{
	switch (s->stage) {
	case STAGE_BUILDING: return "The app is being built.";
	case STAGE_SLEEPING: return "The app is waking up.";
	case STAGE_NO_APP_FILE:
	case STAGE_CONFIG_ERROR:
	case STAGE_BUILD_ERROR:
	case STAGE_APP_STARTING:
	case STAGE_RUNNING:
	case STAGE_RUNNING_BUILDING:
	case STAGE_RUNNING_APP_STARTING:
	case STAGE_RUNTIME_ERROR:
	case STAGE_STOPPED:
	case STAGE_PAUSED:
	case STAGE_DELETING:
	case STAGE_MAX:
	default: return "The app is starting.";
	}
}

int app_host_waiting(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct sp_id nonce = sp_id_new();
	struct store_repo repo;
	struct space_view s;
	struct view_wait v = { 0 };
	struct sp_buf html = { 0 };
	int r;

	r = find(rq, &repo, e);
	if (r == -SP_ENOENT)
		return app_host_unknown(rq, rs, e);
	if (r < 0)
		return r;
	s = page_space_view(rq, &repo.id);
	if (!is_navigation(rq))
		return reply_problem(rq, rs, 503, waiting_sentence(&s), "starting", space_stage_name(s.stage), RETRY_S, &s);
	v.name = repo.title[0] ? repo.title : repo.name;
	v.heading = waiting_sentence(&s);
	v.stage = space_stage_name(s.stage);
	v.text = s.cause.text;
	v.next = s.cause.next;
	v.usually = page_usually(rq->arena, &s);
	v.steps = waiting_steps(rq->arena, s.stage);
	set_bare(rq, &v.bare, &repo, v.name, nonce.s);
	v.bare.script = inlined(rq, "script", nonce.s, "wait.js", NULL);
	view_wait(&html, &v);
	http_setf(rq, rs, "Retry-After", "%d", RETRY_S);
	return reply_bare(rq, rs, 503, nonce.s, &html);
}

/* ---- will not come up by itself, unknown ---- */

/* "http://localhost:7860": the platform, as seen from an app's host. */
static const char *platform_origin(struct http_req *rq)
{
	const char *host = strstr(rq->origin, "://") + 3, *port = strrchr(host, ':');

	return sp_arena_fmt(rq->arena, "%.*s%s%s", (int)(host - rq->origin), rq->origin, rq->srv->domain, port && !strchr(port, ']') ? port : "");
}

static int reply_down(struct http_req *rq, struct http_resp *rs, int status, const struct store_repo *repo, struct view_app_down *v)
{
	struct sp_id nonce = sp_id_new();
	struct sp_buf html = { 0 };

	set_bare(rq, &v->bare, repo, v->heading, nonce.s);
	view_app_down(&html, v);
	return reply_bare(rq, rs, status, nonce.s, &html);
}

int app_host_down(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo repo;
	struct space_view s;
	struct view_app_down v = { 0 };
	int r;

	r = find(rq, &repo, e);
	if (r == -SP_ENOENT)
		return app_host_unknown(rq, rs, e);
	if (r < 0)
		return r;
	s = page_space_view(rq, &repo.id);
	v.heading = stage_row(s.stage)->heading;
	v.text = s.cause.text[0] ? sp_arena_str(rq->arena, s.cause.text) : "The app does not answer.";
	v.next = s.cause.next;
	v.code = s.cause.code[0] ? s.cause.code : space_stage_name(s.stage);
	v.space_word = "More about this Space";
	v.space_url = sp_arena_fmt(rq->arena, "%s/spaces/%s/%s", platform_origin(rq), repo.owner_name, repo.name);
	if (!is_navigation(rq))
		return reply_problem(rq, rs, 503, sp_arena_fmt(rq->arena, "%s%s%s", v.text, *v.next ? " " : "", v.next), v.code,
			space_stage_name(s.stage), 0, &s);
	return reply_down(rq, rs, 503, &repo, &v);
}

/*
 * The host of an app that is called differently now: the same address at its new one. Only a public one: a private
 * Space's name is not for strangers, and here nobody is known. 1: answered.
 */
static int send_on(struct http_req *rq, struct http_resp *rs, const char *host)
{
	struct store_repo repo;
	struct sp_id id;
	const char *label = sp_arena_mem(rq->arena, host, strcspn(host, ".")), *port = strrchr(host, ':');

	if (!rq->srv->store || store_redirect_by_label(rq->srv->store, label, &id, NULL) < 0 ||
			store_repo_by_id(rq->srv->store, &id, rq->arena, &repo, NULL) < 0 || repo.is_private)
		return 0;
	http_redirect(rq, rs, 307, sp_arena_fmt(rq->arena, "%.*s%s.%s%s%s", (int)(host - rq->origin), rq->origin, repo.label, rq->srv->domain,
		port ? port : "", rq->target));
	return 1;
}

int app_host_unknown(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *host = strstr(rq->origin, "://") + 3;
	struct view_app_down v = {
		.heading = "There is no app here", .next = "Check the address; a Space's page shows the one of its app.", .code = "no-such-host",
		.text = sp_arena_fmt(rq->arena, "No app answers at %s.", host),
		.space_word = "Show all Spaces", .space_url = sp_arena_fmt(rq->arena, "%s/", platform_origin(rq)),
	};

	(void)e;
	if (send_on(rq, rs, host))
		return 0;
	if (!is_navigation(rq))
		return reply_problem(rq, rs, 404, v.text, v.code, "", 0, NULL);
	return reply_down(rq, rs, 404, NULL, &v);
}
