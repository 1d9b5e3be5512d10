/* GET /spaces/{owner}/{name}/blob/{rev}/{path...}: one file, to be read. Its bytes are at /resolve. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "limit.h"
#include "runtime/build/front_matter.h"
#include "server/api/mime.h"
#include "server/api/repo_util.h"
#include "server/pages/files.h"
#include "server/pages/highlight.h"
#include "server/pages/markdown.h"
#include "server/server.h"
#include "views.h"

enum { BINARY_LOOK = 8000, META_MAX = 64 };

size_t page_body_at(const char *text, size_t n)
{
	struct front_matter fm = { 0 };
	const char *end;
	size_t at;

	if (n < 4 || (memcmp(text, "---\n", 4) != 0 && memcmp(text, "---\r", 4) != 0))
		return 0;
	if (front_matter_parse(text, n, &fm, NULL) == 0) {
		at = fm.body_at;
		front_matter_fini(&fm);
		return at;
	}
	end = memmem(text + 3, n - 3, "\n---", 4);      /* a block with a mistake is not text either */
	if (!end)
		return 0;
	end = memchr(end + 1, '\n', n - (size_t)(end + 1 - text));
	return end ? (size_t)(end + 1 - text) : n;
}

static const char *value_text(struct http_req *rq, const json_t *value)
{
	char *text;
	const char *kept;

	if (json_is_string(value))
		return sp_arena_str(rq->arena, json_string_value(value));
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	kept = sp_arena_str(rq->arena, text ? text : "");
	free(text);
	return kept;
}

/* The block on top of a README as a table. */
static void set_meta(struct http_req *rq, struct view_blob *v, const char *text, size_t n)
{
	struct front_matter fm = { 0 };
	struct view_pair *pairs = sp_arena_get(rq->arena, META_MAX * sizeof(*pairs));
	const char *key;
	json_t *card, *value;

	if (front_matter_parse(text, n, &fm, NULL) < 0)
		return;
	card = json_loads(front_matter_card_json(&fm), 0, NULL);
	json_object_foreach(card, key, value)
		if (v->n_meta < META_MAX)
			pairs[v->n_meta++] = (struct view_pair){ sp_arena_str(rq->arena, key), value_text(rq, value) };
	json_decref(card);
	front_matter_fini(&fm);
	v->meta = pairs;
}

static void set_text(struct http_req *rq, struct view_blob *v, const struct repo_entry *at, const char *text, size_t n)
{
	const struct highlight_language *l = highlight_language_of(v->path);
	struct sanitize how = files_sanitize(rq, v->rev, v->path);
	size_t lines = 0;

	v->language = highlight_name(l);
	if (markdown_is(v->path)) {
		size_t body = page_body_at(text, n);

		if (body)
			set_meta(rq, v, text, n);
		if (!v->shows_source)
			v->rendered = markdown_cached(at->oid, text + body, n - body, &how, rq->arena);
		v->has_source = true;
		v->shows_source = v->rendered.n == 0;
	}
	if (v->rendered.n == 0)
		v->lines = highlight_lines(l, text, n, rq->arena, &lines);
	v->n_lines = lines;
	v->is_empty = n == 0;
	if (lines > SP_LIMIT_view_lines)
		v->notice = sp_arena_fmt(rq->arena, "Only the first %lld of %zu lines are shown.", (long long)SP_LIMIT_view_lines, lines);
}

static int set_content(struct http_req *rq, struct view_blob *v, const struct repo_entry *at, struct sp_err *e)
{
	struct repo_blob b;
	int r;

	v->is_image = sp_starts_with(mime_inert_of(at->path), "image/");
	if (v->is_image)
		return 0;
	if (at->lfs.is_lfs || at->size > SP_LIMIT_view_bytes) {
		v->notice = sp_arena_fmt(rq->arena, "This file has %s and is not shown here.", v->size);
		return 0;
	}
	r = repo_blob(rq->srv->repos, &rq->repo->id, at, &b, e);
	if (r < 0)
		return r;
	if (!b.p || memchr(b.p, '\0', b.n < BINARY_LOOK ? b.n : BINARY_LOOK))
		v->notice = "This file is not text.";
	else
		set_text(rq, v, at, b.p, b.n);
	repo_blob_free(&b);
	return 0;
}

int page_blob(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct store_repo *r = rq->repo;
	const char *path = files_path(rq), *slash = strrchr(path, '/');
	struct view_blob v = { .owner = r->owner_name, .name = r->name, .rev = http_param(rq, "rev"), .path = path, .file = page_name(rq->arena, slash ? slash + 1 : path),
			.notice = "", .language = "", .shows_source = http_query_bool(rq, "plain") };
	struct sp_buf html = { 0 };
	struct repo_entry at;
	char commit[41];
	int rc = repo_resolve(rq->srv->repos, &r->id, v.rev, commit, e);

	if (rc == 0)
		rc = repo_stat(rq->srv->repos, &r->id, commit, path, false, rq->arena, &at, e);
	if (rc < 0)
		return rc;
	if (at.is_dir)
		return http_redirect(rq, rs, 302, sp_arena_fmt(rq->arena, "/spaces/%s/%s/tree/%s/%s", r->owner_name, r->name,
			repo_percent(rq->arena, v.rev, false), repo_percent(rq->arena, path, true)));
	v.size = page_size(rq->arena, at.size);
	v.is_lfs = at.lfs.is_lfs;
	rc = set_content(rq, &v, &at, e);
	if (rc < 0)
		return rc;
	if (page_wants_json(rq))
		return http_reply_json(rq, rs, 200, json_pack("{s:o, s:s, s:I, s:b}", "path", repo_text(path), "oid", at.oid, "size", (json_int_t)at.size,
			"lfs", at.lfs.is_lfs));
	files_page(rq, &v.page, &v.head, v.file);
	v.bar = files_bar(rq, "blob", v.rev, path);
	v.last = files_last(rq, commit, path);
	v.commit = sp_arena_str(rq->arena, commit);
	for (size_t i = 0; i < v.bar.n_refs; i++)
		v.can_edit = v.can_edit || (v.bar.refs[i].is_on && !v.bar.refs[i].is_tag && v.head.may_write);
	v.can_delete = v.can_edit;
	v.can_edit = v.can_edit && !v.is_image && !at.lfs.is_lfs && !at.is_link && (v.lines.n || v.rendered.n || v.is_empty);
	view_blob(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}
