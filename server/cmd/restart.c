/*
 * restart.c - `vitrine restart`: start an app anew, or build it anew, and wait until it answers.
 */
#include <stdio.h>

#include "auto.h"
#include "clock.h"
#include "follow.h"
#include "session.h"
#include "term.h"

static int wait_for(struct session *s, const char *space, bool factory)
{
	const struct follow f = { .space = space, .quiet = !factory, .json = s->json };
	unsigned long long start = sp_mono_us();
	struct space_state end = { 0 };
	struct sp_err e = { 0 };
	int r = follow_space(s->client, &f, &s->arena, &end, &e);

	if (r >= 0) {
		cmd_event("running", end.host, start, json_pack("{s:s, s:s}", "space", end.id, "url", end.host));
		return CMD_OK;
	}
	return end.stage ? follow_complain(&end, s->json, &s->arena) : cmd_fail_err(&e);
}

int cmd_restart(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	bool factory = false, no_wait = false;
	const struct option_row rows[] = { SESSION_OPTIONS(&s), { "--factory", NULL, &factory, NULL }, { "--no-wait", NULL, &no_wait, NULL } };
	unsigned long long start = sp_mono_us();
	const char *operands[2], *space;
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (session_space(&s, operands[0], &space, &e) < 0 ||
	    session_call(&s, "POST", sp_arena_fmt(&s.arena, "/api/spaces/%s/restart%s", space, factory ? "?factory=true" : ""), NULL, NULL, &e) < 0)
		return cmd_fail_err(&e);
	cmd_event("restarted", space, start, json_pack("{s:s, s:b}", "space", space, "factory", factory));
	return no_wait ? CMD_OK : wait_for(&s, space, factory);
}
