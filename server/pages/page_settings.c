/*
 * GET /spaces/{owner}/{name}/settings and its forms (ui.md 1.6; C-UI-16, C-UI-17). Every form is the API's own
 * request in other clothes (page_call): checks, events and restarts are the API's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "runtime/space/space.h"
#include "server/api/secrets.h"
#include "server/http/http_status.h"
#include "server/pages/page_form.h"
#include "server/repo_remove.h"
#include "server/server.h"
#include "views.h"

enum { EVENTS = 30 };

static int set_variables(struct http_req *rq, struct view_settings *v, struct sp_err *e)
{
	struct store_variable *list = NULL;
	struct view_variable *to;
	size_t n = 0;
	int r = store_variable_list(rq->srv->store, &rq->repo->id, rq->arena, &list, &n, e);

	if (r < 0)
		return r;
	to = sp_arena_get(rq->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++)
		to[i] = (struct view_variable){ list[i].key, list[i].value, list[i].description ? list[i].description : "",
			page_when(rq->arena, list[i].changed_ms) };
	v->variables = to;
	v->n_variables = n;
	return 0;
}

static const char *event_words(const char *what)
{
	static const struct { const char *what, *words; } rows[] = {
		{ "create", "created the Space" }, { "commit", "committed" }, { "push", "pushed" }, { "restart", "restarted the app" },
		{ "pause", "paused the app" }, { "sleep", "sent the app to sleep" }, { "sleep.time", "set the sleep time" },
		{ "network", "set the network to" },
		{ "variable.set", "set the variable" }, { "variable.delete", "removed the variable" }, { "secret.set", "set the secret" },
		{ "secret.delete", "removed the secret" }, { "visibility", "changed who sees it to" }, { "move", "moved the Space" },
		{ "duplicate", "duplicated the Space" },
	};

	for (size_t i = 0; i < SP_COUNT(rows); i++)
		if (strcmp(rows[i].what, what) == 0)
			return rows[i].words;
	return what;
}

static int set_events(struct http_req *rq, struct view_settings *v, struct sp_err *e)
{
	struct store_event *list = NULL;
	struct view_event *to;
	size_t n = 0;
	int r = store_event_list(rq->srv->store, &rq->repo->id, EVENTS, rq->arena, &list, &n, e);

	if (r < 0)
		return r;
	to = sp_arena_get(rq->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++) {
		bool is_commit = strlen(list[i].detail) == 40 && sp_is_hex(list[i].detail, 40);

		to[i] = (struct view_event){ list[i].actor[0] ? list[i].actor : "vitrine", event_words(list[i].what),
			is_commit ? sp_arena_mem(rq->arena, list[i].detail, 7) : list[i].detail, page_when(rq->arena, list[i].at_ms) };
	}
	v->events = to;
	v->n_events = n;
	return 0;
}

static void set_run(struct http_req *rq, struct view_settings *v, const struct space_view *s)
{
	static const struct { const char *word; long seconds; } rows[] = {
		{ "never", -1 }, { "5 minutes", 300 }, { "15 minutes", 900 }, { "1 hour", 3600 }, { "12 hours", 43200 }, { "48 hours", 172800 },
		{ "7 days", 604800 },
	};
	struct view_choice *to = sp_arena_get(rq->arena, (SP_COUNT(rows) + 1) * sizeof(*to));
	int64_t now = rq->repo->sleep_s ? rq->repo->sleep_s : SP_LIMIT_sleep_default_s;
	bool is_known = false;
	size_t n = 0;

	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		to[n++] = (struct view_choice){ rows[i].word, sp_arena_fmt(rq->arena, "%ld", rows[i].seconds), now == rows[i].seconds };
		is_known = is_known || now == rows[i].seconds;
	}
	if (!is_known)  /* by the API */
		to[n++] = (struct view_choice){ page_duration(rq->arena, now * 1000), sp_arena_fmt(rq->arena, "%lld", (long long)now), true };
	v->sleeps = to;
	v->n_sleeps = n;
	v->state = stage_row(s->stage)->word;
	v->cause = s->cause.text;
	v->cause_next = s->cause.next;
	v->is_static = strcmp(s->sdk[0] ? s->sdk : rq->repo->sdk, "static") == 0;
	v->can_restart = s->stage != STAGE_NO_APP_FILE && s->stage != STAGE_DELETING;
	v->can_pause = v->can_restart && s->stage != STAGE_PAUSED;
	v->can_sleep = s->stage == STAGE_RUNNING && !v->is_static;
}

static void set_network(struct http_req *rq, struct view_settings *v, const struct space_view *s)
{
	const struct space_traffic *t = &s->traffic;
	const char *policy = rq->repo->network;

	v->has_none = strcmp(policy, "none") == 0;
	v->has_any = strcmp(policy, "any") == 0;
	v->has_web = !v->has_none && !v->has_any;
	v->traffic = "";
	if (t->connections || t->refused)
		v->traffic = sp_arena_fmt(rq->arena, "This run: %llu connections, %s sent, %s received, %llu refused.", (unsigned long long)t->connections,
			page_size(rq->arena, t->bytes_out), page_size(rq->arena, t->bytes_in), (unsigned long long)t->refused);
}

/* V has the form that was refused and what was typed there. */
static int reply(struct http_req *rq, struct http_resp *rs, struct view_settings *v, int status, struct sp_err *e)
{
	const struct store_repo *repo = rq->repo;
	struct space_view s = page_space_view(rq, &repo->id);
	struct sp_buf html = { 0 };
	int r = set_variables(rq, v, e);

	if (r == 0)
		r = page_secrets(rq, &v->secrets, &v->n_secrets, e);
	if (r == 0)
		r = set_events(rq, v, e);
	if (r < 0)
		return r;
	page_begin(rq, &v->page, sp_arena_fmt(rq->arena, "Settings · %s", repo->title[0] ? repo->title : repo->name));
	v->page.icon = repo->emoji;
	v->page.icon_state = stage_row(s.stage)->tone;
	v->page.topics = status == 200 ? sp_arena_fmt(rq->arena, "space:%s", repo->id.s) : "";
	v->page.forms = true;
	v->head = page_space_head(rq, repo, &s, "settings");
	v->owner = repo->owner_name;
	v->name = repo->name;
	v->origin = rq->origin;
	v->is_private = repo->is_private;
	v->likes = (unsigned long)repo->likes;
	v->done = page_done(rq);
	if (!v->to_name) {
		v->to_owner = repo->owner_name;
		v->to_name = repo->name;
	}
	set_run(rq, v, &s);
	set_network(rq, v, &s);
	view_settings(&html, v);
	return page_reply(rq, rs, status, &html, NULL);
}

int page_settings(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct view_settings v = { 0 };

	if (page_wants_json(rq))
		return sp_fail(e, SP_EINVAL, 0, "settings are read one by one: /api/spaces/%s/%s, and /variables and /secrets below it",
			rq->repo->owner_name, rq->repo->name);
	return reply(rq, rs, &v, 200, e);
}

static int back(struct http_req *rq, struct http_resp *rs, const char *done, const char *part)
{
	return page_see_other(rq, rs, sp_arena_fmt(rq->arena, "/spaces/%s/%s/settings?done=%s#%s", rq->repo->owner_name, rq->repo->name, done, part));
}

static const char *field(struct http_req *rq, const char *name)
{
	const char *value = http_form(rq, name);

	return value ? value : "";
}

/* Textareas send CR LF (HTML standard, form submission); an environment wants what was typed. */
static const char *text_field(struct http_req *rq, const char *name)
{
	char *text = sp_arena_str(rq->arena, field(rq, name)), *to = text;

	for (const char *p = text; *p; p++)
		if (*p != '\r' || p[1] != '\n')
			*to++ = *p;
	*to = '\0';
	return text;
}

static int on_variable(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	int r;

	v->in_variable = true;
	v->key = field(rq, "key");
	v->value = text_field(rq, "value");
	v->description = field(rq, "description");
	r = page_call(rq, api_variable_set, json_pack("{s:s, s:s, s:s*}", "key", v->key, "value", v->value, "description",
		*v->description ? v->description : NULL), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, "restarts", "variables");
}

static int on_variable_delete(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	int r;

	v->in_variable = true;
	r = page_call(rq, api_variable_delete, json_pack("{s:s}", "key", field(rq, "key")), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, "removed", "variables");
}

/* The value is not given back with a refusal: nothing that was sent as a secret is on any page. */
static int on_secret(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	int r;

	v->in_secret = true;
	v->key = field(rq, "key");
	v->description = field(rq, "description");
	r = page_call(rq, api_secret_set, json_pack("{s:s, s:s, s:s*}", "key", v->key, "value", field(rq, "value"), "description",
		*v->description ? v->description : NULL), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, "restarts", "secrets");
}

static int on_secret_delete(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	int r;

	v->in_secret = true;
	r = page_call(rq, api_secret_delete, json_pack("{s:s}", "key", field(rq, "key")), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, "removed", "secrets");
}

static int on_visibility(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	const char *wanted = field(rq, "visibility");
	int r;

	v->in_visibility = true;
	r = page_call(rq, api_settings, json_pack("{s:s}", "visibility", wanted), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, strcmp(wanted, "private") == 0 ? "private" : "public", "visibility");
}

static int on_sleep(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	const char *text = field(rq, "seconds");
	char *end;
	long seconds;
	int r;

	v->in_run = true;
	errno = 0;
	seconds = strtol(text, &end, 10);
	if (!*text || *end || errno)
		return sp_fail(e, SP_EINVAL, 0, "the sleep time is a number of seconds, or -1 for never");
	r = page_call(rq, api_space_sleeptime, json_pack("{s:I}", "seconds", (json_int_t)seconds), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, "saved", "run");
}

static int on_network(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	int r;

	v->in_network = true;
	r = page_call(rq, api_space_network, json_pack("{s:s}", "policy", field(rq, "policy")), answer, e);
	return r < 0 || answer->status >= 400 ? r : back(rq, rs, "network", "network");
}

static int on_sleep_now(struct http_req *rq, struct http_resp *rs, struct view_settings *v, SP_UNUSED struct page_answer *answer, struct sp_err *e)
{
	int r;

	v->in_run = true;
	r = spaces_sleep(rq->srv->spaces, &rq->repo->id, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "sleep", "", e);
	return r < 0 ? r : back(rq, rs, "slept", "run");
}

static int on_move(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e)
{
	const struct store_repo *repo = rq->repo;
	int r;

	v->in_move = true;
	v->to_owner = field(rq, "owner");
	v->to_name = field(rq, "name");
	r = page_call(rq, api_repos_move, json_pack("{s:s, s:s, s:s}", "type", "space",
		"fromRepo", sp_arena_fmt(rq->arena, "%s/%s", repo->owner_name, repo->name),
		"toRepo", sp_arena_fmt(rq->arena, "%s/%s", v->to_owner, v->to_name)), answer, e);
	if (r < 0 || answer->status >= 400)
		return r;
	return page_see_other(rq, rs, sp_arena_fmt(rq->arena, "/spaces/%s/%s/settings?done=moved#name", v->to_owner, v->to_name));
}

static int on_delete(struct http_req *rq, struct http_resp *rs, struct view_settings *v, SP_UNUSED struct page_answer *answer, struct sp_err *e)
{
	const struct store_repo *repo = rq->repo;
	const char *full = sp_arena_fmt(rq->arena, "%s/%s", repo->owner_name, repo->name);
	int r;

	v->in_delete = true;
	v->typed = field(rq, "typed");
	if (strcmp(v->typed, full) != 0)
		return sp_fail(e, SP_EINVAL, 0, "nothing was deleted: what you typed is not %s", full);
	r = repo_remove(rq->srv, &rq->actor.user, &repo->id, repo->name, e);
	return r < 0 ? r : page_see_other(rq, rs, sp_arena_fmt(rq->arena, "/%s", repo->owner_name));
}

int page_settings_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	static const struct {
		const char *what;
		int (*fn)(struct http_req *rq, struct http_resp *rs, struct view_settings *v, struct page_answer *answer, struct sp_err *e);
	} rows[] = {
		{ "variable", on_variable }, { "variable-delete", on_variable_delete }, { "secret", on_secret }, { "secret-delete", on_secret_delete },
		{ "visibility", on_visibility }, { "sleep", on_sleep }, { "network", on_network }, { "sleep-now", on_sleep_now }, { "move", on_move }, { "delete", on_delete },
	};
	struct page_answer answer = { .sentence = "" };
	struct view_settings v = { 0 };
	struct sp_err why = { 0 };
	size_t i = 0;
	int r;

	while (i < SP_COUNT(rows) && strcmp(rows[i].what, http_param(rq, "what")) != 0)
		i++;
	if (i == SP_COUNT(rows))
		return sp_fail(e, SP_ENOENT, 0, "there is no setting '%.40s': open the settings page again", http_param(rq, "what"));
	r = rows[i].fn(rq, rs, &v, &answer, &why);
	json_decref(answer.json);
	if (r == -SP_EIO || r == -SP_EBUG || r == -SP_ENOMEM || (r < 0 && !rq->repo)) {
		if (e)
			*e = why;
		return r;
	}
	if (r == 0 && answer.status < 400)
		return 0;
	v.problem = r < 0 ? page_sentence(rq->arena, &why) : answer.sentence;
	return reply(rq, rs, &v, r < 0 ? http_status_of((enum sp_code)-r) : answer.status, e);
}
