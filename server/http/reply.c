#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/conn.h"
#include "server/http/http_status.h"

/* A header's value holds no control byte, whoever made it: CR LF would split the answer. */
static const char *clean(struct sp_arena *a, const char *value)
{
	char *copy = sp_arena_str(a, value);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return copy;
}

void http_set(struct http_req *rq, struct http_resp *rs, const char *name, const char *value)
{
	struct http_header **last = &rs->headers;

	while (*last)
		last = &(*last)->next;
	*last = sp_arena_get(rq->arena, sizeof(**last));
	(*last)->name = sp_arena_str(rq->arena, name);
	(*last)->value = clean(rq->arena, value);
}

void http_setf(struct http_req *rq, struct http_resp *rs, const char *name, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(line)) {
		char *longer = sp_arena_get(rq->arena, (size_t)n + 1);

		va_start(ap, fmt);
		vsnprintf(longer, (size_t)n + 1, fmt, ap);
		va_end(ap);
		http_set(rq, rs, name, longer);
		return;
	}
	http_set(rq, rs, name, line);
}

int http_reply_json(struct http_req *rq, struct http_resp *rs, int status, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(j);
	if (!text) {
		/* json_pack gives NULL for bytes that are not UTF-8, such as a path out of a git tree. */
		const struct sp_err e = { SP_EBUG, 0, "an answer could not be written as JSON" };

		http_refuse(rq, rs, &e);
		return 0;
	}
	rs->status = status;
	rs->body_len = strlen(text);
	rs->body = sp_arena_mem(rq->arena, text, rs->body_len);
	free(text);
	http_set(rq, rs, "Content-Type", "application/json; charset=utf-8");
	return 0;
}

int http_reply_text(struct http_req *rq, struct http_resp *rs, int status, const char *text)
{
	rs->status = status;
	rs->body = sp_arena_str(rq->arena, text);
	rs->body_len = strlen(text);
	http_set(rq, rs, "Content-Type", "text/plain; charset=utf-8");
	return 0;
}

int http_reply_html(struct http_req *rq, struct http_resp *rs, int status, struct sp_buf *html)
{
	rs->status = status;
	rs->body_len = html->n;
	rs->body = sp_buf_take(html);
	rs->body_free_arg = (void *)(uintptr_t)rs->body;
	rs->body_free = free;
	http_set(rq, rs, "Content-Type", "text/html; charset=utf-8");
	return 0;
}

int http_redirect(struct http_req *rq, struct http_resp *rs, int status, const char *location)
{
	rs->status = status;
	rs->body = "";
	rs->body_len = 0;
	http_set(rq, rs, "Location", location);
	return 0;
}
