#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "exec_block.h"
#include "fd.h"
#include "limit.h"
#include "log.h"
#include "runtime/space/launch_client.h"
#include "runtime/space/space.h"
#include "server/git/git_int.h"
#include "server/server.h"
#include "server/uvloop.h"

enum { OUT_MAX = 512 * 1024, TMP_BYTES = 64 << 20, PIDS = 64, CPU_WEIGHT = 50, AGAIN_MS = 200, LOG_TAIL = 1000,
	BEAT_MS = 15000 /* gateways in front of us give up after 60 s of silence */, UNREAD_MIN = 16384 };

struct git {
	struct server *srv;
	struct git_task *tasks;         /* all that were queued, in the order of arrival */
	struct sp_timer *again;         /* until the launcher has said which base image is the current one */
	atomic_uint n;
	bool quiet;
};

struct server *git_server(struct git *g)
{
	return g->srv;
}

int git_new(struct server *srv, struct git **ret, struct sp_err *e)
{
	struct git *g = calloc(1, sizeof(*g));

	if (!g)
		return sp_fail(e, SP_ENOMEM, 0, "git");
	g->srv = srv;
	*ret = g;
	return 0;
}

void git_quiesce(struct git *g)
{
	g->quiet = true;
}

int git_room(struct git *g, struct sp_err *e)
{
	return atomic_load(&g->n) < SP_LIMIT_git_parallel + SP_LIMIT_git_waiting ? 0 :
		sp_fail(e, SP_EBUSY, 0, "too many clones and pushes are waiting; try again in a moment");
}

/* ---- making ---- */

/* The request's file goes to the worker over its own socket, as a description that cannot write. */
static int send_request(int to, int body, bool is_gzip, struct sp_err *e)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = { .room = "" };
	char path[64], coding = is_gzip ? 'Z' : 'P';
	struct iovec byte = { &coding, 1 };
	struct msghdr m = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	sp_auto_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", body);
	fd = open(body < 0 ? "/dev/null" : path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "open the request");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &m, MSG_NOSIGNAL) != 1 ? sp_fail(e, SP_EIO, errno, "hand the request on") : 0;
}

static int make_socket(struct git_task *t, int body, bool is_gzip, struct sp_err *e)
{
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return sp_fail(e, SP_EIO, errno, "socket for a worker");
	t->ours = fds[0];
	t->theirs = fds[1];
	t->spare = fcntl(fds[1], F_DUPFD_CLOEXEC, 0);
	r = t->spare < 0 ? sp_fail(e, SP_EIO, errno, "socket for a worker") : send_request(t->ours, body, is_gzip, e);
	return r < 0 ? r : sp_set_nonblock(t->ours, true, e);
}

int git_task_new(struct git *g, enum git_kind kind, const struct sp_id *repo, const char *what, int body, bool is_gzip,
		struct git_task **ret, struct sp_err *e)
{
	struct git_task *t = calloc(1, sizeof(*t));
	int r = 0;

	if (!t)
		return sp_fail(e, SP_ENOMEM, 0, "git task");
	*t = (struct git_task){ .git = g, .kind = kind, .repo = *repo, .run = sp_id_new(), .ours = -1, .theirs = -1, .spare = -1, .log = -1,
		.exited.end = END_LOST };      /* until it has ended */
	snprintf(t->what, sizeof(t->what), "%s", what);
	atomic_fetch_add(&g->n, 1);
	if (kind != GIT_REPACK)
		r = make_socket(t, body, is_gzip, e);
	if (r == 0 && kind != GIT_FETCH)
		r = repo_incoming_make(g->srv->repos, &t->run, e);
	if (r < 0) {
		git_task_drop(t);
		return r;
	}
	*ret = t;
	return 0;
}

static void task_free(struct git_task *t)
{
	int *fds[] = { &t->ours, &t->theirs, &t->spare, &t->log };

	for (unsigned i = 0; i < SP_COUNT(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	sp_timer_free(t->beat);
	sp_buf_fini(&t->out);
	atomic_fetch_sub(&t->git->n, 1);
	free(t);
}

void git_task_drop(struct git_task *t)
{
	if (t->kind != GIT_FETCH)
		repo_incoming_drop(t->git->srv->repos, &t->run);
	task_free(t);
}

/* ---- ending ---- */

static void pump(struct git *g);

static void unlist(struct git_task *t)
{
	struct git_task **at = &t->git->tasks;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

static void free_if_over(struct git_task *t)
{
	if (!t->ran || !t->client_gone)
		return;
	unlist(t);
	task_free(t);
}

static void last_done(void *arg)
{
	struct git_task *t = arg;
	struct git *g = t->git;

	sp_timer_free(t->beat);
	t->beat = NULL;
	if (t->stream && t->kind == GIT_PUSH) {
		http_stream_write(t->stream, t->out.p ? t->out.p : "", t->out.n);
		http_stream_end(t->stream);
	}
	t->ran = true;
	free_if_over(t);
	pump(g);
}

static void last_work(void *arg)
{
	struct git_task *t = arg;
	struct server *srv = t->git->srv;
	bool ended_well = t->exited.end == END_EXITED && t->exited.value == 0;
	struct sp_err e;

	if (t->kind == GIT_PUSH && ended_well && !t->is_late && !t->client_gone)
		git_push_import(t);
	else if (t->kind == GIT_PUSH && t->out.n == 0)
		git_report_fatal(&t->out, t->sideband, t->is_late ? "the push took too long and was stopped; push fewer commits at a time" :
			t->exited.end == END_OOM ? "the push needs more memory than git has here; push fewer commits at a time" :
			"the server could not take the push; try again, and tell the operator if it stays");
	if (t->kind == GIT_REPACK && ended_well && repo_repacked(srv->repos, &t->repo, &t->run, &e) < 0)
		log_warn("space=%s loose objects stay: %s", t->repo.s, log_q(e.msg).s);
	if (t->kind != GIT_FETCH)
		repo_incoming_drop(srv->repos, &t->run);
}

/* The worker is dead, or was never born. */
static void end(struct git_task *t)
{
	t->state = GIT_ENDING;
	sp_timer_free(t->timer);
	t->timer = NULL;
	sp_watch_free(t->watch);
	t->watch = NULL;
	if (t->theirs >= 0)
		close(sp_take_fd(&t->theirs));
	if (t->spare >= 0)
		close(sp_take_fd(&t->spare));
	if (t->git->quiet)
		return;         /* the next server removes what came in; this one frees the rest in git_free */
	/* The runtime's news of a push waits for the loop: only request threads may. */
	loop_work_on(t->git->srv->loop, t->kind == GIT_PUSH ? POOL_REQUEST : POOL_WORK, last_work, last_done, t);
}

static void stop(struct git_task *t)
{
	if (t->state == GIT_WAITING)
		end(t);
	else if (t->state == GIT_RUNNING)
		launch_client_stop(t->git->srv->launch, t->slot, 0);
}

/* ---- running ---- */

/* Its reader leaves most of what git has ready where it is. */
static bool is_slow(struct git_task *t)
{
	uint64_t before = t->taken;
	int unread = 0;

	t->taken = http_stream_taken(t->stream);
	return t->taken - before < SP_LIMIT_git_slow_bytes && ioctl(t->ours, FIONREAD, &unread) == 0 && unread >= UNREAD_MIN;
}

static void on_beat(void *arg)
{
	struct git_task *t = arg;

	if (!t->stream)
		return;
	if (t->kind == GIT_PUSH) {
		http_stream_write(t->stream, "0005\1", 5);     /* as receive-pack itself, whose own is held back (receive.keepAlive) */
	} else if (t->state == GIT_RUNNING && is_slow(t)) {
		log_info("space=%s git %s ended: its client hardly reads", t->repo.s, t->what);
		stop(t);
	}
}

static void start_beat(struct git_task *t, uint64_t ms)
{
	t->beat = sp_timer_new(t->git->srv->loop, on_beat, t);
	sp_timer_start(t->beat, ms, ms);
}

/* A push's answer: small, kept until the push is brought in. */
static void on_answer(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable)
{
	struct git_task *t = arg;
	char chunk[16384];
	ssize_t n;

	while ((n = read(t->ours, chunk, sizeof(chunk))) > 0) {
		sp_buf_add(&t->out, chunk, (size_t)n);
		if (t->out.n > OUT_MAX) {
			sp_buf_fini(&t->out);
			t->is_late = true;      /* no git says that much */
			stop(t);
			break;
		}
	}
	if (n == 0 && t->watch)
		sp_watch_want(t->watch, false, false);
}

static void on_late(void *arg)
{
	struct git_task *t = arg;

	log_warn("space=%s git %s stopped after %llu s", t->repo.s, t->what, (unsigned long long)(SP_LIMIT_git_ms / 1000));
	t->is_late = true;
	stop(t);
}

/* SP_EBUSY is has_place's, SP_EQUOTA the launcher's: no slot is free. */
static const char *reason_of(const struct launch_failed *f)
{
	if (f && f->code == SP_EBUSY)
		return "too many of your clones and pushes run or wait already; try again when one of them has ended";
	return f && f->code == SP_EQUOTA ? "the server is busy; try again in a moment" :
		"the server cannot start git; try again, and tell the operator if it stays";
}

static void say_not_started(struct git_task *t, const struct launch_failed *f)
{
	sp_auto_buf struct sp_buf text = { 0 };

	log_warn("space=%s git %s not started: %s", t->repo.s, t->what, f ? log_q(f->text).s : "the launcher is gone");
	if (t->kind != GIT_FETCH)
		return;
	git_pkt_err(&text, reason_of(f));
	if (send(t->spare, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("nobody reads any more: %m");
}

static void on_started(void *arg, struct sp_msg *m, SP_UNUSED bool last)
{
	struct git_task *t = arg;
	const struct launch_started *s = LAUNCH_BODY(m, STARTED, launch_started);
	const struct launch_failed *f = LAUNCH_BODY(m, FAILED, launch_failed);

	if (!s) {
		say_not_started(t, f ? f : LAUNCH_BODY(m, REFUSED, launch_failed));
		t->exited.end = END_LOST;
		end(t);
		return;
	}
	t->slot = s->slot;
	t->has_slot = true;
	t->log = sp_msg_take_fd(m, 0);
	t->state = GIT_RUNNING;
	if (t->spare >= 0)
		close(sp_take_fd(&t->spare));   /* or its end would never be seen */
	if (t->client_gone && t->kind != GIT_REPACK)
		stop(t);
}

static int start(struct git_task *t, const struct launch_hash *base, struct sp_err *e)
{
	const char *const argv[] = { "/usr/local/bin/vitrine-worker", "git", t->what, NULL };
	char protocol[sizeof("GIT_PROTOCOL=") + sizeof(t->protocol)];
	const char *const envp[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", protocol, NULL };
	struct launch_start s = { .profile = PROFILE_WORKER, .egress = EGRESS_NONE, .flags = START_REPO | (t->kind == GIT_FETCH ? 0 : START_INCOMING),
		.cpu_weight = CPU_WEIGHT, .pids = PIDS, .memory_bytes = SP_LIMIT_git_memory_bytes, .tmp_bytes = TMP_BYTES, .space = t->repo,
		.run = t->run, .base = *base, .hostname = "git" };
	int block, r;

	snprintf(protocol, sizeof(protocol), "GIT_PROTOCOL=%s", t->protocol);
	r = exec_block_write(argv, envp, "/", &block, e);
	if (r < 0)
		return r;
	t->state = GIT_STARTING;
	t->timer = sp_timer_new(t->git->srv->loop, on_late, t);
	sp_timer_start(t->timer, SP_LIMIT_git_ms, 0);
	if (t->kind == GIT_FETCH)
		start_beat(t, SP_LIMIT_git_slow_ms);
	if (t->kind == GIT_PUSH) {
		t->watch = sp_watch_new(t->git->srv->loop, t->ours, on_answer, t);
		sp_watch_want(t->watch, true, false);
	}
	launch_client_start(t->git->srv->launch, &s, block, t->theirs < 0 ? -1 : sp_take_fd(&t->theirs), on_started, t);
	return 0;
}

static bool has_turn(const struct git *g, const struct git_task *t)
{
	unsigned all = 0, same = 0, client = 0;

	for (const struct git_task *at = g->tasks; at; at = at->next) {
		if (at->state != GIT_STARTING && at->state != GIT_RUNNING)
			continue;
		all++;
		same += sp_id_eq(&at->repo, &t->repo);
		client += t->client[0] && strcmp(at->client, t->client) == 0;
	}
	return all < SP_LIMIT_git_parallel && same < SP_LIMIT_git_per_repo && client < SP_LIMIT_git_per_client;
}

/* Among those of its client that run or wait: nobody fills the queue alone. */
static bool has_place(const struct git *g, const struct git_task *t)
{
	unsigned client = 0;

	for (const struct git_task *at = g->tasks; at; at = at->next)
		client += t->client[0] && at->state != GIT_ENDING && strcmp(at->client, t->client) == 0;
	return client <= SP_LIMIT_git_queue_per_client;
}

static void on_again(void *arg)
{
	pump(arg);
}

static void pump(struct git *g)
{
	struct launch_hash base;
	struct git_task *next;
	struct sp_err e;

	if (g->quiet || !g->tasks)
		return;
	if (!spaces_base(g->srv->spaces, &base)) {
		if (!g->again)
			g->again = sp_timer_new(g->srv->loop, on_again, g);
		sp_timer_start(g->again, AGAIN_MS, 0);
		return;
	}
	for (struct git_task *t = g->tasks; t; t = next) {
		next = t->next;
		if (t->state != GIT_WAITING || !has_turn(g, t) || start(t, &base, &e) >= 0)
			continue;
		log_err("space=%s git %s: %s", t->repo.s, t->what, e.msg);
		end(t);
	}
}

static void queue_here(void *arg)
{
	struct git_task *t = arg, **at = &t->git->tasks;
	bool fits;

	while (*at)
		at = &(*at)->next;
	*at = t;
	if (t->kind == GIT_REPACK)
		t->client_gone = true;  /* nobody waits */
	if (t->kind == GIT_PUSH && t->sideband)
		start_beat(t, BEAT_MS);
	fits = has_place(t->git, t);
	if (!fits)
		say_not_started(t, &(struct launch_failed){ .code = SP_EBUSY, .text = "too many of one client" });
	if ((t->client_gone && t->kind != GIT_REPACK) || !fits)
		end(t);
	else
		pump(t->git);
}

void git_task_queue(struct git_task *t)
{
	sp_loop_post(t->git->srv->loop, queue_here, t);
}

static bool is_listed(const struct git_task *t)
{
	const struct git_task *at = t->git->tasks;

	while (at && at != t)
		at = at->next;
	return at != NULL;
}

void git_task_client_gone(void *arg)
{
	struct git_task *t = arg;

	t->client_gone = true;
	t->stream = NULL;
	if (t->kind == GIT_FETCH)
		t->ours = -1;           /* the stream closes it */
	if (t->git->quiet || !is_listed(t))
		return;                 /* not queued yet, then queue_here sees it */
	if (!t->ran && t->state != GIT_ENDING)
		stop(t);
	free_if_over(t);
}

/* Why it failed is on standard error, which nobody else reads. */
static void log_output(struct git_task *t)
{
	char text[LOG_TAIL + 1];
	ssize_t n = t->log < 0 ? 0 : read(t->log, text, LOG_TAIL);

	if (n <= 0 || t->client_gone)
		return;
	text[n] = '\0';
	log_info("space=%s git %s says: %s", t->repo.s, t->what, log_q(text).s);
}

void git_on_exited(struct git *g, const struct launch_exited *x)
{
	for (struct git_task *t = g->tasks; t; t = t->next) {
		if (!t->has_slot || t->state != GIT_RUNNING || t->slot.index != x->slot.index || t->slot.generation != x->slot.generation)
			continue;
		t->exited = *x;
		if (x->end != END_EXITED || x->value != 0)
			log_output(t);
		if (t->kind == GIT_PUSH)
			on_answer(t, true, false);      /* what is still in the socket */
		end(t);
		return;
	}
}

void git_free(struct git *g)
{
	if (!g)
		return;
	while (g->tasks) {
		struct git_task *t = g->tasks;

		g->tasks = t->next;
		sp_timer_free(t->timer);
		sp_watch_free(t->watch);
		task_free(t);
	}
	sp_timer_free(g->again);
	free(g);
}

/* ---- loose objects ---- */

struct written { struct git *g; struct sp_id repo; };

static bool is_repacking(const struct git *g, const struct sp_id *repo)
{
	for (const struct git_task *t = g->tasks; t; t = t->next)
		if (t->kind == GIT_REPACK && sp_id_eq(&t->repo, repo))
			return true;
	return false;
}

static void written_work(void *arg)
{
	struct written *w = arg;
	struct git_task *t;
	struct sp_err e;

	if (!repo_is_loose(w->g->srv->repos, &w->repo))
		return;
	if (git_task_new(w->g, GIT_REPACK, &w->repo, "repack", -1, false, &t, &e) < 0)
		log_warn("space=%s loose objects stay: %s", w->repo.s, log_q(e.msg).s);
	else
		git_task_queue(t);
}

static void written_done(void *arg)
{
	free(arg);
}

static void written_here(void *arg)
{
	struct written *w = arg;

	if (w->g->quiet || is_repacking(w->g, &w->repo))
		free(w);
	else
		sp_loop_work(w->g->srv->loop, written_work, written_done, w);
}

void git_written(struct git *g, const struct sp_id *repo)
{
	struct written *w = g ? calloc(1, sizeof(*w)) : NULL;

	if (!w)
		return;
	*w = (struct written){ g, *repo };
	sp_loop_post(g->srv->loop, written_here, w);
}
