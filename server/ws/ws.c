#include "server/ws/ws.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arena.h"
#include "fd.h"
#include "log.h"
#include "str.h"
#include "runtime/space/logs.h"
#include "runtime/store/store.h"
#include "runtime/account/account.h"
#include "server/readers.h"
#include "server/server.h"
#include "server/uvloop.h"

enum { PING_S = 30, HANGUP_S = 75, CLOSE_BAD = 4400, CLOSE_AUTH = 4401, CLOSE_DENIED = 4403, CLOSE_ABSENT = 4404, FRAMES_MAX = 64, CREDENTIAL_MAX = 256 };

struct ws {
	struct server *srv;
	struct lws_context *context;
	int listen_fd;
	struct sp_watch *listening;
	unsigned connections;
};

/* One connection that follows a log. It outlives its socket while a pool thread or a posted call has it. */
struct follower {
	struct server *srv;
	struct lws *wsi;                /* NULL: closed */
	unsigned refs;                  /* loop thread only */
	bool is_looking, is_closing;
	char space[256], kind[16], token[CREDENTIAL_MAX];
	struct sp_id id;                /* of the Space, once it was found */
	struct reader reader;
	struct log_tail *tail;
	struct sp_buf unsent;           /* whole lines; the first `sent` bytes are gone */
	size_t sent;
	uint16_t close_code;            /* not 0: close when UNSENT is sent */
	char reason[120];               /* a close frame holds 123 bytes */
};

struct session { struct follower *f; };

static void follower_unref(struct follower *f)
{
	if (--f->refs)
		return;
	reader_del(&f->reader);
	sp_buf_fini(&f->unsent);
	explicit_bzero(f->token, sizeof(f->token));
	free(f);
}

static void end(struct follower *f, uint16_t code, const char *reason)
{
	if (f->close_code)
		return;
	f->close_code = code;
	snprintf(f->reason, sizeof(f->reason), "%s", reason);
	lws_callback_on_writable(f->wsi);
}

/* ---- the log ---- */

static void on_lines(void *arg, const char *p, size_t n)
{
	struct follower *f = arg;

	if (f->close_code)
		return;
	sp_buf_drop(&f->unsent, f->sent);
	f->sent = 0;
	if (f->unsent.n + n > WS_UNSENT_MAX) {
		sp_buf_fini(&f->unsent);        /* and what was not sent of it */
		end(f, LWS_CLOSE_STATUS_POLICY_VIOLATION, "The connection is too slow for this log. Connect again.");
		return;
	}
	sp_buf_add(&f->unsent, p, n);
	lws_callback_on_writable(f->wsi);
}

static void on_ended(void *arg)
{
	end(arg, LWS_CLOSE_STATUS_NORMAL, "The log is complete.");
}

static void on_revoked(void *arg)
{
	struct follower *f = arg;

	if (f->wsi)
		end(f, CLOSE_AUTH, "Your leave to read this has ended. Come back with a token that is valid.");
}

/* ---- who may, on a pool thread ---- */

static int look_up(struct follower *f, struct sp_arena *a, struct sp_err *e)
{
	struct account_actor actor = { 0 };
	struct account_object on;
	struct store_repo repo;
	char *slash = strchr(f->space, '/');
	int r;

	if (!slash || (strcmp(f->kind, "build") != 0 && strcmp(f->kind, "run") != 0))
		return sp_fail(e, SP_EINVAL, 0, "Say which log: ?space=OWNER/NAME&kind=build or run.");
	*slash = '\0';
	if (f->token[0] && account_by_token(f->srv->store, f->token, &actor, e) < 0)
		return sp_fail(e, SP_EAUTH, 0, "The access token is not valid.");
	r = store_repo_by_name(f->srv->store, "space", f->space, slash + 1, a, &repo, e);
	if (r < 0)
		return r;
	on = (struct account_object){ .owner = repo.owner, .is_private = repo.is_private };
	r = account_may(&actor, MAY_WRITE, &on, e);     /* as /logs/{kind} in routes.def: a log can hold what the app read */
	if (r >= 0) {
		f->id = repo.id;
		f->reader = (struct reader){ .user = actor.user, .token = actor.token, .repo = repo.id, .end = on_revoked, .arg = f };
		reader_add(f->srv, &f->reader);
	}
	return r;
}

static void look_work(void *arg)
{
	struct follower *f = arg;
	struct sp_arena a;
	struct sp_err e = { 0 };
	int r;

	sp_arena_init(&a);
	r = look_up(f, &a, &e);
	sp_arena_fini(&a);
	if (r >= 0)
		return;
	f->close_code = r == -SP_EAUTH ? CLOSE_AUTH : r == -SP_EDENIED ? CLOSE_DENIED : r == -SP_EINVAL ? CLOSE_BAD : CLOSE_ABSENT;
	snprintf(f->reason, sizeof(f->reason), "%.110s",
		f->close_code == CLOSE_ABSENT ? "There is no such Space, or you may not see it." : e.msg);
}

static void look_done(void *arg)
{
	struct follower *f = arg;
	struct sp_err e;

	f->is_looking = false;
	if (f->wsi && !f->close_code && log_tail_start(f->srv->logs, &f->id, strcmp(f->kind, "run") == 0 ? LOG_RUN : LOG_BUILD,
	    on_lines, on_ended, f, &f->tail, &e) < 0)
		end(f, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "The log could not be opened. Try again.");
	if (f->wsi)
		lws_callback_on_writable(f->wsi);
	follower_unref(f);
}

/* ---- the connection ---- */

/* The buffer must hold any argument, not only the wanted one, else the search ends there. Too long is none of ours. */
static void take_arg(struct lws *wsi, const char *name, char *out, size_t size)
{
	char any[1024];
	const char *value = lws_get_urlarg_by_name(wsi, name, any, sizeof(any));

	out[0] = '\0';
	if (value && sp_copy(out, size, value) < 0)
		out[0] = '?';
}

static void take_request(struct lws *wsi, struct follower *f)
{
	char header[CREDENTIAL_MAX];

	take_arg(wsi, "space=", f->space, sizeof(f->space));
	take_arg(wsi, "kind=", f->kind, sizeof(f->kind));
	take_arg(wsi, "token=", f->token, sizeof(f->token));
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) == 0)
		return;
	if (lws_hdr_copy(wsi, header, sizeof(header), WSI_TOKEN_HTTP_AUTHORIZATION) <= 0 || strncasecmp(header, "bearer ", 7) != 0 ||
	    sp_copy(f->token, sizeof(f->token), header + 7) < 0)
		f->token[0] = '?';      /* credentials that cannot be ours are refused, not ignored */
}

static int established(struct ws *w, struct lws *wsi, struct session *s)
{
	struct follower *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->srv = w->srv;
	f->wsi = wsi;
	take_request(wsi, f);
	s->f = f;
	f->refs = 2;                    /* the session's and the pool's */
	f->is_looking = true;
	loop_work_on(w->srv->loop, POOL_REQUEST, look_work, look_done, f);
	return 0;
}

static void gone(struct session *s)
{
	struct follower *f = s->f;

	if (!f)
		return;
	s->f = NULL;
	f->wsi = NULL;
	if (f->tail)
		log_tail_stop(f->tail);
	follower_unref(f);
}

static int send_line(struct follower *f)
{
	const char *line = f->unsent.p + f->sent, *end = f->unsent.p + f->unsent.n, *eol = memchr(line, '\n', (size_t)(end - line));
	size_t n = (size_t)((eol ? eol : end) - line);
	unsigned char *frame = malloc(LWS_PRE + n + 1);
	int sent;

	if (!frame)
		abort();
	memcpy(frame + LWS_PRE, line, n);
	sent = lws_write(f->wsi, frame + LWS_PRE, n, LWS_WRITE_TEXT);
	free(frame);
	f->sent += eol ? n + 1 : n;
	return sent < (int)n ? -1 : 0;
}

/*
 * Outside of any callback: Debian's libwebsockets 4.1 on libuv closes a connection twice in a row when a callback
 * returns -1 (lws_service_fd_tsi, "uv repeat test"), and the second time drops the close frame.
 */
static void close_now(void *arg)
{
	struct follower *f = arg;

	if (f->wsi) {
		lws_close_reason(f->wsi, (enum lws_close_status)f->close_code, (unsigned char *)f->reason, strlen(f->reason));
		lws_set_timeout(f->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
	}
	follower_unref(f);
}

static int writable(struct session *s)
{
	struct follower *f = s->f;

	if (!f || f->is_looking)
		return 0;
	for (unsigned i = 0; i < FRAMES_MAX && f->sent < f->unsent.n && !lws_send_pipe_choked(f->wsi); i++)
		if (send_line(f) < 0)
			return -1;
	if (f->sent < f->unsent.n) {
		lws_callback_on_writable(f->wsi);
	} else if (f->close_code && !f->is_closing) {
		f->is_closing = true;
		f->refs++;
		sp_loop_post(f->srv->loop, close_now, f);
	}
	return 0;
}

static int refuse_plain(struct lws *wsi, unsigned status, const char *text)
{
	lws_return_http_status(wsi, status, text);
	return -1;
}

static void count(struct ws *w, int by);

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, SP_UNUSED size_t len)
{
	struct ws *w = lws_context_user(lws_get_context(wsi));
	char path[64];

	/* Dozens of reasons exist; these are the ones that concern us. */
	if (reason == LWS_CALLBACK_HTTP)
		return refuse_plain(wsi, 400, "This address speaks WebSocket only.");
	if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
		if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) < 0 || strcmp(path, "/-/ws/logs") != 0)
			return refuse_plain(wsi, 404, "There is no such WebSocket.");
		return 0;
	}
	if (reason == LWS_CALLBACK_ESTABLISHED)
		return established(w, wsi, user);
	if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
		return writable(user);
	if (reason == LWS_CALLBACK_CLOSED)
		gone(user);
	if (reason == LWS_CALLBACK_WSI_CREATE)
		count(w, 1);
	if (reason == LWS_CALLBACK_WSI_DESTROY)
		count(w, -1);
	return lws_callback_http_dummy(wsi, reason, user, in, len);
}

/* ---- the context ---- */

static void count(struct ws *w, int by)
{
	w->connections += (unsigned)by;
	if (w->listening)
		sp_watch_want(w->listening, w->connections < WS_CONNECTIONS_MAX, false);
}

static void on_accept(void *arg, SP_UNUSED bool readable, SP_UNUSED bool writable_now)
{
	struct ws *w = arg;
	int fd = accept4(w->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		lws_adopt_socket(w->context, fd);       /* closes it itself when it fails */
}

static void on_log(SP_UNUSED int level, const char *line)
{
	log_debug("ws library: %s", log_q(line).s);
}

int ws_new(struct server *srv, int listen_fd, struct ws **ret, struct sp_err *e)
{
	static const struct lws_protocols protocols[] = {
		{ "vitrine", callback, sizeof(struct session), 1024, 0, NULL, 0 },
		{ NULL, NULL, 0, 0, 0, NULL, 0 },
	};
	static const lws_retry_bo_t alive = { .secs_since_valid_ping = PING_S, .secs_since_valid_hangup = HANGUP_S };
	struct ws *w = calloc(1, sizeof(*w));
	void *loops[1] = { loop_uv(srv->loop) };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_LIBUV,
		.foreign_loops = loops,
		.retry_and_idle_policy = &alive,
		.user = w,
	};
	int r;

	if (!w)
		return sp_fail(e, SP_ENOMEM, 0, "websocket adapter");
	w->srv = srv;
	w->listen_fd = listen_fd;
	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	r = sp_set_nonblock(listen_fd, true, e);
	w->context = r < 0 ? NULL : lws_create_context(&info);
	if (!w->context) {
		free(w);
		/* Debian loads the event library as a plug-in at run time. */
		return r < 0 ? r : sp_fail(e, SP_EIO, 0, "libwebsockets did not start on libuv; is its plug-in evlib_uv installed?");
	}
	w->listening = sp_watch_new(srv->loop, listen_fd, on_accept, w);
	sp_watch_want(w->listening, true, false);
	*ret = w;
	return 0;
}

void ws_quiesce(struct ws *w)
{
	if (!w || !w->listening)
		return;
	sp_watch_free(w->listening);
	w->listening = NULL;
}

void ws_free(struct ws *w)
{
	if (!w)
		return;
	ws_quiesce(w);
	lws_context_destroy(w->context);        /* on a foreign loop it only begins here: its handles close on the loop's next turns */
	loop_drain(w->srv->loop);
	lws_context_destroy(w->context);
	free(w);
}
