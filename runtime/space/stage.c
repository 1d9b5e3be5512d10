#include "stage.h"

#define TO(s) SP_SM_TO(RUN_##s)
#define ANY_END (TO(PAUSED) | TO(ASLEEP) | TO(DEAD) | TO(IDLE))

const struct sp_sm_row run_rows[RUN_STATE_MAX] = {
	/*                 state        may go to                                      */
	[RUN_IDLE]     = { "idle",      TO(STARTING) | TO(SERVING) | ANY_END },
	[RUN_STARTING] = { "starting",  TO(SERVING) | TO(BACKOFF) | TO(STARTING) | ANY_END },
	[RUN_SERVING]  = { "serving",   TO(BESIDE) | TO(FROZEN) | TO(BACKOFF) | TO(STARTING) | TO(SERVING) | ANY_END },
	[RUN_BESIDE]   = { "beside",    TO(SERVING) | TO(STARTING) | TO(BACKOFF) | TO(BESIDE) | ANY_END },
	[RUN_FROZEN]   = { "frozen",    TO(SERVING) | TO(BACKOFF) | ANY_END },
	[RUN_BACKOFF]  = { "backoff",   TO(STARTING) | TO(SERVING) | ANY_END },
	[RUN_ASLEEP]   = { "asleep",    TO(STARTING) | TO(SERVING) | ANY_END },
	[RUN_PAUSED]   = { "paused",    TO(STARTING) | TO(SERVING) | ANY_END },
	[RUN_DEAD]     = { "dead",      TO(STARTING) | TO(SERVING) | ANY_END },
};

bool run_invariant(const struct run *r)
{
	switch (r->state) {
	case RUN_STARTING:
		return !r->has_current && r->has_next && !r->timer;
	case RUN_SERVING:
		return (r->has_current || r->is_static) && !r->has_next && !r->timer;
	case RUN_FROZEN:
		return r->has_current && !r->has_next && !r->timer;
	case RUN_BESIDE:
		return r->has_current && r->has_next && !r->timer;
	case RUN_BACKOFF:
		return !r->has_current && !r->has_next && r->timer;
	case RUN_IDLE:
	case RUN_ASLEEP:
	case RUN_PAUSED:
	case RUN_DEAD:
		return !r->has_current && !r->has_next && !r->timer;
	case RUN_STATE_MAX:
		break;
	}
	return false;
}

int run_go(enum run_state from, const struct run *moved, struct sp_err *e)
{
	if (!sp_sm_may(run_rows, from, moved->state))
		return sp_fail(e, SP_ESTATE, 0, "run: %s may not become %s", run_rows[from].name, run_rows[moved->state].name);
	if (!run_invariant(moved))
		return sp_fail(e, SP_EBUG, 0, "run: invariant of %s", run_rows[moved->state].name);
	return 0;
}

enum space_stage space_stage_of(enum run_state run, enum build_view build, enum space_stage failed_as)
{
	/* ARCHITECTURE 7: rows are the run, columns the build: none, active. FAILED differs for these alone: */
	static const enum space_stage stages[RUN_STATE_MAX][2] = {
		[RUN_IDLE]     = { STAGE_NO_APP_FILE,          STAGE_BUILDING },
		[RUN_STARTING] = { STAGE_APP_STARTING,         STAGE_BUILDING },
		[RUN_SERVING]  = { STAGE_RUNNING,              STAGE_RUNNING_BUILDING },
		[RUN_BESIDE]   = { STAGE_RUNNING_APP_STARTING, STAGE_RUNNING_BUILDING },
		[RUN_FROZEN]   = { STAGE_RUNNING,              STAGE_RUNNING_BUILDING },
		[RUN_BACKOFF]  = { STAGE_APP_STARTING,         STAGE_BUILDING },
		[RUN_ASLEEP]   = { STAGE_SLEEPING,             STAGE_BUILDING },
		[RUN_PAUSED]   = { STAGE_PAUSED,               STAGE_PAUSED },
		[RUN_DEAD]     = { STAGE_RUNTIME_ERROR,        STAGE_BUILDING },
	};

	if (build != BUILD_VIEW_FAILED)
		return stages[run][build == BUILD_VIEW_ACTIVE];
	if (run == RUN_IDLE || run == RUN_STARTING || run == RUN_BACKOFF)
		return failed_as;
	if (run == RUN_BESIDE)
		return STAGE_RUNNING;
	return stages[run][0];
}

const char *space_stage_name(enum space_stage s)
{
	static const char *const names[STAGE_MAX] = {
		[STAGE_NO_APP_FILE] = "NO_APP_FILE", [STAGE_CONFIG_ERROR] = "CONFIG_ERROR", [STAGE_BUILDING] = "BUILDING",
		[STAGE_BUILD_ERROR] = "BUILD_ERROR", [STAGE_APP_STARTING] = "APP_STARTING", [STAGE_RUNNING] = "RUNNING",
		[STAGE_RUNNING_BUILDING] = "RUNNING_BUILDING", [STAGE_RUNNING_APP_STARTING] = "RUNNING_APP_STARTING",
		[STAGE_RUNTIME_ERROR] = "RUNTIME_ERROR", [STAGE_SLEEPING] = "SLEEPING", [STAGE_STOPPED] = "STOPPED",
		[STAGE_PAUSED] = "PAUSED", [STAGE_DELETING] = "DELETING",
	};

	return s < STAGE_MAX && names[s] ? names[s] : "STOPPED";
}
