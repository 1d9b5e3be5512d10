#include "server/pages/page_form.h"

#include <ctype.h>
#include <string.h>

#include "limit.h"
#include "runtime/build/front_matter.h"
#include "runtime/space/space.h"
#include "server/api/new_space.h"
#include "server/api/repo_util.h"
#include "server/api/secrets.h"
#include "server/http/http_status.h"
#include "server/server.h"

const char *page_sentence(struct sp_arena *a, const struct sp_err *e)
{
	const char *msg = e->msg[0] ? e->msg : sp_code_name(e->code);
	size_t n = strlen(msg);
	char *s = sp_arena_fmt(a, "%s%s", msg, n && strchr(".!?", msg[n - 1]) ? "" : ".");

	s[0] = (char)toupper((unsigned char)s[0]);
	return s;
}

static const char *header_of(const struct http_resp *rs, const char *name)
{
	for (const struct http_header *h = rs->headers; h; h = h->next)
		if (strcasecmp(h->name, name) == 0)
			return h->value;
	return NULL;
}

int page_call(struct http_req *rq, http_handler *handler, json_t *body, struct page_answer *ret, struct sp_err *e)
{
	struct http_resp rs = { .file_fd = -1 };
	struct page_answer answer = { .sentence = "" };
	struct sp_err why = { 0 };
	const char *said;
	int r;

	http_give_json(rq, body ? body : json_object());
	r = handler(rq, &rs, &why);
	if (r == -SP_EIO || r == -SP_EBUG || r == -SP_ENOMEM) {
		if (e)
			*e = why;
		http_resp_drop(&rs);
		return r;
	}
	said = header_of(&rs, "X-Error-Message");
	if (r < 0) {
		answer.status = http_status_of((enum sp_code)-r);
		answer.sentence = page_sentence(rq->arena, &why);
	} else {
		answer.status = rs.status ? rs.status : 200;
		if (answer.status >= 400)
			answer.sentence = said ? said : "This did not work.";
		else if (rs.body && rs.body_len)
			answer.json = json_loadb(rs.body, rs.body_len, JSON_DECODE_ANY, NULL);
	}
	http_resp_drop(&rs);
	*ret = answer;
	return 0;
}

int page_multipart(struct http_req *rq, struct multipart *ret, struct sp_err *e)
{
	if (rq->body_fd < 0)
		return sp_fail(e, SP_EINVAL, 0, "the form could not be read: it is empty");
	return multipart_parse(rq->body_fd, rq->body_size, http_header(rq, "content-type"), rq->arena, ret, e);
}

/* What a folder on somebody's disk holds and no Space wants; vitrine deploy leaves the same out. */
static bool is_litter(const char *path)
{
	static const char *const names[] = { ".git", "__pycache__", ".DS_Store", "node_modules", ".venv", "venv", ".cache" };

	while (*path) {
		size_t n = strcspn(path, "/");

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strlen(names[i]) == n && strncmp(path, names[i], n) == 0)
				return true;
		path += n + (path[n] == '/');
	}
	return false;
}

int page_form_files(struct http_req *rq, const struct multipart *m, const char *folder, struct repo_op **ret, size_t *ret_n, struct sp_err *e)
{
	struct repo_op *ops = sp_arena_get(rq->arena, (m->n + 2) * sizeof(*ops));       /* room for what the caller adds */
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct multipart_part *part = &m->parts[i];
		bool whole = strcmp(part->name, "folder") == 0;
		const char *path = part->filename, *slash = whole && path ? strchr(path, '/') : NULL;
		int r;

		if (!path || !*path || (!whole && strcmp(part->name, "file") != 0))
			continue;
		if (slash)
			path = slash + 1;
		if (whole && is_litter(path))
			continue;
		if (*folder)
			path = sp_arena_fmt(rq->arena, "%s/%s", folder, path);
		r = repo_check_path(path, e);
		if (r < 0)
			return r;
		if (part->len > SP_LIMIT_regular_file_bytes)
			return sp_fail(e, SP_EQUOTA, 0, "'%.80s' is larger than %d MB: upload it with hf upload, which stores it by git-lfs", path,
				(int)(SP_LIMIT_regular_file_bytes >> 20));
		ops[n++] = (struct repo_op){ .kind = OP_PUT, .path = path, .fd = m->fd, .offset = part->offset, .len = part->len };
	}
	*ret = ops;
	*ret_n = n;
	return 0;
}

int page_form_commit(struct http_req *rq, const struct page_form_commit *c, char ret_commit[41], struct sp_err *e)
{
	const char *email = sp_arena_fmt(rq->arena, "%s@users.noreply.%s", rq->actor.name, rq->srv->domain);
	const struct repo_commit_req req = { .branch = c->branch, .parent = c->parent, .title = c->title, .message = c->description,
		.author = { rq->actor.name, email }, .ops = c->ops, .n_ops = c->n_ops, .keeps_files = true };
	bool changed;
	int r = repo_commit(rq->srv->repos, &rq->repo->id, &req, ret_commit, &changed, e);

	if (r < 0)
		return r;
	r = repo_publish(rq->srv, &rq->repo->id, e);
	if (r == 0 && changed)
		r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "commit", ret_commit, e);
	return r;
}

int page_branch(struct http_req *rq, const char **ret_branch, char ret_commit[41], struct sp_err *e)
{
	const char *rev = http_param(rq, "rev");
	const char *branch = sp_starts_with(rev, "refs/heads/") ? rev + 11 : strcmp(rev, "HEAD") == 0 ? "main" : rev;
	int r = repo_resolve(rq->srv->repos, &rq->repo->id, sp_arena_fmt(rq->arena, "refs/heads/%s", branch), ret_commit, e);

	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "there is no branch '%.80s', and files are changed on branches only: open the file on main", rev);
	*ret_branch = branch;
	return r;
}

const char *page_done(const struct http_req *rq)
{
	static const struct { const char *code, *sentence; } rows[] = {
		{ "saved",     "Saved." },
		{ "restarts",  "Saved. The app restarts with it now." },
		{ "removed",   "Removed. The app restarts without it now." },
		{ "public",    "Everybody can see this Space now." },
		{ "private",   "Only you can see this Space now." },
		{ "moved",     "Renamed. The old addresses lead here." },
		{ "network",   "Saved. An app that runs has its old network until it is restarted." },
		{ "slept",     "The app goes to sleep. The next visit wakes it." },
		{ "committed", "Committed. If it changes the app, the new version is being built." },
		{ "deleted",   "The Space is deleted." },
		{ "same",      "Nothing was different, so nothing was committed." },
	};
	const char *code = http_query(rq, "done");

	for (size_t i = 0; code && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].code, code) == 0)
			return rows[i].sentence;
	return "";
}

int page_check_readme(struct sp_arena *a, const char *text, size_t n, const char **ret_wrong)
{
	struct front_matter fm = { 0 };
	struct sp_err why;
	int r = front_matter_parse(text, n, &fm, &why);

	*ret_wrong = NULL;
	if (r == -SP_EINVAL)
		*ret_wrong = sp_arena_fmt(a, "README.md, %s", why.msg);
	else if (r == 0 && !fm.sdk)
		*ret_wrong = "README.md does not say which 'sdk' the Space uses: add one of gradio, streamlit, static, docker.";
	else if (r == 0 && !new_space_is_sdk(fm.sdk))
		*ret_wrong = sp_arena_fmt(a, "README.md, line %u: sdk '%.40s' is not one of gradio, streamlit, static, docker.", fm.sdk_line, fm.sdk);
	front_matter_fini(&fm);
	return *ret_wrong ? -SP_EINVAL : 0;
}

int page_secrets(struct http_req *rq, const struct view_secret **ret, size_t *ret_n, struct sp_err *e)
{
	struct secret_info *list = NULL;
	struct view_secret *to;
	size_t n = 0;
	int r = secret_list(rq->srv, rq->repo, rq->arena, &list, &n, e);

	if (r < 0)
		return r;
	to = sp_arena_get(rq->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++)
		to[i] = (struct view_secret){ list[i].key, list[i].description ? list[i].description : "", page_when(rq->arena, list[i].changed_ms) };
	*ret = to;
	*ret_n = n;
	return 0;
}
