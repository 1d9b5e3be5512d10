/*
 * vitrine - the command line: one row for each command, its help beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "cmd.h"

static const char on_spaces[] =
	"SPACE is OWNER/NAME, a NAME of yours or the address of its page. Without one it is the Space that this\n"
	"folder was cloned from, else the one that 'vitrine deploy' makes of this folder.\n";

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *what, *details;
	bool is_client, on_space;
} commands[] = {
	{ "deploy", cmd_deploy, "deploy [FOLDER] [--name OWNER/NAME] [--private]", "upload a folder and follow it until it answers",
		"Makes the Space if it is not there, sends what changed as one commit, deletes what the folder no longer has,\n"
		"shows the build, and ends with the URL or with the reason and the next step. FOLDER is '.' when left out.\n"
		"The name is the Space that the folder was cloned from, else the folder's own.\n", true, false },
	{ "ls", cmd_ls, "ls [USER] [--mine] [--all]", "list Spaces with their state", "For a Space that does not run the reason stands in place of its address.\n", true, false },
	{ "status", cmd_status, "status [SPACE]", "say what a Space does, why, and what to do next", "Ends with 1 when the Space has failed.\n", true, true },
	{ "logs", cmd_logs, "logs [SPACE] [-f] [--build]", "show what an app or its build printed",
		"  -f, --follow     go on until the app or the build ends, also while the server restarts\n"
		"  --build          the log of the newest build\n", true, true },
	{ "open", cmd_open, "open [SPACE] [--print]", "print an app's address and show it in a browser",
		"A private Space's address is one that signs the browser in; it is good for a while only.\n"
		"  --print          start no browser\n", true, true },
	{ "restart", cmd_restart, "restart [SPACE] [--factory] [--no-wait]", "start an app anew and wait until it answers",
		"  --factory        build it anew, without anything kept from earlier builds\n"
		"  --no-wait        end as soon as the restart has begun\n", true, true },
	{ "pause", cmd_pause, "pause [SPACE]", "stop an app until somebody restarts it", "", true, true },
	{ "secrets", cmd_secrets, "secrets ls [SPACE] | set [SPACE] KEY[=VALUE]... | rm [SPACE] KEY...", "what only the app may read",
		"Without =VALUE the value is read from standard input, or asked for without showing it, so that it is in no\n"
		"shell's history. Values are never shown again. A running app restarts with the change.\n"
		"  --description T  what it is for\n", true, true },
	{ "vars", cmd_vars, "vars ls [SPACE] | set [SPACE] KEY[=VALUE]... | rm [SPACE] KEY...", "what an app is told and everybody may know",
		"  --description T  what it is for\n", true, true },
	{ "delete", cmd_delete, "delete SPACE --yes", "delete a Space for good", "Its files, history, variables, secrets and data are gone.\n", true, false },
	{ "login", cmd_login, "login [URL] [--token TOKEN]", "keep a token of yours for later commands",
		"The token is asked for, or read from standard input. It is kept in $XDG_CONFIG_HOME/vitrine/login.json, which only\n"
		"you may read; several servers may be kept, the newest one is used where --to names none.\n", true, false },
	{ "logout", cmd_logout, "logout [URL]", "forget the token again", "", true, false },
	{ "whoami", cmd_whoami, "whoami", "say which server and which user commands speak for", "", true, false },
	{ "serve", cmd_serve, "serve [--state DIR] [--listen ADDR:PORT] [--domain NAME] [--images DIR] [--examples] [--log FILE] "
		"[--app-disk SIZE] [--build-disk SIZE]", "run the server (root)", "", false, false },
	{ "dev", cmd_dev, "dev --local [FOLDER] [--venv DIR] [--port N] [--network] [--env NAME=VALUE]...", "run a folder's app on this machine, without root",
		"README.md says what runs, as on a server. The app sees its folder, what it writes there is forgotten when it ends. Ctrl-C ends it.\n"
		"  --venv DIR       the virtual environment with its packages; else $VIRTUAL_ENV, FOLDER/.venv, the machine's Python\n"
		"  --port N         where it answers on localhost; 7860 when left out\n"
		"  --network        let it use this machine's network; without it has none\n"
		"The sandbox is weaker than that of 'vitrine serve': 'vitrine check' lists in what.\n", false, false },
	{ "check", cmd_check, "check [--state DIR] [--images DIR]", "say what this machine can and cannot do", "", false, false },
	{ "admin", cmd_admin, "admin COMMAND [--state DIR]", "users, invitations and sign-in links; 'vitrine admin' lists the commands", "", false, false },
};

static int usage(FILE *to, int status)
{
	fputs("vitrine hosts interactive demo apps: you give a folder, it gives a URL.\n\n", to);
	for (size_t i = 0; i < SP_COUNT(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
	fputs("\n'vitrine help COMMAND' says more. The first steps: vitrine login http://HOST, vitrine deploy ./myapp\n", to);
	return status;
}

static int help(const struct command *c)
{
	printf("vitrine %s\n\n%c%s.\n\n%s%s", c->usage, c->what[0] - 'a' + 'A', c->what + 1, c->details, c->on_space ? on_spaces : "");
	if (c->is_client)
		fputs("\n  --to URL         the server; else VITRINE_URL, the newest login, HF_ENDPOINT with HF_TOKEN, http://localhost:7860\n"
		      "  --token TOKEN    else VITRINE_TOKEN, the login at that server, HF_TOKEN when HF_ENDPOINT is that server\n"
		      "  --json           JSON on standard output, errors as {\"error\": sentence} too\n"
		      "\nEnds with 0, 1 when it did not work, 2 when it was asked wrongly, 3 when the server does not answer or allow it.\n", stdout);
	return CMD_OK;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < SP_COUNT(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	fprintf(stderr, "vitrine: there is no command '%s'\n\n", name);
	return NULL;
}

static bool has(int argc, char **argv, const char *option)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

/* Every user of the machine may read the arguments of its processes: tokens and values of secrets go out of sight at once. */
static void hide_secrets(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		bool is_token = !strcmp(argv[i - 1], "--token") || !strncmp(argv[i], "--token=", 8);
		char *copy;

		if (!is_token && !(!strcmp(argv[1], "secrets") && strchr(argv[i], '=')))
			continue;
		copy = strdup(argv[i]);
		if (!copy)
			abort();
		memset(argv[i], '*', strlen(argv[i]));
		argv[i] = copy;
	}
}

int main(int argc, char **argv)
{
	bool wants_help = argc > 1 && (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
	const struct command *c;

	if (argc < 2)
		return usage(stderr, CMD_USAGE);
	if (wants_help && argc == 2)
		return usage(stdout, CMD_OK);
	c = find(argv[wants_help ? 2 : 1]);
	if (!c)
		return usage(stderr, CMD_USAGE);
	if (wants_help || (c->is_client && (has(argc, argv, "--help") || has(argc, argv, "-h"))))
		return help(c);
	if (c->is_client)
		hide_secrets(argc, argv);
	cmd_set_json(c->is_client && has(argc, argv, "--json"));
	return c->run(argc - 1, argv + 1);
}
