/*
 * deploy.c - `vitrine deploy [FOLDER]`: upload, follow, print the URL or the reason.
 */
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "clock.h"
#include "cmd.h"
#include "deploy.h"
#include "follow.h"
#include "session.h"
#include "str.h"
#include "upload.h"

static bool has_front_matter(const struct folder *f, struct sp_arena *a)
{
	const char *readme = folder_read(f->root, "README.md", 1 << 20, a, NULL);

	return readme && sp_starts_with(readme, "---");
}

static const char *front_matter_sdk(const struct folder *f, struct sp_arena *a)
{
	const char *readme = folder_read(f->root, "README.md", 1 << 20, a, NULL), *at = strstr(readme, "\nsdk:");
	size_t n;

	if (!at)
		return "gradio";
	at += strlen("\nsdk:");
	at += strspn(at, " \t\"'");
	n = strcspn(at, " \t\r\n\"'#");
	return sp_arena_mem(a, at, n);
}

/* The server refuses to make a Space of an unknown sdk; made as another one, its README's fault is shown with its line. */
static const char *known_sdk(const char *sdk)
{
	static const char *const known[] = { "gradio", "streamlit", "static", "docker" };

	for (size_t i = 0; i < SP_COUNT(known); i++)
		if (!strcmp(sdk, known[i]))
			return sdk;
	return known[0];
}

int deploy_folder(struct client *c, const struct deploy *d, struct sp_arena *a, struct space_state *ret, struct sp_err *e)
{
	struct upload u = { .space = d->space, .is_private = d->is_private, .mirror = true };
	struct follow follow = { .space = d->space, .quiet = d->quiet, .json = d->json };
	unsigned long long start = sp_mono_us();
	const char *readme = NULL;
	struct uploaded done;
	struct folder f;
	bool created;
	int r = folder_scan(d->folder, a, &f, e);

	if (r < 0)
		return r;
	if (has_front_matter(&f, a)) {
		u.sdk = known_sdk(front_matter_sdk(&f, a));
	} else {
		u.sdk = folder_guess_sdk(&f, a);
		if (!u.sdk)
			return sp_fail(e, SP_EINVAL, 0, "'%s' has no app.py, index.html or Dockerfile, so there is nothing to run", d->folder);
		readme = sp_arena_fmt(a, "---\ntitle: %s\nsdk: %s\n---\n", strchr(d->space, '/') + 1, u.sdk);
	}
	cmd_event("checked", sp_arena_fmt(a, "%s: %s, %zu files, %llu KB", d->folder, u.sdk, f.n, (unsigned long long)(f.bytes + 1023) >> 10), start,
		json_pack("{s:s, s:s, s:I, s:I}", "space", d->space, "sdk", u.sdk, "files", (json_int_t)f.n, "bytes", (json_int_t)f.bytes));
	if (f.skipped && !d->quiet && !d->json)
		printf("  left out   %s\n", f.skipped);
	start = sp_mono_us();
	r = upload_create(c, &u, &created, e);
	if (r >= 0)
		r = upload_folder(c, &u, &f, readme, a, &done, e);
	if (r < 0)
		return r;
	cmd_event(created ? "created" : "updated", sp_arena_fmt(a, "%s: %zu files sent, %zu deleted", d->space, done.sent, done.deleted), start,
		json_pack("{s:s, s:I, s:I, s:s?}", "space", d->space, "sent", (json_int_t)done.sent, "deleted", (json_int_t)done.deleted, "commit", done.commit));
	start = sp_mono_us();
	follow.commit = done.commit;
	r = follow_space(c, &follow, a, ret, e);
	if (r >= 0)
		cmd_event("running", ret->host, start, json_pack("{s:s, s:s, s:s}", "space", d->space, "url", ret->host, "stage", ret->stage));
	return r;
}

/* --name, what the folder was cloned from, or the folder's own name below one's own. */
static int find_space(struct session *s, const char *name, const char *folder, const char **ret, struct sp_err *e)
{
	const char *me;
	int r;

	if (!name)
		name = s->space;
	if (!name && (*ret = session_remote(s, folder)))
		return 0;
	if (name)
		return session_space(s, name, ret, e);
	r = session_whoami(s, &me, e);
	if (r == 0)
		*ret = sp_arena_fmt(&s->arena, "%s/%s", me, session_folder_name(folder, &s->arena));
	return r;
}

int cmd_deploy(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const char *name = NULL, *operands[2];
	bool is_private = false;
	const struct option_row rows[] = { SESSION_OPTIONS(&s), { "--name", &name, NULL, NULL }, { "--private", NULL, &is_private, NULL } };
	struct space_state end = { 0 };
	struct deploy d = { .folder = "." };
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (s.to && !strstr(s.to, "://") && strchr(s.to, '/') && !name) {       /* `--to ada/chat`: where to, in the other sense */
		name = s.to;
		s.to = NULL;
	}
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (operands[0])
		d.folder = operands[0];
	d.is_private = is_private;
	d.json = s.json;
	r = find_space(&s, name, d.folder, &d.space, &e);
	if (r >= 0)
		r = deploy_folder(s.client, &d, &s.arena, &end, &e);
	if (r < 0)
		return end.stage ? follow_complain(&end, s.json, &s.arena) : cmd_fail_err(&e);
	if (!s.json)
		printf("\n%s\n", end.host);
	return CMD_OK;
}
