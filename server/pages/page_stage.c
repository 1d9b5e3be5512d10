/* The public stages in words (C-UI-09, C-UI-10; ui.md 1.4). */
#include <string.h>

#include "server/api/space_state.h"
#include "server/pages/page.h"
#include "server/server.h"

static const struct stage_row stage_rows[STAGE_MAX] = {
	/*                               word                    tone     heading                                pulse  shows_app */
	[STAGE_NO_APP_FILE]          = { "No application file", "gray",  "There is no app here yet",             false, false },
	[STAGE_CONFIG_ERROR]         = { "Configuration error", "red",   "The settings have a mistake",          false, false },
	[STAGE_BUILDING]             = { "Building",            "blue",  "The app is being built",               true,  false },
	[STAGE_BUILD_ERROR]          = { "Build error",         "red",   "The app could not be built",           false, false },
	[STAGE_APP_STARTING]         = { "Starting",            "blue",  "The app is starting",                  true,  false },
	[STAGE_RUNNING]              = { "Running",             "green", "The app is running",                   false, true },
	[STAGE_RUNNING_BUILDING]     = { "Running · Building",  "green", "The app is running",                   true,  true },
	[STAGE_RUNNING_APP_STARTING] = { "Running · Starting",  "green", "The app is running",                   true,  true },
	[STAGE_RUNTIME_ERROR]        = { "Runtime error",       "red",   "The app does not run",                 false, false },
	[STAGE_SLEEPING]             = { "Sleeping",            "gray",  "The app is asleep",                    false, false },
	[STAGE_STOPPED]              = { "Stopped",             "gray",  "The app is stopped",                   false, false },
	[STAGE_PAUSED]               = { "Paused",              "amber", "The app is paused",                    false, false },
	[STAGE_DELETING]             = { "Deleting",            "gray",  "This Space is being deleted",          true,  false },
};

const struct stage_row *stage_row(enum space_stage s)
{
	return &stage_rows[s < STAGE_MAX ? s : STAGE_NO_APP_FILE];
}

struct space_view page_space_view(struct http_req *rq, const struct sp_id *id)
{
	struct space_view v = { .stage = STAGE_NO_APP_FILE };

	v.cause.evidence = "";
	if (space_state(rq, id, &v, NULL) < 0)
		return (struct space_view){ .stage = STAGE_NO_APP_FILE, .cause.evidence = "" };
	if (!v.cause.evidence)
		v.cause.evidence = "";
	return v;
}

bool page_shows_app(const struct space_view *v)
{
	return stage_row(v->stage)->shows_app || (v->stage == STAGE_SLEEPING && v->will_wake);
}

struct view_chip page_chip(struct sp_arena *a, const struct space_view *v)
{
	const struct stage_row *row = stage_row(v->stage);

	return (struct view_chip){ .tone = row->tone, .word = row->word, .pulse = row->pulse, .since = page_when(a, v->since_ms) };
}

struct view_steps page_steps(struct sp_arena *a, enum space_stage s)
{
	static const struct { enum space_stage stage; const char *build, *start, *ready; } rows[] = {
		{ STAGE_BUILDING,      "now",    "todo",   "todo" },
		{ STAGE_BUILD_ERROR,   "failed", "todo",   "todo" },
		{ STAGE_APP_STARTING,  "done",   "now",    "todo" },
		{ STAGE_RUNTIME_ERROR, "done",   "failed", "todo" },
	};
	struct view_step *steps;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].stage != s)
			continue;
		steps = sp_arena_get(a, 3 * sizeof(*steps));
		steps[0] = (struct view_step){ .word = "Build", .state = rows[i].build };
		steps[1] = (struct view_step){ .word = "Start", .state = rows[i].start };
		steps[2] = (struct view_step){ .word = "Ready", .state = rows[i].ready };
		for (size_t k = 0; k < 3; k++) {
			steps[k].is_now = strcmp(steps[k].state, "now") == 0;
			steps[k].is_done = strcmp(steps[k].state, "done") == 0;
			steps[k].is_failed = strcmp(steps[k].state, "failed") == 0;
		}
		return (struct view_steps){ steps, 3 };
	}
	return (struct view_steps){ 0 };
}

struct view_act page_act(const struct space_cause *c)
{
	struct view_act act = { .label = c->label, .edit = "", .logs = "", .command = "" };

	switch (c->action) {
	case ACTION_EDIT:
		act.edit = c->target;
		act.files = !c->target[0];
		break;
	case ACTION_LOGS:
		act.logs = c->target;
		break;
	case ACTION_SETTINGS:
		act.settings = true;
		break;
	case ACTION_FACTORY:
	case ACTION_OPERATOR:
	case ACTION_COMMAND:
		act.command = c->target;
		break;
	case ACTION_NONE:
	case ACTION_RESTART:
	case ACTION_WAIT:
	case ACTION_MAX:
		break;
	}
	return act;
}

const char *page_usually(struct sp_arena *a, const struct space_view *v)
{
	if (v->usual_start_ms <= 0)
		return "";
	return v->usual_start_ms < 1000 ? "Usually less than a second." : sp_arena_fmt(a, "Usually %s.", page_duration(a, v->usual_start_ms));
}
