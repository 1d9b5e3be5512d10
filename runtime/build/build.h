/*
 * build.h - from a commit to images and a recipe.
 *
 *  queued ──▶ preparing ──▶ unpacking ──▶ waiting ──▶ system ──▶ installing ──▶ packing ──▶ ready
 *     │           │  │          │            │  │        │            │            │
 *     │           │  └── static: nothing more to do ─────────────────────────────────────▶ ready
 *     │           │             └ environment is there ─┴───────────────────────────────▶ ready
 *     ▼           ▼             ▼            ▼           ▼            ▼            ▼
 *  superseded (by a newer commit, or the Space is gone)        failed (with its cause)
 *
 * preparing reads README.md and requirements on a pool thread; unpacking, system, installing and packing
 * are one sandbox each; waiting: another build makes the same environment. All of it lives on the loop
 * thread. At most build_parallel builds are between preparing and packing.
 */
#pragma once

#include "loop.h"
#include "sm.h"
#include "runtime/build/images.h"
#include "runtime/build/recipe.h"
#include "runtime/space/cause.h"
#include "runtime/space/launch_client.h"
#include "runtime/space/logs.h"
#include "runtime/store/store.h"

enum build_step {
	STEP_QUEUED, STEP_PREPARING, STEP_UNPACKING, STEP_WAITING, STEP_SYSTEM, STEP_INSTALLING, STEP_PACKING,
	STEP_READY, STEP_FAILED, STEP_SUPERSEDED, STEP_MAX
};
extern const struct sp_sm_row build_rows[STEP_MAX];

/* What the invariant looks at. */
struct build_facts { enum build_step step; bool slot, pool, has_recipe, has_app, has_env, has_fault, runs; };
bool build_invariant(const struct build_facts *f);
SP_MUST int build_go(enum build_step from, const struct build_facts *moved, struct sp_err *e);

struct builds;
struct build;
struct repos;
struct space_config;

/* A finished build, lent for the duration of the call. */
struct build_result {
	struct sp_id id;
	const char *commit;
	bool ok;
	const struct recipe *recipe;            /* when ok */
	struct launch_hash base, env, app;      /* when ok; none for static Spaces */
	struct fault *fault;                    /* when not ok; may be moved out */
};

/* DONE(SPACE_ARG, result) is called once for each build that is not cancelled. */
struct builds_hooks { void (*done)(void *space_arg, const struct build_result *r); };

SP_MUST int builds_new(struct sp_loop *loop, struct store *st, struct repos *repos, struct logs *logs, struct launch_client *lc,
		const struct space_config *cfg, struct images *images, const struct builds_hooks *hooks, struct builds **ret, struct sp_err *e);
void builds_free(struct builds *bs);

/* Start nothing more; builds in flight are left as they are. */
void builds_quiesce(struct builds *bs);

struct build_request {
	struct sp_id space;
	const char *commit;
	struct sp_id again;             /* a row that a former server left unfinished; none: a new one */
	bool factory;                   /* without any cached image */
	void *space_arg;
};
struct build *builds_add(struct builds *bs, const struct build_request *rq);

/* Superseded by the commit BY (or the Space is gone: NULL): DONE is not called, its sandbox is stopped, the object must not be used any more. */
void builds_cancel(struct build *b, const char *by);

const struct sp_id *build_id(const struct build *b);
const char *build_commit(const struct build *b);
const char *build_step_name(const struct build *b);             /* "installing" */
unsigned builds_before(const struct build *b);                  /* how many run or come first while this one waits for its turn; 0: it does not wait */
struct log_sink *build_log(struct build *b);

/* The log of the build that has this sandbox, to tell of one more refused connection; NULL: no build's, or enough were told. */
struct log_sink *builds_log_refusal(struct builds *bs, const struct launch_slot *slot, unsigned most);

/* Does a sandbox of a build of this Space run? */
bool builds_busy(const struct builds *bs, const struct sp_id *space);

/* A sandbox ended; true when it was one of a build's. */
bool builds_on_exited(struct builds *bs, const struct launch_exited *x);
