#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "limit.h"
#include "temp_repos.h"

#define HELLO_BLOB "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"

static struct repo_op put(const char *path, const char *text)
{
	return (struct repo_op){ .kind = OP_PUT, .path = path, .fd = -1, .bytes = text, .len = strlen(text) };
}

static int commit_ops(struct ctx *c, const char *parent, const struct repo_op *ops, size_t n, char oid[41], bool *changed, struct sp_err *e)
{
	struct repo_commit_req req = { .branch = "main", .parent = parent, .title = "a title", .message = "a body", .author = ada,
		.ops = ops, .n_ops = n };

	return repo_commit(c->rs, &c->id, &req, oid, changed, e);
}

static void must_commit(struct ctx *c, const struct repo_op *ops, size_t n)
{
	struct sp_err e = { 0 };
	bool changed;

	if (commit_ops(c, NULL, ops, n, c->head, &changed, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(changed);
}

static size_t count(struct ctx *c, const char *path, bool recursive)
{
	struct repo_entry *v;
	size_t n;

	assert_int_equal(repo_tree(c->rs, &c->id, c->head, path, recursive, false, &c->a, &v, &n, NULL), 0);
	return n;
}

static void assert_text(struct ctx *c, const char *path, const char *text)
{
	struct repo_entry at;
	struct repo_blob b;

	assert_int_equal(repo_stat(c->rs, &c->id, c->head, path, false, &c->a, &at, NULL), 0);
	assert_int_equal(at.size, strlen(text));
	assert_int_equal(repo_blob(c->rs, &c->id, &at, &b, NULL), 0);
	assert_int_equal(b.n, strlen(text));
	assert_memory_equal(b.p, text, b.n);
	repo_blob_free(&b);
}

static void new_repository_has_its_first_commit(void **state)
{
	struct ctx *c = *state;
	struct repo_commit_info *v;
	struct repo_ref *refs;
	size_t n, total;

	assert_int_equal(count(c, "", true), 2);
	assert_text(c, "README.md", "hello");
	assert_int_equal(repo_log(c->rs, &c->id, c->head, 0, 10, &c->a, &v, &n, &total, NULL), 0);
	assert_int_equal(total, 1);
	assert_string_equal(v[0].title, "initial commit");
	assert_string_equal(v[0].author, "ada");
	assert_int_equal(repo_refs(c->rs, &c->id, &c->a, &refs, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_string_equal(refs[0].name, "main");
	assert_string_equal(refs[0].full, "refs/heads/main");
	assert_string_equal(refs[0].commit, c->head);
}

static void second_creation_of_an_id_is_eexist(void **state)
{
	struct ctx *c = *state;
	char oid[41];

	assert_int_equal(repo_create(c->rs, &c->id, NULL, 0, &ada, oid, NULL), -SP_EEXIST);
}

static void revisions_resolve_by_every_name(void **state)
{
	struct ctx *c = *state;
	char shortened[8] = "", got[41];
	const char *const good[] = { "main", "HEAD", "refs/heads/main", c->head, shortened };
	static const char *const bad[] = { "nope", "", "refs/heads/nope", "0123456789abcdef0123456789abcdef01234567", "main~1", "../x", "a b", "main:README.md" };

	memcpy(shortened, c->head, 7);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(repo_resolve(c->rs, &c->id, good[i], got, NULL), 0);
		assert_string_equal(got, c->head);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(repo_resolve(c->rs, &c->id, bad[i], got, NULL), -SP_ENOENT);
}

static void operations_apply_in_order(void **state)
{
	struct ctx *c = *state;
	const struct repo_op first[] = { put("app.py", "print(1)\n"), put("sub/deep/a.txt", "a"), put("sub/b.txt", "b"), put("x", "file") };
	const struct repo_op second[] = {
		{ .kind = OP_DELETE, .path = "app.py", .fd = -1 }, { .kind = OP_DELETE_TREE, .path = "sub", .fd = -1 },
		put("x/y", "now a folder"), put("z", "1"), { .kind = OP_COPY, .path = "z2", .bytes = "z", .fd = -1 },
	};
	const struct repo_op over = put("sub", "a file over a folder");
	struct repo_entry *v;
	char oid[41];
	bool changed;
	size_t n;

	must_commit(c, first, 4);
	assert_int_equal(count(c, "", true), 8);
	assert_int_equal(count(c, "", false), 5);
	assert_int_equal(count(c, "sub", false), 2);
	assert_int_equal(commit_ops(c, NULL, &over, 1, oid, &changed, NULL), -SP_EINVAL);      /* not dropped in silence */
	must_commit(c, second, 5);
	assert_int_equal(repo_tree(c->rs, &c->id, c->head, "", true, false, &c->a, &v, &n, NULL), 0);
	assert_int_equal(n, 6);
	assert_string_equal(v[2].path, "x");
	assert_true(v[2].is_dir);
	assert_string_equal(v[3].path, "x/y");
	assert_text(c, "z2", "1");
}

static void commit_without_a_change_is_the_head(void **state)
{
	struct ctx *c = *state;
	struct repo_op op = put("README.md", "hello");
	char oid[41];
	bool changed = true;

	assert_int_equal(commit_ops(c, NULL, &op, 1, oid, &changed, NULL), 0);
	assert_false(changed);
	assert_string_equal(oid, c->head);
	assert_int_equal(commit_ops(c, NULL, NULL, 0, oid, &changed, NULL), 0);
	assert_false(changed);
}

static void other_parent_is_stale_and_a_retry_is_not(void **state)
{
	struct ctx *c = *state;
	struct repo_op op = put("a", "1"), other = put("a", "2"), del = { .kind = OP_DELETE, .path = "a", .fd = -1 };
	char parent[41], oid[41];
	struct sp_err e;
	bool changed;

	memcpy(parent, c->head, sizeof(parent));
	must_commit(c, &op, 1);
	assert_int_equal(commit_ops(c, parent, &other, 1, oid, &changed, &e), -SP_ESTALE);
	assert_non_null(strstr(e.msg, "has moved"));
	assert_int_equal(commit_ops(c, parent, &op, 1, oid, &changed, &e), 0);  /* the answer was lost, the client asks again */
	assert_false(changed);
	assert_string_equal(oid, c->head);
	assert_int_equal(commit_ops(c, c->head, &del, 1, c->head, &changed, &e), 0);
	assert_true(changed);
	assert_int_equal(commit_ops(c, NULL, &del, 1, oid, &changed, &e), 0);
	assert_string_equal(oid, c->head);
	must_commit(c, &other, 1);
	must_commit(c, &del, 1);
}

static void deleting_what_is_not_there_is_enoent(void **state)
{
	struct ctx *c = *state;
	const struct repo_op bad[] = { { .kind = OP_DELETE, .path = "nope", .fd = -1 }, { .kind = OP_DELETE_TREE, .path = "nope", .fd = -1 },
		{ .kind = OP_DELETE_TREE, .path = "README.md", .fd = -1 }, { .kind = OP_COPY, .path = "a", .bytes = "nope", .fd = -1 } };
	char oid[41];
	bool changed;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(commit_ops(c, NULL, &bad[i], 1, oid, &changed, NULL), -SP_ENOENT);
}

static void bad_paths_are_refused(void **state)
{
	struct ctx *c = *state;
	static const char *const bad[] = { "", "/etc/passwd", "../x", "a/../b", "a/./b", ".", "a//b", "a/", ".git/config", "a/.GIT/x", ".git ", ".git.",
		"git~1", ".g\xe2\x80\x8cit/x", "a\\b", "a\nb", "a\x01", "a\x7f", "\xff", "\xc0\xaf", "\xed\xa0\x80" };
	static const char *const good[] = { "a", ".gitattributes", ".github/x", "a..b", "...", "a b/c", "\xc3\xa4.txt", "a:b", "-x", "git/x", ".gitignore" };
	char longer[SP_LIMIT_repo_path_bytes + 2], part[300], oid[41];
	bool changed;

	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	memset(part, 'a', sizeof(part));
	part[sizeof(part) - 1] = '\0';
	assert_int_equal(repo_check_path(longer, NULL), -SP_EINVAL);
	assert_int_equal(repo_check_path(part, NULL), -SP_EINVAL);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(repo_check_path(good[i], NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct repo_op op = put(bad[i], "x");

		assert_int_equal(repo_check_path(bad[i], NULL), -SP_EINVAL);
		assert_int_equal(commit_ops(c, NULL, &op, 1, oid, &changed, NULL), -SP_EINVAL);
	}
}

static void ten_thousand_tiny_files_are_one_commit(void **state)
{
	enum { N = 10000 };
	struct ctx *c = *state;
	struct repo_op *ops = sp_arena_get(&c->a, N * sizeof(*ops));
	struct repo_page page = { .skip = 9000, .limit = 1000, .recursive = true };
	struct repo_entry *v;
	size_t n;
	bool more = false;

	for (int i = 0; i < N; i++)
		ops[i] = put(sp_arena_fmt(&c->a, "d%02d/f%04d.txt", i % 50, i), sp_arena_fmt(&c->a, "%d\n", i));
	must_commit(c, ops, N);
	assert_int_equal(count(c, "", true), N + 50 + 2);
	assert_text(c, "d49/f9999.txt", "9999\n");
	assert_int_equal(repo_tree_page(c->rs, &c->id, c->head, "", &page, &c->a, &v, &n, &more, NULL), 0);
	assert_int_equal(n, 1000);
	assert_true(more);
	page.skip = 10000;
	assert_int_equal(repo_tree_page(c->rs, &c->id, c->head, "", &page, &c->a, &v, &n, &more, NULL), 0);
	assert_int_equal(n, 52);
	assert_false(more);
}

static void too_many_operations_are_over_the_limit(void **state)
{
	struct ctx *c = *state;
	size_t n = SP_LIMIT_commit_files + 1;
	struct repo_op *ops = sp_arena_get(&c->a, n * sizeof(*ops));
	char oid[41];
	bool changed;

	assert_int_equal(commit_ops(c, NULL, ops, n, oid, &changed, NULL), -SP_EQUOTA);
}

static void large_files_come_back_from_a_file(void **state)
{
	enum { N = 3 << 20 };
	struct ctx *c = *state;
	char *p = malloc(N), path[300], *back = malloc(N);
	struct repo_op op = { .kind = OP_PUT, .path = "big.bin", .offset = 7, .len = N };
	struct repo_entry at;
	struct repo_blob b;

	for (size_t i = 0; i < N; i++)
		p[i] = (char)(i * 2654435761u >> 13);
	snprintf(path, sizeof(path), "%s/upload", c->dir);
	op.fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(pwrite(op.fd, p, N, 7), N);
	must_commit(c, &op, 1);
	assert_int_equal(repo_stat(c->rs, &c->id, c->head, "big.bin", true, &c->a, &at, NULL), 0);
	assert_int_equal(at.size, N);
	assert_string_equal(at.last_commit, c->head);
	assert_int_equal(repo_blob(c->rs, &c->id, &at, &b, NULL), 0);
	assert_true(b.fd >= 0);
	assert_int_equal(pread(b.fd, back, N, 0), N);
	assert_memory_equal(p, back, N);
	repo_blob_free(&b);
	close(op.fd);
	free(p);
	free(back);
}

static void upload_cut_short_is_an_error(void **state)
{
	struct ctx *c = *state;
	struct repo_op op = { .kind = OP_PUT, .path = "x", .len = 100, .fd = open("/dev/null", O_RDONLY) };
	char oid[41];
	bool changed;

	assert_int_equal(commit_ops(c, NULL, &op, 1, oid, &changed, NULL), -SP_EIO);
	close(op.fd);
}

static void last_commits_are_those_that_changed_the_path(void **state)
{
	struct ctx *c = *state;
	struct repo_op a = put("sub/a", "1"), b = put("sub/b", "1");
	struct repo_entry *v;
	char first[41], second[41];
	size_t n;

	memcpy(first, c->head, 41);
	must_commit(c, &a, 1);
	memcpy(second, c->head, 41);
	must_commit(c, &b, 1);
	assert_int_equal(repo_tree(c->rs, &c->id, c->head, "", true, true, &c->a, &v, &n, NULL), 0);
	assert_int_equal(n, 5);
	assert_string_equal(v[0].last_commit, first);
	assert_string_equal(v[2].path, "sub");
	assert_string_equal(v[2].last_commit, c->head);
	assert_string_equal(v[3].last_commit, second);
	assert_string_equal(v[4].last_commit, c->head);
	assert_string_equal(v[4].last_title, "a title");
	assert_true(v[4].last_ms > 0);
}

static void log_pages_and_counts(void **state)
{
	struct ctx *c = *state;
	struct repo_commit_info *v;
	size_t n, total;

	for (int i = 0; i < 5; i++) {
		struct repo_op op = put("a", sp_arena_fmt(&c->a, "%d", i));

		must_commit(c, &op, 1);
	}
	assert_int_equal(repo_log(c->rs, &c->id, c->head, 1, 2, &c->a, &v, &n, &total, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(total, 6);
	assert_string_equal(v[0].title, "a title");
	assert_string_equal(v[0].message, "a body");
}

struct committer { struct ctx *c; int who; };

static void *commit_many(void *arg)
{
	struct committer *w = arg;
	char name[32], oid[41];

	for (int i = 0; i < 10; i++) {
		struct repo_op op;
		bool changed;

		snprintf(name, sizeof(name), "t%d/%d", w->who, i);
		op = put(name, "x");
		if (commit_ops(w->c, NULL, &op, 1, oid, &changed, NULL) < 0 || !changed)
			return w;
	}
	return NULL;
}

static void concurrent_commits_take_turns(void **state)
{
	struct ctx *c = *state;
	struct committer w[4];
	pthread_t t[4];
	struct repo_commit_info *v;
	size_t n, total;
	void *r;

	for (int i = 0; i < 4; i++) {
		w[i] = (struct committer){ c, i };
		assert_int_equal(pthread_create(&t[i], NULL, commit_many, &w[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		assert_null(r);
	}
	assert_int_equal(repo_resolve(c->rs, &c->id, "main", c->head, NULL), 0);
	assert_int_equal(count(c, "", true), 2 + 4 + 40);
	assert_int_equal(repo_log(c->rs, &c->id, c->head, 0, 1, &c->a, &v, &n, &total, NULL), 0);
	assert_int_equal(total, 41);
}

/* A child commits and tells each id; it is killed at some point; what it told must be there. */
static void acknowledged_commits_survive_a_kill(void **state)
{
	struct ctx *c = *state;
	struct repo_commit_info *v;
	size_t n, total, told = 0;
	char oid[41] = "", line[41];
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		struct repos *rs;

		if (repos_open(c->dir, &rs, NULL) < 0)
			_exit(1);
		c->rs = rs;
		for (int i = 0;; i++) {
			struct repo_op ops[30];
			char names[30][32], text[32];
			bool changed;

			snprintf(text, sizeof(text), "%d", i);
			for (int k = 0; k < 30; k++) {
				snprintf(names[k], sizeof(names[k]), "f%d", k);
				ops[k] = put(names[k], text);
			}
			if (commit_ops(c, NULL, ops, i % 2 ? 30 : 1, line, &changed, NULL) < 0 || write(p[1], line, 41) != 41)
				_exit(1);
		}
	}
	close(p[1]);
	while (told < 20 && read(p[0], line, 41) == 41) {
		memcpy(oid, line, 41);
		told++;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(p[0], line, 41) == 41) {
		memcpy(oid, line, 41);
		told++;
	}
	close(p[0]);
	assert_true(told >= 20);
	assert_int_equal(repo_resolve(c->rs, &c->id, "main", c->head, NULL), 0);
	assert_int_equal(repo_log(c->rs, &c->id, oid, 0, 1, &c->a, &v, &n, &total, NULL), 0);
	assert_true(total >= told + 1);
	assert_true(count(c, "", true) >= 3);
	{
		struct repo_op op = put("after", "x");  /* no lock is left behind */

		must_commit(c, &op, 1);
	}
}

static void large_file_objects_need_their_bytes(void **state)
{
	struct ctx *c = *state;
	struct repo_op op = { .kind = OP_PUT_LFS, .path = "m.bin", .sha256 = HELLO_SHA, .fd = -1 };
	struct sp_id other = sp_id_new();
	char path[300], oid[41];
	struct repo_entry at;
	struct repo_blob b;
	uint64_t size;
	bool changed;
	int fd;

	assert_int_equal(commit_ops(c, NULL, &op, 1, oid, &changed, NULL), -SP_EINVAL);
	snprintf(path, sizeof(path), "%s/lfs-upload", c->dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(repo_lfs_put(c->rs, &c->id, fd, "0" HELLO_SHA, NULL), -SP_EINVAL);
	assert_int_equal(repo_lfs_put(c->rs, &c->id, fd, "00" HELLO_BLOB "0123456789abcdef012345", NULL), -SP_EINVAL);
	assert_int_equal(repo_lfs_put(c->rs, &c->id, fd, HELLO_SHA, NULL), 0);
	assert_int_equal(repo_lfs_put(c->rs, &c->id, fd, HELLO_SHA, NULL), 0);
	assert_int_equal(repo_lfs_has(c->rs, &c->id, HELLO_SHA, &size, NULL), 0);
	assert_int_equal(size, 5);
	must_commit(c, &op, 1);
	assert_int_equal(repo_stat(c->rs, &c->id, c->head, "m.bin", false, &c->a, &at, NULL), 0);
	assert_true(at.lfs.is_lfs);
	assert_int_equal(at.size, 5);
	assert_int_equal(at.lfs.pointer_size, 126);
	assert_int_equal(repo_blob(c->rs, &c->id, &at, &b, NULL), 0);
	assert_int_equal(b.size, 5);
	repo_blob_free(&b);

	/* Another repository that only knows the hash reads the pointer's text. */
	{
		static const char text[] = "version https://git-lfs.github.com/spec/v1\noid sha256:" HELLO_SHA "\nsize 5\n";
		struct repo_file f = { "stolen", text, sizeof(text) - 1 };

		assert_int_equal(repo_create(c->rs, &other, &f, 1, &ada, oid, NULL), 0);
		assert_int_equal(repo_stat(c->rs, &other, oid, "stolen", false, &c->a, &at, NULL), 0);
		assert_false(at.lfs.is_lfs);
		assert_int_equal(at.size, 126);
	}
	close(fd);
}

static void archive_is_read_by_tar(void **state)
{
	struct ctx *c = *state;
	char longer[160], path[300], *cmd;
	struct repo_op ops[3];
	int fd;

	memset(longer, 'n', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ops[0] = put(longer, "long name");
	ops[1] = put("sub/\xc3\xa4.txt", "umlaut");
	ops[2] = put("empty", "");
	must_commit(c, ops, 3);
	snprintf(path, sizeof(path), "%s/a.tar", c->dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(repo_archive(c->rs, &c->id, c->head, fd, NULL), 0);
	close(fd);
	cmd = sp_arena_fmt(&c->a, "mkdir %s/x && cd %s/x && tar -xf %s && test \"$(cat %s)\" = 'long name' && test \"$(cat sub/\xc3\xa4.txt)\" = umlaut"
			" && test -f empty && test \"$(cat README.md)\" = hello", c->dir, c->dir, path, longer);
	assert_int_equal(system(cmd), 0);
}

static void gitignore_tells_what_to_leave_out(void **state)
{
	struct ctx *c = *state;
	static const char *const paths[] = { "app.py", "__pycache__/app.pyc", "sub/__pycache__/x.pyc", "data/keep.txt", "data/drop.txt", "../x", ".venv/bin/python" };
	static const bool want[] = { false, true, true, false, true, false, true };
	struct repo_op op = put(".gitignore", "__pycache__/\n*.pyc\n/data/*\n!/data/keep.txt\n.venv\n");
	bool got[7];

	must_commit(c, &op, 1);
	assert_int_equal(repo_ignored(c->rs, &c->id, c->head, NULL, paths, 7, got, NULL), 0);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(repo_ignored(c->rs, &c->id, c->head, "*.py\n", paths, 7, got, NULL), 0);
	assert_true(got[0]);
	assert_false(got[1]);
}

static bool keep_none(void *arg, const struct sp_id *id)
{
	(void)id;
	++*(int *)arg;
	return false;
}

static void deletion_and_sweep_remove_everything(void **state)
{
	struct ctx *c = *state;
	struct sp_id other = sp_id_new();
	char oid[41];
	int seen = 0;

	assert_int_equal(repo_delete(c->rs, &c->id, NULL), 0);
	assert_int_equal(repo_delete(c->rs, &c->id, NULL), 0);
	assert_int_equal(repo_resolve(c->rs, &c->id, "main", oid, NULL), -SP_ENOENT);
	assert_int_equal(repo_create(c->rs, &other, NULL, 0, &ada, oid, NULL), 0);
	assert_int_equal(repos_sweep(c->rs, keep_none, &seen, NULL), 0);
	assert_int_equal(seen, 1);
	assert_int_equal(repo_resolve(c->rs, &other, "main", oid, NULL), -SP_ENOENT);
}

static void blob_ids_are_gits(void **state)
{
	char oid[41];

	(void)state;
	repo_blob_oid("hello", 5, oid);
	assert_string_equal(oid, HELLO_BLOB);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_ctx, close_ctx)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(new_repository_has_its_first_commit), T(second_creation_of_an_id_is_eexist), T(revisions_resolve_by_every_name),
		T(operations_apply_in_order), T(commit_without_a_change_is_the_head), T(other_parent_is_stale_and_a_retry_is_not),
		T(deleting_what_is_not_there_is_enoent), T(bad_paths_are_refused), T(ten_thousand_tiny_files_are_one_commit),
		T(too_many_operations_are_over_the_limit), T(large_files_come_back_from_a_file), T(upload_cut_short_is_an_error),
		T(last_commits_are_those_that_changed_the_path), T(log_pages_and_counts), T(concurrent_commits_take_turns),
		T(acknowledged_commits_survive_a_kill), T(large_file_objects_need_their_bytes), T(archive_is_read_by_tar),
		T(gitignore_tells_what_to_leave_out), T(deletion_and_sweep_remove_everything), T(blob_ids_are_gits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
