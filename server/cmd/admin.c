/*
 * admin.c - `vitrine admin …`: users, invitations and links, for whoever is root on the server.
 *
 * With a running server they go through its admin socket. Without one only `user add` works: it opens the
 * database under its lock, so that the two can never write at the same time.
 */
#include <stdio.h>
#include <string.h>

#include "admin_client.h"
#include "auto.h"
#include "cmd.h"
#include "options.h"
#include "runtime/account/account.h"
#include "runtime/store/store.h"

struct admin_args { const char *state, *operand, *name; bool is_admin, with_spaces, json; };

static void decref_p(json_t **j)
{
	json_decref(*j);
}
#define auto_json sp_auto(decref_p)

static const char *text_of(json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

/* The whole answer for programs; "ok" says nothing that the exit status does not. */
static int print_json(json_t *answer)
{
	json_object_del(answer, "ok");
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	return CMD_OK;
}

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

static int user_add(const struct admin_args *a)
{
	auto_json json_t *answer = NULL;
	struct account_token token = { 0 };
	struct sp_err e = { 0 };
	int r = admin_call(a->state, json_pack("{s:s, s:s, s:b}", "cmd", "user-add", "name", a->operand, "admin", a->is_admin), &answer, &e);

	if (r == -SP_ENOENT) {
		r = add_offline(a->state, a->operand, a->is_admin, &token, &e);
		answer = r < 0 ? NULL : json_pack("{s:s, s:s}", "name", a->operand, "token", token.s);
	}
	if (r < 0)
		return cmd_fail_err(&e);
	if (a->json)
		return print_json(answer);
	printf("%s %s\n", a->operand, text_of(answer, "token"));
	return CMD_OK;
}

static int call(const struct admin_args *a, json_t *command, json_t **ret)
{
	struct sp_err e = { 0 };

	return admin_call(a->state, command, ret, &e) < 0 ? cmd_fail_err(&e) : CMD_OK;
}

static int user_list(const struct admin_args *a)
{
	auto_json json_t *answer = NULL;
	json_t *user;
	size_t i;
	int r = call(a, json_pack("{s:s}", "cmd", "user-list"), &answer);

	if (r != CMD_OK || a->json)
		return r != CMD_OK ? r : print_json(answer);
	json_array_foreach(json_object_get(answer, "users"), i, user)
		printf("%-40s %-6s %-12s %4lld Spaces  since %.10s\n", text_of(user, "name"), json_is_true(json_object_get(user, "admin")) ? "admin" : "",
			json_is_true(json_object_get(user, "password")) ? "" : "no password",
			(long long)json_integer_value(json_object_get(user, "spaces")), text_of(user, "createdAt"));
	return CMD_OK;
}

static int refuse_owner(const struct admin_args *a, json_t *spaces)
{
	json_t *one;
	size_t i;

	json_array_foreach(spaces, i, one)
		fprintf(stderr, "  %s\n", json_string_value(one));
	return cmd_fail(CMD_FAILED, "%s owns these %zu Spaces: add --with-spaces to delete them too", a->operand, json_array_size(spaces));
}

static int user_del(const struct admin_args *a)
{
	auto_json json_t *shown = NULL, *answer = NULL;
	json_t *spaces;
	int r = call(a, json_pack("{s:s, s:s}", "cmd", "user-show", "name", a->operand), &shown);

	if (r != CMD_OK)
		return r;
	spaces = json_object_get(shown, "spaces");
	if (json_array_size(spaces) && !a->with_spaces)
		return refuse_owner(a, spaces);
	r = call(a, json_pack("{s:s, s:s, s:b}", "cmd", "user-del", "name", a->operand, "with_spaces", a->with_spaces), &answer);
	if (r != CMD_OK)
		return r;
	if (a->json)
		return print_json(shown);
	printf("deleted %s and %zu Spaces\n", text_of(shown, "name"), json_array_size(spaces));
	return CMD_OK;
}

/* Print the link alone, for a pipe. */
static int link_of(const struct admin_args *a, json_t *command)
{
	auto_json json_t *answer = NULL;
	int r = call(a, command, &answer);

	if (r != CMD_OK || a->json)
		return r != CMD_OK ? r : print_json(answer);
	printf("%s\n", text_of(answer, "url"));
	return CMD_OK;
}

static int user_reset(const struct admin_args *a)
{
	return link_of(a, json_pack("{s:s, s:s}", "cmd", "user-reset", "name", a->operand));
}

static int signin(const struct admin_args *a)
{
	return link_of(a, json_pack("{s:s, s:s}", "cmd", "signin-link", "name", a->operand));
}

static int invite(const struct admin_args *a)
{
	return link_of(a, json_pack("{s:s, s:s, s:b}", "cmd", "invite-add", "name", a->name ? a->name : "", "admin", a->is_admin));
}

static int invites(const struct admin_args *a)
{
	auto_json json_t *answer = NULL;
	json_t *one;
	size_t i;
	int r = call(a, json_pack("{s:s}", "cmd", "invite-list"), &answer);

	if (r != CMD_OK || a->json)
		return r != CMD_OK ? r : print_json(answer);
	json_array_foreach(json_object_get(answer, "invitations"), i, one)
		printf("%s  %-40s %-6s until %.16s\n", text_of(one, "id"), *text_of(one, "name") ? text_of(one, "name") : "any name",
			json_is_true(json_object_get(one, "admin")) ? "admin" : "", text_of(one, "expiresAt"));
	return CMD_OK;
}

static int invite_revoke(const struct admin_args *a)
{
	auto_json json_t *answer = NULL;
	int r = call(a, json_pack("{s:s, s:s}", "cmd", "invite-del", "id", a->operand), &answer);

	if (r != CMD_OK || a->json)
		return r != CMD_OK ? r : print_json(answer);
	printf("revoked %s\n", a->operand);
	return CMD_OK;
}

static const struct {
	const char *first, *second;     /* words of the command; second NULL: one word */
	const char *operand;            /* what else it needs; NULL: nothing */
	int (*run)(const struct admin_args *a);
	const char *what;
} rows[] = {
	{ "user",    "add",            "NAME", user_add,   "user add NAME [--admin]           make a user, print its token" },
	{ "user",    "list",           NULL,   user_list,  "user list" },
	{ "user",    "del",            "NAME", user_del,   "user del NAME [--with-spaces]     delete a user and all that is theirs" },
	{ "user",    "reset-password", "NAME", user_reset, "user reset-password NAME          print a link to a new password (24 h, once)" },
	{ "signin",  NULL,             "NAME", signin,     "signin NAME                       print a link that signs in (24 h, once)" },
	{ "invite",  NULL,             NULL,   invite,     "invite [--name NAME] [--admin]    print a link that makes an account (7 days, once)" },
	{ "invites", NULL,             NULL,   invites,    "invites                           list open invitations" },
	{ "revoke",  NULL,             "ID",   invite_revoke, "revoke ID                         make an invitation void" },
};

static int help(void)
{
	fprintf(stderr, "vitrine admin COMMAND [--state DIR] [--json]\n");
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		fprintf(stderr, "  %s\n", rows[i].what);
	return CMD_USAGE;
}

int cmd_admin(int argc, char **argv)
{
	const char *operands[4] = { NULL };
	struct admin_args a = { .state = cmd_default_state() };
	const struct option_row options[] = {
		{ "--state", &a.state, NULL, NULL }, { "--name", &a.name, NULL, NULL }, { "--admin", NULL, &a.is_admin, NULL },
		{ "--with-spaces", NULL, &a.with_spaces, NULL }, { "--json", NULL, &a.json, NULL },
	};

	if (!options_parse(argc, argv, options, SP_COUNT(options), operands, 3))
		return CMD_USAGE;
	cmd_set_json(a.json);
	for (size_t i = 0; operands[0] && i < SP_COUNT(rows); i++) {
		unsigned n = rows[i].second ? 2 : 1;

		if (strcmp(rows[i].first, operands[0]) != 0 || (rows[i].second && (!operands[1] || strcmp(rows[i].second, operands[1]) != 0)))
			continue;
		if (rows[i].operand && !operands[n])
			return cmd_fail(CMD_USAGE, "say 'vitrine admin %.34s', with the %s", rows[i].what, rows[i].operand);
		if (operands[n + (rows[i].operand != NULL)])
			return cmd_fail(CMD_USAGE, "admin: '%s' is one argument too many", operands[n + (rows[i].operand != NULL)]);
		a.operand = operands[n];
		return rows[i].run(&a);
	}
	return help();
}
