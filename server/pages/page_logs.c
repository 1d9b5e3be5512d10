/*
 * GET /spaces/{owner}/{name}/logs: build and run, the newest live, earlier ones by ?id=, any part by ?from=, and as a
 * file from /logs/{kind}. Lines are numbered by the events of the stream, so #L120 means the same with and without
 * the script.
 */
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "runtime/space/logs.h"
#include "server/pages/ansi.h"
#include "server/pages/page_form.h"
#include "server/server.h"
#include "views.h"

enum { LINES_SHORT = 200, LINES_PAGE = 1000 };

static const struct sp_id newest = { "" };

/* W as lines with their numbers. The arena's. */
static struct safe_html html_of(struct sp_arena *a, const struct log_window *w)
{
	sp_auto_buf struct sp_buf b = { 0 };
	struct ansi st = { 0 };

	sp_buf_puts(&b, "");
	for (size_t i = 0; i < w->n; i++) {
		unsigned long long number = w->first + i;

		sp_buf_fmt(&b, "<span class=\"l\" id=\"L%llu\" data-n=\"%llu\">", number, number);
		ansi_line(&b, &st, w->lines[i], strlen(w->lines[i]));
		sp_buf_puts(&b, "\n</span>");
	}
	return (struct safe_html){ sp_arena_mem(a, b.p, b.n), b.n };
}

static struct view_log log_view(struct http_req *rq, const struct store_repo *r, enum log_kind kind, const struct log_window *w)
{
	return (struct view_log){ .owner = r->owner_name, .name = r->name, .kind = kind == LOG_BUILD ? "build" : "run", .live = true,
		.label = kind == LOG_BUILD ? "Build log" : "App log", .html = html_of(rq->arena, w) };
}

struct view_log page_log(struct http_req *rq, const struct store_repo *r, enum log_kind kind)
{
	struct log_window w = { 0 };

	if (rq->srv->logs && log_window(rq->srv->logs, &r->id, kind, &newest, 0, LINES_SHORT, rq->arena, &w, NULL) < 0)
		w = (struct log_window){ 0 };
	return log_view(rq, r, kind, &w);
}

/* ---- earlier builds and runs ---- */

static const char *result_of(struct http_req *rq, const struct store_past *p, bool builds, const char **ret_tone)
{
	static const struct { const char *word, *tone; } of_build[] = {
		[BUILD_QUEUED] = { "Queued", "gray" }, [BUILD_RUNNING] = { "Building", "blue" }, [BUILD_READY] = { "Built", "green" },
		[BUILD_FAILED] = { "Failed", "red" }, [BUILD_SUPERSEDED] = { "Superseded", "gray" },
	};
	const char *took = p->ended_ms > p->started_ms ? page_duration(rq->arena, p->ended_ms - p->started_ms) : "";

	*ret_tone = "gray";
	if (builds) {
		size_t i = p->state >= 0 && (size_t)p->state < SP_COUNT(of_build) ? (size_t)p->state : 0;

		*ret_tone = of_build[i].tone;
		return *took ? sp_arena_fmt(rq->arena, "%s after %s", of_build[i].word, took) : of_build[i].word;
	}
	if (!p->ended_ms) {
		*ret_tone = p->ready_ms ? "green" : "blue";
		return p->ready_ms ? "Running" : "Starting";
	}
	*ret_tone = p->cause[0] ? "red" : "gray";
	return sp_arena_fmt(rq->arena, "%s after %s", p->cause[0] ? "Failed" : "Ended", *took ? took : "0 s");
}

static int set_past(struct http_req *rq, struct view_logs *v, bool builds, const struct sp_id *id, struct sp_err *e)
{
	struct store_past *list = NULL;
	struct view_past *to;
	size_t n = 0;
	int r = store_past_list(rq->srv->store, &rq->repo->id, builds, SP_LIMIT_log_runs_kept, rq->arena, &list, &n, e);

	if (r < 0)
		return r;
	to = sp_arena_get(rq->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++) {
		to[i] = (struct view_past){ .id = list[i].id.s, .at = page_when(rq->arena, list[i].started_ms), .cause = list[i].detail,
			.commit = sp_arena_mem(rq->arena, list[i].commit, strnlen(list[i].commit, 7)),
			.is_on = sp_id_is_none(id) ? i == 0 : sp_id_eq(id, &list[i].id), .is_newest = i == 0 };
		to[i].result = result_of(rq, &list[i], builds, &to[i].tone);
	}
	v->past = to;
	v->n_past = n;
	return 0;
}

/* ---- the page ---- */

static void set_page(struct http_req *rq, struct view_logs *v, const struct space_view *s)
{
	const struct store_repo *r = rq->repo;
	const struct stage_row *row = stage_row(s->stage);

	page_begin(rq, &v->page, sp_arena_fmt(rq->arena, "● %s · Logs · %s", row->word, r->title[0] ? r->title : r->name));
	v->page.icon = r->emoji;
	v->page.icon_state = row->tone;
	v->page.topics = sp_arena_fmt(rq->arena, "space:%s", r->id.s);
	v->page.announce = sp_arena_fmt(rq->arena, "%s: %s", r->title[0] ? r->title : r->name, row->word);
	v->page.logs = v->page.forms = true;
	v->head = page_space_head(rq, r, s, "logs");
	v->can_pause = s->stage != STAGE_PAUSED && s->stage != STAGE_NO_APP_FILE;
	v->can_restart = s->stage != STAGE_NO_APP_FILE;
	v->cause = s->cause.text;
	v->cause_next = s->cause.next;
}

/* ?id= and ?from=. */
static int read_ask(struct http_req *rq, struct sp_id *id, int64_t *from, struct sp_err *e)
{
	const char *text = http_query(rq, "id");

	if (text && sp_id_parse(text, id) < 0)
		return sp_fail(e, SP_EINVAL, 0, "the address names no log: choose one from the list of the Logs tab");
	return http_query_int(rq, "from", 1, INT32_MAX, 0, from, e);
}

static int reply_json(struct http_req *rq, struct http_resp *rs, enum log_kind kind, const struct log_window *w)
{
	const char *name = kind == LOG_BUILD ? "build" : "run";
	sp_auto_buf struct sp_buf text = { 0 };
	json_t *j;

	sp_buf_puts(&text, "");
	for (size_t i = 0; i < w->n; i++)
		sp_buf_puts(&text, w->lines[i]);
	j = json_pack("{s:s, s:s%, s:I, s:I}", "kind", name, "lines", page_plain_log(rq->arena, text.p), strlen(page_plain_log(rq->arena, text.p)),
		"first", (json_int_t)w->first, "total", (json_int_t)w->total);
	if (!j)         /* a log may hold bytes that are no UTF-8 */
		return http_reply_error(rq, rs, 406, "NotText", "This log is not text; read it as a stream from /api/spaces/%s/%s/logs/%s.",
			rq->repo->owner_name, rq->repo->name, name);
	return http_reply_json(rq, rs, 200, j);
}

int page_space_logs(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *wanted = http_query(rq, "kind");
	struct space_view s = page_space_view(rq, &rq->repo->id);
	bool is_building = s.stage == STAGE_BUILDING || s.stage == STAGE_BUILD_ERROR || s.stage == STAGE_RUNNING_BUILDING;
	struct view_logs v = { .on_build = wanted ? strcmp(wanted, "build") == 0 : is_building };
	enum log_kind kind = v.on_build ? LOG_BUILD : LOG_RUN;
	struct log_window w = { 0 };
	struct sp_id id = newest;
	struct sp_buf html = { 0 };
	int64_t from;
	int r = read_ask(rq, &id, &from, e);

	if (r == 0)
		r = log_window(rq->srv->logs, &rq->repo->id, kind, &id, (uint64_t)from, LINES_PAGE, rq->arena, &w, e);
	if (r == -SP_ENOENT && !sp_id_is_none(&id))
		return sp_fail(e, SP_ENOENT, 0, "this log is not kept any more: the last %d are", (int)SP_LIMIT_log_runs_kept);
	if (r == -SP_ENOENT)
		r = 0;          /* nothing was printed yet */
	if (r == 0 && page_wants_json(rq))
		return reply_json(rq, rs, kind, &w);
	if (r == 0)
		r = set_past(rq, &v, v.on_build, &id, e);
	if (r < 0)
		return r;
	v.on_run = !v.on_build;
	v.log = log_view(rq, rq->repo, kind, &w);
	v.log.numbered = true;
	v.log.live = from == 0 && (v.n_past == 0 || sp_id_is_none(&id) || v.past[0].is_on);
	v.id = sp_id_is_none(&id) ? "" : sp_arena_str(rq->arena, id.s);
	v.first = (long)w.first;
	v.last = (long)(w.first + w.n) - 1;
	v.total = (long)w.total;
	v.has_earlier = w.first > 1;
	v.earlier = w.first > LINES_PAGE ? (long)w.first - LINES_PAGE : 1;
	v.has_later = from && w.first + w.n <= w.total;
	v.later = (long)(w.first + w.n);
	set_page(rq, &v, &s);
	view_logs(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

/* GET …/logs/{kind}: the whole log as a file. */
int page_log_file(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *kind = http_param(rq, "kind");
	struct sp_id id = newest;
	struct sp_buf text = { 0 };
	int64_t from;
	int r = read_ask(rq, &id, &from, e);

	if (r < 0)
		return r;
	if (strcmp(kind, "run") != 0 && strcmp(kind, "build") != 0)
		return sp_fail(e, SP_ENOENT, 0, "there are two logs: run and build");
	r = log_text(rq->srv->logs, &rq->repo->id, strcmp(kind, "run") == 0 ? LOG_RUN : LOG_BUILD, &id, &text, e);
	if (r == -SP_ENOENT)
		r = sp_fail(e, SP_ENOENT, 0, "there is no such log: nothing was printed, or it is not kept any more");
	if (r < 0) {
		sp_buf_fini(&text);
		return r;
	}
	sp_buf_puts(&text, "");
	http_set(rq, rs, "Content-Type", "text/plain; charset=utf-8");
	http_setf(rq, rs, "Content-Disposition", "attachment; filename=\"%s-%s.log\"", rq->repo->name, kind);
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	http_set(rq, rs, "Cache-Control", "private, no-cache");
	rs->body_len = text.n;
	rs->body = sp_buf_take(&text);
	rs->body_free_arg = (void *)(uintptr_t)rs->body;
	rs->body_free = free;
	return 0;
}
