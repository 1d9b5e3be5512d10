/*
 * logs.c - `vitrine logs OWNER/NAME`: what an app or its build printed.
 *
 * The Hub's log stream does not say where history ends and the present begins; without -f we stop after
 * the history has been quiet for a moment, as the Hub's own client does (hf-api.md 5.5).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "cmd.h"
#include "client.h"
#include "options.h"
#include "str.h"

enum { QUIET_MS = 500, TICK_MS = 50 };

static _Atomic uint64_t last_line_ms;

static bool print_line(void *arg, json_t *data)
{
	const char *text = json_string_value(json_object_get(data, "data"));

	(void)arg;
	last_line_ms = sp_mono_ms();
	if (text)
		printf("%s%s", text, sp_ends_with(text, "\n") ? "" : "\n");
	fflush(stdout);
	return true;
}

static void *stop_when_quiet(void *arg)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };

	(void)arg;
	while (sp_mono_ms() - last_line_ms < QUIET_MS)
		nanosleep(&tick, NULL);
	fflush(stdout);
	_exit(CMD_OK);
}

int cmd_logs(int argc, char **argv)
{
	const char *to = getenv("VITRINE_URL"), *state = cmd_default_state(), *operands[2];
	bool build = false, follow = false;
	const struct option_row rows[] = {
		{ "--to", &to, NULL, NULL }, { "--state", &state, NULL, NULL }, { "--build", NULL, &build, NULL }, { "-f", NULL, &follow, NULL },
	};
	sp_auto(client_free_p) struct client *c = NULL;
	sp_auto_free char *path = NULL;
	pthread_t thread;
	struct sp_err e = { 0 };
	int status;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (!operands[0] || !strchr(operands[0], '/'))
		return cmd_fail(CMD_USAGE, "logs needs a Space: vitrine logs OWNER/NAME");
	if (client_new(to ? to : "http://localhost:7860", client_find_token(state), &c, &e) < 0)
		return cmd_fail(CMD_USAGE, "%s", e.msg);
	if (asprintf(&path, "/api/spaces/%s/logs/%s", operands[0], build ? "build" : "run") < 0)
		return CMD_FAILED;
	last_line_ms = sp_mono_ms() + 1500;     /* the first line may take a round trip */
	if (!follow && pthread_create(&thread, NULL, stop_when_quiet, NULL) == 0)
		pthread_detach(thread);
	status = client_events(c, path, print_line, NULL, &e);
	if (status < 0)
		return cmd_fail_err(&e);
	if (status == 401 || status == 404)
		return cmd_fail(CMD_FAILED, "there is no Space '%s' on %s that you may see; check the name and the token", operands[0], client_url(c));
	if (status != 200)
		return cmd_fail(CMD_FAILED, "the server answered with status %d", status);
	return CMD_OK;
}
