#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"
#include "runtime/build/build_int.h"
#include "runtime/repo/repo.h"

enum { TEXT_MAX = 1 << 20, README_MAX = 4 << 20 };

struct reader { struct build *b; size_t max; };

/* A file of the revision as text; SP_ENOENT also for folders and links, which nothing here follows. */
static int read_text(void *arg, const char *path, const char **ret, struct sp_err *e)
{
	const struct reader *rd = arg;
	struct build *b = rd->b;
	struct sp_arena *a = &b->prep.arena;
	struct repo_entry at;
	struct repo_blob blob = { .fd = -1 };
	int r;

	if (repo_check_path(path, NULL) < 0)
		return sp_fail(e, SP_ENOENT, 0, "'%.100s' leads out of the repository", path);
	r = repo_stat(b->bs->repos, &b->row.repo, b->row.commit, path, false, a, &at, e);
	if (r < 0)
		return r;
	if (at.is_dir || at.is_link)
		return sp_fail(e, SP_ENOENT, 0, "'%.100s' is not a file", path);
	if (at.lfs.is_lfs || at.size > rd->max)
		return sp_fail(e, SP_EINVAL, 0, "%.100s is too large", path);
	r = repo_blob(b->bs->repos, &b->row.repo, &at, &blob, e);
	if (r < 0)
		return r;
	if (!blob.p || memchr(blob.p, 0, blob.n))
		r = sp_fail(e, SP_EINVAL, 0, "%.100s is not UTF-8 text", path);
	else
		*ret = sp_arena_mem(a, blob.p, blob.n);
	repo_blob_free(&blob);
	return r;
}

static bool has_file(struct build *b, const char *path)
{
	struct repo_entry at;

	return repo_stat(b->bs->repos, &b->row.repo, b->row.commit, path, false, &b->prep.arena, &at, NULL) == 0 && !at.is_dir;
}

static void fail_where(struct fault *f, unsigned line, unsigned column, const char *text)
{
	fault_set(f, CAUSE_BAD_FRONT_MATTER, cause_number(line).s, cause_number(column).s, text, NULL);
}

static int read_front_matter(struct build *b, struct front_matter *fm)
{
	struct reader rd = { b, README_MAX };
	struct front_matter_where where = { 0 };
	struct fault *f = &b->prep.fault;
	const char *text;
	struct sp_err e;
	int r = read_text(&rd, "README.md", &text, &e);

	if (r == -SP_EINVAL)
		fail_where(f, 1, 1, e.msg);
	else if (r < 0 && r != -SP_ENOENT)
		fault_set(f, CAUSE_BUILD_SANDBOX, e.msg, NULL);
	else if (r == 0)
		r = front_matter_parse_at(text, strlen(text), fm, &where, &e);
	if (r == -SP_ENOENT)
		fault_set(f, CAUSE_NO_FRONT_MATTER, NULL);
	else if (r < 0 && f->code == CAUSE_NONE)
		fail_where(f, where.line, where.column, where.text);
	return r;
}

static int take_sdk(struct build *b, const struct front_matter *fm)
{
	struct fault *f = &b->prep.fault;
	struct recipe *rc = &b->prep.recipe;
	const struct sdk *sdk = sdk_by_name(fm->sdk ? fm->sdk : "");
	const char *app_file;
	char shown[44];

	if (!sdk) {
		snprintf(shown, sizeof(shown), "%.40s", fm->sdk ? fm->sdk : "");
		fault_set(f, CAUSE_BAD_SDK, cause_number(fm->sdk_line ? fm->sdk_line : 1).s, shown, NULL);
		return -1;
	}
	if (sdk->not_yet) {
		fault_set(f, CAUSE_SDK_NOT_YET, sdk->name, NULL);
		return -1;
	}
	app_file = fm->app_file ? fm->app_file : sdk->app_file;
	if (!has_file(b, app_file)) {
		fault_set(f, CAUSE_NO_APP_FILE, app_file, app_file, NULL);
		return -1;
	}
	*rc = (struct recipe){ .sdk = sdk, .port = sdk->port, .startup_ms = fm->startup_ms, .embed_off = fm->disable_embedding };
	if (sdk->port_by_readme && fm->app_port)
		rc->port = fm->app_port;
	rc->app_file = strdup(app_file);
	rc->headers = strdup(fm->custom_headers);
	rc->title = strdup(fm->title ? fm->title : "");
	return 0;
}

/* One requirements file; 0 also when it is not there. */
static int take_requirements(struct build *b, const char *path, const char **ret)
{
	struct reader rd = { b, TEXT_MAX };
	struct req_text t;
	struct sp_err e;
	int r = req_normalise(path, read_text, &rd, &t, &e);

	if (r == -SP_ENOENT)
		return 0;
	if (r < 0) {
		fault_set(&b->prep.fault, CAUSE_UNRESOLVABLE, e.msg, NULL);
		return r;
	}
	*ret = sp_arena_mem(&b->prep.arena, t.text.p ? t.text.p : "", t.text.n);
	b->prep.is_private = b->prep.is_private || t.is_private;
	req_fini(&t);
	return 0;
}

static int take_packages(struct build *b)
{
	struct reader rd = { b, TEXT_MAX };
	const char *text;
	struct sp_err e;
	int r = read_text(&rd, "packages.txt", &text, &e);

	if (r == -SP_ENOENT)
		return 0;
	if (r == 0)
		r = packages_parse(text, &b->prep.arena, &b->prep.packages, &b->prep.n_packages, &e);
	if (r < 0)
		fault_set(&b->prep.fault, CAUSE_PACKAGES_FAILED, e.msg, NULL);
	return r;
}

static const char *notes_of(struct build *b, const struct front_matter *fm)
{
	static const char have[] = "3.11";
	const char *want = fm->python_version ? fm->python_version : have;
	struct sp_arena *a = &b->prep.arena;
	const char *notes = sp_arena_str(a, fm->notes);

	if (strncmp(want, have, sizeof(have) - 1) != 0 || (want[sizeof(have) - 1] && want[sizeof(have) - 1] != '.'))
		notes = sp_arena_fmt(a, "%sPython %s is not on this server; the Space gets Python %s.\n", notes, want, have);
	if (fm->app_build_command)
		notes = sp_arena_fmt(a, "%sapp_build_command is not run by this version; the files are served as they are.\n", notes);
	return notes;
}

void build_prepare_work(struct build *b)
{
	struct front_matter fm = { 0 };
	struct prepared *p = &b->prep;

	sp_arena_init(&p->arena);
	if (read_front_matter(b, &fm) < 0)
		return;
	p->notes = notes_of(b, &fm);
	if (take_sdk(b, &fm) == 0 && p->recipe.sdk->runs) {
		p->sdk_packages.a = &p->arena;
		p->recipe.sdk->packages(&fm, &p->sdk_packages);
		for (size_t i = 0; i < p->sdk_packages.n; i++)  /* they may point into the front matter */
			p->sdk_packages.v[i] = sp_arena_str(&p->arena, p->sdk_packages.v[i]);
		if (take_requirements(b, "pre-requirements.txt", &p->pre) == 0 && take_requirements(b, "requirements.txt", &p->requirements) == 0)
			take_packages(b);
	}
	front_matter_fini(&fm);
}
