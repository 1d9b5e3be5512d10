#include <string.h>

#include "log.h"
#include "runtime/build/front_matter.h"
#include "runtime/store/store.h"
#include "server/api/new_space.h"
#include "server/api/repo_util.h"
#include "server/git/git_int.h"
#include "server/server.h"

/* What a Space cannot be built from is refused before it is the head (C-GIT-09). No block at all is fine: other files may follow. */
static int check_readme(SP_UNUSED void *arg, const char *text, size_t len, struct sp_err *e)
{
	struct front_matter fm = { 0 };
	struct sp_err why;
	int r = front_matter_parse(text, len, &fm, &why);

	if (r == -SP_ENOENT)
		return 0;
	if (r < 0)
		return sp_fail(e, SP_EINVAL, 0, "README.md, %.300s. Correct it and push again", why.msg);
	if (fm.sdk && !new_space_is_sdk(fm.sdk))
		r = sp_fail(e, SP_EINVAL, 0, "README.md, line %u: sdk '%.40s' is not one of gradio, streamlit, static, docker. Correct it and push again",
			fm.sdk_line, fm.sdk);
	front_matter_fini(&fm);
	return r;
}

static void published(struct git_task *t, const struct repo_push *p)
{
	struct server *srv = git_server(t->git);
	struct sp_err e;

	for (size_t i = 0; i < p->n; i++) {
		const struct repo_update *u = &p->updates[i];

		if (!u->moved || strcmp(u->ref, "refs/heads/main") != 0)
			continue;
		if (repo_publish(srv, &t->repo, &e) < 0 || store_event_add(srv->store, &t->actor.user, &t->repo, "push", u->new, &e) < 0)
			log_err("space=%s pushed, but its row does not say so: %s", t->repo.s, log_q(e.msg).s);
	}
}

/* An hour may lie between the request and its end: the token may be revoked, the Space deleted or given away. */
static int may_still(const struct git_task *t, struct sp_arena *a, struct sp_err *e)
{
	struct store *st = git_server(t->git)->store;
	struct account_actor now;
	struct store_repo repo;
	int r = store_repo_by_id(st, &t->repo, a, &repo, e);

	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "the Space was deleted meanwhile");
	if (r == 0)
		r = account_by_token_id(st, &t->actor.user, &t->actor.token, &now, e);
	if (r < 0)
		return r;
	now.role = t->actor.role;
	return account_may(&now, MAY_WRITE, &(struct account_object){ .owner = repo.owner, .is_private = repo.is_private }, e);
}

/* What git said stands when everything that it accepted was brought in. */
void git_push_import(struct git_task *t)
{
	struct sp_arena a;
	struct repo_push push = { .arena = &a, .check_readme = check_readme };
	struct sp_err e;
	int r;

	sp_arena_init(&a);
	r = may_still(t, &a, &e);
	if (r == 0)
		r = repo_import(git_server(t->git)->repos, &t->repo, &t->run, &push, &e);
	if (r == 0 && push.n == 0 && git_says_ok(&t->out))
		r = sp_fail(&e, SP_EIO, 0, "the worker left no list of what it accepted");
	if (r < 0) {
		log_info("space=%s push refused code=%s: %s", t->repo.s, sp_code_name(e.code), log_q(e.msg).s);
		sp_buf_fini(&t->out);
		if (e.code == SP_EIO || e.code == SP_EBUG)
			sp_fail(&e, SP_EIO, 0, "the server failed to take the push; push again, and tell the operator if it stays");
		if (push.n)
			git_report(&t->out, t->sideband, push.updates, push.n, e.msg);
		else
			git_report_fatal(&t->out, t->sideband, e.msg);
	}
	published(t, &push);
	sp_arena_fini(&a);
}
