/*
 * head.h - message heads of HTTP/1.1, requests and responses. Pure: bytes in, views into them out.
 *
 * One reading of every message: whatever RFC 9112 lets a recipient repair is refused here (proxy.md 7.2 to
 * 7.5, 7.15), because the app behind might repair it differently.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "field.h"
#include "str.h"

enum { HEAD_LINES = 128, HEAD_NOMINATED = 32 };

/* One field line: NAME ":" OWS VALUE OWS CRLF. RAW is all of it without the CRLF. */
struct head_line { struct sp_str name, value, raw; enum field field; };

/* How far a head that arrives in pieces has been looked at; zero-initialised at its first byte. */
struct head_scan { uint32_t at, line; uint16_t lines; };

struct head_limits { uint32_t head, line, first_line; uint16_t lines; };

enum head_body { HEAD_NO_BODY, HEAD_LENGTH, HEAD_CHUNKED, HEAD_UNTIL_EOF };

enum head_method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_POST };

struct head {
	struct head_line lines[HEAD_LINES];
	unsigned nlines;
	size_t size;                    /* all of it, with a leading empty line and the final CRLF */
	bool http10;
	bool keep_alive;                /* what the sender wants */
	bool nominates;                 /* Connection names fields that are not known by themselves */
	bool upgrade;                   /* Connection: upgrade and Upgrade: websocket */
	enum head_body body;
	uint64_t length;                /* of HEAD_LENGTH */

	/* requests */
	enum head_method method_id;
	struct sp_str method, target, host;     /* TARGET in origin form; HOST as sent, or the authority of an absolute target */
	bool target_bare;               /* an absolute target without a path: "/" belongs before TARGET */
	bool absolute;
	bool has_host;                  /* there is a Host line */
	bool expects, te_trailers;

	/* responses */
	int status;
	struct sp_str reason;
};

/*
 * Look at what is new among the N bytes of a head so far. Returns 1 when it is complete (*SIZE bytes), 0
 * when more is needed, else -SP_EPROTO or -SP_EQUOTA with *STATUS: what a client is told (400, 414, 431).
 */
SP_MUST int head_scan(struct head_scan *s, const char *p, size_t n, const struct head_limits *max,
		size_t *size, int *status, struct sp_err *e);

/* Parse the N bytes of a complete head. -SP_EPROTO with *STATUS: what a client is told (400, 405, 417, 501, 505). */
SP_MUST int head_parse_request(const char *p, size_t n, struct head *h, int *status, struct sp_err *e);

/* IS_HEAD: it answers a HEAD request, so no body follows whatever it says. SP_EPROTO: a bad gateway. */
SP_MUST int head_parse_response(const char *p, size_t n, bool is_head, struct head *h, struct sp_err *e);

/* One line without its CRLF. */
SP_MUST int head_line_parse(const char *p, size_t n, struct head_line *l, struct sp_err *e);

/* Lines up to an empty one, at most MAX bytes: 1 and *END when complete, 0 when more is needed. */
SP_MUST int head_section_end(const char *p, size_t n, size_t max, size_t *end, struct sp_err *e);

/* The first line of FIELD, or NULL. */
const struct head_line *head_find(const struct head *h, enum field field);

/* Does a Connection line name the field NAME? */
bool head_nominates(const struct head *h, struct sp_str name);

/* The next element of a comma-separated list, without blanks; false at the end. Empty elements are skipped. */
bool head_next_token(struct sp_str *list, struct sp_str *token);

/* A browser that goes to a page, rather than a script that fetches data. */
bool head_is_navigation(const struct head *h);

/* Into a frame of another page. */
bool head_is_framed(const struct head *h);

/* Chromium or Firefox, by what it says. */
bool head_is_new_browser(const struct head *h);

/* A visit that shall not start an app: prefetches, HEAD, crawlers and link previews (CONTRACTS 9.3). */
bool head_is_quiet(const struct head *h);
