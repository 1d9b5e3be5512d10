/*
 * open.c - `vitrine open`: print an app's URL and show it in a browser when there is one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "session.h"
#include "space_state.h"
#include "term.h"

/* A private Space's app knows a browser by a token in the address (hf-api.md 5.6), which is good for a while only. */
static const char *signed_in(struct session *s, const char *space, const char *host)
{
	json_t *answer = NULL;
	const char *token = NULL;

	if (session_call(s, "GET", sp_arena_fmt(&s->arena, "/api/spaces/%s/jwt", space), NULL, &answer, NULL) == 0)
		token = sp_arena_str(&s->arena, json_string_value(json_object_get(answer, "token")));
	json_decref(answer);
	return token ? sp_arena_fmt(&s->arena, "%s/?__sign=%s", host, token) : host;
}

static void show(const char *url)
{
	const char *const words[] = { "xdg-open", url, NULL };
	pid_t child;

	if ((!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) || !isatty(STDOUT_FILENO))
		return;
	child = fork();
	if (child == 0) {
		int quiet = dup2(STDERR_FILENO, STDOUT_FILENO);         /* standard output has the URL alone */

		if (quiet >= 0)
			execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

int cmd_open(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	bool print_only = false;
	const struct option_row rows[] = { SESSION_OPTIONS(&s), { "--print", NULL, &print_only, NULL } };
	const char *operands[2], *space, *url;
	struct space_state st;
	struct sp_err e = { 0 };
	json_t *info = NULL;
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (session_look(&s, operands[0], &space, &st, &info, &e) < 0)
		return cmd_fail_err(&e);
	json_decref(info);
	url = st.is_private ? signed_in(&s, space, st.host) : st.host;
	if (s.json)
		session_print(json_pack("{s:s, s:s, s:s}", "id", st.id, "url", url, "stage", st.stage));
	else
		printf("%s\n", url);
	fflush(stdout);
	if (st.why[0])
		fprintf(stderr, "vitrine: %s is %s: %s\n", st.id, st.stage, term_safe(stderr, st.why, &s.arena));
	if (!print_only && !s.json)
		show(url);
	return CMD_OK;
}
