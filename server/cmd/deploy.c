/*
 * deploy.c - `vitrine deploy FOLDER`: upload, follow, print the URL or the reason.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "clock.h"
#include "cmd.h"
#include "deploy.h"
#include "follow.h"
#include "options.h"
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

static const char *own_name(struct client *c, struct sp_arena *a, struct sp_err *e)
{
	json_t *me = NULL;
	int status = client_call(c, "GET", "/api/whoami-v2", NULL, &me, e);
	const char *name = NULL;

	if (status == 200)
		name = sp_arena_str(a, json_string_value(json_object_get(me, "name")));
	else if (status >= 0)
		status = sp_fail(e, SP_EAUTH, 0, "%s does not accept the token; set VITRINE_TOKEN to one of yours", client_url(c));
	json_decref(me);
	return name;
}

/* The folder's own name as a repository name: letters, digits, '-', '_', '.'. */
static const char *folder_name(const char *root, struct sp_arena *a)
{
	sp_auto_free char *real = realpath(root, NULL);
	const char *slash = real ? strrchr(real, '/') : NULL;
	char *name = sp_arena_str(a, slash && slash[1] ? slash + 1 : "app");

	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			*p = '-';
	return name;
}

int deploy_folder(struct client *c, const struct deploy *d, struct sp_arena *a, struct followed *ret, struct sp_err *e)
{
	struct upload u = { .space = d->space, .is_private = d->is_private, .mirror = true };
	struct follow follow = { .space = d->space, .quiet = d->quiet };
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
	cmd_step("checked", sp_arena_fmt(a, "%s: %s, %zu files, %llu KB", d->folder, u.sdk, f.n, (unsigned long long)(f.bytes + 1023) >> 10), start);
	if (f.skipped && !d->quiet)
		printf("  left out   %s\n", f.skipped);
	start = sp_mono_us();
	r = upload_create(c, &u, &created, e);
	if (r >= 0)
		r = upload_folder(c, &u, &f, readme, a, &done, e);
	if (r < 0)
		return r;
	cmd_step(created ? "created" : "updated", sp_arena_fmt(a, "%s: %zu files sent, %zu deleted", d->space, done.sent, done.deleted), start);
	start = sp_mono_us();
	follow.commit = done.commit;
	r = follow_space(c, &follow, a, ret, e);
	if (r >= 0)
		cmd_step("running", ret->host ? ret->host : "", start);
	return r;
}

int cmd_deploy(int argc, char **argv)
{
	const char *name = NULL, *to = getenv("VITRINE_URL"), *state = cmd_default_state(), *operands[2];
	bool is_private = false;
	const struct option_row rows[] = {
		{ "--name", &name, NULL, NULL }, { "--to", &to, NULL, NULL }, { "--state", &state, NULL, NULL }, { "--private", NULL, &is_private, NULL },
	};
	sp_auto(client_free_p) struct client *c = NULL;
	struct followed end = { 0 };
	struct sp_arena a;
	struct deploy d;
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (!operands[0])
		return cmd_fail(CMD_USAGE, "deploy needs a folder: vitrine deploy ./myapp");
	if (client_new(to ? to : "http://localhost:7860", client_find_token(state), &c, &e) < 0)
		return cmd_fail(CMD_USAGE, "%s", e.msg);
	sp_arena_init(&a);
	if (!name || !strchr(name, '/')) {
		const char *owner = own_name(c, &a, &e);

		name = owner ? sp_arena_fmt(&a, "%s/%s", owner, name ? name : folder_name(operands[0], &a)) : NULL;
	}
	d = (struct deploy){ .folder = operands[0], .space = name, .is_private = is_private };
	r = name ? deploy_folder(c, &d, &a, &end, &e) : -1;
	if (r < 0 && end.evidence)
		fprintf(stderr, "\n%s\n\n", end.evidence);
	if (r < 0)
		cmd_fail_err(&e);
	if (r < 0 && end.next)
		fprintf(stderr, "vitrine: %s\n", end.next);
	if (r >= 0)
		printf("\n%s\n", end.host);
	sp_arena_fini(&a);
	return r < 0 ? CMD_FAILED : CMD_OK;
}
