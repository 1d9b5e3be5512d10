/*
 * admin.c - `vitrine admin user add NAME`, `vitrine admin signin NAME`.
 *
 * With a running server both go through its admin socket; without one the database is opened under its
 * lock, so that the two can never write at the same time.
 */
#include <stdio.h>
#include <string.h>

#include "admin_client.h"
#include "auto.h"
#include "cmd.h"
#include "options.h"
#include "runtime/account/account.h"
#include "runtime/store/store.h"

static int add_offline(const char *state, const char *name, bool is_admin, struct account_token *ret, struct sp_err *e)
{
	sp_auto_free char *path = NULL;
	struct store *st = NULL;
	struct sp_id user;
	int r;

	if (asprintf(&path, "%s/vitrine.db", state) < 0)
		return sp_fail(e, SP_ENOMEM, 0, "path");
	r = store_open(path, &st, e);
	if (r < 0)
		return r;
	r = account_user_add(st, name, is_admin, NULL, ret, &user, e);
	store_close(st);
	return r;
}

static int user_add(const char *state, const char *name, bool is_admin)
{
	struct account_token token = { 0 };
	struct sp_err e = { 0 };
	json_t *answer = NULL;
	int r = admin_call(state, json_pack("{s:s, s:s, s:b}", "cmd", "user-add", "name", name, "admin", is_admin), &answer, &e);

	if (r == -SP_ENOENT) {
		r = add_offline(state, name, is_admin, &token, &e);
		if (r >= 0)
			printf("%s %s\n", name, token.s);
	} else if (r >= 0) {
		printf("%s %s\n", name, json_string_value(json_object_get(answer, "token")));
	}
	json_decref(answer);
	return r < 0 ? cmd_fail_err(&e) : CMD_OK;
}

static int signin(const char *state, const char *name)
{
	struct sp_err e = { 0 };
	json_t *answer = NULL;

	if (admin_call(state, json_pack("{s:s, s:s}", "cmd", "signin-link", "name", name), &answer, &e) < 0)
		return cmd_fail_err(&e);
	printf("%s\n", json_string_value(json_object_get(answer, "path")));
	json_decref(answer);
	return CMD_OK;
}

int cmd_admin(int argc, char **argv)
{
	const char *state = cmd_default_state(), *operands[4];
	bool is_admin = false;
	const struct option_row rows[] = { { "--state", &state, NULL, NULL }, { "--admin", NULL, &is_admin, NULL } };

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 3))
		return CMD_USAGE;
	if (operands[0] && operands[1] && operands[2] && !strcmp(operands[0], "user") && !strcmp(operands[1], "add"))
		return user_add(state, operands[2], is_admin);
	if (operands[0] && operands[1] && !operands[2] && !strcmp(operands[0], "signin"))
		return signin(state, operands[1]);
	return cmd_fail(CMD_USAGE, "say 'vitrine admin user add NAME' or 'vitrine admin signin NAME'");
}
