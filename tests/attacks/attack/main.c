#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "attack.h"

int fail(int error)
{
	errno = error;
	return -1;
}

int opens(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC) < 0 ? -1 : 0;
}

int reads(const char *path)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -1 : read(fd, text, sizeof(text)) <= 0 ? fail(errno ? errno : ENODATA) : 0;
}

int sets_up(int family, int type, int protocol)
{
	return socket(family, type, protocol) < 0 ? -1 : 0;
}

int option(int family, int type, int level, int name, const void *value, socklen_t len)
{
	int fd = socket(family, type, 0);

	return fd < 0 ? -1 : setsockopt(fd, level, name, value, len);
}

/* What attacks on mounts do, they do to a copy where they can have one. */
void private(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

pid_t victim(void)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *at = d ? readdir(d) : NULL; at && !found; at = readdir(d)) {
		char path[300], text[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", at->d_name);
		f = atoi(at->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		if (fread(text, 1, sizeof(text) - 1, f) > 7 && strcmp(text + strlen(text) + 1, "victim") == 0)
			found = (pid_t)atoi(at->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
	errno = ESRCH;
	return found;
}

int victim_file(const char *name, int flags)
{
	char path[64];
	pid_t pid = victim();

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return pid ? opens(path, flags) : -1;
}


static void try_one(const struct attack *a)
{
	int status, r;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(10);
		errno = 0;
		r = a->run();
		_exit(r == 0 ? 0 : errno ? errno : 255);
	}
	waitpid(pid, &status, 0);
	printf("%d %s %s\n", a->number, a->name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) :
		WEXITSTATUS(status) == 0 ? "OK" : WEXITSTATUS(status) == 255 ? "nothing" : strerrorname_np(WEXITSTATUS(status)));
	fflush(stdout);
}

static int wait_as_victim(void)
{
	struct sockaddr_un hidden = { .sun_family = AF_UNIX, .sun_path = ABSTRACT }, path = { .sun_family = AF_UNIX, .sun_path = "/tmp/victim.sock" };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT) };
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	static const char *const files[] = { "/dev/shm/victim", "/tmp/victim", "/var/tmp/victim", "/home/victim" };

	setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(a, (struct sockaddr *)&hidden, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(ABSTRACT) - 1)) < 0 || listen(a, 64) < 0 ||
			bind(b, (struct sockaddr *)&path, sizeof(path)) < 0 || listen(b, 64) < 0 || bind(c, (struct sockaddr *)&at, sizeof(at)) < 0 ||
			listen(c, 64) < 0 || shmget(VICTIM_SHM, 4096, IPC_CREAT | 0666) < 0) {
		perror("victim");
		return 1;
	}
	for (unsigned i = 0; i < 4; i++)
		if (open(files[i], O_RDWR | O_CREAT, 0666) < 0 && i < 2)
			perror(files[i]);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static const struct attack *const tables[] = { files_attacks, processes_attacks, kernel_attacks, neighbours_attacks };
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "hello") == 0)
		return 0;
	if (strcmp(what, "rootcheck") == 0)
		return geteuid() != 0;
	if (strcmp(what, "victim") == 0)
		return wait_as_victim();
	for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct attack *a = tables[t]; a->name; a++)
			try_one(a);
	return 0;
}
