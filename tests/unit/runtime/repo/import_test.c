/* A worker that a push has taken over writes what it likes into STATE/incoming/RUN. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/repo/repo.h"
#include "str.h"

#define HEX "0123456789abcdef0123456789abcdef01234567"
#define ZERO "0000000000000000000000000000000000000000"
#define PACKS "repo.git/objects/pack/"

struct world { char state[64], run_dir[160], head[41]; struct repos *rs; struct sp_id id, run; struct sp_arena arena; };

static const struct repo_author author = { "ada", "ada@example.org" };

static void put(const struct world *w, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->run_dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	static const char *const dirs[] = { "repo.git", "repo.git/objects", "repo.git/objects/pack" };
	const struct repo_file files[] = { { "README.md", "hello\n", 6 } };
	struct world *w = calloc(1, sizeof(*w));
	char path[256];

	assert_non_null(w);
	snprintf(w->state, sizeof(w->state), "/tmp/import_test.XXXXXX");
	assert_non_null(mkdtemp(w->state));
	assert_int_equal(repos_open(w->state, &w->rs, NULL), 0);
	w->id = sp_id_new();
	w->run = sp_id_new();
	assert_int_equal(repo_create(w->rs, &w->id, files, 1, &author, w->head, NULL), 0);
	assert_int_equal(repo_incoming_make(w->rs, &w->run, NULL), 0);
	snprintf(w->run_dir, sizeof(w->run_dir), "%s/incoming/%s", w->state, w->run.s);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", w->run_dir, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	sp_arena_init(&w->arena);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	repos_close(w->rs);
	sp_arena_fini(&w->arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->state);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* The list of updates that moves branch b to the head. */
static void say_update(const struct world *w)
{
	char text[200];

	snprintf(text, sizeof(text), ZERO " %s refs/heads/b\n", w->head);
	put(w, "updates", text);
}

static int import(struct world *w, struct sp_err *e)
{
	struct repo_push push = { .arena = &w->arena };

	return repo_import(w->rs, &w->id, &w->run, &push, e);
}

static bool has_branch(struct world *w, const char *name)
{
	char commit[41];

	return repo_resolve(w->rs, &w->id, name, commit, NULL) == 0;
}

static unsigned packs(const struct world *w)
{
	char command[256], answer[16] = "";
	FILE *f;

	snprintf(command, sizeof(command), "ls '%s/repos/%s.git/objects/pack' | wc -l", w->state, w->id.s);
	f = popen(command, "r");
	assert_non_null(fgets(answer, sizeof(answer), f));
	pclose(f);
	return (unsigned)strtoul(answer, NULL, 10);
}

static void refused(struct world *w, int code)
{
	struct sp_err e;

	assert_int_equal(import(w, &e), -code);
	assert_false(has_branch(w, "refs/heads/b"));
	assert_int_equal(packs(w), 0);
}

static void an_update_to_what_is_there_moves_the_branch(void **state)
{
	struct world *w = *state;
	char commit[41];

	say_update(w);
	assert_int_equal(import(w, NULL), 0);
	assert_int_equal(repo_resolve(w->rs, &w->id, "refs/heads/b", commit, NULL), 0);
	assert_string_equal(commit, w->head);
}

static void no_list_means_nothing_was_accepted(void **state)
{
	struct world *w = *state;

	put(w, PACKS "pack-" HEX ".pack", "x");
	assert_int_equal(import(w, NULL), 0);
	assert_int_equal(packs(w), 0);
}

static void names_of_others_stay_behind(void **state)
{
	struct world *w = *state;

	say_update(w);
	put(w, PACKS "pack-" HEX ".keep", "x");
	put(w, PACKS "tmp_pack_x", "x");
	put(w, PACKS "pack-0123.pack", "x");
	put(w, "repo.git/objects/alternates", "/");
	assert_int_equal(import(w, NULL), 0);
	assert_int_equal(packs(w), 0);
}

static void links_and_fifos_are_not_packs(void **state)
{
	struct world *w = *state;
	char path[256], other[512];

	say_update(w);
	snprintf(path, sizeof(path), "%s/" PACKS "pack-" HEX ".pack", w->run_dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	refused(w, SP_EDENIED);
	unlink(path);
	repo_incoming_drop(w->rs, &w->run);             /* the next one is another push */
	assert_int_equal(repo_incoming_make(w->rs, &w->run, NULL), 0);
	snprintf(other, sizeof(other), "mkdir -p '%s/" PACKS "'; rm -rf '%s.staged'", w->run_dir, w->run_dir);
	assert_int_equal(system(other), 0);
	say_update(w);
	put(w, "secret", "x");
	snprintf(other, sizeof(other), "%s/secret", w->run_dir);
	assert_int_equal(link(other, path), 0);
	refused(w, SP_EDENIED);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(w, SP_EDENIED);
}

static void the_list_may_not_be_a_link(void **state)
{
	struct world *w = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/updates", w->run_dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	refused(w, SP_EDENIED);
}

static void the_folder_of_packs_may_not_be_a_link(void **state)
{
	struct world *w = *state;
	char path[256];

	say_update(w);
	snprintf(path, sizeof(path), "%s/repo.git/objects/pack", w->run_dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc", path), 0);
	refused(w, SP_EDENIED);
}

static void a_pack_needs_its_index(void **state)
{
	struct world *w = *state;

	say_update(w);
	put(w, PACKS "pack-" HEX ".pack", "x");
	refused(w, SP_EPROTO);
}

static void what_is_not_in_the_repository_cannot_be_a_head(void **state)
{
	struct world *w = *state;

	put(w, "updates", ZERO " " HEX " refs/heads/b\n");
	refused(w, SP_ENOENT);
}

static void a_pack_must_be_one(void **state)
{
	struct world *w = *state;

	say_update(w);
	put(w, PACKS "pack-" HEX ".pack", "PACK garbage");
	put(w, PACKS "pack-" HEX ".idx", "garbage");
	refused(w, SP_EPROTO);
}

/* The pack that git makes of what SCRIPT writes to standard output, an object of TYPE; branch or tag NAME shall be it. */
static void bring(const struct world *w, const char *type, const char *script, const char *name)
{
	char command[1000], hex[64] = "", text[200];
	FILE *f;

	snprintf(command, sizeof(command), "cd '%s' && export GIT_DIR=made.git && git init -q --bare && { %s; } | git hash-object -t %s --literally -w --stdin"
		" | tee id && git pack-objects -q '%s/" PACKS "pack' < id > /dev/null && rm -rf made.git id", w->state, script, type, w->run_dir);
	f = popen(command, "r");
	assert_non_null(fgets(hex, sizeof(hex), f));
	assert_int_equal(pclose(f), 0);
	snprintf(text, sizeof(text), ZERO " %.40s refs/%s\n", hex, name);
	put(w, "updates", text);
}

/* A few kilobytes packed: whoever lists the branch would read gigabytes. */
static void objects_that_swell_are_refused(void **state)
{
	struct world *w = *state;

	bring(w, "commit", "printf 'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n';"
		" head -c 3000000 /dev/zero | tr '\\0' x", "heads/b");
	refused(w, SP_EQUOTA);
}

static void chains_of_tags_are_refused(void **state)
{
	static const char one[] = "printf 'object %s\ntype tag\ntag t\ntagger a <a> 1 +0000\n\nx\n'";
	struct world *w = *state;
	char command[1600], last[64] = "", text[200];
	FILE *f;

	snprintf(command, sizeof(command), "cd '%s' && export GIT_DIR=made.git && git init -q --bare && at=%s && for i in 1 2 3 4 5 6 7 8 9 10; do"
		" at=$(%s \"$at\" | git hash-object -t tag --literally -w --stdin); echo $at >> ids; done; echo $at; git pack-objects -q '%s/" PACKS
		"pack' < ids > /dev/null; rm -rf made.git ids", w->state, w->head, one, w->run_dir);
	f = popen(command, "r");
	assert_non_null(fgets(last, sizeof(last), f));
	assert_int_equal(pclose(f), 0);
	snprintf(text, sizeof(text), ZERO " %.40s refs/tags/b\n", last);
	put(w, "updates", text);
	refused(w, SP_EQUOTA);
}

static void alternates_of_the_worker_lead_nowhere(void **state)
{
	struct world *w = *state;
	const struct repo_file files[] = { { "secret", "s\n", 2 } };
	struct sp_id other = sp_id_new();
	char foreign[41], text[300], path[256];

	assert_int_equal(repo_create(w->rs, &other, files, 1, &author, foreign, NULL), 0);
	snprintf(path, sizeof(path), "%s/repo.git/objects/info", w->run_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(text, sizeof(text), "%s/repos/%s.git/objects\n", w->state, other.s);
	put(w, "repo.git/objects/info/alternates", text);
	snprintf(text, sizeof(text), ZERO " %s refs/heads/b\n", foreign);
	put(w, "updates", text);
	refused(w, SP_ENOENT);
}

static void main_and_foreign_references_are_out_of_reach(void **state)
{
	struct world *w = *state;
	char text[200];

	snprintf(text, sizeof(text), "%s " ZERO " refs/heads/main\n", w->head);
	put(w, "updates", text);
	refused(w, SP_EDENIED);
	assert_true(has_branch(w, "main"));
	snprintf(text, sizeof(text), ZERO " %s refs/pr/1\n", w->head);
	put(w, "updates", text);
	refused(w, SP_EDENIED);
}

static void one_stale_reference_keeps_all_where_they_are(void **state)
{
	struct world *w = *state;
	char text[300];

	snprintf(text, sizeof(text), ZERO " %s refs/heads/b\n" HEX " %s refs/heads/main\n", w->head, w->head);
	put(w, "updates", text);
	refused(w, SP_ESTALE);
}

static void any_tree_can_be_removed(void **state)
{
	struct world *w = *state;
	char command[700];

	snprintf(command, sizeof(command), "cd '%s' && for i in $(seq 200); do mkdir d && chmod 700 d && cd d && ln -s / l; done; "
		"cd '%s' && mkdir locked && touch locked/f && chmod 0 locked", w->run_dir, w->run_dir);
	assert_int_equal(system(command), 0);
	repo_incoming_drop(w->rs, &w->run);
	assert_int_not_equal(access(w->run_dir, F_OK), 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_update_to_what_is_there_moves_the_branch), T(no_list_means_nothing_was_accepted), T(names_of_others_stay_behind),
		T(links_and_fifos_are_not_packs), T(the_list_may_not_be_a_link), T(the_folder_of_packs_may_not_be_a_link), T(a_pack_needs_its_index),
		T(what_is_not_in_the_repository_cannot_be_a_head), T(a_pack_must_be_one),
		T(objects_that_swell_are_refused), T(chains_of_tags_are_refused), T(alternates_of_the_worker_lead_nowhere),
		T(main_and_foreign_references_are_out_of_reach), T(one_stale_reference_keeps_all_where_they_are), T(any_tree_can_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
