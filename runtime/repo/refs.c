#include "priv.h"

#include <string.h>
#include <time.h>

#include "auto.h"
#include "limit.h"
#include "str.h"

enum { SHORT_HASH_MIN = 4, REFS_MAX = 10000, TITLE_BYTES = 1000, MESSAGE_BYTES = 65536, WALK_MS = 400 };

int repo_commit_of(git_repository *g, const char *hex40, git_commit **ret, struct sp_err *e)
{
	git_oid id;
	int r = git_oid_fromstr(&id, hex40);

	if (r >= 0)
		r = git_commit_lookup(ret, g, &id);
	return r < 0 ? repo_git_fail(e, r, "read commit '%.40s'", hex40) : 0;
}

int repo_tree_of(git_repository *g, const char *hex40, git_tree **ret, struct sp_err *e)
{
	repo_auto(git_commit) git_commit *c = NULL;
	int r = repo_commit_of(g, hex40, &c, e);

	if (r < 0)
		return r;
	r = git_commit_tree(ret, c);
	return r < 0 ? repo_git_fail(e, r, "read the tree of '%.40s'", hex40) : 0;
}

/* The commit that reference NAME leads to, through tags. */
static bool commit_of_ref(git_repository *g, const char *name, git_oid *ret)
{
	repo_auto(git_reference) git_reference *ref = NULL;
	repo_auto(git_object) git_object *at = NULL;

	if (git_reference_lookup(&ref, g, name) < 0 || git_reference_peel(&at, ref, GIT_OBJECT_COMMIT) < 0)
		return false;
	*ret = *git_object_id(at);
	return true;
}

static bool commit_of_hash(git_repository *g, const char *rev, size_t n, git_oid *ret)
{
	repo_auto(git_commit) git_commit *c = NULL;
	git_oid prefix;

	if (n < SHORT_HASH_MIN || n > GIT_OID_HEXSZ || !sp_is_hex(rev, n))
		return false;
	if (git_oid_fromstrn(&prefix, rev, n) < 0 || git_commit_lookup_prefix(&c, g, &prefix, n) < 0)
		return false;
	*ret = *git_commit_id(c);
	return true;
}

static bool commit_of_name(git_repository *g, const char *rev, git_oid *ret)
{
	static const char *const below[] = { "", "heads/", "tags/" };
	char name[SP_LIMIT_repo_path_bytes + 16];

	if (strcmp(rev, "HEAD") == 0)
		rev = "main";
	if (sp_starts_with(rev, "refs/"))
		return commit_of_ref(g, rev, ret);
	for (size_t i = 1; i < SP_COUNT(below); i++) {
		snprintf(name, sizeof(name), "refs/%s%s", below[i], rev);
		if (commit_of_ref(g, name, ret))
			return true;
	}
	return false;
}

int repo_resolve(struct repos *rs, const struct sp_id *id, const char *rev, char ret_commit[41], struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	size_t n = strlen(rev);
	git_oid at;
	int r;

	if (n == 0 || n > SP_LIMIT_repo_path_bytes)
		return sp_fail(e, SP_ENOENT, 0, "no revision '%.60s'", rev);
	r = repo_open(rs, id, &g, e);
	if (r < 0)
		return r;
	/* A whole hash is that commit for ever (C-HF-56), whatever somebody named a branch. */
	if (!(n == GIT_OID_HEXSZ && commit_of_hash(g, rev, n, &at)) && !commit_of_name(g, rev, &at) && !commit_of_hash(g, rev, n, &at))
		return sp_fail(e, SP_ENOENT, 0, "no revision '%.60s'", rev);
	git_oid_tostr(ret_commit, 41, &at);
	return 0;
}

/* "main" of refs/heads/main, "1.0" of refs/tags/1.0, the whole name of others. */
static const char *short_name(const char *full)
{
	return sp_starts_with(full, "refs/heads/") ? full + 11 : sp_starts_with(full, "refs/tags/") ? full + 10 : full;
}

int repo_refs(struct repos *rs, const struct sp_id *id, struct sp_arena *a, struct repo_ref **ret, size_t *ret_n, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_reference_iterator) git_reference_iterator *it = NULL;
	sp_auto_buf struct sp_buf all = { 0 };
	const char *name;
	int r = repo_open(rs, id, &g, e);

	if (r < 0)
		return r;
	r = git_reference_iterator_new(&it, g);
	while (r >= 0 && (r = git_reference_next_name(&name, it)) == 0) {
		struct repo_ref ref = { .full = sp_arena_str(a, name) };
		git_oid at;

		if (!commit_of_ref(g, name, &at))
			continue;
		ref.name = short_name(ref.full);
		git_oid_tostr(ref.commit, sizeof(ref.commit), &at);
		sp_buf_add(&all, &ref, sizeof(ref));
		if (all.n / sizeof(ref) > REFS_MAX)
			return sp_fail(e, SP_EQUOTA, 0, "more than %d references", REFS_MAX);
	}
	if (r < 0 && r != GIT_ITEROVER)
		return repo_git_fail(e, r, "list references");
	*ret_n = all.n / sizeof(struct repo_ref);
	*ret = sp_arena_get(a, all.n + 1);
	if (all.n)
		memcpy(*ret, all.p, all.n);
	return 0;
}

bool repo_walk_on(struct repo_walk *w)
{
	struct timespec t;
	int64_t now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	if (!w->steps)
		w->end_ns = now + (int64_t)WALK_MS * 1000000;
	return w->steps++ < SP_LIMIT_history_commits && now < w->end_ns;
}

const char *repo_title(const char *message, struct sp_arena *a)
{
	size_t n = strcspn(message, "\n");

	return sp_arena_mem(a, message, n < TITLE_BYTES ? n : TITLE_BYTES);
}

struct repo_commit_info *repo_describe(git_commit *c, struct sp_arena *a, struct repo_commit_info *to)
{
	const char *text = git_commit_message(c), *rest = strchrnul(text, '\n');
	const git_signature *by = git_commit_author(c);
	const char *author = by && by->name ? by->name : "";

	while (*rest == '\n' || *rest == '\r')
		rest++;
	git_oid_tostr(to->id, sizeof(to->id), git_commit_id(c));
	to->title = repo_title(text, a);
	to->message = sp_arena_mem(a, rest, strnlen(rest, MESSAGE_BYTES));
	to->author = sp_arena_mem(a, author, strnlen(author, TITLE_BYTES));
	to->at_ms = (int64_t)git_commit_time(c) * 1000;
	return to;
}

int repo_log(struct repos *rs, const struct sp_id *id, const char *commit, size_t skip, size_t limit, struct sp_arena *a,
		struct repo_commit_info **ret, size_t *ret_n, size_t *ret_total, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_revwalk) git_revwalk *walk = NULL;
	struct repo_commit_info *v;
	size_t n = 0, total = 0;
	git_oid at;
	int r = repo_open(rs, id, &g, e);

	if (r < 0)
		return r;
	r = git_revwalk_new(&walk, g);
	if (r >= 0)
		r = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
	if (r >= 0)
		r = git_oid_fromstr(&at, commit);
	if (r >= 0)
		r = git_revwalk_push(walk, &at);
	if (r < 0)
		return repo_git_fail(e, r, "walk from '%.40s'", commit);

	v = sp_arena_get(a, (limit ? limit : 1) * sizeof(*v));
	for (; (r = git_revwalk_next(&at, walk)) == 0; total++) {
		repo_auto(git_commit) git_commit *c = NULL;

		if (total < skip || n >= limit)
			continue;
		r = git_commit_lookup(&c, g, &at);
		if (r < 0)
			break;
		repo_describe(c, a, &v[n++]);
	}
	if (r < 0 && r != GIT_ITEROVER)
		return repo_git_fail(e, r, "walk from '%.40s'", commit);
	*ret = v;
	*ret_n = n;
	*ret_total = total;
	return 0;
}
