#include "follow.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "cmd.h"
#include "str.h"
#include "term.h"

enum { POLL_US = 200000 };

struct printer { struct client *c; char *path; bool json; };

static bool print_line(void *arg, json_t *data)
{
	const struct printer *p = arg;
	const char *text = json_string_value(json_object_get(data, "data"));
	struct sp_arena a;

	if (!text)
		return true;
	if (p->json) {
		cmd_event("log", NULL, 0, json_pack("{s:s}", "line", text));
		return true;
	}
	sp_arena_init(&a);
	term_progress(NULL, 0);
	printf("  | %s%s", term_safe(stdout, text, &a), sp_ends_with(text, "\n") ? "" : "\n");
	fflush(stdout);
	sp_arena_fini(&a);
	return true;
}

static void *print_log(void *arg)
{
	struct printer *p = arg;

	if (client_events(p->c, p->path, print_line, p, NULL) < 0 && !p->json)
		puts("  | (the log cannot be followed)");      /* the poll beside us tells what happened */
	return NULL;
}

static bool is_over(const char *stage, const char *serving, const struct follow *f)
{
	static const char *const waiting[] = { "BUILDING", "APP_STARTING", "RUNNING_BUILDING", "RUNNING_APP_STARTING" };

	for (size_t i = 0; i < SP_COUNT(waiting); i++)
		if (!strcmp(stage, waiting[i]))
			return false;
	/* RUNNING with the old commit: the server has not looked at ours yet, or its build failed (then it says so). */
	return strcmp(stage, "RUNNING") != 0 || !f->commit || !serving || !strcmp(serving, f->commit);
}

static int poll_state(struct client *c, const struct follow *f, struct sp_arena *a, struct space_state *ret, bool *ret_over, struct sp_err *e)
{
	const char *path = sp_arena_fmt(a, "/api/spaces/%s", f->space);
	json_t *info = NULL;
	int status = client_call(c, "GET", path, NULL, &info, e);

	if (status >= 0 && status != 200)
		status = sp_fail(e, status == 503 ? SP_EBUSY : SP_ENOENT, 0, "%s: %s", f->space, client_error_text(info, status));
	if (status >= 0) {
		space_state_read(info, a, ret);
		*ret_over = ret->stage[0] && (is_over(ret->stage, ret->sha, f) || (!strcmp(ret->stage, "RUNNING") && ret->why[0]));
	}
	json_decref(info);
	return status < 0 ? status : 0;
}

static bool is_building(const char *stage)
{
	return !strcmp(stage, "BUILDING") || !strcmp(stage, "RUNNING_BUILDING");
}

/* Says where it is while it goes on; a build that became a start is a step. */
static void tell(const struct follow *f, const char *stage, char was[32], unsigned long long *since)
{
	bool builds = is_building(stage);

	if (!f->quiet && is_building(was) && !builds && (sp_ends_with(stage, "STARTING") || !strcmp(stage, "RUNNING"))) {
		term_progress(NULL, 0);
		cmd_event("built", "", *since, json_pack("{s:s}", "space", f->space));
	}
	if (builds != is_building(was))
		*since = sp_mono_us();
	snprintf(was, 32, "%s", stage);
	if (!f->json)
		term_progress(builds ? "building" : "starting", *since);
}

static int poll_until_over(struct client *c, const struct follow *f, struct sp_arena *a, struct space_state *ret, struct sp_err *e)
{
	unsigned long long since = sp_mono_us();
	char was[32] = "";
	bool over = false;
	int r = 0;

	while (r >= 0 && !over) {
		struct sp_arena poll;
		struct space_state now;

		sp_arena_init(&poll);
		r = poll_state(c, f, &poll, &now, &over, e);
		if (r >= 0)
			tell(f, now.stage, was, &since);
		sp_arena_fini(&poll);
		if (r >= 0 && !over)
			usleep(POLL_US);
	}
	term_progress(NULL, 0);
	return r < 0 ? r : poll_state(c, f, a, ret, &over, e);
}

/* A finished build ends its stream, and its last lines shall be seen; one that never began holds it open. */
static void end_printing(struct client *c, pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	if (pthread_timedjoin_np(thread, NULL, &until) == 0)
		return;
	client_stop_events(c);
	pthread_join(thread, NULL);
}

int follow_space(struct client *c, const struct follow *f, struct sp_arena *a, struct space_state *ret, struct sp_err *e)
{
	struct printer p = { .c = c, .path = sp_arena_fmt(a, "/api/spaces/%s/logs/build", f->space), .json = f->json };
	bool printing;
	pthread_t thread;
	int r;

	printing = !f->quiet && pthread_create(&thread, NULL, print_log, &p) == 0;
	r = poll_until_over(c, f, a, ret, e);
	if (printing)
		end_printing(c, thread);
	if (r < 0)
		return r;
	if (strcmp(ret->stage, "RUNNING") != 0 || ret->why[0])
		return sp_fail(e, SP_ESTATE, 0, "%s is %s: %s", f->space, ret->stage, ret->why[0] ? ret->why : "see its logs");
	return 0;
}

int follow_complain(const struct space_state *s, bool json, struct sp_arena *a)
{
	if (json)
		cmd_event("failed", NULL, 0, json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "space", s->id, "stage", s->stage, "cause", "code", s->code,
			"text", s->why, "next", s->next, "evidence", s->evidence));
	space_state_complain(s, a);
	return CMD_FAILED;
}
