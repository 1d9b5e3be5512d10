#include "server/http/http_status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "server/http/conn.h"

static const short statuses[SP_CODE_MAX] = {
	[SP_OK] = 200,
	[SP_EINVAL] = 400,
	[SP_EAUTH] = 401,
	[SP_EDENIED] = 403,
	[SP_ENOENT] = 404,
	[SP_EEXIST] = 409,
	[SP_ESTALE] = 412,
	[SP_EQUOTA] = 413,
	[SP_EBUSY] = 503,
	[SP_ESTATE] = 409,
	[SP_ETIMEOUT] = 504,
	[SP_EPROTO] = 400,
	[SP_EUNSUPPORTED] = 501,
	[SP_ENOMEM] = 503,
	[SP_EIO] = 500,
	[SP_EBUG] = 500,
};

static http_error_page *error_page;

void http_set_error_page(http_error_page *page)
{
	error_page = page;
}

int http_status_of(enum sp_code code)
{
	return code < SP_CODE_MAX ? statuses[code] : 500;
}

void http_resp_drop(struct http_resp *rs)
{
	if (rs->body_free)
		rs->body_free(rs->body_free_arg);
	if (rs->file_fd >= 0)
		close(rs->file_fd);
	*rs = (struct http_resp){ .file_fd = -1 };
}

/* Text of struct sp_err starts in lower case and has no full stop. */
static const char *as_sentence(struct sp_arena *a, const char *msg)
{
	size_t n = strlen(msg);
	char *s = sp_arena_fmt(a, "%s%s", msg, n && strchr(".!?", msg[n - 1]) ? "" : ".");

	s[0] = (char)toupper((unsigned char)s[0]);
	return s;
}

/* The sentence may quote a request: what is not ASCII becomes '?', so that headers and JSON can carry it. */
static const char *as_ascii(struct sp_arena *a, const char *sentence)
{
	char *s = sp_arena_str(a, sentence);

	for (char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	return s;
}

static void bare_page(struct http_req *rq, struct http_resp *rs, int status, const char *sentence)
{
	struct sp_buf b = { 0 };

	sp_buf_fmt(&b, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>%d</title><p>", status);
	for (const char *p = sentence; *p; p++) {
		if (strchr("<>&\"'", *p))
			sp_buf_fmt(&b, "&#%d;", *p);
		else
			sp_buf_add(&b, p, 1);
	}
	sp_buf_puts(&b, "<p><a href=\"/\">Home</a></html>");
	http_reply_html(rq, rs, status, &b);
}

/* git-lfs shows "message" and nothing else (git-lfs docs/api/batch.md). */
static json_t *error_json(const struct http_req *rq, const char *code, const char *sentence)
{
	json_t *j = json_pack("{s:s, s:s}", "error", sentence, "code", code);

	if (strstr(rq->path, "/info/lfs/") || sp_starts_with(rq->path, "/-/lfs/"))
		json_object_set_new(j, "message", json_string(sentence));
	return j;
}

/* Where git asks; it shows text/plain as "remote: …" and nothing else. */
static bool is_git(const struct http_req *rq)
{
	return strncmp(rq->path, "/spaces/", 8) == 0 &&
		(sp_ends_with(rq->path, "/info/refs") || sp_ends_with(rq->path, "/git-upload-pack") || sp_ends_with(rq->path, "/git-receive-pack"));
}

void http_refuse_with(struct http_req *rq, struct http_resp *rs, int status, const char *code, bool hub_code, const char *sentence)
{
	const char *agent = http_header(rq, "user-agent");

	http_resp_drop(rs);
	sentence = as_ascii(rq->arena, sentence);
	if (http_wants_html(rq) && error_page)
		error_page(rq, rs, status, code, sentence);
	else if (http_wants_html(rq))
		bare_page(rq, rs, status, sentence);
	else if (is_git(rq))
		http_reply_text(rq, rs, status, sp_arena_fmt(rq->arena, "%s\n", sentence));
	else
		http_reply_json(rq, rs, status, error_json(rq, code, sentence));
	rs->status = status;
	http_set(rq, rs, "X-Error-Message", sentence);
	if (hub_code)
		http_set(rq, rs, "X-Error-Code", code);
	if (status == 503)
		http_set(rq, rs, "Retry-After", "2");
	/* Only git: a browser would open its password dialog. */
	if (status == 401 && (is_git(rq) || (agent && sp_starts_with(agent, "git"))))
		http_set(rq, rs, "WWW-Authenticate", "Basic realm=\"vitrine\"");
}

void http_refuse(struct http_req *rq, struct http_resp *rs, const struct sp_err *e)
{
	int status = http_status_of(e->code);
	const char *sentence = as_sentence(rq->arena, e->msg[0] ? e->msg : sp_code_name(e->code));

	if (e->code == SP_EIO || e->code == SP_EBUG || e->code == SP_ENOMEM) {
		/* A link opens what it leads to: not into the log. */
		log_err("http request=%s path=%s code=%s errno=%d: %s", rq->request_id,
			log_q(rq->claim ? rq->conn->route->pattern : rq->path).s, sp_code_name(e->code), e->sys, log_q(e->msg).s);
		sentence = sp_arena_fmt(rq->arena, "The server failed to do this. Try again; if it stays, tell the operator this request id: %s.",
			rq->request_id);
	}
	http_refuse_with(rq, rs, status, sp_code_name(e->code), false, sentence);
}

int http_reply_error(struct http_req *rq, struct http_resp *rs, int status, const char *error_code, const char *fmt, ...)
{
	char sentence[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	http_refuse_with(rq, rs, status, error_code ? error_code : "error", error_code != NULL, sentence);
	return 0;
}
