#include "runtime/build/build.h"

#define TO(s) SP_SM_TO(STEP_##s)
#define END (TO(FAILED) | TO(SUPERSEDED))

const struct sp_sm_row build_rows[STEP_MAX] = {
	/*                     step          may go to                                             */
	[STEP_QUEUED]     = { "queued",      TO(PREPARING) | TO(SUPERSEDED) },
	[STEP_PREPARING]  = { "preparing",   TO(UNPACKING) | TO(WAITING) | TO(SYSTEM) | TO(INSTALLING) | TO(READY) | END },
	[STEP_UNPACKING]  = { "unpacking",   TO(WAITING) | TO(SYSTEM) | TO(INSTALLING) | TO(READY) | END },
	[STEP_WAITING]    = { "waiting",     TO(SYSTEM) | TO(INSTALLING) | TO(READY) | END },
	[STEP_SYSTEM]     = { "system",      TO(INSTALLING) | END },
	[STEP_INSTALLING] = { "installing",  TO(PACKING) | END },
	[STEP_PACKING]    = { "packing",     TO(READY) | END },
	[STEP_READY]      = { "ready",       0 },
	[STEP_FAILED]     = { "failed",      0 },
	[STEP_SUPERSEDED] = { "superseded",  0 },
};

bool build_invariant(const struct build_facts *f)
{
	switch (f->step) {
	case STEP_QUEUED:
		return !f->slot && !f->pool && !f->has_fault;
	case STEP_PREPARING:
		return !f->slot && !f->has_fault;
	case STEP_UNPACKING:
		return f->has_recipe && f->runs && !f->has_app;
	case STEP_WAITING:
	case STEP_SYSTEM:
	case STEP_INSTALLING:
	case STEP_PACKING:
		return f->has_recipe && f->runs && f->has_app && !f->has_env;
	case STEP_READY:
		return f->has_recipe && !f->slot && !f->pool && !f->has_fault && (!f->runs || (f->has_app && f->has_env));
	case STEP_FAILED:
		return f->has_fault && !f->slot && !f->pool;
	case STEP_SUPERSEDED:
		return !f->slot && !f->pool;
	case STEP_MAX:
		break;
	}
	return false;
}

int build_go(enum build_step from, const struct build_facts *moved, struct sp_err *e)
{
	if (!sp_sm_may(build_rows, from, moved->step))
		return sp_fail(e, SP_ESTATE, 0, "build: %s may not become %s", build_rows[from].name, build_rows[moved->step].name);
	if (!build_invariant(moved))
		return sp_fail(e, SP_EBUG, 0, "build: invariant of %s", build_rows[moved->step].name);
	return 0;
}
