#include "priv.h"

#include <string.h>

#include "auto.h"
#include "str.h"

enum { TREE_DEPTH = 512 };      /* a path of repo_path_bytes has no more parts */

struct walk {
	git_repository *g;
	struct sp_arena *a;
	const struct repo_page *page;
	struct sp_buf all;              /* of struct repo_entry */
	size_t seen;
	bool more;
	struct sp_err *e;
};

static void entry_of(const git_tree_entry *te, const char *path, struct repo_entry *to)
{
	git_filemode_t mode = git_tree_entry_filemode_raw(te);

	*to = (struct repo_entry){ .path = path, .mode = (uint32_t)mode };
	to->is_dir = git_tree_entry_type(te) == GIT_OBJECT_TREE;
	to->is_link = mode == GIT_FILEMODE_LINK;
	git_oid_tostr(to->oid, sizeof(to->oid), git_tree_entry_id(te));
	to->last_title = "";
}

static bool is_listed(const git_tree_entry *te)
{
	git_object_t type = git_tree_entry_type(te);

	return type == GIT_OBJECT_TREE || type == GIT_OBJECT_BLOB;      /* submodules are not files of this repository */
}

static int walk_tree(struct walk *w, const git_tree *tree, const char *prefix, unsigned depth);

static int walk_entry(struct walk *w, const git_tree_entry *te, const char *prefix, unsigned depth)
{
	repo_auto(git_tree) git_tree *sub = NULL;
	const char *name = git_tree_entry_name(te);
	bool go_on = w->page->recursive && git_tree_entry_type(te) == GIT_OBJECT_TREE;
	const char *path = NULL;
	struct repo_entry it;
	int r;

	if (w->seen >= w->page->skip && w->seen - w->page->skip >= w->page->limit) {
		w->more = true;
		return 0;
	}
	if (w->seen >= w->page->skip || go_on)
		path = *prefix ? sp_arena_fmt(w->a, "%s/%s", prefix, name) : sp_arena_str(w->a, name);
	if (w->seen++ >= w->page->skip) {
		entry_of(te, path, &it);
		sp_buf_add(&w->all, &it, sizeof(it));
	}
	if (!go_on)
		return 0;
	r = git_tree_lookup(&sub, w->g, git_tree_entry_id(te));
	return r < 0 ? repo_git_fail(w->e, r, "read folder '%.60s'", path) : walk_tree(w, sub, path, depth + 1);
}

static int walk_tree(struct walk *w, const git_tree *tree, const char *prefix, unsigned depth)
{
	size_t n = git_tree_entrycount(tree);
	int r = 0;

	if (depth > TREE_DEPTH)
		return sp_fail(w->e, SP_EQUOTA, 0, "folders are nested more than %d deep", TREE_DEPTH);
	for (size_t i = 0; i < n && r == 0 && !w->more; i++) {
		const git_tree_entry *te = git_tree_entry_byindex(tree, i);

		if (is_listed(te))
			r = walk_entry(w, te, prefix, depth);
	}
	return r;
}

/* The tree at PATH of COMMIT. SP_ENOENT: nothing there, or a file. */
static int open_folder(git_repository *g, const char *commit, const char *path, git_tree **ret, struct sp_err *e)
{
	repo_auto(git_tree) git_tree *root = NULL;
	repo_auto(git_tree_entry) git_tree_entry *at = NULL;
	int r = repo_tree_of(g, commit, &root, e);

	if (r < 0)
		return r;
	if (!*path) {
		*ret = sp_take_ptr(&root);
		return 0;
	}
	r = git_tree_entry_bypath(&at, root, path);
	if (r < 0 || git_tree_entry_type(at) != GIT_OBJECT_TREE)
		return sp_fail(e, SP_ENOENT, 0, "no folder '%.100s' in this revision", path);
	r = git_tree_lookup(ret, g, git_tree_entry_id(at));
	return r < 0 ? repo_git_fail(e, r, "read folder '%.60s'", path) : 0;
}

/* Read the pointer if E is one: only small files are looked into. */
static int fill_lfs(struct repos *rs, const struct sp_id *id, git_odb *odb, const git_oid *oid, struct repo_entry *it, struct sp_err *e)
{
	git_odb_object *o = NULL;
	struct repo_lfs lfs;
	int r = git_odb_read(&o, odb, oid);

	if (r < 0)
		return repo_git_fail(e, r, "read '%.60s'", it->path);
	if (repo_lfs_parse(git_odb_object_data(o), git_odb_object_size(o), &lfs) && repo_lfs_named(rs, id, lfs.sha256)) {
		lfs.pointer_size = (uint32_t)it->size;
		it->lfs = lfs;
		it->size = lfs.size;
	}
	git_odb_object_free(o);
	return 0;
}

int repo_entries_fill(struct repos *rs, const struct sp_id *id, git_repository *g, struct repo_entry *v, size_t n, struct sp_err *e)
{
	enum { POINTER_MIN = 126, POINTER_MAX = 1023 };        /* git-lfs spec: a pointer is less than 1024 bytes */
	repo_auto(git_odb) git_odb *odb = NULL;
	int r = git_repository_odb(&odb, g);

	if (r < 0)
		return repo_git_fail(e, r, "open the objects of %s", id->s);
	for (size_t i = 0; i < n; i++) {
		git_object_t type;
		size_t size;
		git_oid oid;

		if (!v[i].path || v[i].is_dir)
			continue;
		r = git_oid_fromstr(&oid, v[i].oid);
		if (r >= 0)
			r = git_odb_read_header(&size, &type, odb, &oid);
		if (r < 0)
			return repo_git_fail(e, r, "read '%.60s'", v[i].path);
		v[i].size = size;
		if (size < POINTER_MIN || size > POINTER_MAX || v[i].is_link)
			continue;
		r = fill_lfs(rs, id, odb, &oid, &v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int repo_tree_page(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, const struct repo_page *page,
		struct sp_arena *a, struct repo_entry **ret, size_t *ret_n, bool *ret_more, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_tree) git_tree *tree = NULL;
	struct walk w = { .a = a, .page = page, .e = e };
	struct repo_entry *v = NULL;
	size_t n;
	int r = repo_open(rs, id, &g, e);

	if (r == 0)
		r = open_folder(g, commit, path, &tree, e);
	if (r < 0)
		return r;
	w.g = g;
	r = walk_tree(&w, tree, path, 0);
	n = w.all.n / sizeof(*v);
	v = sp_arena_get(a, w.all.n + 1);
	if (n)
		memcpy(v, w.all.p, w.all.n);
	sp_buf_fini(&w.all);
	if (r == 0)
		r = repo_entries_fill(rs, id, g, v, n, e);
	if (r == 0 && page->with_last_commit)
		r = repo_entries_last(g, commit, v, n, a, e);
	if (r < 0)
		return r;
	*ret = v;
	*ret_n = n;
	*ret_more = w.more;
	return 0;
}

int repo_tree(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, bool recursive, bool with_last_commit,
		struct sp_arena *a, struct repo_entry **ret, size_t *ret_n, struct sp_err *e)
{
	struct repo_page all = { .limit = SIZE_MAX, .recursive = recursive, .with_last_commit = with_last_commit };
	bool more;

	return repo_tree_page(rs, id, commit, path, &all, a, ret, ret_n, &more, e);
}

int repo_stat_many(struct repos *rs, const struct sp_id *id, const char *commit, const char *const *paths, size_t n, bool with_last_commit,
		struct sp_arena *a, struct repo_entry **ret, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	repo_auto(git_tree) git_tree *root = NULL;
	struct repo_entry *v = sp_arena_get(a, (n + 1) * sizeof(*v));
	int r = repo_open(rs, id, &g, e);

	if (r == 0)
		r = repo_tree_of(g, commit, &root, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		repo_auto(git_tree_entry) git_tree_entry *at = NULL;

		if (!*paths[i] || git_tree_entry_bypath(&at, root, paths[i]) < 0 || !is_listed(at))
			continue;
		entry_of(at, sp_arena_str(a, paths[i]), &v[i]);
	}
	if (r == 0)
		r = repo_entries_fill(rs, id, g, v, n, e);
	if (r == 0 && with_last_commit)
		r = repo_entries_last(g, commit, v, n, a, e);   /* one walk for all of them: anybody may ask for a thousand */
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}

int repo_stat(struct repos *rs, const struct sp_id *id, const char *commit, const char *path, bool with_last_commit,
		struct sp_arena *a, struct repo_entry *ret, struct sp_err *e)
{
	struct repo_entry *it;
	int r = repo_stat_many(rs, id, commit, &path, 1, with_last_commit, a, &it, e);

	if (r < 0)
		return r;
	if (!it->path)
		return sp_fail(e, SP_ENOENT, 0, "no file '%.100s' in this revision", path);
	*ret = *it;
	return 0;
}
