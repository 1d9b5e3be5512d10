/*
 * vitrine - serve, deploy, logs, check, admin.
 */
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "cmd.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *what;
} commands[] = {
	{ "serve", cmd_serve, "serve [--state DIR] [--listen ADDR:PORT] [--domain NAME] [--images DIR] [--examples] [--log FILE]", "run the server (root)" },
	{ "deploy", cmd_deploy, "deploy FOLDER [--name OWNER/NAME] [--to URL] [--private]", "upload a folder and follow it until it answers" },
	{ "logs", cmd_logs, "logs OWNER/NAME [--build] [-f] [--to URL]", "show what an app or its build printed" },
	{ "check", cmd_check, "check [--state DIR] [--images DIR]", "say what this machine can and cannot do" },
	{ "admin", cmd_admin, "admin user add NAME | admin signin NAME [--state DIR]", "users and sign-in links" },
};

static int usage(FILE *to, int status)
{
	fputs("vitrine hosts interactive demo apps: you give a folder, it gives a URL.\n\n", to);
	for (size_t i = 0; i < SP_COUNT(commands); i++)
		fprintf(to, "  vitrine %-104s %s\n", commands[i].usage, commands[i].what);
	fputs("\nThe token is read from VITRINE_TOKEN, HF_TOKEN, or the server's own state folder.\n", to);
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, CMD_USAGE);
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return usage(stdout, CMD_OK);
	for (size_t i = 0; i < SP_COUNT(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "vitrine: there is no command '%s'\n\n", argv[1]);
	return usage(stderr, CMD_USAGE);
}
