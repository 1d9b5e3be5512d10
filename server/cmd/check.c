/*
 * check.c - `vitrine check`: what this machine can and cannot do, one line each.
 */
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "cmd.h"
#include "options.h"

static bool say(bool good, const char *what, const char *otherwise)
{
	printf("  %-5s %s%s%s\n", good ? "ok" : "MISS", what, good ? "" : ": ", good ? "" : otherwise);
	return good;
}

static bool check_users(void)
{
	static const char *const users[] = { "vitrine", "vitrine-edge", "vitrine-net" };
	bool good = true;

	for (size_t i = 0; i < SP_COUNT(users); i++) {
		sp_auto_free char *text = NULL;

		if (asprintf(&text, "system user %s", users[i]) < 0)
			return false;
		good &= say(getpwnam(users[i]) != NULL, text, "run 'make deps' in the source folder");
	}
	return good;
}

static bool check_images(const char *images)
{
	static const char *const names[] = { "base.current", "tools.current" };
	bool good = true;

	for (size_t i = 0; i < SP_COUNT(names); i++) {
		sp_auto_free char *path = NULL, *text = NULL;

		if (asprintf(&path, "%s/%s", images, names[i]) < 0 || asprintf(&text, "image %.*s", (int)strcspn(names[i], "."), names[i]) < 0)
			return false;
		good &= say(access(path, R_OK) == 0, text, "'vitrine serve' makes it at its first start");
	}
	return good;
}

/* make-images.sh leaves it only where it could be mounted. */
static void check_disks(const char *images)
{
	sp_auto_free char *path = NULL, *made = NULL;

	if (asprintf(&path, "%s/slot.ext4", images) < 0 || asprintf(&made, "%s/base.current", images) < 0)
		return;
	if (access(made, R_OK) == 0 && access(path, R_OK) < 0)
		printf("  weak  no disks for apps: what they write is kept in memory, 1 GB for each, and before Linux 6.3 they cannot start; "
			"give this machine loop devices and ext4 (/dev/loop-control), then start 'vitrine serve' again\n");
}

static bool check_disk(const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return say(false, "disk", "the folder does not exist yet; 'vitrine serve' makes it");
	return say((uint64_t)fs.f_bavail * fs.f_frsize > (uint64_t)2 << 30, "2 GB of free disk", "make room; builds need it");
}

/* The kernel's side is asked of the launcher itself, so that there is one truth. */
static bool check_kernel(const char *images)
{
	sp_auto_free char *path = NULL;
	pid_t pid;
	int status;

	if (geteuid() != 0)
		return say(false, "the sandbox's kernel mechanisms", "they can only be tried as root: run 'sudo vitrine check'");
	if (asprintf(&path, "%s/vitrine-launcher", cmd_bin_dir()) < 0)
		return false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl(path, path, "--probe", "--images", images, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Walls behind our own, so only a remark. */
static void check_settings(void)
{
	static const struct { const char *name, *weaker; long least; } settings[] = {
		{ "kernel.unprivileged_bpf_disabled", "programs outside of sandboxes may load BPF", 1 },
		{ "kernel.io_uring_disabled", "programs outside of sandboxes may use io_uring, the kernel's most attacked part", 2 },
		{ "kernel.kptr_restrict", "kernel addresses can be read outside of sandboxes", 1 },
		{ "kernel.dmesg_restrict", "the kernel's log can be read outside of sandboxes", 1 },
	};

	for (size_t i = 0; i < SP_COUNT(settings); i++) {
		char path[128] = "/proc/sys/", text[32] = "";
		sp_auto_fclose FILE *f = NULL;

		for (size_t n = strlen(path), k = 0; settings[i].name[k]; k++)
			path[n + k] = settings[i].name[k] == '.' ? '/' : settings[i].name[k];
		f = fopen(path, "re");
		if ((!f || !fgets(text, sizeof(text), f) || strtol(text, NULL, 10) < settings[i].least))
			printf("  weak  %s is not at least %ld: %s; set it in /etc/sysctl.d\n", settings[i].name, settings[i].least, settings[i].weaker);
	}
}

int cmd_check(int argc, char **argv)
{
	const char *state = cmd_default_state(), *images = cmd_default_images(), *operands[1];
	const struct option_row rows[] = { { "--state", &state, NULL, NULL }, { "--images", &images, NULL, NULL } };
	bool good;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 0))
		return CMD_USAGE;
	good = check_users();
	good &= check_images(images);
	good &= check_disk(state);
	good &= check_kernel(images);
	check_disks(images);
	check_settings();
	check_local_print();                            /* no app of a server needs it */
	return good ? CMD_OK : CMD_FAILED;
}
