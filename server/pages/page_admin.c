/* /-/admin: people and invitations, for administrators. Routes ask for MAY_ADMIN. */
#include <string.h>

#include "runtime/account/account.h"
#include "runtime/store/store.h"
#include "server/pages/account.h"
#include "server/server.h"
#include "views.h"

struct said { int status; const char *done, *error, *link, *link_for; };

static int set_people(struct http_req *rq, struct view_admin *v, struct sp_err *e)
{
	struct store_user *users;
	struct view_person *people;
	size_t n;
	int r = store_user_list(rq->srv->store, rq->arena, &users, &n, e);

	if (r < 0)
		return r;
	people = sp_arena_get(rq->arena, (n + 1) * sizeof(*people));
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_repo_query q = { .type = "space", .author = users[i].name, .viewer_is_admin = true };
		int64_t spaces = 0;

		r = store_repo_count(rq->srv->store, &q, &spaces, e);
		people[i] = (struct view_person){
			.name = users[i].name, .fullname = strcmp(users[i].fullname, users[i].name) == 0 ? "" : users[i].fullname,
			.is_admin = users[i].is_admin, .is_me = sp_id_eq(&users[i].id, &rq->actor.user), .spaces = (long)spaces,
			.created = page_when(rq->arena, users[i].created_ms),
		};
	}
	v->people = people;
	v->n_people = n;
	return r;
}

static int set_invitations(struct http_req *rq, struct view_admin *v, struct sp_err *e)
{
	struct store_invite *rows;
	struct view_invitation *shown;
	size_t n;
	int r = store_invite_list(rq->srv->store, rq->arena, &rows, &n, e);

	if (r < 0)
		return r;
	shown = sp_arena_get(rq->arena, (n + 1) * sizeof(*shown));
	for (size_t i = 0; i < n; i++)
		shown[i] = (struct view_invitation){ rows[i].id.s, rows[i].name, account_day(rq->arena, rows[i].expires_ms), rows[i].is_admin,
				page_when(rq->arena, rows[i].created_ms) };
	v->invitations = shown;
	v->n_invitations = n;
	return 0;
}

static int reply_admin(struct http_req *rq, struct http_resp *rs, const struct said *said, struct sp_err *e)
{
	struct view_admin v = { .done = said->done ? said->done : "", .error = said->error ? said->error : "",
			.link = said->link ? said->link : "", .link_for = said->link_for ? said->link_for : "" };
	struct sp_buf html = { 0 };
	int r = set_people(rq, &v, e);

	if (r == 0)
		r = set_invitations(rq, &v, e);
	if (r < 0)
		return r;
	page_begin(rq, &v.page, "People and invitations · vitrine");
	v.page.next = "/-/admin";
	v.page.account = v.page.forms = true;
	view_admin(&html, &v);
	return page_reply(rq, rs, said->status, &html, NULL);
}

static int reply_problem(struct http_req *rq, struct http_resp *rs, int r, struct sp_err *e)
{
	struct said said = { .status = account_form_status(rq, rs, e), .error = account_sentence(rq->arena, e) };

	return said.status ? reply_admin(rq, rs, &said, e) : r;
}

int page_admin(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *word = http_query(rq, "done");
	struct said said = { .status = 200, .done = word && strcmp(word, "revoked") == 0 ? "The invitation is revoked." : "" };
	int r = account_need_session(rq, e);

	return r < 0 ? r : reply_admin(rq, rs, &said, e);
}

int page_admin_invite(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *name = http_form(rq, "name"), *admin = http_form(rq, "admin");
	struct said said = { .status = 200 };
	struct account_token link;
	struct store_invite row;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	r = account_invite_new(rq->srv->store, name ? name : "", admin && *admin, &link, &row, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "invite", row.name, e);
	if (r < 0)
		return reply_problem(rq, rs, r, e);
	said.link = account_link(rq, "/-/invite", link.s);
	said.link_for = row.name[0] ? sp_arena_str(rq->arena, row.name) : "the person whom you invite";
	return reply_admin(rq, rs, &said, e);
}

int page_admin_invite_revoke(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct sp_id id;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	if (sp_id_parse(http_param(rq, "id"), &id) < 0)
		return reply_problem(rq, rs, sp_fail(e, SP_ENOENT, 0, "there is no such invitation"), e);
	r = store_invite_del(rq->srv->store, &id, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "invite-revoke", id.s, e);
	return r < 0 ? reply_problem(rq, rs, r, e) : page_see_other(rq, rs, "/-/admin?done=revoked");
}

int page_admin_reset(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct said said = { .status = 200 };
	struct account_token link;
	struct store_user user;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	r = store_user_by_name(rq->srv->store, http_param(rq, "user"), &user, e);
	if (r == 0)
		r = account_reset_new(rq->srv->store, &user.id, &link, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "reset-link", user.name, e);
	if (r < 0)
		return reply_problem(rq, rs, r, e);
	said.link = account_link(rq, "/-/reset", link.s);
	said.link_for = sp_arena_str(rq->arena, user.name);
	return reply_admin(rq, rs, &said, e);
}
