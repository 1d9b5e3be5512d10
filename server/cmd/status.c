/*
 * status.c - `vitrine status`: what a Space does, why, and what to do next. Ends with 1 when it has failed.
 */
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "session.h"
#include "space_state.h"
#include "term.h"

static void row(const char *word, const char *text)
{
	if (text[0])
		printf("  %-8s %s\n", word, text);
}

static void print(struct session *s, const struct space_state *st)
{
	const char *age = space_state_age(st->since, &s->arena);

	printf("%s%s%s  %s%s%s%s%s%s\n", term_on(stdout, STYLE_BOLD), st->id, term_off(stdout), term_on(stdout, term_stage(st->stage)), st->stage,
		term_off(stdout), age[0] ? "  for " : "", age, st->is_private ? "  private" : "");
	row("url", st->host);
	row("page", sp_arena_fmt(&s->arena, "%s/spaces/%s", client_url(s->client), st->id));
	row("sdk", st->sdk);
	row("commit", st->sha);
	row("why", term_safe(stdout, st->why, &s->arena));
	row("next", term_safe(stdout, st->next, &s->arena));
	if (st->evidence[0])
		printf("\n%s\n", term_safe(stdout, st->evidence, &s->arena));
}

int cmd_status(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const struct option_row rows[] = { SESSION_OPTIONS(&s) };
	const char *operands[2], *space;
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
	if (s.json)
		session_print(json_pack("{s:s, s:s, s:s, s:s, s:b, s:O}", "id", st.id, "stage", st.stage, "url", st.host, "sdk", st.sdk, "private", st.is_private,
			"runtime", json_object_get(info, "runtime")));
	else
		print(&s, &st);
	json_decref(info);
	return space_state_is_failed(&st) ? CMD_FAILED : CMD_OK;
}
