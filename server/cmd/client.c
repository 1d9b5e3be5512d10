#include "client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auto.h"
#include "clock.h"
#include "str.h"
#include "term.h"

enum { ANSWER_MAX = 64 << 20, EVENT_MAX = 1 << 20 };

struct client { char *url, *token; _Atomic bool stop, has_answer; bool was_cut; };

bool client_has_token(const struct client *c)
{
	return c->token != NULL;
}

int client_new(const char *url, const char *token, struct client **ret, struct sp_err *e)
{
	struct client *c;
	size_t n = strlen(url);

	if (!sp_starts_with(url, "http://") && !sp_starts_with(url, "https://"))
		return sp_fail(e, SP_EINVAL, 0, "'%s' is not a URL of a server: it must start with http:// or https://", url);
	c = calloc(1, sizeof(*c));
	if (!c)
		return sp_fail(e, SP_ENOMEM, 0, "client");
	while (n > 0 && url[n - 1] == '/')
		n--;
	c->url = strndup(url, n);
	c->token = token ? strdup(token) : NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	*ret = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	free(c->url);
	free(c->token);
	free(c);
}

void client_free_p(struct client **c)
{
	client_free(*c);
}

const char *client_url(const struct client *c)
{
	return c->url;
}

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct sp_buf *b = arg;

	if (b->n + size * n > ANSWER_MAX)
		return 0;
	sp_buf_add(b, p, size * n);
	return size * n;
}

struct request { CURL *curl; struct curl_slist *headers; };

static void request_fini(struct request *r)
{
	curl_slist_free_all(r->headers);
	curl_easy_cleanup(r->curl);
}

static int request_init(struct client *c, const char *method, const char *path, const char *type, struct request *r, struct sp_err *e)
{
	sp_auto_buf struct sp_buf text = { 0 };

	*r = (struct request){ .curl = curl_easy_init() };
	if (!r->curl)
		return sp_fail(e, SP_ENOMEM, 0, "libcurl");
	sp_buf_fmt(&text, "%s%s", c->url, path);
	curl_easy_setopt(r->curl, CURLOPT_URL, text.p);
	curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->curl, CURLOPT_USERAGENT, "vitrine");
	curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT, 10L);
	/* An answer may take its time; a machine that is gone is noticed within a minute and a half. */
	curl_easy_setopt(r->curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(r->curl, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(r->curl, CURLOPT_TCP_KEEPINTVL, 7L);
	/* A Space that was renamed leads on; libcurl keeps the token for the host that it was meant for. */
	curl_easy_setopt(r->curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(r->curl, CURLOPT_MAXREDIRS, 3L);
	curl_easy_setopt(r->curl, CURLOPT_POSTREDIR, CURL_REDIR_POST_ALL);
	curl_easy_setopt(r->curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	if (c->token) {
		text.n = 0;
		sp_buf_fmt(&text, "Authorization: Bearer %s", c->token);
		r->headers = curl_slist_append(r->headers, text.p);
	}
	text.n = 0;
	sp_buf_fmt(&text, "Content-Type: %s", type);
	r->headers = curl_slist_append(r->headers, text.p);
	r->headers = curl_slist_append(r->headers, "Accept: application/json");
	r->headers = curl_slist_append(r->headers, "Expect:");
	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers);
	return 0;
}

static int request_run(struct client *c, struct request *r, json_t **ret_json, struct sp_err *e)
{
	sp_auto_buf struct sp_buf answer = { 0 };
	CURLcode code;
	long status = 0;

	curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, &answer);
	code = curl_easy_perform(r->curl);
	if (code != CURLE_OK)
		return sp_fail(e, SP_EBUSY, 0, "%s does not answer (%s); is the server running there?", c->url, curl_easy_strerror(code));
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	if (ret_json)
		*ret_json = answer.n ? json_loadb(answer.p, answer.n, JSON_DECODE_ANY, NULL) : NULL;
	return (int)status;
}

int client_call(struct client *c, const char *method, const char *path, json_t *body, json_t **ret_json, struct sp_err *e)
{
	sp_auto_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct request r;
	int status = request_init(c, method, path, "application/json", &r, e);

	if (status < 0)
		return status;
	if (text || !strcmp(method, "POST"))
		curl_easy_setopt(r.curl, CURLOPT_POSTFIELDS, text ? text : "");
	status = request_run(c, &r, ret_json, e);
	request_fini(&r);
	return status;
}

static int on_sent(void *arg, curl_off_t in_all SP_UNUSED, curl_off_t in SP_UNUSED, curl_off_t all, curl_off_t sent)
{
	const unsigned long long *start = arg;
	char text[80];

	snprintf(text, sizeof(text), "sent %.1f of %.1f MB", (double)sent / 1e6, (double)all / 1e6);
	if (all > 0)
		term_progress(text, *start);
	return 0;
}

int client_post_file(struct client *c, const char *path, const char *type, FILE *file, json_t **ret_json, struct sp_err *e)
{
	unsigned long long start = sp_mono_us();
	struct request r;
	int status = request_init(c, "POST", path, type, &r, e);
	off_t size;

	if (status < 0)
		return status;
	fseeko(file, 0, SEEK_END);
	size = ftello(file);
	rewind(file);
	curl_easy_setopt(r.curl, CURLOPT_POST, 1L);
	curl_easy_setopt(r.curl, CURLOPT_READDATA, file);
	curl_easy_setopt(r.curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(r.curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(r.curl, CURLOPT_XFERINFOFUNCTION, on_sent);
	curl_easy_setopt(r.curl, CURLOPT_XFERINFODATA, &start);
	status = request_run(c, &r, ret_json, e);
	term_progress(NULL, 0);
	request_fini(&r);
	return status;
}

struct events { struct sp_buf line; bool (*on_data)(void *arg, json_t *data); void *arg; bool stopped; };

static void event_line(struct events *ev, const char *p, size_t n)
{
	json_t *data;

	if (n < 6 || memcmp(p, "data: ", 6) != 0)
		return;
	data = json_loadb(p + 6, n - 6, 0, NULL);
	if (data && !ev->on_data(ev->arg, data))
		ev->stopped = true;
	json_decref(data);
}

static size_t on_event_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct events *ev = arg;
	const char *end;

	if (ev->line.n + size * n > EVENT_MAX)
		return 0;
	sp_buf_add(&ev->line, p, size * n);
	while (!ev->stopped && ev->line.n && (end = memchr(ev->line.p, '\n', ev->line.n))) {
		size_t len = (size_t)(end - ev->line.p);

		event_line(ev, ev->line.p, len && ev->line.p[len - 1] == '\r' ? len - 1 : len);
		sp_buf_drop(&ev->line, len + 1);
	}
	return ev->stopped ? 0 : size * n;
}

static size_t on_event_head(SP_UNUSED char *p, size_t size, size_t n, void *arg)
{
	struct client *c = arg;

	c->has_answer = true;
	return size * n;
}

/* libcurl asks at least every second. */
static int on_progress(void *arg, curl_off_t in_all SP_UNUSED, curl_off_t in SP_UNUSED, curl_off_t out_all SP_UNUSED, curl_off_t out SP_UNUSED)
{
	const struct client *c = arg;

	return c->stop;
}

bool client_was_cut(const struct client *c)
{
	return c->was_cut;
}

bool client_has_answer(const struct client *c)
{
	return c->has_answer;
}

void client_stop_events(struct client *c)
{
	c->stop = true;
}

int client_events(struct client *c, const char *path, bool (*on_data)(void *arg, json_t *data), void *arg, struct sp_err *e)
{
	struct events ev = { .on_data = on_data, .arg = arg };
	struct request r;
	CURLcode code;
	long status = 0;
	int rc = request_init(c, "GET", path, "text/event-stream", &r, e);

	if (rc < 0)
		return rc;
	curl_easy_setopt(r.curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(r.curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(r.curl, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(r.curl, CURLOPT_HEADERFUNCTION, on_event_head);
	curl_easy_setopt(r.curl, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(r.curl, CURLOPT_WRITEFUNCTION, on_event_bytes);
	curl_easy_setopt(r.curl, CURLOPT_WRITEDATA, &ev);
	code = curl_easy_perform(r.curl);
	curl_easy_getinfo(r.curl, CURLINFO_RESPONSE_CODE, &status);
	request_fini(&r);
	sp_buf_fini(&ev.line);
	c->was_cut = code != CURLE_OK && !ev.stopped;
	if (c->was_cut && status == 0)
		return sp_fail(e, SP_EBUSY, 0, "%s does not answer (%s); is the server running there?", c->url, curl_easy_strerror(code));
	return (int)status;
}

const char *client_error_text(json_t *answer, int status)
{
	static char text[80];
	const char *said = json_string_value(json_object_get(answer, "error"));

	if (said)
		return said;
	snprintf(text, sizeof(text), "the server answered with status %d and no reason", status);
	return text;
}

const char *client_admin_token(const char *state)
{
	static char token[128];
	sp_auto_free char *path = NULL;
	sp_auto_fclose FILE *f = NULL;

	if (asprintf(&path, "%s/admin-token", state) < 0)
		return NULL;
	f = fopen(path, "re");
	if (!f || !fgets(token, sizeof(token), f))
		return NULL;
	token[strcspn(token, "\r\n")] = '\0';
	return token[0] ? token : NULL;
}
