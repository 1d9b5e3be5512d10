/*
 * space_world.h - a whole runtime in one thread: real store, repositories and logs in a temporary folder,
 * fake launcher, virtual time. Include once.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/build/build_int.h"
#include "runtime/repo/repo.h"
#include "runtime/space/launch_client.h"
#include "runtime/space/logs.h"
#include "runtime/space/spaces_int.h"
#include "runtime/store/store.h"
#include "tests/unit/fakes/test_loop.h"
#include "tests/unit/fakes/fake_launcher.h"

struct seen_route { bool set; struct route_entry r; unsigned changes; };

struct world {
	struct sp_loop loop;
	struct fake_launcher fake;
	struct sp_watch *http[2];
	struct store *store;
	struct repos *repos;
	struct logs *logs;
	struct launch_client *lc;
	struct spaces *sp;
	struct sp_id user;
	char path[64];
	unsigned names;
	struct seen_route routes[32];
	unsigned n_routes, loaded;
	struct sp_arena arena;
};

static void no_network_namespace_can_be_made_here(void **state SP_UNUSED) { skip(); }

static int fake_net_skip(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_network_namespace_can_be_made_here) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

static struct sp_loop *world_clock;
static uint64_t world_now(void) { return world_clock->now; }

static struct seen_route *world_route(struct world *w, const char *label)
{
	for (unsigned i = 0; i < w->n_routes; i++)
		if (strcmp(w->routes[i].r.label, label) == 0)
			return &w->routes[i];
	snprintf(w->routes[w->n_routes].r.label, 64, "%s", label);
	return &w->routes[w->n_routes++];
}

static void on_route_set(void *arg, const struct route_entry *r)
{
	struct seen_route *s = world_route(arg, r->label);

	s->r = *r;
	s->set = true;
	s->changes++;
}

static void on_route_del(void *arg, const char *label) { world_route(arg, label)->set = false; }
static void on_loaded(void *arg) { ((struct world *)arg)->loaded++; }

/* A server begins: what it knows comes from the store and the launcher. */
static void world_begin(struct world *w)
{
	const struct space_config cfg = { .domain = "localhost", .public_port = 7860, .hub_url = "http://localhost:7860", .cpu_cores = 2 };
	const struct space_hooks hooks = { .route_set = on_route_set, .route_del = on_route_del, .loaded = on_loaded, .arg = w };

	assert_int_equal(logs_open(w->path, &w->loop, &w->logs, NULL), 0);
	assert_int_equal(launch_client_new(&w->loop, fake_connect(&w->fake), NULL, NULL, &w->lc, NULL), 0);
	assert_int_equal(spaces_new(&w->loop, w->store, w->repos, w->logs, w->lc, &cfg, &hooks, &w->sp, NULL), 0);
	w->sp->now_ms = world_now;
	w->loaded = 0;
	spaces_start(w->sp);
	test_loop_settle(&w->loop);
	assert_int_equal(w->loaded, 1);
}

/* A server dies: nothing that runs notices. */
static void world_die(struct world *w)
{
	spaces_quiesce(w->sp);
	for (struct test_job *j; (j = w->loop.jobs); ) {        /* what was in flight may be done or lost; here it is done */
		(void)j;
		test_loop_step(&w->loop);
	}
	assert_int_equal(w->sp->broken + w->sp->builds->broken, 0);
	spaces_free(w->sp);
	logs_close(w->logs);
	launch_client_free(w->lc);
	w->sp = NULL;
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_user u = { .name = "ada", .created_ms = 1 };
	const char *tmp = getenv("TMPDIR");

	world_clock = &w->loop;
	w->loop.now = 1000000;
	w->fake.loop = &w->loop;
	w->fake.ready = true;
	fake_image(&w->fake, IMAGE_BASE, fake_hash('b'), true);
	fake_image(&w->fake, IMAGE_TOOLS, fake_hash('c'), true);
	snprintf(w->path, sizeof(w->path), "%s/space_test.XXXXXX", tmp ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(w->path) || store_open(w->path, &w->store, NULL) < 0 || repos_open(w->path, &w->repos, NULL) < 0)
		return -1;
	u.id = w->user = sp_id_new();
	if (store_user_add(w->store, &u, NULL) < 0)
		return -1;
	sp_arena_init(&w->arena);
	fake_listen(&w->loop, 7860, &w->http[0]);
	fake_listen(&w->loop, 8501, &w->http[1]);
	world_begin(w);
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;
	char cmd[128];

	test_loop_settle(&w->loop);
	world_die(w);
	store_close(w->store);
	repos_close(w->repos);
	for (unsigned i = 0; i < 2; i++) {
		close(w->http[i]->fd);
		sp_watch_free(w->http[i]);
	}
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (w->fake.slots[i].live) {
			close(w->fake.slots[i].log_r);
			close(w->fake.slots[i].log_w);
		}
	sp_watch_free(w->fake.watch);
	close(w->fake.fd);
	test_loop_poll(&w->loop);
	sp_arena_fini(&w->arena);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w->path);
	free(w);
	return system(cmd);
}

/* An empty repository with its row. */
static struct sp_id world_space(struct world *w)
{
	struct store_repo r = { .id = sp_id_new(), .owner = w->user, .type = "space", .sdk = "gradio", .created_ms = 1, .changed_ms = 1 };
	const struct repo_author me = { "ada", "ada@localhost" };
	const struct repo_file files[] = { { ".gitattributes", "", 0 } };
	char commit[41];

	snprintf(r.name, sizeof(r.name), "app%u", w->names);
	snprintf(r.label, sizeof(r.label), "ada-app%u", w->names++);
	assert_int_equal(store_repo_add(w->store, &r, NULL), 0);
	assert_int_equal(repo_create(w->repos, &r.id, files, 1, &me, commit, NULL), 0);
	spaces_created(w->sp, &r.id);
	return r.id;
}

/* Commit README.md with FRONT, and PATH with TEXT unless NULL; the head moves and the runtime is told. */
static const char *world_push(struct world *w, const struct sp_id *id, const char *front, const char *path, const char *text)
{
	static unsigned serial;
	char readme[1000], nonce[32], *commit = sp_arena_get(&w->arena, 41);
	struct repo_op ops[3] = { { .kind = OP_PUT, .path = "README.md", .fd = -1, .bytes = readme }, { .kind = OP_PUT, .path = "nonce", .fd = -1, .bytes = nonce },
		{ .kind = OP_PUT, .path = path, .fd = -1, .bytes = text } };
	struct repo_commit_req rq = { .branch = "main", .title = "t", .message = "", .author = { "ada", "ada@localhost" }, .ops = ops, .n_ops = path ? 3 : 2 };
	struct sp_err e;
	bool changed;
	int r;

	ops[0].len = (uint64_t)snprintf(readme, sizeof(readme), "---\n%s---\n", front);
	ops[1].len = (uint64_t)snprintf(nonce, sizeof(nonce), "%u", serial++);
	ops[2].len = text ? strlen(text) : 0;
	r = repo_commit(w->repos, id, &rq, commit, &changed, &e);
	if (r < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(store_repo_set_head(w->store, id, commit, NULL), 0);
	spaces_pushed(w->sp, id, commit);
	return commit;
}

static struct space_view world_view(struct world *w, const struct sp_id *id)
{
	struct space_view v;

	assert_int_equal(spaces_view(w->sp, id, &w->arena, &v, NULL), 0);
	return v;
}

#define STAGE_IS(w, id, want) do { \
	struct space_view v_ = world_view(w, id); \
	if (v_.stage != (want)) \
		fail_msg("stage %s (%s: %s) instead of %s", space_stage_name(v_.stage), v_.cause.code, v_.cause.text, space_stage_name(want)); \
} while (0)
