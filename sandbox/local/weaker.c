#include <linux/landlock.h>

#include "local.h"

/* What `vitrine serve` gives as root and an ordinary user's sandbox does not. */
static const struct { const char *what, *here, *next; } weaker[] = {
	{ "memory, CPU and disk", "not limited: only its processes and open files are counted, so it can use up this machine's memory and processors", "Stop it with Ctrl-C." },
	{ "user ids", "the app has your own user id outside: nothing but the namespaces and Landlock is between it and your files",
		"Run strangers' code with 'vitrine serve'." },
	{ "owner of mounts and network", "a user namespace of yours instead of the host's root: a kernel fault in either is enough to leave",
		"Run strangers' code with 'vitrine serve'." },
	{ "root file system", "this machine's /usr and some of /etc, read-only, instead of an image: the app sees what is installed here",
		"Use an environment of its own (--venv)." },
	{ "network", "none at all, or with --network all of yours: localhost, the local network and the internet, without policy or accounting",
		"Leave --network out." },
	{ "packages", "nothing is built: packages.txt and requirements.txt are yours to install, outside of the sandbox", "Read them before you install them." },
	{ "blocked calls", "refused all the same, but not reported", "Read the app's own output." },
};

static void text(const char *s)
{
	putchar('"');
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s >= 0x20)
			putchar(*s);
	putchar('"');
}

static void field(const char *name, const char *value, const char *behind)
{
	printf("\"%s\": ", name);
	text(value);
	fputs(behind, stdout);
}

/* Everything is made, in a child that then ends. */
static int try_all(struct why *why)
{
	const struct local lo = { .app = "/usr", .trial = true };
	sp_auto_close int pidfd = -1, sync = -1;
	struct why child;
	pid_t pid;
	int r = local_clone(&lo, NULL, &pid, &pidfd, &sync, why);

	if (r < 0)
		return r;
	if (send(sync, "G", 1, MSG_NOSIGNAL) == 1 && recv(sync, &child, sizeof(child), 0) == (ssize_t)sizeof(child)) {
		*why = child;
		r = -1;
	}
	return waitpid(pid, NULL, 0) == pid ? r : -1;
}

int local_check(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct why why = { .step = "" };
	int r = 0;

	/* Asked by root: what an ordinary user can do is what counts. */
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
		r = sp_fail(&why.e, SP_EIO, errno, "become an ordinary user");
	r = r ?: try_all(&why);
	printf("{\"works\": %s, ", r == 0 ? "true" : "false");
	field("step", r == 0 ? "" : why.step, ", ");
	field("why", r == 0 ? "" : why.e.msg, ", ");
	printf("\"landlock\": %ld, \"weaker\": [", abi < 0 ? 0 : abi);
	for (unsigned i = 0; i < SP_COUNT(weaker); i++) {
		fputs(i ? ", {" : "{", stdout);
		field("what", weaker[i].what, ", ");
		field("here", weaker[i].here, ", ");
		field("next", weaker[i].next, "}");
	}
	puts("]}");
	return r == 0 ? 0 : 1;
}
