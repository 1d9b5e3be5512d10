/* The row of a Space follows its main branch. */
#include <pthread.h>
#include <string.h>

#include "log.h"
#include "runtime/space/space.h"
#include "server/api/repo_util.h"
#include "server/git/git.h"
#include "server/server.h"

enum { TURNS = 64, README_MAX = 4 << 20, README_WORDS = 16384 };

static pthread_mutex_t turns[TURNS] = { [0 ... TURNS - 1] = PTHREAD_MUTEX_INITIALIZER };

static int read_card(struct server *srv, const char *commit, struct sp_arena *a, struct store_repo *r, struct sp_err *e)
{
	struct repo_entry at;
	struct repo_blob b;
	int res = repo_stat(srv->repos, &r->id, commit, "README.md", false, a, &at, e);

	if (res == -SP_ENOENT)
		return 0;
	if (res < 0 || at.is_dir || at.is_link || at.lfs.is_lfs || at.size > README_MAX)
		return res < 0 ? res : 0;
	res = repo_blob(srv->repos, &r->id, &at, &b, e);
	if (res < 0)
		return res;
	if (b.p) {
		repo_card_read(a, b.p, b.n, r);
		r->readme = sp_arena_mem(a, b.p, b.n < README_WORDS ? b.n : README_WORDS);      /* for search */
	}
	repo_blob_free(&b);
	return 0;
}

static int publish(struct server *srv, const struct sp_id *id, struct sp_arena *a, struct sp_err *e)
{
	struct store_repo r;
	char commit[41];
	int res = store_repo_by_id(srv->store, id, a, &r, e);

	if (res == 0)
		res = repo_resolve(srv->repos, id, "main", commit, e);
	if (res < 0 || strcmp(r.head, commit) == 0)
		return res;
	res = read_card(srv, commit, a, &r, e);
	if (res == 0)
		res = store_repo_set_card(srv->store, &r, e);
	if (res == 0)
		res = store_repo_set_head(srv->store, id, commit, e);
	if (res == 0)
		spaces_pushed(srv->spaces, id, commit);
	return res;
}

/* In turn with others who publish ID. */
static int publish_in_turn(struct server *srv, const struct sp_id *id, struct sp_err *e)
{
	pthread_mutex_t *turn = &turns[(unsigned char)id->s[SP_ID_LEN - 1] % TURNS];
	struct sp_arena a;
	int r;

	sp_arena_init(&a);
	pthread_mutex_lock(turn);
	r = publish(srv, id, &a, e);
	pthread_mutex_unlock(turn);
	sp_arena_fini(&a);
	return r;
}

int repo_publish(struct server *srv, const struct sp_id *id, struct sp_err *e)
{
	int r = publish_in_turn(srv, id, e);

	git_written(srv->git, id);
	return r;
}

static void missed_work(void *arg)
{
	struct server *srv = arg;
	struct sp_id *ids = NULL;
	struct sp_arena a;
	struct sp_err e;
	size_t n = 0;

	sp_arena_init(&a);
	if (store_repo_all_ids(srv->store, &a, &ids, &n, &e) < 0)
		log_err("whether rows are behind their repositories is not known: %s", log_q(e.msg).s);
	for (size_t i = 0; i < n; i++)
		if (publish_in_turn(srv, &ids[i], &e) < 0 && e.code != SP_ENOENT)
			log_warn("space=%s its row may be behind: %s", ids[i].s, log_q(e.msg).s);
	sp_arena_fini(&a);
}

static void missed_done(SP_UNUSED void *arg)
{
}

void repo_publish_missed(struct server *srv)
{
	sp_loop_work(srv->loop, missed_work, missed_done, srv);
}
