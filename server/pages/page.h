/*
 * page.h - what the pages share: their frame, their security headers, states in words, times in words.
 *
 * Every page answers as a whole page, as a fragment (HX-Request) and as JSON (Accept), and says so in Vary
 * (C-UI-01). Pool threads only, like all handlers.
 */
#pragma once

#include "runtime/space/logs.h"
#include "runtime/space/space.h"
#include "runtime/store/store.h"
#include "server/http/http.h"
#include "server/pages/view.h"

/* A page of this title. NEXT of signing in is the present address. */
void page_begin(const struct http_req *rq, struct view_page *ret, const char *title);

/* JSON is wanted: Accept names it and the client is no browser navigation. */
bool page_wants_json(const struct http_req *rq);

/*
 * Answer with HTML (taken). FRAME is the source that frames may come from (scheme, a star for the label,
 * domain and port), or NULL for none.
 */
int page_reply(struct http_req *rq, struct http_resp *rs, int status, struct sp_buf *html, const char *frame);

/* 303 after a form. */
int page_see_other(struct http_req *rq, struct http_resp *rs, const char *location);

/* The error page of browsers; main gives it to http_set_error_page. */
http_error_page page_error;

/* A path on this host that a form may lead back to: one '/' first and no byte that browsers read as a second one. "/" otherwise. */
const char *page_local_path(const char *path);

struct view_when page_when(struct sp_arena *a, int64_t wall_ms);
const char *page_duration(struct sp_arena *a, int64_t ms);              /* "6 s", "2 min" */
const char *page_name(struct sp_arena *a, const char *name);            /* of a file, as it is shown: what turns text around is seen */
const char *page_size(struct sp_arena *a, uint64_t bytes);              /* "1.2 MB" */
const char *page_plain_log(struct sp_arena *a, const char *text);      /* without terminal colours and overwritten progress */

/* ---- states (page_stage.c) ---- */

struct stage_row {
	const char *word, *tone;
	const char *heading;            /* of the page that stands in for the app */
	bool pulse;                     /* it will change by itself soon */
	bool shows_app;
};
const struct stage_row *stage_row(enum space_stage s);

/* What the Space does now; a Space that the runtime does not know has no application file. */
struct space_view page_space_view(struct http_req *rq, const struct sp_id *id);
struct view_chip page_chip(struct sp_arena *a, const struct space_view *v);
struct view_steps page_steps(struct sp_arena *a, enum space_stage s);
struct view_act page_act(const struct space_cause *c);
const char *page_usually(struct sp_arena *a, const struct space_view *v);       /* "Usually 6 s."; "" when unknown */
bool page_shows_app(const struct space_view *v);

/* ---- parts of several pages ---- */

struct view_card page_card(struct http_req *rq, const struct store_repo *r);
/* Cards of REPOS into RET (arena), their topics for the page's stream. */
size_t page_cards(struct http_req *rq, const struct store_repo *repos, size_t n, const struct view_card **ret, const char **ret_topics);
/* TAB: "app", "files", "logs", "settings"; another for none of them. */
struct view_space_head page_space_head(struct http_req *rq, const struct store_repo *r, const struct space_view *v, const char *tab);
bool page_may_write(const struct http_req *rq, const struct store_repo *r);
/* The JSON form of a page of cards (page_gallery.c). */
int page_reply_list(struct http_req *rq, struct http_resp *rs, const struct store_repo *repos, size_t n, struct sp_err *e);
/* The newest log of KIND, its last lines and where the rest comes from (page_logs.c). */
struct view_log page_log(struct http_req *rq, const struct store_repo *r, enum log_kind kind);

/* ---- files (page_files.c, page_blob.c) ---- */

/* The README AT of revision REV as HTML; none when it cannot be rendered. */
struct repo_entry;
struct safe_html page_readme(struct http_req *rq, const char *rev, const struct repo_entry *at);
/* Where the text of a README begins, behind its settings block. */
size_t page_body_at(const char *text, size_t n);
