#include "follow.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "str.h"

enum { POLL_US = 200000 };

struct printer { struct client *c; char *path; };

static bool print_line(void *arg, json_t *data)
{
	const char *text = json_string_value(json_object_get(data, "data"));

	(void)arg;
	if (text) {
		printf("  | %s%s", text, sp_ends_with(text, "\n") ? "" : "\n");
		fflush(stdout);
	}
	return true;
}

static void *print_log(void *arg)
{
	struct printer *p = arg;

	if (client_events(p->c, p->path, print_line, NULL, NULL) < 0)
		puts("  | (the log cannot be followed)");      /* the poll beside us tells what happened */
	return NULL;
}

static const char *field(json_t *j, const char *name, struct sp_arena *a)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s && s[0] ? sp_arena_str(a, s) : NULL;
}

static void read_state(json_t *info, struct sp_arena *a, struct followed *ret)
{
	json_t *runtime = json_object_get(info, "runtime"), *cause = json_object_get(runtime, "cause");

	ret->stage = field(runtime, "stage", a);
	ret->host = field(info, "host", a);
	ret->why = field(cause, "text", a);
	ret->next = field(cause, "next", a);
	ret->evidence = field(cause, "evidence", a);
	if (!ret->why)
		ret->why = field(runtime, "errorMessage", a);
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

static int poll_state(struct client *c, const struct follow *f, struct sp_arena *a, struct followed *ret, bool *ret_over, struct sp_err *e)
{
	const char *path = sp_arena_fmt(a, "/api/spaces/%s", f->space);
	json_t *info = NULL;
	int status = client_call(c, "GET", path, NULL, &info, e);

	if (status >= 0 && status != 200)
		status = sp_fail(e, SP_ENOENT, 0, "%s: %s", f->space, client_error_text(info, status));
	if (status >= 0) {
		json_t *runtime = json_object_get(info, "runtime");
		const char *serving = json_string_value(json_object_get(runtime, "sha"));

		read_state(info, a, ret);
		*ret_over = ret->stage && (is_over(ret->stage, serving, f) || (!strcmp(ret->stage, "RUNNING") && ret->why));
	}
	json_decref(info);
	return status < 0 ? status : 0;
}

int follow_space(struct client *c, const struct follow *f, struct sp_arena *a, struct followed *ret, struct sp_err *e)
{
	struct printer p = { .c = c, .path = sp_arena_fmt(a, "/api/spaces/%s/logs/build", f->space) };
	struct followed now = { 0 };
	bool over = false, printing;
	pthread_t thread;
	int r = 0;

	printing = !f->quiet && pthread_create(&thread, NULL, print_log, &p) == 0;
	while (!over) {
		struct sp_arena poll;

		sp_arena_init(&poll);
		r = poll_state(c, f, &poll, &now, &over, e);
		if (r >= 0 && over)
			now = (struct followed){ sp_arena_str(a, now.stage), sp_arena_str(a, now.host), sp_arena_str(a, now.why),
				sp_arena_str(a, now.next), sp_arena_str(a, now.evidence) };
		sp_arena_fini(&poll);
		if (r < 0)
			break;
		if (!over)
			usleep(POLL_US);
	}
	if (printing) {
		/* A finished build ends its stream; one that never began holds it open, so it is not waited for. */
		if (over)
			pthread_detach(thread);
		else
			pthread_cancel(thread), pthread_join(thread, NULL);
	}
	if (r < 0)
		return r;
	*ret = now;
	if (strcmp(now.stage, "RUNNING") != 0 || (now.why && f->commit))
		return sp_fail(e, SP_ESTATE, 0, "%s is %s: %s", f->space, now.stage, now.why ? now.why : "see its logs");
	return 0;
}
