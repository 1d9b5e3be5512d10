/* git_int.h - what the files of the smart HTTP protocol share. */
#pragma once

#include "arena.h"
#include "loop.h"
#include "str.h"
#include "runtime/account/account.h"
#include "runtime/repo/repo.h"
#include "server/git/git.h"
#include "server/http/http.h"

enum git_kind { GIT_FETCH, GIT_PUSH, GIT_REPACK };
enum git_state { GIT_WAITING, GIT_STARTING, GIT_RUNNING, GIT_ENDING };

struct git_task {
	struct git_task *next;
	struct git *git;
	enum git_kind kind;
	enum git_state state;
	struct sp_id repo, run;
	struct account_actor actor;     /* of a push, as it was asked for */
	char what[32];                  /* "upload-pack" */
	char client[48];                /* the user's id, a stranger's address; "": the server itself */
	char protocol[64];              /* the client's Git-Protocol, or "" */
	int ours, theirs;               /* the two ends of the worker's socket; a fetch's OURS is the stream's */
	int spare;                      /* theirs again, until the worker has started: to say that it did not */
	int log;
	bool has_slot, is_late, sideband;
	bool client_gone, ran;          /* set on the loop thread; freed when both are */
	struct launch_slot slot;
	struct launch_exited exited;
	struct sp_timer *timer;
	struct sp_timer *beat;          /* a push: the connection is kept alive; a fetch: does its reader go on? */
	uint64_t taken;                 /* of a fetch, at the last beat */
	struct sp_watch *watch;         /* of OURS, for a push */
	struct http_stream *stream;     /* not after client_gone */
	struct sp_buf out;              /* what git answered to a push */
};

/* A task with its socket and, where it has one, its place for what comes in. BODY: the request's file or -1. Pool threads. */
SP_MUST int git_task_new(struct git *g, enum git_kind kind, const struct sp_id *repo, const char *what, int body, bool is_gzip,
		struct git_task **ret, struct sp_err *e);
void git_task_drop(struct git_task *t);                 /* one that was not queued */
void git_task_queue(struct git_task *t);                /* [any] it is the git's from here on */
void git_task_client_gone(void *arg);                   /* CLOSED of the stream */

/* [any] SP_EBUSY when too many wait. */
SP_MUST int git_room(struct git *g, struct sp_err *e);
struct server *git_server(struct git *g);

/* push.c, on a request thread: bring in what the worker left, and make the answer in t->out. */
void git_push_import(struct git_task *t);

/*
 * report.c: what git shows to its user (gitprotocol-pack(5), "Report Status" and "side-band-64k").
 * WHY becomes one line. git_report_fatal: nothing is known about references.
 */
void git_report(struct sp_buf *to, bool sideband, const struct repo_update *v, size_t n, const char *why);
void git_report_fatal(struct sp_buf *to, bool sideband, const char *why);
void git_pkt_err(struct sp_buf *to, const char *why);   /* "ERR …": refuses a fetch */
bool git_wants_sideband(const char *p, size_t n);       /* the first line of a push's request */
bool git_says_ok(const struct sp_buf *answer);          /* does git tell its user that some reference moved? In doubt yes */
