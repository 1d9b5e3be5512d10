#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "runtime/build/build_int.h"

/*
 * The row follows the machine. One write at a time for each build, the newest state last: two pool
 * threads could otherwise write in the wrong order.
 */
struct write { struct build *b; struct store *st; struct store_build row; bool add; int result; struct sp_err e; char *recipe; };

static void write_work(void *arg)
{
	struct write *w = arg;

	w->result = w->add ? store_build_add(w->st, &w->row, &w->e) : store_build_set(w->st, &w->row, &w->e);
	if (w->add && w->result == -SP_EEXIST)
		w->result = store_build_set(w->st, &w->row, &w->e);
}

static void write_done(void *arg);

static void write_start(struct build *b)
{
	struct write *w = calloc(1, sizeof(*w));
	struct sp_arena a;

	if (!w)
		abort();
	sp_arena_init(&a);
	w->b = b;
	w->st = b->bs->store;
	w->row = b->row;
	w->add = !b->writer_added;
	if (b->prep.recipe.sdk && b->step == STEP_READY)
		w->recipe = strdup(recipe_json(&b->prep.recipe, &a));
	w->row.recipe_json = w->recipe;
	sp_arena_fini(&a);
	b->writer_added = true;
	b->writer_busy = true;
	b->writer_again = false;
	sp_loop_work(b->bs->loop, write_work, write_done, w);
}

static void write_done(void *arg)
{
	struct write *w = arg;
	struct build *b = w->b;

	if (w->result < 0 && w->result != -SP_ENOENT)   /* its Space was deleted meanwhile */
		log_warn("build not recorded, ignoring build=%s code=%s: %s", b->row.id.s, sp_code_name((enum sp_code)-w->result), w->e.msg);
	free(w->recipe);
	free(w);
	b->writer_busy = false;
	if (b->writer_again)
		write_start(b);
	else
		build_settle(b);
}

void build_persist(struct build *b)
{
	b->writer_again = b->writer_busy;
	if (!b->writer_busy)
		write_start(b);
}
