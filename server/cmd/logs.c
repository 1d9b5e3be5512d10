/*
 * logs.c - `vitrine logs`: what an app or its build printed.
 *
 * The Hub's log stream does not say where history ends and the present begins; without -f we stop after
 * the history has been quiet for a moment, as the Hub's own client does (hf-api.md 5.5).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "session.h"
#include "str.h"
#include "term.h"

enum { QUIET_MS = 500, TICK_MS = 50, AGAIN_MS = 1000 };

static _Atomic uint64_t last_line_ms;

struct printing { bool json; uint64_t skip, lines; };

static bool print_line(void *arg, json_t *data)
{
	const char *text = json_string_value(json_object_get(data, "data"));
	struct printing *p = arg;
	struct sp_arena a;

	last_line_ms = sp_mono_ms();
	if (!text || p->lines++ < p->skip)      /* history that was shown before the connection broke */
		return true;
	if (p->json) {
		session_print(json_incref(data));
		return true;
	}
	sp_arena_init(&a);
	printf("%s%s", term_safe(stdout, text, &a), sp_ends_with(text, "\n") ? "" : "\n");
	fflush(stdout);
	sp_arena_fini(&a);
	return true;
}

static void *stop_when_quiet(void *arg)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };

	while (!client_has_answer(arg)) /* however long that takes: nothing yet is not nothing */
		nanosleep(&tick, NULL);
	last_line_ms = sp_mono_ms() + QUIET_MS;
	while (sp_mono_ms() - last_line_ms < QUIET_MS || last_line_ms > sp_mono_ms())
		nanosleep(&tick, NULL);
	fflush(stdout);
	_exit(CMD_OK);
}

/* With FOLLOW a server that restarts is waited for; every connection tells the history again (C-HF-88). */
static int show(struct session *s, const char *path, bool follow, struct sp_err *e)
{
	const struct timespec again = { .tv_nsec = AGAIN_MS / 2 * 1000000L };
	struct printing p = { .json = s->json };
	bool worked = false;
	int status;

	for (;;) {
		status = client_events(s->client, path, print_line, &p, e);
		worked = worked || status == 200;
		if (!follow || !worked || (status >= 0 && status != 503 && status != 502 && !client_was_cut(s->client)))
			break;
		p.skip = p.lines > p.skip ? p.lines : p.skip;
		p.lines = 0;
		nanosleep(&again, NULL);
	}
	if (status >= 0 && status != 200)
		return session_refused(s, status, NULL, e);
	return status < 0 ? status : 0;
}

int cmd_logs(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	bool build = false, follow = false;
	const struct option_row rows[] = {
		SESSION_OPTIONS(&s), { "--build", NULL, &build, NULL }, { "-f", NULL, &follow, NULL }, { "--follow", NULL, &follow, NULL },
	};
	const char *operands[2], *space, *path;
	struct sp_err e = { 0 };
	pthread_t thread;
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (session_space(&s, operands[0], &space, &e) < 0)
		return cmd_fail_err(&e);
	path = sp_arena_fmt(&s.arena, "/api/spaces/%s/logs/%s", space, build ? "build" : "run");
	if (!follow && pthread_create(&thread, NULL, stop_when_quiet, s.client) == 0)
		pthread_detach(thread);
	r = show(&s, path, follow, &e);
	if (r == -SP_ENOENT)
		return cmd_fail(CMD_FAILED, "there is no Space %s on %s whose logs you may see; check the name and the token", space, client_url(s.client));
	return r < 0 ? cmd_fail_err(&e) : CMD_OK;
}
