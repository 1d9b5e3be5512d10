/*
 * What a worker left in STATE/incoming/RUN becomes part of a repository: the packs of a push and the
 * references that it moves, or the pack that replaces loose objects.
 */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"
#include "str.h"

enum { UPDATES_BYTES = 1 << 20, README_BYTES = 4 << 20, LOOSE_BYTES = 256 << 20 };

struct import {
	struct repos *rs;
	const struct sp_id *id;
	struct repo_push *push;
	struct stage stage;
	int incoming;
};

static void import_fini(struct import *m)
{
	stage_fini(&m->stage);
	if (m->incoming >= 0)
		close(m->incoming);
}

static void run_path(const struct repos *rs, const struct sp_id *run, struct sp_buf *to)
{
	sp_buf_fmt(to, "%s/%s", rs->incoming, run->s);
}

int repo_incoming_make(struct repos *rs, const struct sp_id *run, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 };

	run_path(rs, run, &path);
	return mkdir(path.p, 0700) < 0 ? sp_fail(e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "make a place for a push") : 0;
}

void repo_incoming_drop(struct repos *rs, const struct sp_id *run)
{
	sp_auto_buf struct sp_buf path = { 0 };

	run_path(rs, run, &path);
	repo_remove_tree(AT_FDCWD, path.p);
}

static int import_open(struct import *m, const struct sp_id *run, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 };

	run_path(m->rs, run, &path);
	m->incoming = open(path.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->incoming < 0 ? sp_fail(e, SP_EIO, errno, "open what came in") : 0;
}

/* No file: git's receive-pack accepted nothing. */
static int read_updates(struct import *m, struct sp_err *e)
{
	sp_auto_free char *text = malloc(UPDATES_BYTES + 1);
	sp_auto_close int fd = -1;
	struct stat st;
	size_t n;
	int r;

	if (!text)
		abort();
	r = sp_open_beneath(m->incoming, "updates", O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &fd, e);
	if (r == -SP_ENOENT)
		return 0;
	if (r == 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1))
		r = sp_fail(e, SP_EDENIED, 0, "the list of updates is not a plain file");
	if (r == 0)
		r = sp_read_full(fd, text, UPDATES_BYTES + 1, &n, e);
	if (r < 0)
		return r;
	if (n > UPDATES_BYTES)
		return sp_fail(e, SP_EQUOTA, 0, "the list of updates is too long; push fewer branches at a time");
	return repo_updates_parse(text, n, m->push->arena, &m->push->updates, &m->push->n, e);
}

static int open_with_stage(struct import *m, git_repository **ret, struct sp_err *e)
{
	repo_auto(git_odb) git_odb *odb = NULL;
	int r = repo_open(m->rs, m->id, ret, e);

	if (r < 0)
		return r;
	r = git_repository_odb(&odb, *ret);
	if (r >= 0)
		r = git_odb_add_disk_alternate(odb, m->stage.path);
	return r < 0 ? repo_git_fail(e, r, "read what came in") : 0;
}

/* Objects are read whole into this process's memory: none may be vaster than what the worker's hook lets through. */
static int check_size(git_object_t type, size_t size, struct sp_err *e)
{
	uint64_t max = type == GIT_OBJECT_BLOB ? SP_LIMIT_regular_file_bytes : type == GIT_OBJECT_TREE ? SP_LIMIT_git_folder_bytes : SP_LIMIT_git_text_bytes;

	return size <= max ? 0 : sp_fail(e, SP_EQUOTA, 0, "a %s of %zu bytes: at most %llu are possible here", git_object_type2string(type), size,
		(unsigned long long)max);
}

struct sizes { git_odb *odb; size_t n; struct sp_err why; };

static int check_object(const git_oid *id, void *arg)
{
	struct sizes *s = arg;
	git_object_t type;
	size_t size;
	int r;

	if (++s->n > SP_LIMIT_git_push_objects)
		return sp_fail(&s->why, SP_EQUOTA, 0, "more than %d objects in one push; push fewer commits at a time", (int)SP_LIMIT_git_push_objects);
	r = git_odb_read_header(&size, &type, s->odb, id);
	return r < 0 ? r : check_size(type, size, &s->why);
}

static int check_sizes(const struct import *m, struct sp_err *e)
{
	struct sizes s = { 0 };
	int r = 0;

	for (unsigned i = 0; i < m->stage.n && r >= 0; i++) {
		repo_auto(git_odb) git_odb *odb = NULL;
		sp_auto_buf struct sp_buf path = { 0 };
		git_odb_backend *one = NULL;

		sp_buf_fmt(&path, "%s/pack/pack-%s.idx", m->stage.path, m->stage.hex[i]);
		r = git_odb_new(&odb);
		if (r >= 0)
			r = git_odb_backend_one_pack(&one, path.p);
		if (r >= 0)
			r = git_odb_add_backend(odb, one, 1);
		s.odb = odb;
		if (r >= 0)
			r = git_odb_foreach(odb, check_object, &s);
	}
	if (r < 0 && s.why.code != SP_OK)
		return sp_fail(e, s.why.code, 0, "%s", s.why.msg);
	return r < 0 ? sp_fail(e, SP_EPROTO, 0, "a pack that cannot be read") : 0;
}

/* Whoever lists the references follows each: no long chains of tags. */
static int check_tag(git_odb *odb, git_oid *at, struct sp_err *e)
{
	for (unsigned depth = 0; depth <= SP_LIMIT_git_tag_depth; depth++) {
		git_odb_object *o = NULL;
		int r = git_odb_read(&o, odb, at);
		bool is_tag = r >= 0 && git_odb_object_type(o) == GIT_OBJECT_TAG, ok = false;

		if (is_tag)     /* "object HEX\n" is its first line */
			ok = git_odb_object_size(o) > 47 && git_oid_fromstrn(at, (const char *)git_odb_object_data(o) + 7, GIT_OID_HEXSZ) >= 0;
		git_odb_object_free(o);
		if (r < 0)
			return repo_git_fail(e, r, "read a tag");
		if (!is_tag)
			return 0;
		if (!ok)
			return sp_fail(e, SP_EPROTO, 0, "a malformed tag");
	}
	return sp_fail(e, SP_EQUOTA, 0, "tags of tags more than %d deep", (int)SP_LIMIT_git_tag_depth);
}

/* The new value is there, and a branch's is a commit. */
static int check_target(git_repository *g, const struct repo_update *u, struct sp_err *e)
{
	repo_auto(git_odb) git_odb *odb = NULL;
	git_object_t type;
	git_oid id;
	size_t size;
	int r = git_oid_fromstr(&id, u->new);

	if (r >= 0)
		r = git_repository_odb(&odb, g);
	if (r >= 0)
		r = git_odb_read_header(&size, &type, odb, &id);
	if (r < 0)
		return repo_git_fail(e, r, "the new value of '%.60s'", u->ref);
	if (sp_starts_with(u->ref, "refs/heads/") && type != GIT_OBJECT_COMMIT)
		return sp_fail(e, SP_EDENIED, 0, "'%.60s' would not be a commit", u->ref);
	return type == GIT_OBJECT_TAG ? check_tag(odb, &id, e) : 0;
}

/* README.md of main's new commit, when there is one, to the caller's judgement. */
static int check_readme(struct import *m, git_repository *g, const struct repo_update *u, struct sp_err *e)
{
	repo_auto(git_tree) git_tree *tree = NULL;
	repo_auto(git_blob) git_blob *blob = NULL;
	const git_tree_entry *at;
	int r = repo_tree_of(g, u->new, &tree, e);

	if (r < 0)
		return r;
	at = git_tree_entry_byname(tree, "README.md");
	if (!at || git_tree_entry_type(at) != GIT_OBJECT_BLOB || git_tree_entry_filemode(at) == GIT_FILEMODE_LINK)
		return 0;
	r = git_blob_lookup(&blob, g, git_tree_entry_id(at));
	if (r < 0)
		return repo_git_fail(e, r, "read README.md");
	return git_blob_rawsize(blob) > README_BYTES ? 0 :
		m->push->check_readme(m->push->check_arg, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), e);
}

static int check_all(struct import *m, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	int r = check_sizes(m, e);

	if (r == 0)
		r = open_with_stage(m, &g, e);
	for (size_t i = 0; i < m->push->n && r == 0; i++) {
		const struct repo_update *u = &m->push->updates[i];

		if (repo_update_deletes(u))
			continue;
		r = check_target(g, u, e);
		if (r == 0 && strcmp(u->ref, "refs/heads/main") == 0 && m->push->check_readme)
			r = check_readme(m, g, u, e);
	}
	return r;
}

int repo_ref_room(git_repository *g, size_t more, struct sp_err *e)
{
	repo_auto(git_reference_iterator) git_reference_iterator *it = NULL;
	const char *name;
	int r = more ? git_reference_iterator_new(&it, g) : GIT_ITEROVER;

	while (r >= 0 && more <= SP_LIMIT_git_refs && (r = git_reference_next_name(&name, it)) == 0)
		more++;
	if (r < 0 && r != GIT_ITEROVER)
		return repo_git_fail(e, r, "list references");
	return more <= SP_LIMIT_git_refs ? 0 :
		sp_fail(e, SP_EQUOTA, 0, "a repository may have %d branches and tags; delete some first", (int)SP_LIMIT_git_refs);
}

/* Under the lock: does every reference still have the value that the push saw? */
static int check_old(git_repository *g, const struct repo_push *p, struct sp_err *e)
{
	size_t more = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct repo_update *u = &p->updates[i];
		char now[41];
		git_oid at;
		int valid = 0, r = git_reference_name_is_valid(&valid, u->ref);

		if (r < 0 || !valid)
			return sp_fail(e, SP_EDENIED, 0, "'%.100s' is not a name for a branch or tag", u->ref);
		r = git_reference_name_to_id(&at, g, u->ref);
		if (r < 0 && r != GIT_ENOTFOUND)
			return repo_git_fail(e, r, "read '%.60s'", u->ref);
		memset(now, '0', 40);
		now[40] = '\0';
		if (r == 0)
			git_oid_tostr(now, sizeof(now), &at);
		if (strcmp(now, u->old) != 0)
			return sp_fail(e, SP_ESTALE, 0, "'%.100s' has moved meanwhile; fetch, merge and push again", u->ref);
		more += repo_update_creates(u);
	}
	return repo_ref_room(g, more, e);
}

static int move_ref(git_repository *g, struct repo_update *u, struct sp_err *e)
{
	repo_auto(git_reference) git_reference *ref = NULL;
	git_oid old, new;
	int r = git_oid_fromstr(&old, u->old);

	if (r >= 0)
		r = git_oid_fromstr(&new, u->new);
	if (r >= 0 && repo_update_deletes(u)) {
		r = git_reference_lookup(&ref, g, u->ref);
		if (r >= 0)
			r = git_reference_delete(ref);
	} else if (r >= 0) {
		bool fresh = repo_update_creates(u);

		r = git_reference_create_matching(&ref, g, u->ref, &new, !fresh, fresh ? NULL : &old, NULL);
	}
	if (r < 0)
		return repo_git_fail(e, r, "move '%.60s'", u->ref);
	u->moved = true;
	return 0;
}

static int move_all(struct import *m, struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	struct repo_push *p = m->push;
	int r = repo_open(m->rs, m->id, &g, e);

	if (r == 0)
		r = check_old(g, p, e);
	if (r == 0)
		r = stage_move(m->rs, m->id, &m->stage, e);
	for (size_t i = 0; i < p->n && r == 0; i++)     /* again, and now from where they stay */
		if (!repo_update_deletes(&p->updates[i]))
			r = check_target(g, &p->updates[i], e);
	/* Deletions first: refs/heads/a may make room for refs/heads/a/b. */
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < p->n && r == 0; i++)
			if (repo_update_deletes(&p->updates[i]) == (pass == 0))
				r = move_ref(g, &p->updates[i], e);
	return r;
}

int repo_import(struct repos *rs, const struct sp_id *id, const struct sp_id *run, struct repo_push *push, struct sp_err *e)
{
	sp_auto(import_fini) struct import m = { .rs = rs, .id = id, .push = push, .stage.packs = -1, .incoming = -1 };
	struct repo_lock *lock;
	int r = import_open(&m, run, e);

	if (r == 0)
		r = read_updates(&m, e);
	if (r < 0 || push->n == 0)
		return r;
	r = stage_packs(rs, run, m.incoming, &m.stage, e);
	if (r == 0)
		r = check_all(&m, e);
	if (r < 0)
		return r;
	lock = repo_lock_take(rs, id);
	r = move_all(&m, e);
	repo_lock_drop(rs, lock);
	return r;
}

/* ---- loose objects ---- */

/* Calls FN for every loose object, until it returns something else than 0. */
static int each_loose(struct repos *rs, const struct sp_id *id, int (*fn)(void *arg, int dir, const char *name, const char *hex), void *arg)
{
	sp_auto_free char *objects = repo_path_dup(rs, id, "objects");
	char hex[41];
	int r = 0;

	for (unsigned i = 0; i < 256 && r == 0; i++) {
		sp_auto_buf struct sp_buf path = { 0 };
		sp_auto_closedir DIR *d = NULL;

		sp_buf_fmt(&path, "%s/%02x", objects, i);
		d = opendir(path.p);
		for (const struct dirent *at = d ? readdir(d) : NULL; at && r == 0; at = readdir(d)) {
			if (strlen(at->d_name) != 38 || !sp_is_hex(at->d_name, 38))
				continue;
			snprintf(hex, sizeof(hex), "%02x%.38s", i, at->d_name);
			r = fn(arg, dirfd(d), at->d_name, hex);
		}
	}
	return r;
}

static int count_one(void *arg, SP_UNUSED int dir, SP_UNUSED const char *name, SP_UNUSED const char *hex)
{
	size_t *n = arg;

	return ++*n > SP_LIMIT_git_loose_objects;
}

bool repo_is_loose(struct repos *rs, const struct sp_id *id)
{
	size_t n = 0;

	return each_loose(rs, id, count_one, &n) != 0;
}

/* Unlink what the new pack gives back whole: reading it compares its hash. */
static int drop_one(void *arg, int dir, const char *name, const char *hex)
{
	git_odb *odb = arg;
	git_odb_object *o = NULL;
	git_object_t type;
	size_t size;
	git_oid id;

	if (git_oid_fromstr(&id, hex) < 0 || git_odb_read_header(&size, &type, odb, &id) < 0 || size > LOOSE_BYTES || git_odb_read(&o, odb, &id) < 0)
		return 0;
	git_odb_object_free(o);
	unlinkat(dir, name, 0);
	return 0;
}

int repo_repacked(struct repos *rs, const struct sp_id *id, const struct sp_id *run, struct sp_err *e)
{
	sp_auto(import_fini) struct import m = { .rs = rs, .id = id, .stage.packs = -1, .incoming = -1 };
	sp_auto_free char *packs = repo_path_dup(rs, id, "objects/pack");
	repo_auto(git_odb) git_odb *odb = NULL;
	sp_auto_buf struct sp_buf path = { 0 };
	git_odb_backend *one = NULL;
	int r = import_open(&m, run, e);

	if (r == 0)
		r = stage_packs(rs, run, m.incoming, &m.stage, e);
	if (r < 0 || m.stage.n != 1)
		return r < 0 ? r : sp_fail(e, SP_EPROTO, 0, "%u packs instead of one", m.stage.n);
	r = stage_move(rs, id, &m.stage, e);
	if (r < 0)
		return r;
	sp_buf_fmt(&path, "%s/pack-%s.idx", packs, m.stage.hex[0]);
	r = git_odb_new(&odb);
	if (r >= 0)
		r = git_odb_backend_one_pack(&one, path.p);
	if (r >= 0)
		r = git_odb_add_backend(odb, one, 1);
	if (r < 0)
		return repo_git_fail(e, r, "read the new pack");
	return each_loose(rs, id, drop_one, odb);
}
