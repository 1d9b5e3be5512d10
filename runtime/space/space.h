/*
 * space.h - the life of every Space: build, start, serve, crash, restart, pause, and why.
 *
 * Two small machines per Space (build.sm and run.sm in their headers); the public stage is derived from
 * the pair (ARCHITECTURE 7) and never stored. All state lives on the loop thread; the functions marked
 * [any] may be called from every thread and wait for the loop. Desired state is in the store, so that a
 * restart (kill -9 included) brings everything back; slots that survived are adopted by LIST.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "id.h"
#include "launch.h"
#include "loop.h"
#include "route.h"

struct spaces;
struct store;
struct repos;
struct logs;
struct launch_client;
struct keys;

enum space_stage {
	STAGE_NO_APP_FILE, STAGE_CONFIG_ERROR, STAGE_BUILDING, STAGE_BUILD_ERROR, STAGE_APP_STARTING, STAGE_RUNNING,
	STAGE_RUNNING_BUILDING, STAGE_RUNNING_APP_STARTING, STAGE_RUNTIME_ERROR, STAGE_SLEEPING, STAGE_STOPPED,
	STAGE_PAUSED, STAGE_DELETING, STAGE_MAX
};
const char *space_stage_name(enum space_stage s);       /* "RUNNING_BUILDING" */

/* What the next action is, for a button or a command. */
enum cause_action {
	ACTION_NONE,
	ACTION_RESTART,                 /* the app again */
	ACTION_FACTORY,                 /* build again without any cached image */
	ACTION_EDIT,                    /* the file `target` of the repository; "": its files */
	ACTION_SETTINGS,
	ACTION_LOGS,                    /* of kind `target`: "build", "run" */
	ACTION_WAIT,                    /* nothing: it goes on by itself */
	ACTION_OPERATOR,                /* the operator runs `target` on the server; then a restart */
	ACTION_COMMAND,                 /* `target` on the user's machine */
	ACTION_MAX
};
const char *cause_action_name(enum cause_action a);     /* "restart"; "" for ACTION_NONE */

/*
 * Why a Space is in its state and what to do next: causes.def with the facts filled in. All "" when RUNNING,
 * unless the newest commit is not what runs: then why it does not.
 */
struct space_cause {
	char code[40];                  /* "PORT_ELSEWHERE" */
	char text[600];                 /* "The app listens on port 8501, but visitors are sent to 7860." */
	char next[300];                 /* "Set app_port: 8501 in README.md." */
	enum cause_action action;
	char label[40], target[80];     /* "Edit README.md", "README.md" */
	const char *evidence;           /* last log lines, traceback; "" when none; from the caller's arena */
};

/* Of a run, as vitrine-egress counted it. */
struct space_traffic { uint64_t bytes_out, bytes_in, connections, refused; };

struct space_view {
	enum space_stage stage;
	struct space_cause cause;
	char sdk[16];
	char building[41], serving[41]; /* commits; "" when none */
	uint32_t port;
	int64_t since_ms;               /* when the stage was entered, wall clock */
	int64_t started_ms;             /* when the serving run became ready */
	int64_t usual_start_ms;         /* how long it took last time; 0 unknown */
	struct sp_id build, run;        /* for logs; none when none */
	uint64_t memory_bytes;
	struct space_traffic traffic;   /* of the run that serves, else of the one that starts */
	int64_t retry_ms;               /* in back-off after a crash: when it is started again, wall clock; 0: not */
	int64_t sleep_s;                /* without visits for that long it falls asleep; -1 never */
	bool will_wake;                 /* a visit brings it up */
};

/* What the runtime asks of the server. Called on the loop thread. */
struct space_hooks {
	void (*route_set)(void *arg, const struct route_entry *r);
	void (*route_del)(void *arg, const char *label);
	void (*changed)(void *arg, const struct sp_id *space, const struct space_view *v);     /* for event streams */
	void (*exited)(void *arg, const struct launch_exited *x);       /* of a slot that is no app's and no build's. May be NULL */
	void (*loaded)(void *arg);      /* spaces_start is through: every route has been set once. May be NULL */
	void *arg;
};

struct space_config {
	const char *domain;             /* "localhost" */
	uint16_t public_port;           /* 7860 */
	bool tls;
	const char *hub_url;            /* HF_ENDPOINT inside apps: "http://localhost:7860" */
	const char *const *index_env;   /* operator's package index, CA and proxy settings, NAME=value, NULL-terminated; build sandboxes only */
	int cpu_cores;
	const struct keys *keys;        /* opens secrets when an app starts; NULL: Spaces that have some do not start */
};

SP_MUST int spaces_new(struct sp_loop *loop, struct store *st, struct repos *repos, struct logs *logs, struct launch_client *lc,
		const struct space_config *cfg, const struct space_hooks *hooks, struct spaces **ret, struct sp_err *e);
void spaces_free(struct spaces *sp);

/* [any] Load every Space from the store, adopt live slots, resume builds. Called once the launcher answers; again after it was lost. */
void spaces_start(struct spaces *sp);
/* Stop scheduling; slots keep running (they survive the server). */
void spaces_quiesce(struct spaces *sp);

/* Loop thread: the base image that new slots use. False: not known yet. */
bool spaces_base(const struct spaces *sp, struct launch_hash *ret);

/* [any] main of this Space has a new head: queue a build of it, superseding an older one that has not finished. */
void spaces_pushed(struct spaces *sp, const struct sp_id *space, const char *commit);
/* [any] A Space was created without content worth building (no push yet). */
void spaces_created(struct spaces *sp, const struct sp_id *space);
/* [any] Restart the app; FACTORY: build again without any cached image of this Space. Clears pause. */
SP_MUST int spaces_restart(struct spaces *sp, const struct sp_id *space, bool factory, struct sp_err *e);
SP_MUST int spaces_pause(struct spaces *sp, const struct sp_id *space, struct sp_err *e);
/*
 * [any] Stop it until somebody visits it; durable. SP_ESTATE: static, paused, asleep already or not running.
 * A newer release, a restart and a pause end the sleep, other changes of the Space do not.
 */
SP_MUST int spaces_sleep(struct spaces *sp, const struct sp_id *space, struct sp_err *e);
/* [any] Visitors or gradio_client want it: start it if it may be started. */
void spaces_wake(struct spaces *sp, const struct sp_id *space);
/* [any] Stop everything of it and forget it; returns when its sandboxes are gone. The rows are the caller's business. */
SP_MUST int spaces_remove(struct spaces *sp, const struct sp_id *space, struct sp_err *e);
/* [any] Visibility or label changed: publish its route again, before this returns. */
void spaces_refresh(struct spaces *sp, const struct sp_id *space);

/* [any] What is it doing? Evidence is copied into A. SP_ENOENT. */
SP_MUST int spaces_view(struct spaces *sp, const struct sp_id *space, struct sp_arena *a, struct space_view *ret, struct sp_err *e);

/* Loop thread: visitors are active (edge's SEEN). */
void spaces_on_seen(struct spaces *sp, const struct sp_id *space);
/* Loop thread: edge found that the app refuses connections. */
void spaces_on_failing(struct spaces *sp, const struct sp_id *space);
/* Loop thread: publish every route again (edge connected). */
void spaces_publish_all(struct spaces *sp);
