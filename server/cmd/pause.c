/*
 * pause.c - `vitrine pause`: stop an app until somebody restarts it.
 */
#include <stdio.h>

#include "auto.h"
#include "session.h"

int cmd_pause(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const struct option_row rows[] = { SESSION_OPTIONS(&s) };
	const char *operands[2], *space;
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (session_space(&s, operands[0], &space, &e) < 0 ||
	    session_call(&s, "POST", sp_arena_fmt(&s.arena, "/api/spaces/%s/pause", space), NULL, NULL, &e) < 0)
		return cmd_fail_err(&e);
	if (s.json)
		session_print(json_pack("{s:s, s:s}", "space", space, "stage", "PAUSED"));
	else
		printf("%s is paused; 'vitrine restart %s' starts it again.\n", space, space);
	return CMD_OK;
}
