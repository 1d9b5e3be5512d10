/*
 * What may be pushed, said in sentences that git shows as "remote: …". The server checks again what others
 * depend on (runtime/repo/import.c): a push that takes this process over must not get further than its own
 * repository.
 */
#include "git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "id.h"
#include "limit.h"
#include "num.h"
#include "pointer.h"

enum { TOLD_MAX = 10 };
#define ZERO "0000000000000000000000000000000000000000"

struct told { unsigned big, missing, vast; };

static void say(const char *fmt, ...) SP_PRINTF(1, 2);
static void say(const char *fmt, ...)
{
	char text[1600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)                   /* paths are the pusher's: no terminal's cursor moves by them */
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = '?';
	fputs(text, stderr);
}

/* "OLD NEW REF\n": may REF be written, and so? */
static bool allow_update(const char *old, const char *new, const char *ref)
{
	(void)old;
	if (strncmp(ref, "refs/heads/", 11) != 0 && strncmp(ref, "refs/tags/", 10) != 0) {
		say("'%.200s' cannot be pushed: only branches (refs/heads/) and tags (refs/tags/) are kept here.\n", ref);
		return false;
	}
	if (strcmp(ref, "refs/heads/main") == 0 && strcmp(new, ZERO) == 0) {
		say("The branch main cannot be deleted: it is what the Space runs. Delete the Space instead, or push other files to main.\n");
		return false;
	}
	return true;
}

static void tell_big(struct told *t, const char *path, uint64_t size)
{
	if (t->big++ == 0)
		say("Your push was rejected because it contains files larger than %llu MB that are not in git-lfs:\n",
			(unsigned long long)(SP_LIMIT_regular_file_bytes >> 20));
	if (t->big <= TOLD_MAX)
		say("  %.1000s (%llu MB)\n", path, (unsigned long long)(size + (1 << 20) - 1) >> 20);
}

/* Commits, tags and folders are read whole by everybody who lists them. */
static void tell_vast(struct told *t, const char *type, const char *oid, uint64_t size)
{
	uint64_t max = strcmp(type, "tree") == 0 ? SP_LIMIT_git_folder_bytes : SP_LIMIT_git_text_bytes;

	if (size > max && t->vast++ < TOLD_MAX)
		say("The %s %.40s has %llu bytes: at most %llu are possible here.\n", type, oid, (unsigned long long)size, (unsigned long long)max);
}

static void tell_missing(struct told *t, const char *path, const char *sha256)
{
	if (t->missing++ == 0)
		say("Your push was rejected because these files are git-lfs pointers whose contents were not uploaded to this repository:\n");
	if (t->missing <= TOLD_MAX)
		say("  %.1000s (%s)\n", path, sha256);
}

/* `git cat-file --batch`, asked for one small object at a time. */
struct reader { FILE *ask, *answer; int pid; };

static int reader_start(struct reader *rd, struct sp_err *e)
{
	static const char *const argv[] = { "git", "cat-file", "--batch", NULL };
	int to[2], from[2], r;

	if (pipe2(to, O_CLOEXEC) < 0)
		return sp_fail(e, SP_EIO, errno, "pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		close(to[0]);
		close(to[1]);
		return sp_fail(e, SP_EIO, errno, "pipe");
	}
	r = git_start(argv, to[0], from[1], &rd->pid, e);
	close(to[0]);
	close(from[1]);
	rd->ask = fdopen(to[1], "w");
	rd->answer = fdopen(from[0], "r");
	return r;
}

static void reader_end(struct reader *rd)
{
	fclose(rd->ask);
	fclose(rd->answer);
	if (git_wait(rd->pid, "cat-file", NULL) < 0)
		rd->pid = -1;
}

/* The content of blob OID, which has SIZE bytes, into TEXT. */
static int reader_get(struct reader *rd, const char *oid, size_t size, char *text, struct sp_err *e)
{
	char head[128];

	if (fprintf(rd->ask, "%s\n", oid) < 0 || fflush(rd->ask) != 0 || !fgets(head, sizeof(head), rd->answer) || !strstr(head, " blob ") ||
			fread(text, 1, size, rd->answer) != size || fgetc(rd->answer) != '\n')
		return sp_fail(e, SP_EIO, 0, "read %.40s", oid);
	return 0;
}

/* "OID TYPE SIZE PATH" of an object that the push brings. */
static int look_at(struct reader *rd, struct told *t, char *line, struct sp_err *e)
{
	char *oid = strsep(&line, " "), *type = line ? strsep(&line, " ") : NULL, *size_text = line ? strsep(&line, " ") : NULL;
	const char *path = line && *line ? line : "(a file without a name)";
	char text[POINTER_MAX], sha256[65], mark[96];
	uint64_t size;
	int r;

	if (!size_text)
		return 0;
	if (sp_parse_u64(size_text, strlen(size_text), UINT64_MAX, &size) < 0)
		return sp_fail(e, SP_EPROTO, 0, "a size that is no number");
	if (strcmp(type, "blob") != 0) {
		tell_vast(t, type, oid, size);
		return 0;
	}
	if (size > SP_LIMIT_regular_file_bytes)
		tell_big(t, path, size);
	if (size < POINTER_MIN || size > POINTER_MAX)
		return 0;
	r = reader_get(rd, oid, (size_t)size, text, e);
	if (r < 0 || !pointer_parse(text, (size_t)size, sha256))
		return r;
	snprintf(mark, sizeof(mark), "/repo/lfs-names/%s", sha256);
	if (access(mark, F_OK) < 0)
		tell_missing(t, path, sha256);
	return 0;
}

/* What the new values reach and the repository does not have: two programs in a row, their end is read here. */
static int look_at_all(FILE *news, struct told *t, struct sp_err *e)
{
	static const char *const walk[] = { "git", "rev-list", "--objects", "--stdin", "--not", "--all", NULL };
	static const char *const sizes[] = { "git", "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize) %(rest)", "--buffer", NULL };
	sp_auto_close int middle = -1;
	sp_auto_fclose FILE *list = NULL;
	sp_auto_free char *line = NULL;
	int first[2], second[2], pids[2], r;
	struct reader rd;
	size_t room = 0;
	ssize_t n;

	if (pipe2(first, O_CLOEXEC) < 0 || pipe2(second, O_CLOEXEC) < 0)
		return sp_fail(e, SP_EIO, errno, "pipe");
	r = git_start(walk, fileno(news), first[1], &pids[0], e);
	close(first[1]);
	middle = first[0];
	if (r == 0)
		r = git_start(sizes, middle, second[1], &pids[1], e);
	close(second[1]);
	list = fdopen(second[0], "r");
	if (r == 0)
		r = reader_start(&rd, e);
	if (r < 0)
		return r;
	while (r == 0 && (n = getline(&line, &room, list)) > 0) {
		line[n - 1] = '\0';
		r = look_at(&rd, t, line, e);
	}
	reader_end(&rd);
	if (r == 0)
		r = git_wait(pids[0], "rev-list", e);
	return r < 0 ? r : git_wait(pids[1], "cat-file", e);
}

static int refuse(const struct told *t)
{
	if (t->big > TOLD_MAX)
		say("  … and %u more\n", t->big - TOLD_MAX);
	if (t->big)
		say("Store them with git-lfs (https://git-lfs.com) and push again: git lfs migrate import --everything --above=%lluMB\n",
			(unsigned long long)(SP_LIMIT_regular_file_bytes >> 20));
	if (t->missing > TOLD_MAX)
		say("  … and %u more\n", t->missing - TOLD_MAX);
	if (t->missing)
		say("Upload them first: git lfs push --all origin\n");
	return t->big || t->missing || t->vast;
}

static int pre_receive(void)
{
	sp_auto_fclose FILE *news = fdopen(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "w+");
	char line[SP_LIMIT_repo_path_bytes + 128], *at, *ref;
	struct told t = { 0 };
	bool ok = true;
	struct sp_err e;
	int r;

	while (news && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		at = line;
		strsep(&at, " ");
		ref = at;
		if (!at || !strsep(&ref, " ") || !ref || strlen(ref) >= SP_LIMIT_repo_path_bytes) {
			say("A reference's name is too long.\n");
			return 1;
		}
		ok = allow_update(line, at, ref) && ok;
		if (strcmp(at, ZERO) != 0)
			fprintf(news, "%s\n", at);
	}
	if (!ok)
		return 1;
	if (!news || fflush(news) != 0 || lseek(fileno(news), 0, SEEK_SET) < 0)
		return 1;
	r = look_at_all(news, &t, &e);
	if (r < 0)
		say("The push could not be checked: %s. Try again.\n", e.msg);
	return r < 0 || refuse(&t);
}

/*
 * What git's receive-pack has accepted is the server's to take over: the whole list or none, for git has said "ok"
 * already and does not ask how this hook ends.
 */
static int post_receive(void)
{
	sp_auto_fclose FILE *to = fopen("/incoming/updates.part", "wxe");
	char chunk[4096];
	size_t n;

	while (to && (n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		if (fwrite(chunk, 1, n, to) != n)
			return 1;
	return !to || ferror(stdin) || fflush(to) != 0 || rename("/incoming/updates.part", "/incoming/updates") < 0;
}

int git_hook(const char *name)
{
	if (strcmp(name, "pre-receive") == 0)
		return pre_receive();
	return strcmp(name, "post-receive") == 0 ? post_receive() : -1;
}
