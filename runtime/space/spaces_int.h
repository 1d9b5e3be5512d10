/*
 * spaces_int.h - what the files of the runtime's heart share. Everything lives on the loop thread.
 */
#pragma once

#include "limit.h"
#include "runtime/build/build.h"
#include "runtime/repo/repo.h"
#include "runtime/space/instance.h"
#include "runtime/space/logs.h"
#include "runtime/space/stage.h"

enum { SPACE_BUCKETS = 16384, DRAIN_MS = 10000, BACKOFF_FIRST_MS = 1000, BACKOFF_LAST_MS = 60000, DYING_MS = 3000 };

struct space {
	struct space *hash_next;
	struct spaces *sp;
	struct sp_id id;

	/* From its row; "" until it is read. */
	char label[64], sdk[16], head[41];
	bool is_private, row_known, row_busy, row_again;

	struct run run;                 /* its invariant's view; state is what counts */
	struct instance *current, *next;
	struct release *rel;            /* what serves, served last or shall; NULL: nothing was built yet */
	struct release *candidate;      /* a newer one that starts beside; NULL: none */
	bool timer_on, dying;           /* dying: in back-off, but only until its last output is read */
	struct sp_timer *timer;         /* back-off */
	uint64_t crash_ms[SP_LIMIT_crash_max];
	unsigned crashes;

	struct build *build;            /* the newest one, in flight; NULL: none */
	struct sp_id build_id, run_id, fault_run;       /* newest build and run; the run that run_fault is of */
	struct fault build_fault, run_fault;
	enum space_stage build_failed_as;
	bool build_failed;

	enum space_stage stage;
	int64_t since_ms, started_ms, usual_start_ms;
	struct route_entry *route;      /* as set last; NULL: none */
	bool removed;                   /* not in the table any more; freed when no pool job refers to it */
	bool release_busy;              /* its row is being written */

	struct sp_timer *idle;          /* space_sleep.c; NULL until it served */
	uint64_t seen_ms;               /* when visitors were active last */
	int64_t sleep_s;                /* from its row; 0 until it is read */
	bool asleep_stored, asleep_dirty, release_dirty;        /* what its row says, and what is to be written there */
	int64_t retry_ms;               /* in back-off: when it is started again, wall clock */
	char superseded[41];            /* commit of a build that the one in flight ended; "": none */

	struct sp_timer *env_timer;     /* space_env.c: changes of variables and secrets that come one after the other */
	bool env_hold, env_again;
	uint64_t env_since_ms;
};

struct entry { struct launch_entry at; int log_fd; };

struct spaces {
	struct sp_loop *loop;
	struct store *store;
	struct repos *repos;
	struct logs *logs;
	struct launch_client *lc;
	struct space_config cfg;
	struct space_hooks hooks;
	struct builds *builds;
	struct images images;
	struct instance *instances;
	struct sp_timer *turn;          /* instances that wait for theirs */
	struct space *buckets[SPACE_BUCKETS];
	uint64_t (*now_ms)(void);       /* tests turn the clock */
	struct removal *removals;
	int report;                     /* traffic.c */
	struct sp_watch *report_watch;
	unsigned broken;                /* moves that were not in a table or broke an invariant; tests want 0 */
	bool started, loaded, quiet;
	bool booting;                   /* what is started now, waits for its turn */
	struct entry *entries;          /* answers of LIST, until they are adopted */
	size_t n_entries, entries_cap;
};

/* spaces.c */
struct space *space_find(const struct spaces *sp, const struct sp_id *id);
struct space *space_get(struct spaces *sp, const struct sp_id *id);     /* made when it is not there */
void space_read_row(struct space *s);                                    /* label and so on, then publishes */
void space_queue_build(struct space *s, const char *commit, bool factory, const struct sp_id *again);
void space_take_row(struct space *s, const struct store_repo *repo);
void space_forget(struct space *s);                                      /* out of the table; freed when no pool job refers to it */
void space_free_if_idle(struct space *s);                                /* a removed one */
void spaces_check_removals(struct spaces *sp);

/* spaces_remove.c */
void space_remove(struct space *s);                                      /* stop everything of it and forget it */

/* space_run.c: transitions */
void space_run_release(struct space *s, const struct release *rel);      /* start it, beside the one that serves */
void space_run_restart(struct space *s);                                 /* from s->rel, whatever the state */
void space_run_init(struct space *s);
void space_run_fini(struct space *s);
void space_run_pause(struct space *s);
void space_run_wake(struct space *s);
void space_run_adopt(struct space *s, struct instance *in);              /* idle, s->rel is set */
bool space_run_bury(struct space *s, const char *cause, const char *detail);     /* its last run ended for good before this server began */
void space_run_end(struct space *s);                                     /* stop everything, become idle */
void space_changed(struct space *s);                                     /* stage, route and listeners follow the state */

void space_run_sleep(struct space *s);
void space_record_row(struct space *s);                                  /* what is dirty of it is written */

/* space_sleep.c */
void space_idle_watch(struct space *s);                                  /* serving began or ended, or its sleep time changed */

/* Called by instances. */
void space_inst_up(struct space *s, struct instance *in);
void space_inst_hint(struct space *s, struct instance *in, const struct ready_ports *p);
void space_inst_down(struct space *s, struct instance *in);              /* in->fault says why; in is not S's any more */
void space_inst_evidence(struct space *s, const struct instance *in);    /* of one that went down before */

/* space_view.c */
enum build_view space_build_view(const struct space *s);
void space_view_fill(const struct space *s, struct space_view *v);       /* evidence is lent from S */

/* space_route.c */
void space_publish(struct space *s, bool again);                         /* AGAIN: also when it is as before */
void space_unpublish(struct space *s);

/* spaces_load.c */
void spaces_load(struct spaces *sp);
