/* A static Space at its own host: its files, without any process (hf-api.md 9.13, C-HF-112). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"
#include "runtime/build/front_matter.h"
#include "runtime/space/space.h"
#include "server/api/mime.h"
#include "server/api/repo_util.h"
#include "server/server.h"

enum { KNOWN_MAX = 256, README_MAX = 1 << 20, IN_MEMORY_BYTES = 1 << 20 };

/* What a revision's README says about serving it; a commit never changes, so this is never stale. */
struct settings { char commit[41], app_file[256]; };      /* custom_headers are edge's business, as for every app (route.h) */
static struct settings known[KNOWN_MAX];
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned slot_of(const char *commit)
{
	return (unsigned)strtoul((char[]){ commit[0], commit[1], '\0' }, NULL, 16) % KNOWN_MAX;
}

static int read_settings(struct http_req *rq, const struct sp_id *id, const char *commit, struct settings *to, struct sp_err *e)
{
	struct front_matter fm = { 0 };
	struct repo_entry at;
	struct repo_blob b;
	int r = repo_stat(rq->srv->repos, id, commit, "README.md", false, rq->arena, &at, e);

	*to = (struct settings){ .app_file = "index.html" };
	memcpy(to->commit, commit, sizeof(to->commit));
	if (r == -SP_ENOENT || (r == 0 && (at.is_dir || at.size > README_MAX)))
		return 0;
	if (r == 0)
		r = repo_blob(rq->srv->repos, id, &at, &b, e);
	if (r < 0)
		return r;
	if (b.p && front_matter_parse(b.p, b.n, &fm, NULL) == 0) {
		if (fm.app_file && *fm.app_file && sp_copy(to->app_file, sizeof(to->app_file), fm.app_file) < 0)
			memcpy(to->app_file, "index.html", sizeof("index.html"));
		front_matter_fini(&fm);
	}
	repo_blob_free(&b);
	return 0;
}

static int settings_of(struct http_req *rq, const struct sp_id *id, const char *commit, struct settings *to, struct sp_err *e)
{
	struct settings *slot = &known[slot_of(commit)];
	bool hit;
	int r;

	pthread_mutex_lock(&known_lock);
	hit = strcmp(slot->commit, commit) == 0;
	if (hit)
		*to = *slot;
	pthread_mutex_unlock(&known_lock);
	if (hit)
		return 0;
	r = read_settings(rq, id, commit, to, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&known_lock);
	*slot = *to;
	pthread_mutex_unlock(&known_lock);
	return 0;
}

/* JSON that may stand in a script element: no "</script>", no line separators of JavaScript. */
static void add_script_json(struct sp_buf *to, const char *json)
{
	for (; *json; json++) {
		if (*json == '<' || *json == '>' || *json == '&')
			sp_buf_fmt(to, "\\u%04x", (unsigned)*json);
		else
			sp_buf_add(to, json, 1);
	}
}

static int make_script(struct http_req *rq, const struct store_repo *r, struct sp_buf *to, struct sp_err *e)
{
	sp_auto_free char *json = NULL;
	struct store_variable *v;
	size_t n;
	json_t *all;
	int res = store_variable_list(rq->srv->store, &r->id, rq->arena, &v, &n, e);

	if (res < 0)
		return res;
	all = json_object();
	for (size_t i = 0; i < n; i++)
		json_object_set_new(all, v[i].key, repo_text(v[i].value));
	json_object_set_new(all, "SPACE_ID", json_string(sp_arena_fmt(rq->arena, "%s/%s", r->owner_name, r->name)));
	json = json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
	json_decref(all);
	sp_buf_puts(to, "<script>window.huggingface=Object.assign(window.huggingface||{},{variables:");
	add_script_json(to, json ? json : "{}");
	sp_buf_puts(to, "});</script>");
	return 0;
}

/* Behind the tag NAME ("head"), if the page has it; -1. */
static ssize_t behind_tag(const char *p, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i + len + 2 <= n; i++) {
		const char *end;

		if (p[i] != '<' || strncasecmp(p + i + 1, name, len) != 0 || !strchr("> \t\r\n/", p[i + 1 + len]) || !p[i + 1 + len])
			continue;
		end = memchr(p + i, '>', n - i);
		return end ? end + 1 - p : -1;
	}
	return -1;
}

static size_t place_for_script(const char *p, size_t n)
{
	static const char *const tags[] = { "head", "html", "!doctype" };

	for (size_t i = 0; i < SP_COUNT(tags); i++) {
		ssize_t at = behind_tag(p, n, tags[i]);

		if (at >= 0)
			return (size_t)at;
	}
	return 0;
}

/* The page with the script in it, in memory that the answer owns. */
static int inject(const struct repo_blob *b, const struct sp_buf *script, struct sp_buf *out, struct sp_err *e)
{
	sp_auto_free char *read_in = b->fd >= 0 ? malloc((size_t)b->size + 1) : NULL;
	const char *p = b->p;
	size_t at, n = (size_t)b->size;

	if (b->fd >= 0) {
		if (!read_in)
			return sp_fail(e, SP_ENOMEM, 0, "read a page");
		for (size_t done = 0; done < n; ) {
			ssize_t got = pread(b->fd, read_in + done, n - done, (off_t)done);

			if (got <= 0)
				return sp_fail(e, SP_EIO, 0, "read a page");
			done += (size_t)got;
		}
		p = read_in;
	}
	at = place_for_script(p, n);
	sp_buf_add(out, p, at);
	sp_buf_add(out, script->p, script->n);
	sp_buf_add(out, p + at, n - at);
	return 0;
}

static void bytes_of(struct http_resp *rs, struct repo_blob *b, uint64_t offset, uint64_t len)
{
	if (b->fd >= 0) {
		rs->file_fd = b->fd;
		rs->file_offset = offset;
		rs->file_len = len;
	} else {
		rs->body = (const char *)b->p + offset;
		rs->body_len = (size_t)len;
		rs->body_free = free;
		rs->body_free_arg = b->priv;
	}
}

static int send_blob(struct http_req *rq, struct http_resp *rs, struct repo_blob *b, const char *etag, struct sp_err *e)
{
	const char *known_tag = http_header(rq, "if-none-match");
	uint64_t offset = 0, len = b->size;
	int piece;

	http_setf(rq, rs, "ETag", "\"%s\"", etag);
	http_set(rq, rs, "Cache-Control", "no-cache");
	http_set(rq, rs, "Accept-Ranges", "bytes");
	if (known_tag && strstr(known_tag, etag)) {
		repo_blob_free(b);
		rs->status = 304;
		return 0;
	}
	piece = http_range(rq, b->size, &offset, &len, e);
	if (piece == -SP_EINVAL) {
		http_reply_error(rq, rs, 416, NULL, "The range is outside of the file's %llu bytes.", (unsigned long long)b->size);
		http_setf(rq, rs, "Content-Range", "bytes */%llu", (unsigned long long)b->size);
		repo_blob_free(b);
		return 0;
	}
	if (piece < 0) {
		repo_blob_free(b);
		return piece;
	}
	if (piece > 0) {
		rs->status = 206;
		http_setf(rq, rs, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)offset, (unsigned long long)(offset + len - 1),
			(unsigned long long)b->size);
	} else {
		offset = 0;
		len = b->size;
	}
	bytes_of(rs, b, offset, len);
	return 0;
}

/* PAGE, taken, as a blob: a large one in a file, as repo_blob does, because a slow client must not hold memory. */
static int keep_page(struct http_req *rq, struct sp_buf *page, struct repo_blob *ret, struct sp_err *e)
{
	sp_auto_close int fd = -1;
	int r;

	if (page->n <= IN_MEMORY_BYTES) {
		*ret = (struct repo_blob){ .fd = -1, .n = page->n, .size = page->n, .p = page->p, .priv = page->p };
		return 0;
	}
	fd = openat(rq->srv->tmp_dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	r = fd < 0 ? sp_fail(e, SP_EIO, errno, "make a file for a page") : sp_write_all(fd, page->p, page->n, e);
	*ret = (struct repo_blob){ .fd = r < 0 ? -1 : sp_take_fd(&fd), .size = page->n };
	sp_buf_fini(page);
	return r;
}

static int send_entry(struct http_req *rq, struct http_resp *rs, const struct store_repo *repo, const struct repo_entry *at, struct sp_err *e)
{
	const char *type = mime_of(at->path), *etag = at->lfs.is_lfs ? at->lfs.sha256 : at->oid;
	sp_auto_buf struct sp_buf script = { 0 };
	struct sp_buf page = { 0 };
	struct repo_blob b;
	char tag[41];
	int r = repo_blob(rq->srv->repos, &repo->id, at, &b, e);

	if (r < 0)
		return r;
	if (sp_starts_with(type, "text/html") && b.size <= SP_LIMIT_regular_file_bytes) {
		r = make_script(rq, repo, &script, e);
		if (r == 0)
			r = inject(&b, &script, &page, e);
		repo_blob_free(&b);
		if (r < 0) {
			sp_buf_fini(&page);
			return r;
		}
		repo_blob_oid(page.p, page.n, tag);     /* variables change the page without a commit */
		etag = sp_arena_str(rq->arena, tag);
		r = keep_page(rq, &page, &b, e);
		if (r < 0)
			return r;
	}
	http_set(rq, rs, "Content-Type", type);
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	return send_blob(rq, rs, &b, etag, e);
}

static void add_html(struct sp_buf *b, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			sp_buf_fmt(b, "&#%d;", *text);
		else
			sp_buf_add(b, text, 1);
	}
}

static int not_found(struct http_req *rq, struct http_resp *rs, const struct store_repo *r, const char *path)
{
	struct sp_buf b = { 0 };

	if (!http_wants_html(rq))
		return http_reply_error(rq, rs, 404, NULL, "This Space has no file '%.200s'.", path);
	sp_buf_puts(&b, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
		"<title>Not found</title><h1>Not found</h1><p>The Space ");
	add_html(&b, r->owner_name);
	sp_buf_puts(&b, "/");
	add_html(&b, r->name);
	sp_buf_puts(&b, " has no file <code>");
	add_html(&b, path);
	sp_buf_puts(&b, "</code>.</p><p><a href=\"/\">Its first page</a></p></html>");
	return http_reply_html(rq, rs, 404, &b);
}

/* To PATH on the same host, with the query that was there. */
static int go_to(struct http_req *rq, struct http_resp *rs, const char *path)
{
	const char *query = strchr(rq->target, '?');

	http_set(rq, rs, "Cache-Control", "no-cache");
	return http_redirect(rq, rs, 307, sp_arena_fmt(rq->arena, "/%s%s", repo_percent(rq->arena, path, true), query ? query : ""));
}

static int serve(struct http_req *rq, struct http_resp *rs, const struct store_repo *repo, const char *path, struct sp_err *e)
{
	struct settings s;
	struct repo_entry at;
	size_t n = strlen(path);
	bool is_folder = n == 0 || path[n - 1] == '/';
	int r = settings_of(rq, &repo->id, repo->release, &s, e);

	if (r < 0)
		return r;
	if (n == 0 && strchr(s.app_file, '/'))
		return go_to(rq, rs, s.app_file);       /* so that the page's relative links lead to its neighbours */
	path = n == 0 ? sp_arena_str(rq->arena, s.app_file) : is_folder ? sp_arena_fmt(rq->arena, "%sindex.html", path) : path;
	r = repo_check_path(path, NULL) < 0 ? -SP_ENOENT : repo_stat(rq->srv->repos, &repo->id, repo->release, path, false, rq->arena, &at, e);
	if (r == 0 && at.is_dir && !is_folder)
		return go_to(rq, rs, sp_arena_fmt(rq->arena, "%s/", path));
	if (r == -SP_ENOENT || (r == 0 && (at.is_dir || at.is_link)))
		return not_found(rq, rs, repo, path);
	return r < 0 ? r : send_entry(rq, rs, repo, &at, e);
}

int app_host_static(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *path = repo_unpercent(rq->arena, rq->path[0] == '/' ? rq->path + 1 : rq->path);
	struct account_object on;
	struct store_repo repo = { 0 };
	int r;

	if (rq->method != HTTP_GET && rq->method != HTTP_HEAD) {
		http_reply_error(rq, rs, 405, NULL, "A static Space answers GET and HEAD only.");
		http_set(rq, rs, "Allow", "GET, HEAD");
		return 0;
	}
	if (!path)
		return sp_fail(e, SP_EINVAL, 0, "the path has a NUL byte");
	r = store_repo_by_id(rq->srv->store, &rq->space, rq->arena, &repo, e);
	on = (struct account_object){ repo.owner, repo.is_private };
	if (r == 0)     /* edge asks for "private" itself, but may not have heard of it yet */
		r = account_may(&rq->actor, MAY_READ, &on, e);
	if (r == -SP_ENOENT)
		return app_host_unknown(rq, rs, e);
	if (r < 0)
		return r;
	if (!repo.release[0])
		return app_host_waiting(rq, rs, e);
	return serve(rq, rs, &repo, path, e);
}
