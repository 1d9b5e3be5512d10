/*
 * check_local.c - what `vitrine dev --local` can do on this machine, for `vitrine check`: vitrine-local tries it and says it as JSON.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "cmd.h"

json_t *check_local(void)
{
	sp_auto_free char *path = NULL;
	json_t *said;
	FILE *from;
	int ends[2];
	pid_t pid;

	if (asprintf(&path, "%s/vitrine-local", cmd_bin_dir()) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(path, path, "--check", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	from = fdopen(ends[0], "re");
	if (!from) {
		close(ends[0]);
		return NULL;
	}
	said = json_loadf(from, JSON_DISABLE_EOF_CHECK, NULL);
	fclose(from);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return said;
}

void check_local_print(void)
{
	const char *step = "", *why = "vitrine-local does not answer", *what, *here, *next;
	json_t *said = check_local(), *rows = NULL, *row;
	int works = 0, landlock = 0;
	size_t i;

	if (said && json_unpack(said, "{s:b, s:s, s:s, s:i, s:o}", "works", &works, "step", &step, "why", &why, "landlock", &landlock, "weaker", &rows) < 0)
		works = 0;
	printf("  %-5s %s%s%s\n", landlock >= 2 ? "ok" : "MISS", "Landlock", landlock >= 2 ? "" : ": ",
		landlock >= 2 ? "" : "a second wall around apps is missing; Linux 5.19 or newer with 'landlock' in its lsm= list has it");
	if (works)
		printf("  ok    dev --local as an ordinary user; weaker than 'vitrine serve' in:\n");
	else
		printf("  MISS  dev --local as an ordinary user: %s%s%s\n", step, *step ? ": " : "", why);
	if (works)
		json_array_foreach(rows, i, row)
			if (json_unpack(row, "{s:s, s:s, s:s}", "what", &what, "here", &here, "next", &next) == 0)
				printf("          %s: %s. %s\n", what, here, next);
	json_decref(said);
}
