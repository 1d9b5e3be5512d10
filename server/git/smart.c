/* The three requests of git's smart HTTP protocol. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "limit.h"
#include "runtime/store/store.h"
#include "server/git/git_int.h"
#include "server/server.h"

enum { FIRST_LINE = 65520, PROBE = 4 };

/* "version=2", and whatever else a later client sends that can do no harm in an environment. */
static void take_protocol(const struct http_req *rq, struct git_task *t)
{
	const char *value = http_header(rq, "git-protocol");

	if (value && strlen(value) < sizeof(t->protocol) && strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789=:.-") == strlen(value))
		memcpy(t->protocol, value, strlen(value) + 1);
}

static void take_client(const struct http_req *rq, struct git_task *t)
{
	snprintf(t->client, sizeof(t->client), "%s", account_is_anonymous(&rq->actor) ? rq->peer : rq->actor.user.s);
}

static int answer_fetch(struct http_req *rq, struct http_resp *rs, const char *what, const char *type, bool is_gzip, struct sp_err *e)
{
	struct git_task *t;
	int fd, r = git_room(rq->srv->git, e);

	if (r == 0)
		r = git_task_new(rq->srv->git, GIT_FETCH, &rq->repo->id, what, rq->body_fd, is_gzip, &t, e);
	if (r < 0)
		return r;
	take_protocol(rq, t);
	take_client(rq, t);
	fd = t->ours;
	t->stream = http_stream_from(rq, rs, type, fd, git_task_client_gone, t);
	git_task_queue(t);
	return 0;
}

static int may_push(struct http_req *rq, struct sp_err *e)
{
	const struct account_object on = { .owner = rq->repo->owner, .is_private = rq->repo->is_private };

	return account_may(&rq->actor, MAY_WRITE, &on, e);
}

int git_info_refs(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *service = http_query(rq, "service");
	bool push = service && strcmp(service, "git-receive-pack") == 0;
	const char *type = push ? "application/x-git-receive-pack-advertisement" : "application/x-git-upload-pack-advertisement";
	int r;

	if (!push && (!service || strcmp(service, "git-upload-pack") != 0))
		return http_reply_error(rq, rs, 403, NULL, "This server speaks git's smart protocol only. Use git 1.6.6 or newer.");
	r = push ? may_push(rq, e) : 0;
	if (r < 0)
		return r;
	if (rq->method == HTTP_HEAD) {
		http_set(rq, rs, "Content-Type", type);
		return 0;
	}
	return answer_fetch(rq, rs, push ? "advertise-receive-pack" : "advertise-upload-pack", type, false, e);
}

/* 1: answered. */
static int check_type(struct http_req *rq, struct http_resp *rs, const char *want)
{
	const char *type = http_header(rq, "content-type");

	if (type && strcasecmp(type, want) == 0)
		return 0;
	http_reply_error(rq, rs, 415, NULL, "The request's Content-Type must be %s.", want);
	return 1;
}

static bool is_gzip(const struct http_req *rq)
{
	const char *coding = http_header(rq, "content-encoding");

	return coding && strcasecmp(coding, "gzip") == 0;
}

int git_upload_pack(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	if (check_type(rq, rs, "application/x-git-upload-pack-request"))
		return 0;
	return answer_fetch(rq, rs, "upload-pack", "application/x-git-upload-pack-result", is_gzip(rq), e);
}

static bool wants_sideband(struct http_req *rq)
{
	char *line = sp_arena_get(rq->arena, FIRST_LINE);
	ssize_t n = pread(rq->body_fd, line, FIRST_LINE, 0);

	return n > 0 && (is_gzip(rq) || git_wants_sideband(line, (size_t)n));
}

int git_receive_pack(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	static const char result[] = "application/x-git-receive-pack-result";
	struct git_task *t;
	int r;

	if (check_type(rq, rs, "application/x-git-receive-pack-request"))
		return 0;
	if (rq->body_size <= PROBE) {           /* "0000": is the way free, before a large push? (C-GIT-06) */
		http_set(rq, rs, "Content-Type", result);
		return 0;
	}
	r = git_room(rq->srv->git, e);
	if (r == 0)
		r = git_task_new(rq->srv->git, GIT_PUSH, &rq->repo->id, "receive-pack", rq->body_fd, is_gzip(rq), &t, e);
	if (r < 0)
		return r;
	t->actor = rq->actor;
	take_client(rq, t);
	t->sideband = wants_sideband(rq);
	t->stream = http_stream_open(rq, rs, result, git_task_client_gone, t);
	git_task_queue(t);
	return 0;
}
