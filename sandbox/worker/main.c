/* main.c - vitrine-worker: one task on hostile bytes, then gone. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "git.h"
#include "limit.h"
#include "num.h"
#include "task.h"

static const struct task {
	const char *name;
	int (*run)(const struct task_args *args);
	uint64_t max_files, max_bytes;
} tasks[] = {
	{ "unpack-app", task_unpack_app, SP_LIMIT_space_files, SP_LIMIT_space_bytes },
	{ "pack-env",   task_pack_env,   SP_LIMIT_env_files,   SP_LIMIT_env_bytes },
};

static int usage(void)
{
	return task_fail(TASK_USAGE, "usage: vitrine-worker git …, or unpack-app|pack-env "
			"[--in DIR] [--out FILE] [--work DIR] [--max-files N] [--max-bytes N]");
}

static int parse_option(struct task_args *args, const char *name, const char *value)
{
	if (strcmp(name, "--in") == 0)
		args->in = value;
	else if (strcmp(name, "--out") == 0)
		args->out = value;
	else if (strcmp(name, "--work") == 0)
		args->work = value;
	else if (strcmp(name, "--max-files") == 0)
		return sp_parse_u64(value, strlen(value), UINT64_MAX, &args->max_files);
	else if (strcmp(name, "--max-bytes") == 0)
		return sp_parse_u64(value, strlen(value), UINT64_MAX, &args->max_bytes);
	else
		return -SP_EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	int hook;

	setlocale(LC_CTYPE, "C.UTF-8");                 /* libarchive gives names in the locale's bytes */
	hook = git_hook(program_invocation_short_name);
	if (hook >= 0)
		return hook;
	if (argc >= 2 && strcmp(argv[1], "git") == 0)
		return task_git(argc - 2, argv + 2);
	if (argc < 2 || argc % 2 != 0)
		return usage();
	for (unsigned i = 0; i < SP_COUNT(tasks); i++) {
		struct task_args args = { "/in", "/out", "/home/user/work", tasks[i].max_files, tasks[i].max_bytes };

		if (strcmp(argv[1], tasks[i].name) != 0)
			continue;
		for (int at = 2; at < argc; at += 2)
			if (parse_option(&args, argv[at], argv[at + 1]) < 0)
				return usage();
		return tasks[i].run(&args);
	}
	return usage();
}
