#include "rewrite.h"

#include <string.h>

#include "credential.h"

struct writer { char *p; size_t n, cap; bool full; };

static void put(struct writer *w, const char *p, size_t n)
{
	if (w->full || n > w->cap - w->n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_str(struct writer *w, struct sp_str s)
{
	put(w, s.p, s.n);
}

#define PUT(w, literal) put(w, literal, sizeof(literal) - 1)

static void put_line(struct writer *w, struct sp_str name, struct sp_str value)
{
	put_str(w, name);
	PUT(w, ": ");
	put_str(w, value);
	PUT(w, "\r\n");
}

static void put_raw(struct writer *w, const struct head_line *l)
{
	put(w, l->raw.p, l->raw.n + 2);         /* the CRLF stands behind it in the buffer */
}

/* The next element of a list separated by ";", without blanks; false at the end. */
static bool next_part(struct sp_str *list, struct sp_str *part)
{
	const char *semicolon;
	size_t n;

	if (list->n == 0)
		return false;
	semicolon = memchr(list->p, ';', list->n);
	n = semicolon ? (size_t)(semicolon - list->p) : list->n;
	*part = (struct sp_str){ list->p, n };
	list->p += n + (semicolon != NULL);
	list->n -= n + (semicolon != NULL);
	while (part->n > 0 && (part->p[0] == ' ' || part->p[0] == '\t')) {
		part->p++;
		part->n--;
	}
	while (part->n > 0 && (part->p[part->n - 1] == ' ' || part->p[part->n - 1] == '\t'))
		part->n--;
	return true;
}

static struct sp_str name_of_pair(struct sp_str pair)
{
	const char *eq = memchr(pair.p, '=', pair.n);

	if (eq)
		pair.n = (size_t)(eq - pair.p);
	while (pair.n > 0 && (pair.p[pair.n - 1] == ' ' || pair.p[pair.n - 1] == '\t'))
		pair.n--;
	return pair;
}

/* Cookies of the platform: neither shown to apps nor set by them (C-PROXY-04, C-PROXY-05). */
static bool is_platform_cookie(struct sp_str pair)
{
	static const struct sp_str prefix = { "__host-vitrine", 14 };
	struct sp_str name = name_of_pair(pair);

	return sp_str_eq_nocase(name, SP_STR("vitrine_session")) || sp_str_eq_nocase(name, SP_STR("vitrine_app")) ||
	       (name.n >= prefix.n && sp_str_eq_nocase((struct sp_str){ name.p, prefix.n }, prefix));
}

static void put_cookie(struct writer *w, const struct head_line *l)
{
	struct sp_str list = l->value, part;
	size_t from = w->n;
	bool any = false;

	put_str(w, l->name);
	PUT(w, ": ");
	while (next_part(&list, &part)) {
		if (is_platform_cookie(part))
			continue;
		if (any)
			PUT(w, "; ");
		put_str(w, part);
		any = true;
	}
	PUT(w, "\r\n");
	if (!any)
		w->n = from;
}

static bool has_platform_cookie(struct sp_str list)
{
	struct sp_str part;

	while (next_part(&list, &part))
		if (is_platform_cookie(part))
			return true;
	return false;
}

/* An app's cookie is for its own host only: no Domain (C-PROXY-05). */
static void put_set_cookie(struct writer *w, const struct head_line *l)
{
	struct sp_str list = l->value, part;
	bool first = true;

	if (!next_part(&list, &part) || is_platform_cookie(part))
		return;
	put_str(w, l->name);
	PUT(w, ": ");
	do {
		if (!first && sp_str_eq_nocase(name_of_pair(part), SP_STR("domain")))
			continue;
		if (!first)
			PUT(w, "; ");
		put_str(w, part);
		first = false;
	} while (next_part(&list, &part));
	PUT(w, "\r\n");
}

static bool has_domain(struct sp_str list)
{
	struct sp_str part;

	while (next_part(&list, &part))
		if (sp_str_eq_nocase(name_of_pair(part), SP_STR("domain")) || is_platform_cookie(part))
			return true;
	return false;
}

/* A bearer token of the platform: an app that got it could act as the visitor. */
static bool is_platform_token(struct sp_str v)
{
	struct sp_str token;

	return bearer_of(v, &token) && token.n >= 3 && memcmp(token.p, "hf_", 3) == 0;
}

static bool request_drops(const struct head *h, const struct rewrite_request *how, const struct head_line *l)
{
	unsigned use = field_use(l->field);

	if ((use & FIELD_REQ) || (how->to == TO_APP && (use & FIELD_APP)))
		return true;
	if (l->field == FIELD_EXPECT)
		return !h->expects;
	if (l->field == FIELD_CONTENT_LENGTH)
		return h->body == HEAD_CHUNKED;
	if (how->to == TO_APP && l->field == FIELD_AUTHORIZATION)
		return how->drop_authorization || is_platform_token(l->value);
	if (how->to == TO_PLATFORM && l->field == FIELD_X_REQUEST_ID)
		return true;
	return h->nominates && !(use & FIELD_KEPT) && head_nominates(h, l->name);
}

static void put_target(struct writer *w, struct sp_str target)
{
	if (w->full || target.n > w->cap - w->n)
		w->full = true;
	else
		w->n += target_without_sign(target, w->p + w->n);
}

static void put_request_line(struct writer *w, const struct head *h, const struct rewrite_request *how)
{
	put_str(w, h->method);
	PUT(w, " ");
	if (h->target_bare)
		PUT(w, "/");
	if (how->drop_sign && target_has_sign(h->target))
		put_target(w, h->target);
	else
		put_str(w, h->target);
	PUT(w, " HTTP/1.1\r\n");
	if (!h->has_host)
		put_line(w, SP_STR("Host"), h->absolute ? h->host : how->domain);
}

static void put_request_added(struct writer *w, const struct head *h, const struct rewrite_request *how)
{
	if (how->to == TO_APP) {
		put_line(w, SP_STR("X-Forwarded-For"), how->peer);
		put_line(w, SP_STR("X-Forwarded-Proto"), how->proto);
		put_line(w, SP_STR("X-Forwarded-Host"), h->host.n > 0 ? h->host : how->domain);
	} else {
		put_line(w, SP_STR("X-Vitrine-Peer"), how->peer);
		put_line(w, SP_STR("X-Vitrine-Proto"), how->proto);
		if (how->space.n > 0)
			put_line(w, SP_STR("X-Vitrine-Space"), how->space);
		if (how->why.n > 0)
			put_line(w, SP_STR("X-Vitrine-Why"), how->why);
		if (how->user.n > 0)
			put_line(w, SP_STR("X-Vitrine-User"), how->user);
		put_line(w, SP_STR("X-Request-Id"), how->request_id);
	}
	if (h->body == HEAD_CHUNKED)
		PUT(w, "Transfer-Encoding: chunked\r\n");
	if (h->te_trailers)
		PUT(w, "TE: trailers\r\n");
	if (how->upgrade)
		PUT(w, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
	PUT(w, "\r\n");
}

size_t rewrite_request(const struct head *h, const struct rewrite_request *how, char *out, size_t cap)
{
	struct writer w = { .p = out, .cap = cap };

	put_request_line(&w, h, how);
	for (unsigned i = 0; i < h->nlines; i++) {
		const struct head_line *l = &h->lines[i];

		if (request_drops(h, how, l))
			continue;
		if (l->field == FIELD_HOST && h->absolute)
			put_line(&w, l->name, h->host);
		else if (l->field == FIELD_COOKIE && how->to == TO_APP && has_platform_cookie(l->value))
			put_cookie(&w, l);
		else
			put_raw(&w, l);
	}
	put_request_added(&w, h, how);
	return w.full ? 0 : w.n;
}

static bool response_drops(const struct head *h, const struct rewrite_response *how, const struct head_line *l)
{
	unsigned use = field_use(l->field);

	if ((use & FIELD_RES) || (how->from == TO_APP && (use & FIELD_UNSAFE)))
		return true;
	if (how->from == TO_APP && h->status == 206 && (use & FIELD_ECHO))
		return true;
	if (l->field == FIELD_CONTENT_LENGTH)
		return h->body == HEAD_CHUNKED || h->status == 204 || h->status < 200 || head_find(h, FIELD_TRANSFER_ENCODING) != NULL;
	return h->nominates && !(use & FIELD_KEPT) && head_nominates(h, l->name);
}

static void put_status_line(struct writer *w, const struct head *h)
{
	char status[3] = { (char)('0' + h->status / 100), (char)('0' + h->status / 10 % 10), (char)('0' + h->status % 10) };

	PUT(w, "HTTP/1.1 ");
	put(w, status, sizeof(status));
	PUT(w, " ");
	put_str(w, h->reason);
	PUT(w, "\r\n");
}

size_t rewrite_response(const struct head *h, const struct rewrite_response *how, char *out, size_t cap)
{
	struct writer w = { .p = out, .cap = cap };
	bool has_id = false;
	uint64_t lengths = 0;

	put_status_line(&w, h);
	for (unsigned i = 0; i < h->nlines; i++) {
		const struct head_line *l = &h->lines[i];

		if (response_drops(h, how, l) || (l->field == FIELD_CONTENT_LENGTH && lengths++ > 0))
			continue;
		has_id |= l->field == FIELD_X_REQUEST_ID;
		if (l->field == FIELD_SET_COOKIE && how->from == TO_APP && has_domain(l->value))
			put_set_cookie(&w, l);
		else
			put_raw(&w, l);
	}
	put_str(&w, how->added);
	if (!has_id && how->request_id.n > 0 && h->status >= 200)
		put_line(&w, SP_STR("X-Request-Id"), how->request_id);
	if (h->body == HEAD_CHUNKED && !how->http10)
		PUT(&w, "Transfer-Encoding: chunked\r\n");
	if (how->upgrade)
		PUT(&w, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
	else if (how->close && h->status >= 200)
		PUT(&w, "Connection: close\r\n");
	else if (how->say_keep_alive && h->status >= 200)
		PUT(&w, "Connection: keep-alive\r\n");
	PUT(&w, "\r\n");
	return w.full ? 0 : w.n;
}
