/* What edge itself says: errors, as a page for people and as JSON for programs (C-PROXY-30). */
#include "edge.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_S = 3 };

static const char *reason_of(int status)
{
	switch (status) {
	case 302:
		return "Found";
	case 400:
		return "Bad Request";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 414:
		return "URI Too Long";
	case 417:
		return "Expectation Failed";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Error";
	}
}

/* CODE and SENTENCE are our own words: nothing in them needs escaping. */
static int write_body(const struct conn *c, int status, const char *code, const char *sentence, char *out, size_t size)
{
	if (c->navigation)
		return snprintf(out, size, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
				"<meta name=\"viewport\" content=\"width=device-width\"><title>%d %s</title><h1>%s</h1><p>%s</p>\n",
				status, reason_of(status), reason_of(status), sentence);
	if (strcmp(code, "starting") == 0)
		return snprintf(out, size, "{\"error\":\"%s\",\"code\":\"%s\",\"stage\":\"APP_STARTING\",\"retry_after\":%d}\n",
				sentence, code, RETRY_S);
	return snprintf(out, size, "{\"error\":\"%s\",\"code\":\"%s\"}\n", sentence, code);
}

void respond(struct edge *e, struct conn *c, int status, const char *code, const char *sentence, bool close)
{
	struct request_id id = request_id(e, c);
	char body[1024], retry[32] = "";
	const char *type = c->navigation ? "text/html; charset=utf-8\r\nContent-Security-Policy: default-src 'none'" : "application/json";
	int n = write_body(c, status, code, sentence, body, sizeof(body)), head;

	if (c->up)
		upstream_close(e, c->up);
	c->keep_alive = c->keep_alive && !close && !e->draining;
	if (status == 503)
		snprintf(retry, sizeof(retry), "Retry-After: %d\r\n", RETRY_S);
	head = snprintf(e->head_out, HEAD_OUT_BYTES,
			"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
			"X-Content-Type-Options: nosniff\r\nX-Error-Code: %s\r\nX-Error-Message: %s\r\nX-Request-Id: %s\r\n%s%s\r\n",
			status, reason_of(status), type, n, code, sentence, id.s, retry,
			!c->keep_alive ? "Connection: close\r\n" : c->http10 ? "Connection: keep-alive\r\n" : "");
	side_push(e, &c->side, e->head_out, (size_t)head, NULL, 0);
	if (!c->is_head)
		side_push(e, &c->side, body, (size_t)n, NULL, 0);
	conn_finish(e, c);
}

/* LINES: whole ones with CRLF. Nobody keeps it: it holds for this visitor and this moment. */
void respond_redirect(struct edge *e, struct conn *c, const char *to, const char *lines)
{
	struct request_id id = request_id(e, c);
	int head;

	if (c->up)
		upstream_close(e, c->up);
	c->keep_alive = c->keep_alive && !c->has_body && !e->draining;
	head = snprintf(e->head_out, HEAD_OUT_BYTES,
			"HTTP/1.1 302 %s\r\nLocation: %s\r\n%sContent-Length: 0\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
			"X-Request-Id: %s\r\n%s\r\n", reason_of(302), to, lines, id.s,
			!c->keep_alive ? "Connection: close\r\n" : c->http10 ? "Connection: keep-alive\r\n" : "");
	side_push(e, &c->side, e->head_out, (size_t)head, NULL, 0);
	conn_finish(e, c);
}
