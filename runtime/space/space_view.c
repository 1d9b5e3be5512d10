#include <stdio.h>
#include <string.h>

#include "runtime/space/spaces_int.h"

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

static void fill_cause(const struct space *s, struct space_cause *c)
{
	const struct sdk *sdk = sdk_by_name(s->sdk);

	cause_fill(c, CAUSE_NONE, NULL);
	switch (s->stage) {
	case STAGE_PAUSED:
		cause_fill(c, CAUSE_PAUSED, NULL);
		return;
	case STAGE_SLEEPING:
		cause_fill(c, CAUSE_ASLEEP, NULL);
		return;
	case STAGE_RUNTIME_ERROR:
	case STAGE_APP_STARTING:
		take_fault(c, &s->run_fault);
		return;
	case STAGE_RUNNING:
	case STAGE_RUNNING_APP_STARTING:
		take_fault(c, s->build_failed ? &s->build_fault : &s->run_fault);
		return;
	case STAGE_NO_APP_FILE:
		if (!s->build_failed)
			cause_fill(c, CAUSE_NO_APP_FILE, sdk && sdk->app_file ? sdk->app_file : "app.py", NULL);
		else
			take_fault(c, &s->build_fault);
		return;
	case STAGE_CONFIG_ERROR:
	case STAGE_BUILD_ERROR:
		take_fault(c, &s->build_fault);
		return;
	case STAGE_BUILDING:
	case STAGE_RUNNING_BUILDING:
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
	v->will_wake = s->run.state == RUN_ASLEEP || s->run.state == RUN_STARTING || s->run.state == RUN_BACKOFF || s->build;
}
