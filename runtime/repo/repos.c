#include "priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "str.h"

struct repo_lock {
	struct sp_id id;
	unsigned users;                 /* those who hold it or wait for it */
	pthread_mutex_t mutex;
	struct repo_lock *next;
};

enum { GIT_CACHE_BYTES = 32 << 20 };

static char *format(const char *fmt, ...) SP_PRINTF(1, 2);
static char *format(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	return s;
}

int repo_git_fail(struct sp_err *e, int r, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	const char *why = last && last->message ? last->message : "no message";
	enum sp_code code = SP_EIO;
	char what[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (r == GIT_ENOTFOUND)
		code = SP_ENOENT;
	else if (r == GIT_EEXISTS)
		code = SP_EEXIST;
	else if (r == GIT_EINVALIDSPEC || r == GIT_EAMBIGUOUS)
		code = SP_EINVAL;
	else if (r == GIT_ELOCKED)
		code = SP_EBUSY;
	else if (r == GIT_EMODIFIED)
		code = SP_ESTALE;
	else if (strstr(why, strerror(ENOSPC)) || strstr(why, strerror(EDQUOT)))
		code = SP_EQUOTA;
	return sp_fail(e, code, 0, "%s: %.100s", what, why);
}

static int make_dir(const char *path, struct sp_err *e)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return sp_fail(e, SP_EIO, errno, "make '%.100s'", path);
	return 0;
}

int repo_fsync_dir(const char *path, struct sp_err *e)
{
	sp_auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return sp_fail(e, SP_EIO, errno, "sync '%.100s'", path);
	return 0;
}

/* What a crash left half made or half removed. */
static int drop_leftovers(const char *dir, struct sp_err *e)
{
	sp_auto_closedir DIR *d = opendir(dir);
	struct dirent *it;

	if (!d)
		return sp_fail(e, SP_EIO, errno, "list '%.100s'", dir);
	while ((it = readdir(d)) != NULL)
		if (sp_starts_with(it->d_name, ".new-") || sp_starts_with(it->d_name, ".dead-"))
			repo_remove_tree(dirfd(d), it->d_name);
	return 0;
}

/* Pushes that a former server did not bring to their end: none of their references moved. */
static int drop_incoming(const char *path, struct sp_err *e)
{
	sp_auto_closedir DIR *d = opendir(path);
	const struct dirent *it;

	if (!d)
		return sp_fail(e, SP_EIO, errno, "list '%.100s'", path);
	while ((it = readdir(d)) != NULL)
		if (it->d_name[0] != '.')
			repo_remove_tree(dirfd(d), it->d_name);
	return 0;
}

static int libgit2_set(struct sp_err *e)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL };
	int r = git_libgit2_init();

	if (r < 0)
		return repo_git_fail(e, r, "start libgit2");
	/* A configuration of the machine's or of root's must not change what the repositories do. */
	for (size_t i = 0; i < SP_COUNT(levels) && r >= 0; i++)
		r = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);  /* the state directory is ours by its mode */
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)GIT_CACHE_BYTES);
	return r < 0 ? repo_git_fail(e, r, "configure libgit2") : 0;
}

int repos_open(const char *state_dir, struct repos **ret, struct sp_err *e)
{
	struct repos *rs = calloc(1, sizeof(*rs));
	pthread_mutex_t *mutex = calloc(1, sizeof(*mutex));
	int r;

	if (!rs || !mutex)
		abort();
	pthread_mutex_init(mutex, NULL);
	rs->mutex = mutex;
	rs->dir = format("%s/repos", state_dir);
	rs->lfs = format("%s/lfs", state_dir);
	rs->tmp = format("%s/tmp", state_dir);
	rs->incoming = format("%s/incoming", state_dir);

	r = libgit2_set(e);
	if (r == 0)
		r = make_dir(rs->dir, e);
	if (r == 0)
		r = make_dir(rs->lfs, e);
	if (r == 0)
		r = make_dir(rs->tmp, e);
	if (r == 0)
		r = make_dir(rs->incoming, e);
	if (r == 0)
		r = drop_incoming(rs->incoming, e);
	if (r == 0)
		r = drop_leftovers(rs->dir, e);
	if (r < 0) {
		repos_close(rs);
		return r;
	}
	*ret = rs;
	return 0;
}

void repos_close(struct repos *rs)
{
	if (!rs)
		return;
	pthread_mutex_destroy(rs->mutex);
	free(rs->mutex);
	free(rs->dir);
	free(rs->lfs);
	free(rs->tmp);
	free(rs->incoming);
	free(rs);
	git_libgit2_shutdown();
}

int repos_sweep(struct repos *rs, bool (*keep)(void *arg, const struct sp_id *id), void *arg, struct sp_err *e)
{
	sp_auto_closedir DIR *d = opendir(rs->dir);
	struct dirent *it;

	if (!d)
		return sp_fail(e, SP_EIO, errno, "list '%.100s'", rs->dir);
	while ((it = readdir(d)) != NULL) {
		char hex[SP_ID_LEN + 1] = "";
		struct sp_id id;

		if (strlen(it->d_name) != SP_ID_LEN + 4 || !sp_ends_with(it->d_name, ".git"))
			continue;
		memcpy(hex, it->d_name, SP_ID_LEN);
		if (sp_id_parse(hex, &id) == 0 && !keep(arg, &id))
			repo_remove_tree(dirfd(d), it->d_name);
	}
	return 0;
}

char *repo_path_dup(struct repos *rs, const struct sp_id *id, const char *below)
{
	return format("%s/%s.git%s%s", rs->dir, id->s, *below ? "/" : "", below);
}

int repo_open(struct repos *rs, const struct sp_id *id, git_repository **ret, struct sp_err *e)
{
	sp_auto_free char *path = repo_path_dup(rs, id, "");
	int r = git_repository_open_bare(ret, path);

	return r < 0 ? repo_git_fail(e, r, "open repository %s", id->s) : 0;
}

struct repo_lock *repo_lock_take(struct repos *rs, const struct sp_id *id)
{
	sp_auto_free char *path = repo_path_dup(rs, id, "");
	struct repo_lock *l;

	pthread_mutex_lock(rs->mutex);
	for (l = rs->locks; l && !sp_id_eq(&l->id, id); l = l->next)
		;
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			abort();
		l->id = *id;
		pthread_mutex_init(&l->mutex, NULL);
		l->next = rs->locks;
		rs->locks = l;
	}
	l->users++;
	pthread_mutex_unlock(rs->mutex);
	pthread_mutex_lock(&l->mutex);
	repo_unlock_stale(path);
	return l;
}

void repo_lock_drop(struct repos *rs, struct repo_lock *l)
{
	struct repo_lock **at = &rs->locks;

	pthread_mutex_unlock(&l->mutex);
	pthread_mutex_lock(rs->mutex);
	if (--l->users == 0) {
		while (*at != l)
			at = &(*at)->next;
		*at = l->next;
		pthread_mutex_destroy(&l->mutex);
		free(l);
	}
	pthread_mutex_unlock(rs->mutex);
}

int repo_tmp_new(struct repos *rs, int *ret_fd, struct sp_err *e)
{
	int fd = open(rs->tmp, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return sp_fail(e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "make a temporary file");
	*ret_fd = fd;
	return 0;
}

static int set_config(git_repository *g, struct sp_err *e)
{
	repo_auto(git_config) git_config *cfg = NULL;
	int r = git_repository_config(&cfg, g);

	if (r >= 0)     /* not core.fsyncObjectFiles, of which git warns every client: GIT_OPT_ENABLE_FSYNC_GITDIR does it */
		r = git_config_set_bool(cfg, "core.protectHFS", 1);
	if (r >= 0)
		r = git_config_set_bool(cfg, "core.protectNTFS", 1);
	if (r >= 0)     /* no search for deltas in what people upload: it costs more time than it saves room */
		r = git_config_set_int32(cfg, "core.bigFileThreshold", 16384);
	return r < 0 ? repo_git_fail(e, r, "configure a repository") : 0;
}

static int write_files(git_repository *g, const struct repo_file *files, size_t n, git_oid *ret_tree, struct sp_err *e)
{
	repo_auto(git_index) git_index *index = NULL;
	int r = git_index_new(&index);

	for (size_t i = 0; i < n && r >= 0; i++) {
		git_index_entry at = { .mode = GIT_FILEMODE_BLOB, .path = files[i].path };
		int bad = repo_check_path(files[i].path, e);

		if (bad < 0)
			return bad;
		at.file_size = (uint32_t)files[i].len;
		r = git_blob_create_from_buffer(&at.id, g, files[i].bytes, files[i].len);
		if (r >= 0)
			r = git_index_add(index, &at);
	}
	if (r >= 0)
		r = git_index_write_tree_to(ret_tree, index, g);
	return r < 0 ? repo_git_fail(e, r, "write the first files") : 0;
}

static int first_commit(git_repository *g, const struct repo_file *files, size_t n, const struct repo_author *author,
		git_oid *ret, struct sp_err *e)
{
	repo_auto(git_signature) git_signature *by = NULL;
	repo_auto(git_tree) git_tree *tree = NULL;
	git_oid tree_id;
	int r = write_files(g, files, n, &tree_id, e);

	if (r < 0)
		return r;
	r = git_tree_lookup(&tree, g, &tree_id);
	if (r >= 0)
		r = git_signature_now(&by, author->name, author->email);
	if (r >= 0)
		r = git_commit_create(ret, g, "refs/heads/main", by, by, NULL, "initial commit", tree, 0, NULL);
	return r < 0 ? repo_git_fail(e, r, "write the first commit") : 0;
}

int repo_begin(struct repos *rs, const struct sp_id *id, char **ret_made, git_repository **ret, struct sp_err *e)
{
	sp_auto_free char *made = format("%s/.new-%s", rs->dir, id->s), *path = repo_path_dup(rs, id, "");
	repo_auto(git_repository) git_repository *g = NULL;
	git_repository_init_options opts;
	int r;

	if (access(path, F_OK) == 0)
		return sp_fail(e, SP_EEXIST, 0, "repository %s is there already", id->s);
	r = git_repository_init_options_init(&opts, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	if (r < 0)
		return repo_git_fail(e, r, "make repository %s", id->s);
	opts.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR | GIT_REPOSITORY_INIT_NO_REINIT;
	opts.mode = 0700;
	opts.initial_head = "main";
	r = git_repository_init_ext(&g, made, &opts);
	if (r < 0)
		return repo_git_fail(e, r, "make repository %s", id->s);
	r = set_config(g, e);
	if (r < 0) {
		repo_remove_tree(AT_FDCWD, made);
		return r;
	}
	*ret = sp_take_ptr(&g);
	*ret_made = sp_take_ptr(&made);
	return 0;
}

int repo_finish(struct repos *rs, const struct sp_id *id, const char *made, int r, struct sp_err *e)
{
	sp_auto_free char *path = repo_path_dup(rs, id, "");

	if (r == 0)
		r = repo_fsync_dir(made, e);
	if (r == 0 && rename(made, path) < 0)
		r = sp_fail(e, SP_EIO, errno, "publish repository %s", id->s);
	if (r == 0)
		r = repo_fsync_dir(rs->dir, e);
	if (r < 0)
		repo_remove_tree(AT_FDCWD, made);
	return r;
}

int repo_create(struct repos *rs, const struct sp_id *id, const struct repo_file *files, size_t n,
		const struct repo_author *author, char ret_commit[41], struct sp_err *e)
{
	repo_auto(git_repository) git_repository *g = NULL;
	sp_auto_free char *made = NULL;
	git_oid commit;
	int r = repo_begin(rs, id, &made, &g, e);

	if (r < 0)
		return r;
	r = repo_finish(rs, id, made, first_commit(g, files, n, author, &commit, e), e);
	if (r == 0)
		git_oid_tostr(ret_commit, 41, &commit);
	return r;
}

int repo_delete(struct repos *rs, const struct sp_id *id, struct sp_err *e)
{
	sp_auto_free char *path = repo_path_dup(rs, id, ""), *dead = format("%s/.dead-%s", rs->dir, id->s);
	struct repo_lock *lock = repo_lock_take(rs, id);
	int r = rename(path, dead) < 0 && errno != ENOENT ? sp_fail(e, SP_EIO, errno, "remove repository %s", id->s) : 0;

	repo_lock_drop(rs, lock);
	if (r == 0)
		r = repo_fsync_dir(rs->dir, e);
	if (r == 0)
		repo_remove_tree(AT_FDCWD, dead);
	return r;
}
