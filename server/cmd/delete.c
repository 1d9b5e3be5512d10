/*
 * delete.c - `vitrine delete SPACE --yes`: gone for good, so it is never guessed which one and never without --yes.
 */
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "session.h"

int cmd_delete(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	bool yes = false;
	const struct option_row rows[] = { SESSION_OPTIONS(&s), { "--yes", NULL, &yes, NULL } };
	const char *operands[2], *space, *name;
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (!operands[0] && !s.space)
		return cmd_fail(CMD_USAGE, "delete needs the Space: vitrine delete OWNER/NAME --yes");
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (session_space(&s, operands[0], &space, &e) < 0)
		return cmd_fail_err(&e);
	if (!yes)
		return cmd_fail(CMD_USAGE, "this deletes %s with its files, history and data for good: say 'vitrine delete %s --yes' if you mean it", space, space);
	name = strchr(space, '/') + 1;
	if (session_call(&s, "DELETE", "/api/repos/delete", json_pack("{s:s, s:s%, s:s}", "name", name, "organization", space, (size_t)(name - 1 - space),
			"type", "space"), NULL, &e) < 0)
		return cmd_fail_err(&e);
	if (s.json)
		session_print(json_pack("{s:s, s:b}", "space", space, "deleted", true));
	else
		printf("%s is deleted.\n", space);
	return CMD_OK;
}
