#include "cmd.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "term.h"

static bool want_json;

void cmd_set_json(bool on)
{
	want_json = on;
}

int cmd_fail(int status, const char *fmt, ...)
{
	char text[1024];
	struct sp_arena a;
	va_list ap;
	json_t *j;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sp_arena_init(&a);
	fprintf(stderr, "vitrine: %s\n", term_safe(stderr, text, &a));
	sp_arena_fini(&a);
	if (want_json) {
		j = json_pack("{s:s}", "error", text);
		for (char *p = text; !j && *p; p++)     /* the name of a file, or cut inside a character */
			*p = (unsigned char)*p < 0x80 ? *p : '?';
		j = j ? j : json_pack("{s:s}", "error", text);
		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(j);
	}
	return status;
}

int cmd_fail_err(const struct sp_err *e)
{
	bool no_access = e->code == SP_EAUTH || e->code == SP_EDENIED || e->code == SP_EBUSY;

	return cmd_fail(no_access ? CMD_NO_ACCESS : CMD_FAILED, "%s", e->msg);
}

const char *cmd_took(unsigned long long start_us)
{
	static char text[32];

	snprintf(text, sizeof(text), "%.2f s", (double)(sp_mono_us() - start_us) / 1e6);
	return text;
}

void cmd_step(const char *word, const char *text, unsigned long long start_us)
{
	printf("  %-10s %-52s %8s\n", word, text, cmd_took(start_us));
	fflush(stdout);
}

void cmd_event(const char *word, const char *text, unsigned long long start_us, json_t *more)
{
	json_t *j;

	if (want_json) {
		j = json_pack("{s:s}", "event", word);
		if (start_us)
			json_object_set_new(j, "seconds", json_real((double)(sp_mono_us() - start_us) / 1e6));
		json_object_update(j, more);
		flockfile(stdout);      /* the log is followed on a thread of its own */
		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		funlockfile(stdout);
		json_decref(j);
	} else if (text) {
		cmd_step(word, text, start_us);
	}
	json_decref(more);
}

static const char *below_home(const char *sub)
{
	static char paths[2][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 2];
	const char *home = getenv("HOME");

	snprintf(path, PATH_MAX, "%s/%s", home && home[0] == '/' ? home : "/root", sub);
	return path;
}

const char *cmd_default_state(void)
{
	return below_home(".local/share/vitrine");
}

const char *cmd_default_images(void)
{
	return below_home(".cache/vitrine/images");
}

const char *cmd_bin_dir(void)
{
	static char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;

	if (n < 0)
		return ".";
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return dir;
}

const char *cmd_share_dir(void)
{
	static char dir[PATH_MAX + 16], real[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/../share", cmd_bin_dir());
	return realpath(dir, real) ? real : dir;
}
