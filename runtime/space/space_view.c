#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "runtime/space/spaces_int.h"
#include "runtime/space/traffic.h"

enum build_view space_build_view(const struct space *s)
{
	return s->build ? BUILD_VIEW_ACTIVE : s->build_failed ? BUILD_VIEW_FAILED : BUILD_VIEW_NONE;
}

static void take_fault(struct space_cause *c, const struct fault *f)
{
	if (f->code == CAUSE_NONE)
		return;
	*c = f->text;
	c->evidence = f->evidence ? f->evidence : "";
}

static void fill_building(const struct space *s, struct space_cause *c)
{
	char by[8];
	unsigned before;

	if (!s->build)
		return;
	before = builds_before(s->build);
	snprintf(by, sizeof(by), "%.7s", build_commit(s->build));
	if (s->superseded[0])
		cause_fill(c, CAUSE_SUPERSEDED, by, s->superseded, NULL);
	else if (before)
		cause_fill(c, CAUSE_BUILD_QUEUED, cause_number(before).s, cause_number(SP_LIMIT_build_parallel).s, NULL);
	else
		cause_fill(c, CAUSE_BUILD_STEP, build_step_name(s->build), NULL);
}

/* A crash that is tried again: when, and how often still. */
static void add_retry(const struct space *s, struct space_cause *c)
{
	int64_t left = s->retry_ms - sp_wall_ms();
	size_t n = strlen(c->text);

	if (!s->retry_ms || !c->code[0])
		return;
	snprintf(c->text + n, sizeof(c->text) - n, " It is started again in %s (%u of %d tries in 5 minutes).", cause_duration(left > 0 ? (uint64_t)left : 0).s,
		s->crashes, SP_LIMIT_crash_max);
}

static void fill_starting(const struct space *s, struct space_cause *c)
{
	const struct recipe *r = s->rel ? &s->rel->recipe : NULL;

	take_fault(c, &s->run_fault);
	add_retry(s, c);
	if (c->code[0] || !r)
		return;
	if (s->next && s->next->patient)
		cause_fill(c, CAUSE_START_TURN, cause_number(SP_LIMIT_starts_parallel).s, NULL);
	else
		cause_fill(c, CAUSE_STARTING, cause_number(r->port).s, cause_duration(r->startup_ms).s, NULL);
}

static void fill_no_app(const struct space *s, struct space_cause *c)
{
	const struct sdk *sdk = sdk_by_name(s->sdk);
	const char *file = sdk && sdk->app_file ? sdk->app_file : "app.py";

	if (s->build_failed)
		take_fault(c, &s->build_fault);
	else
		cause_fill(c, CAUSE_NO_APP_FILE, file, file, NULL);
}

static void fill_cause(const struct space *s, struct space_cause *c)
{
	cause_fill(c, CAUSE_NONE, NULL);
	switch (s->stage) {
	case STAGE_PAUSED:
		cause_fill(c, CAUSE_PAUSED, NULL);
		return;
	case STAGE_SLEEPING:
		cause_fill(c, CAUSE_ASLEEP, NULL);
		return;
	case STAGE_APP_STARTING:
		fill_starting(s, c);
		return;
	case STAGE_RUNTIME_ERROR:
		take_fault(c, &s->run_fault);
		return;
	case STAGE_RUNNING:
	case STAGE_RUNNING_APP_STARTING:
		take_fault(c, s->build_failed ? &s->build_fault : &s->run_fault);
		return;
	case STAGE_NO_APP_FILE:
		fill_no_app(s, c);
		return;
	case STAGE_CONFIG_ERROR:
	case STAGE_BUILD_ERROR:
		take_fault(c, &s->build_fault);
		return;
	case STAGE_BUILDING:
	case STAGE_RUNNING_BUILDING:
		fill_building(s, c);
		return;
	case STAGE_STOPPED:
	case STAGE_DELETING:
	case STAGE_MAX:
		return;
	}
}

void space_view_fill(const struct space *s, struct space_view *v)
{
	const struct release *serving = s->current ? s->current->rel : s->run.state == RUN_SERVING ? s->rel : NULL;

	memset(v, 0, sizeof(*v));
	v->stage = s->stage;
	fill_cause(s, &v->cause);
	if (!s->sp->loaded) {
		v->stage = STAGE_APP_STARTING;
		cause_fill(&v->cause, CAUSE_PLATFORM_RESTARTING, NULL);
	}
	snprintf(v->sdk, sizeof(v->sdk), "%s", s->rel ? s->rel->recipe.sdk->name : s->sdk);
	if (s->build)
		snprintf(v->building, sizeof(v->building), "%s", build_commit(s->build));
	else if (s->next)
		snprintf(v->building, sizeof(v->building), "%s", s->next->rel->commit);
	if (serving)
		snprintf(v->serving, sizeof(v->serving), "%s", serving->commit);
	v->port = s->rel ? s->rel->recipe.port : 0;
	v->since_ms = s->since_ms;
	v->started_ms = serving ? s->started_ms : 0;
	v->usual_start_ms = s->usual_start_ms;
	v->build = s->build_id;
	v->run = s->run_id;
	if (s->current || s->next)
		v->traffic = traffic_total(s->current ? s->current : s->next);
	v->retry_ms = s->retry_ms;
	v->sleep_s = s->sleep_s;
	v->will_wake = s->run.state == RUN_ASLEEP || s->run.state == RUN_STARTING || s->run.state == RUN_BACKOFF || s->build;
}
