#include "examples.h"

#include <stdio.h>
#include <stdlib.h>

#include "auto.h"
#include "clock.h"
#include "cmd.h"
#include "deploy.h"
#include "limit.h"

static const char *const examples[] = { "static-hello", "streamlit-hello", "gradio-hello" };

static int deploy_one(struct client *c, const char *share, const char *name, struct sp_arena *a)
{
	struct deploy d = { .folder = sp_arena_fmt(a, "%s/templates/%s", share, name), .space = sp_arena_fmt(a, "admin/%s", name), .quiet = true };
	struct space_state end = { 0 };
	struct sp_err e = { 0 };

	printf("\n  %s\n", name);
	if (deploy_folder(c, &d, a, &end, &e) >= 0)
		return CMD_OK;
	return end.stage ? follow_complain(&end, false, a) : cmd_fail_err(&e);
}

int examples_deploy(const char *url, const char *state, const char *share, const volatile sig_atomic_t *stop)
{
	sp_auto(client_free_p) struct client *c = NULL;
	struct sp_err e = { 0 };
	int r = CMD_OK;

	if (client_new(url, client_admin_token(state), &c, &e) < 0)
		return cmd_fail_err(&e);
	for (size_t i = 0; i < SP_COUNT(examples) && !*stop; i++) {
		struct sp_arena a;

		sp_arena_init(&a);
		if (deploy_one(c, share, examples[i], &a) != CMD_OK)
			r = CMD_FAILED;
		sp_arena_fini(&a);
	}
	return *stop ? CMD_OK : r;
}
