/*
 * stage.h - the run machine of a Space, and its public stage.
 *
 *  idle ──▶ starting ──▶ serving ◀──▶ beside          beside: a newer release starts next to the one that serves
 *            │  ▲  │        │ ▲ ▲        │
 *            │  │  └──▶ backoff ◀────────┤            backoff: crashed, waits to be started again
 *            │  └──────────┘ │  │        │
 *            ▼               ▼  ▼        ▼
 *           dead ◀──────────────        frozen ◀──▶ serving
 *
 *  any state ──▶ paused (by its owner), asleep ──▶ starting
 *
 * The stage is a pure function of this machine and of the build (ARCHITECTURE 7); it is never stored.
 */
#pragma once

#include <stdbool.h>

#include "sm.h"
#include "space.h"

enum run_state { RUN_IDLE, RUN_STARTING, RUN_SERVING, RUN_BESIDE, RUN_FROZEN, RUN_BACKOFF, RUN_ASLEEP, RUN_PAUSED, RUN_DEAD, RUN_STATE_MAX };

extern const struct sp_sm_row run_rows[RUN_STATE_MAX];

/* What the invariant looks at: which sandboxes there are. A static Space serves without one. */
struct run { enum run_state state; bool has_current, has_next, is_static, timer; };

/* What must hold in every state; a move that would break it is a bug of ours and is not made. */
bool run_invariant(const struct run *r);

/* SP_ESTATE: not an edge of the table. SP_EBUG: MOVED (the state after the move) breaks the invariant. */
SP_MUST int run_go(enum run_state from, const struct run *moved, struct sp_err *e);

enum build_view { BUILD_VIEW_NONE, BUILD_VIEW_ACTIVE, BUILD_VIEW_FAILED };

/* FAILED_AS: the stage of the failed build's cause (CONFIG_ERROR, NO_APP_FILE, BUILD_ERROR). */
enum space_stage space_stage_of(enum run_state run, enum build_view build, enum space_stage failed_as);
