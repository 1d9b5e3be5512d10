/*
 * build_int.h - what the build_*.c files share. Loop thread, except build_prepare_work, which owns
 * b->prep while pool_busy.
 */
#pragma once

#include "runtime/build/build.h"
#include "runtime/build/requirements.h"
#include "runtime/space/space.h"

enum { STATUS_APT_UPDATE = 31, STATUS_APT_INSTALL = 32, STATUS_VENV = 40, STATUS_PRE = 41, STATUS_INSTALL = 42, STATUS_COMPILE = 43 };

/* Filled on a pool thread by build_prepare_work. */
struct prepared {
	struct sp_arena arena;
	struct fault fault;
	struct recipe recipe;
	const char *notes;
	struct strv sdk_packages;
	const char *const *packages;
	size_t n_packages;
	const char *pre, *requirements;         /* normalised; NULL: no such file */
	bool is_private;
};

struct build {
	struct build *next;
	struct builds *bs;
	struct store_build row;
	enum build_step step;
	struct prepared prep;
	void *space_arg;
	struct sp_id nonce, scratch;
	struct launch_hash base, env, app;
	struct fault fault;
	struct log_sink *log;
	struct sp_timer *timer;
	uint64_t step_started_ms;

	struct sp_id run;               /* the sandbox that is asked for or runs; none: no sandbox */
	struct launch_slot slot;
	struct launch_exited exited;
	bool has_slot;
	unsigned refusals;              /* connections; told in its log */
	bool pool_busy;                 /* preparing, feeding the archive, or reading the log */
	bool log_wait;                  /* the step failed; its output is awaited to say why */
	bool have_app, have_env;
	bool cancelled, timed_out, finished, counted;
	char superseded_by[8];          /* when cancelled: short commit; "": the Space is gone */
	bool owns_env;                  /* others wait for this one's environment */
	bool writer_busy, writer_again, writer_added;
};

struct builds {
	struct sp_loop *loop;
	struct store *store;
	struct repos *repos;
	struct logs *logs;
	struct launch_client *lc;
	const struct space_config *cfg;
	struct images *images;
	struct builds_hooks hooks;
	struct build *all;              /* in order of arrival */
	unsigned active;
	unsigned broken;                /* moves against the table or the invariant; tests want 0 */
	bool quiet;
};

/* build_prepare.c, pool thread */
void build_prepare_work(struct build *b);

/* build_steps.c: start the sandbox of a step. Progress comes back through build_step_ended. */
void build_start_unpack(struct build *b);
void build_start_system(struct build *b);
void build_start_install(struct build *b);
void build_start_pack(struct build *b);
void build_stop_slot(struct build *b);

/* build.c */
void build_step_ended(struct build *b);                 /* the sandbox or the archive's pool job has ended: goes on when both have */
void build_step_failed(struct build *b, const struct launch_failed *f);      /* the sandbox never ran; F NULL: launcher gone */
void build_settle(struct build *b);                     /* frees a finished build that nothing refers to any more */

/* build_row.c */
void build_persist(struct build *b);

/* build_cause.c: pure, but for the log's text. OUTPUT is the end of the build's log. */
void build_fault_of(struct fault *f, enum build_step step, const struct launch_exited *x, const char *output);
void build_fault_of_start(struct fault *f, const struct launch_failed *x);
