/*
 * instance.h - one sandbox of an app, from the wish to its end.
 *
 *  preparing ──▶ asked ──▶ probing ──▶ serving ──▶ stopping ──▶ gone
 *      │           │          │           └──▶ draining ──┘       ▲
 *      └───────────┴──────────┴──────────────────────────────────┘
 *
 * preparing: it waits for its turn or for a free slot, or a pool thread reads the variables and writes the run's
 * row. asked: START is on its way; back to preparing when no slot is free.
 * draining: another release serves, open connections may end. gone: the sandbox is away; kept until its
 * output has been read and its row written. Loop thread only; it frees itself.
 */
#pragma once

#include "sm.h"
#include "runtime/build/images.h"
#include "runtime/build/recipe.h"
#include "runtime/space/cause.h"
#include "runtime/space/ready.h"
#include "runtime/store/store.h"

/* A build that can run. */
struct release {
	char commit[41];
	struct sp_id build;
	struct recipe recipe;
	struct launch_hash base, env, app;
};
struct release *release_dup(const struct release *r);
void release_free(struct release *r);           /* NULL is fine */

enum inst_phase { INST_PREPARING, INST_ASKED, INST_PROBING, INST_SERVING, INST_DRAINING, INST_STOPPING, INST_GONE, INST_PHASE_MAX };
extern const struct sp_sm_row inst_rows[INST_PHASE_MAX];

struct spaces;
struct space;

struct instance {
	struct instance *next;
	struct spaces *sp;
	struct space *space;            /* whose current or next it is; NULL: nobody waits for it any more */
	struct sp_id space_id;
	struct release *rel;
	struct store_run row;
	enum inst_phase phase;
	struct launch_slot slot;
	bool has_slot;                  /* STARTED came and EXITED did not */
	bool asked;                     /* START is on its way and was not answered */
	bool pool_busy, writer_busy, writer_again;
	bool crashed;
	bool patient;                   /* waits for its turn after a start of the server; nothing was prepared yet */
	bool has_row;                   /* its run's row was written */
	bool checking;                  /* PORTS is on its way */
	uint64_t closed_ms;             /* since when nothing listens on the port of one that serves; 0: something does */
	int exit_status;
	struct fault fault;
	struct ready *ready;
	struct log_sink *log;
	struct sp_timer *timer;
	uint64_t asked_ms;
	struct space_traffic traffic, traffic_before;   /* of this egress, and of those before (traffic.h) */
	uint64_t traffic_since_ms;
	unsigned refusals;              /* that its log tells */
	char refused[64];               /* where a connection was refused last, "" nowhere */
	bool offline;                   /* it was given no network */
	struct launch_disk disk;        /* at its end */
};

/* Start a new one of REL (copied). PATIENT: when at most starts_parallel others are starting. */
struct instance *instance_new(struct spaces *sp, struct space *space, const struct release *rel, bool patient);

/* Somebody waits for it: it does not wait for its turn any longer. */
void instance_hurry(struct instance *in);

/* Those that wait for their turn and may start now do. */
void instances_turn(struct spaces *sp);

/* Visitors are refused: when nothing listens for port_closed_ms although it lives, it is ended with that reason. */
void instance_check_port(struct instance *in);

/* A sandbox that outlived the former server. LOG_FD is taken. */
struct instance *instance_adopt(struct spaces *sp, struct space *space, const struct release *rel, const struct store_run *row,
		const struct launch_entry *at, int log_fd);

/* Nobody refers to it any more: stop it, after DRAIN_MS. */
void instance_leave(struct instance *in, uint64_t drain_ms);

/* A sandbox ended; true when it was an app's. */
bool instances_on_exited(struct spaces *sp, const struct launch_exited *x);

/* Without stopping its sandbox. */
void instance_free(struct instance *in);
