/*
 * GET and POST /new-space: an empty Space, one from a template, or one out of dropped files, whose settings are
 * made from what is there (ui.md 1.5). GET /spaces/{owner}/{name}/started: what to do next.
 */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auto.h"
#include "runtime/build/front_matter.h"
#include "server/http/http_status.h"
#include "server/pages/page_form.h"
#include "server/repo_remove.h"
#include "server/server.h"
#include "server/templates.h"
#include "views.h"

enum { NAME_MAX_BYTES = 200, PEEK_BYTES = 1 << 18, README_BYTES = 1 << 20 };

struct wish { const char *name, *start, *visibility, *problem; };

static int reply(struct http_req *rq, struct http_resp *rs, const struct wish *w, int status)
{
	struct view_new_space v = { .owner = rq->actor.name, .problem = w->problem, .name = w->name, .origin = rq->origin,
		.is_private = strcmp(w->visibility, "private") == 0, .on_streamlit = strcmp(w->start, "streamlit") == 0,
		.on_static = strcmp(w->start, "static") == 0, .on_template = sp_starts_with(w->start, "template:") };
	struct sp_buf html = { 0 };
	size_t n;
	const struct template *list = templates_list(&n);
	struct view_template *to = sp_arena_get(rq->arena, (n + 1) * sizeof(*to));

	v.on_gradio = !v.on_streamlit && !v.on_static && !v.on_template;
	for (size_t i = 0; i < n; i++)
		to[i] = (struct view_template){ list[i].name, list[i].title, list[i].emoji, list[i].sdk, list[i].description,
			v.on_template && strcmp(w->start + strlen("template:"), list[i].name) == 0 };
	v.templates = to;
	v.n_templates = n;
	page_begin(rq, &v.page, "New Space · vitrine");
	v.page.forms = v.page.drops = true;
	view_new_space(&html, &v);
	return page_reply(rq, rs, status, &html, NULL);
}

int page_new_space(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *name = http_query(rq, "name"), *template = http_query(rq, "template");
	struct wish w = { .name = name ? name : "", .visibility = "", .problem = "",
		.start = template ? sp_arena_fmt(rq->arena, "template:%s", template) : "" };

	(void)e;
	return reply(rq, rs, &w, 200);
}

/* ---- what is in the files ---- */

static const struct repo_op *find(const struct repo_op *ops, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(ops[i].path, path) == 0)
			return &ops[i];
	return NULL;
}

/* The beginning of a file as text; what is behind a NUL byte is not seen. */
static char *peek(struct sp_arena *a, const struct repo_op *op, size_t max, size_t *ret_n)
{
	size_t want = op->len < max ? (size_t)op->len : max;
	char *p = sp_arena_get(a, want + 1);
	ssize_t n = pread(op->fd, p, want, (off_t)op->offset);

	*ret_n = n < 0 ? 0 : (size_t)n;
	p[*ret_n] = '\0';
	return p;
}

/* "streamlit" of a line "import streamlit as st" or "from streamlit.x import y". */
static bool imports(const char *text, const char *module)
{
	size_t n = strlen(module);

	for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		const char *at = p + strspn(p, " \t");

		at += sp_starts_with(at, "import ") ? 7 : sp_starts_with(at, "from ") ? 5 : 0;
		if (at > p && strncmp(at, module, n) == 0 && !strchr("_abcdefghijklmnopqrstuvwxyz0123456789", at[n] ? at[n] : ' '))
			return true;
	}
	return false;
}

struct found { const char *sdk, *app_file; };

/* Which SDK these files are of; {NULL, NULL} when they do not tell. */
static struct found look(struct sp_arena *a, const struct repo_op *ops, size_t n)
{
	static const char *const scripts[] = { "app.py", "streamlit_app.py", "main.py", "demo.py", "run.py" };
	size_t len;

	if (find(ops, n, "Dockerfile"))
		return (struct found){ "docker", NULL };
	for (size_t i = 0; i < SP_COUNT(scripts); i++) {
		const struct repo_op *op = find(ops, n, scripts[i]);
		const char *text = op ? peek(a, op, PEEK_BYTES, &len) : NULL;

		if (text && imports(text, "streamlit"))
			return (struct found){ "streamlit", scripts[i] };
		if (text && imports(text, "gradio"))
			return (struct found){ "gradio", scripts[i] };
	}
	if (find(ops, n, "index.html"))
		return (struct found){ "static", "index.html" };
	return (struct found){ NULL, NULL };
}

/* Their README with the settings FM before it, when it has none of its own. */
static void add_readme(struct sp_arena *a, struct repo_op *ops, size_t *n, const char *settings)
{
	struct repo_op *op = NULL;
	size_t len = 0;
	const char *theirs = "", *text;

	for (size_t i = 0; i < *n; i++)
		if (strcmp(ops[i].path, "README.md") == 0)
			op = &ops[i];
	if (op)
		theirs = peek(a, op, README_BYTES, &len);
	else
		op = &ops[(*n)++];
	if (op->len > README_BYTES || strlen(theirs) != len)
		return;         /* not a text that could be put together again: kept as it came */
	text = sp_arena_fmt(a, "%s%s%s", settings, *theirs ? "\n" : "", theirs);
	*op = (struct repo_op){ .kind = OP_PUT, .path = "README.md", .fd = -1, .bytes = text, .len = strlen(text) };
}

/* Is there a README that says what this is? A wrong one is the Space's to complain about, with line and column. */
static bool has_settings(struct sp_arena *a, const struct repo_op *ops, size_t n, const char **ret_sdk)
{
	const struct repo_op *op = find(ops, n, "README.md");
	struct front_matter fm = { 0 };
	size_t len = 0;
	const char *text = op ? peek(a, op, README_BYTES, &len) : "";
	int r = front_matter_parse(text, len, &fm, NULL);

	*ret_sdk = r == 0 && fm.sdk ? sp_arena_str(a, fm.sdk) : NULL;
	front_matter_fini(&fm);
	return op && r != -SP_ENOENT;
}

/* README.md as the new Space has it, with APP_FILE (NULL: as it is). "" when it cannot be read. */
static const char *settings_of(struct http_req *rq, const char *commit, const char *app_file)
{
	struct repo_entry at;
	struct repo_blob b;
	const char *text, *line;

	if (repo_stat(rq->srv->repos, &rq->repo->id, commit, "README.md", false, rq->arena, &at, NULL) < 0 ||
			repo_blob(rq->srv->repos, &rq->repo->id, &at, &b, NULL) < 0)
		return "";
	text = b.p ? sp_arena_mem(rq->arena, b.p, b.n) : "";
	repo_blob_free(&b);
	line = app_file ? strstr(text, "\napp_file: ") : NULL;
	if (!line)
		return text;
	return sp_arena_fmt(rq->arena, "%.*s\napp_file: %s%s", (int)(line - text), text, app_file, strchr(line + 1, '\n') ? strchr(line + 1, '\n') : "\n");
}

/* ---- making it ---- */

static int read_wish(struct http_req *rq, const struct multipart *m, struct wish *w, struct sp_err *e)
{
	int r = multipart_text(m, "name", NAME_MAX_BYTES, rq->arena, &w->name, e);

	if (r == 0)
		r = multipart_text(m, "start", NAME_MAX_BYTES, rq->arena, &w->start, e);
	return r < 0 ? r : multipart_text(m, "visibility", 20, rq->arena, &w->visibility, e);
}

/* Commit OPS to the Space that rq->repo names; undone with it when they cannot be. */
static int fill(struct http_req *rq, struct repo_op *ops, size_t n, const struct found *found, bool keeps_readme, struct sp_err *e)
{
	char commit[41];
	struct page_form_commit c = { .branch = "main", .title = "Upload files", .description = "", .ops = ops };
	struct sp_err ignored;
	int r = repo_resolve(rq->srv->repos, &rq->repo->id, "main", commit, e);

	if (r == 0 && !keeps_readme)
		add_readme(rq->arena, ops, &n, settings_of(rq, commit, found->app_file));
	c.n_ops = n;
	if (r == 0)
		r = page_form_commit(rq, &c, commit, e);
	if (r < 0 && repo_remove(rq->srv, &rq->actor.user, &rq->repo->id, rq->repo->name, &ignored) < 0)
		return sp_err_wrap(e, r, "the Space was created, but it is empty");
	return r;
}

static int created(struct http_req *rq, struct http_resp *rs, const struct wish *w, struct repo_op *ops, size_t n, struct sp_err *e)
{
	bool is_template = sp_starts_with(w->start, "template:");
	const char *sdk = NULL, *page = sp_arena_fmt(rq->arena, "/spaces/%s/%s", rq->actor.name, w->name);
	struct found found = look(rq->arena, ops, n);
	bool keeps_readme = n > 0 && has_settings(rq->arena, ops, n, &sdk);
	const struct template *template = is_template && n == 0 ? template_find(w->start + strlen("template:")) : NULL;
	struct store_repo *repo = sp_arena_get(rq->arena, sizeof(*repo));
	struct page_answer answer;
	int r;

	if (is_template && n == 0 && !template)
		return sp_fail(e, SP_EINVAL, 0, "there is no such template: choose another way to start");
	if (!sdk)
		sdk = template ? template->sdk : found.sdk ? found.sdk : is_template || !*w->start ? "gradio" : w->start;
	r = page_call(rq, api_repos_create, json_pack("{s:s, s:s, s:s, s:s, s:s*}", "type", "space", "name", w->name, "sdk", sdk,
		"visibility", *w->visibility ? w->visibility : "public", "template", template ? template->name : NULL), &answer, e);
	if (r < 0)
		return r;
	json_decref(answer.json);
	if (answer.status >= 400) {
		struct wish again = *w;

		again.problem = answer.status == 409 ?
			sp_arena_fmt(rq->arena, "You have a Space called %s already. Choose another name.", w->name) : answer.sentence;
		return reply(rq, rs, &again, answer.status);
	}
	r = store_repo_by_name(rq->srv->store, "space", rq->actor.name, w->name, rq->arena, repo, e);
	if (r < 0)
		return r;
	rq->repo = repo;
	if (n > 0) {
		r = fill(rq, ops, n, &found, keeps_readme, e);
		if (r < 0)
			return r;
	}
	return page_see_other(rq, rs, keeps_readme || template ? page : sp_arena_fmt(rq->arena, "%s/started", page));
}

int page_new_space_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct wish w = { "", "", "", "" };
	struct multipart m;
	struct sp_err why = { 0 };
	struct repo_op *ops;
	size_t n = 0;
	int r = page_multipart(rq, &m, e);

	if (r == 0)
		r = read_wish(rq, &m, &w, e);
	if (r < 0)
		return r;       /* no form of ours: there is nothing typed to give back */
	r = page_form_files(rq, &m, "", &ops, &n, &why);
	if (r == 0)
		r = created(rq, rs, &w, ops, n, &why);
	if (r >= 0)
		return r;
	if (r == -SP_EIO || r == -SP_EBUG || r == -SP_ENOMEM) {
		if (e)
			*e = why;
		return r;
	}
	w.problem = page_sentence(rq->arena, &why);
	return reply(rq, rs, &w, http_status_of((enum sp_code)-r));
}

/* ---- afterwards ---- */

const char *page_first_app(const char *sdk)
{
	if (strcmp(sdk, "streamlit") == 0)
		return "import streamlit as st\n\nname = st.text_input(\"Your name\", \"world\")\nst.write(f\"Hello {name}!\")\n";
	if (strcmp(sdk, "static") == 0)
		return "<!doctype html>\n<html lang=\"en\">\n<title>Hello</title>\n<h1>Hello world!</h1>\n</html>\n";
	return "import gradio as gr\n\ndef greet(name):\n    return f\"Hello {name}!\"\n\ngr.Interface(greet, \"text\", \"text\").launch()\n";
}

/* The block between the two lines of dashes. */
static const char *block_of(struct sp_arena *a, const char *readme)
{
	const char *end = sp_starts_with(readme, "---") ? strstr(readme + 3, "\n---") : NULL;

	return end ? sp_arena_mem(a, readme, (size_t)(end - readme) + 4) : readme;
}

int page_started(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct store_repo *repo = rq->repo;
	struct space_view s = page_space_view(rq, &repo->id);
	struct view_started v = { .owner = repo->owner_name, .name = repo->name, .origin = rq->origin, .sdk = repo->sdk,
		.app_file = strcmp(repo->sdk, "static") == 0 ? "index.html" : "app.py", .app_text = page_first_app(repo->sdk) };
	struct repo_entry *entries;
	struct sp_buf html = { 0 };
	char commit[41];
	size_t n = 0;
	int r = repo_resolve(rq->srv->repos, &repo->id, "main", commit, e);

	if (r == 0)
		r = repo_tree(rq->srv->repos, &repo->id, commit, "", false, false, rq->arena, &entries, &n, e);
	if (r < 0)
		return r;
	v.has_app = n > 2;      /* more than README.md and .gitattributes */
	v.readme = block_of(rq->arena, settings_of(rq, commit, NULL));
	page_begin(rq, &v.page, sp_arena_fmt(rq->arena, "%s · vitrine", repo->name));
	v.page.forms = true;
	v.page.topics = sp_arena_fmt(rq->arena, "space:%s", repo->id.s);
	v.head = page_space_head(rq, repo, &s, "started");
	view_started(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}
