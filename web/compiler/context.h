/*
 * context.h - where in HTML a template's byte stands, and which escaper a value there needs.
 *
 * A deliberately small part of the HTML tokenizer (HTML standard 13.2.5): templates are ours and plain,
 * so whatever it does not know is refused at build time rather than guessed. What it decides is the
 * whole of C-UI-06: values only where an escaper exists that makes them inert.
 */
#pragma once

#include <stdbool.h>

#include "err.h"

enum html_state {
	HTML_TEXT, HTML_TAG_OPEN, HTML_TAG_NAME, HTML_END_TAG, HTML_IN_TAG, HTML_ATTR_NAME, HTML_AFTER_NAME,
	HTML_BEFORE_VALUE, HTML_VALUE, HTML_DECLARATION, HTML_COMMENT, HTML_RAW, HTML_RCDATA
};

/* How far a URL attribute has got; a value may not choose the scheme or the host once a literal began one. */
enum url_part { URL_START, URL_SLASH, URL_OPEN, URL_HOST, URL_PATH, URL_QUERY, URL_VALUED };

struct html_context {
	enum html_state state;
	enum url_part url;
	char tag[16];           /* lower case */
	char attr[32];
	char quote;
	unsigned matched;       /* bytes of an end tag or a comment mark seen so far */
};

/* Which escaper a value at this place gets. */
enum html_slot { SLOT_TEXT, SLOT_RCDATA, SLOT_ATTR, SLOT_CLASS, SLOT_URL, SLOT_URL_PATH, SLOT_URL_QUERY };

void html_begin(struct html_context *c);

/* Advance over one literal byte. SP_EINVAL: a construct that pages may not have (inline script, on*=, unquoted …). */
SP_MUST int html_feed(struct html_context *c, char byte, struct sp_err *e);

/* May a value stand here? SP_EINVAL with the reason when not. */
SP_MUST int html_slot(const struct html_context *c, enum html_slot *ret, struct sp_err *e);

/* A value was written here. */
void html_valued(struct html_context *c);

/* Two branches of a template must leave the page in the same place. */
bool html_same(const struct html_context *a, const struct html_context *b);
