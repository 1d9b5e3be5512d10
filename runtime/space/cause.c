#include "cause.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs_file.h"

static const struct { const char *name, *text, *next, *label, *target; enum cause_action action; enum space_stage stage; } rows[CAUSE_MAX] = {
	[CAUSE_NONE] = { "", "", "", "", "", ACTION_NONE, STAGE_RUNNING },
#define CAUSE(code, stage_, text_, next_, action_, label_, target_) \
	[CAUSE_##code] = { #code, text_, next_, label_, target_, ACTION_##action_, STAGE_##stage_ },
#include "causes.def"
#undef CAUSE
};

const char *cause_action_name(enum cause_action a)
{
	static const char *const names[ACTION_MAX] = { "", "restart", "factory", "edit", "settings", "logs", "wait", "operator", "command" };

	return a < ACTION_MAX ? names[a] : "";
}

static bool is_fact(const char *p)
{
	return p[0] == '%' && (p[1] == 'd' || p[1] == 's');
}

/* FORMAT with its facts; a fact that is missing leaves nothing behind. Returns FACTS, or NULL when they are used up. */
static va_list *fill(char *out, size_t size, const char *format, va_list *facts)
{
	size_t n = 0;

	for (const char *p = format; *p && n + 1 < size; ) {
		const char *fact = NULL;
		int w;

		if (!is_fact(p)) {
			out[n++] = *p++;
			continue;
		}
		p += 2;
		if (facts)
			fact = va_arg(*facts, const char *);
		if (!fact)
			facts = NULL;
		w = snprintf(out + n, size - n, "%s", fact ? fact : "");
		n += w < 0 ? 0 : (size_t)w < size - n ? (size_t)w : size - n - 1;
	}
	out[n] = 0;
	for (char *p = out; (p = strchr(p, '\n')); )   /* one line, so that it can be stored as one */
		*p = ' ';
	return facts;
}

/* Facts are cut to length on their way here, maybe inside a character; JSON takes whole ones only. */
static void keep_utf8(char *text)
{
	size_t n = strlen(text);

	for (char *p = text; n > 0; ) {
		size_t len = log_utf8_len((const unsigned char *)p, n);

		if (len == 0)
			*p = '?';
		len = len ? len : 1;
		p += len;
		n -= len;
	}
}

static void fill_row(struct space_cause *ret, enum cause_code code, va_list *facts)
{
	memset(ret, 0, sizeof(*ret));
	ret->evidence = "";
	snprintf(ret->code, sizeof(ret->code), "%s", rows[code].name);
	ret->action = rows[code].action;
	snprintf(ret->label, sizeof(ret->label), "%s", rows[code].label);
	facts = fill(ret->text, sizeof(ret->text), rows[code].text, facts);
	facts = fill(ret->next, sizeof(ret->next), rows[code].next, facts);
	fill(ret->target, sizeof(ret->target), rows[code].target, facts);
	keep_utf8(ret->text);
	keep_utf8(ret->next);
	keep_utf8(ret->target);
}

void cause_fill(struct space_cause *ret, enum cause_code code, ...)
{
	va_list ap;

	va_start(ap, code);
	fill_row(ret, code, &ap);
	va_end(ap);
}

void fault_set(struct fault *f, enum cause_code code, ...)
{
	va_list ap;

	fault_clear(f);
	f->code = code;
	va_start(ap, code);
	fill_row(&f->text, code, &ap);
	va_end(ap);
}

void fault_evidence(struct fault *f, const char *text)
{
	free(f->evidence);
	f->evidence = text && *text ? strdup(text) : NULL;
	if (f->evidence)
		keep_utf8(f->evidence);
}

void fault_clear(struct fault *f)
{
	free(f->evidence);
	memset(f, 0, sizeof(*f));
}

void fault_move(struct fault *to, struct fault *from)
{
	fault_clear(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

void fault_save(const struct fault *f, char *detail, size_t size)
{
	const struct space_cause *c = &f->text;

	if (f->code == CAUSE_NONE)
		detail[0] = 0;
	else
		snprintf(detail, size, "%s\n%s\n%s", c->text, c->next, c->target);
}

/* The line at P into OUT; where the next one begins, or NULL. */
static const char *take_line(const char *p, char *out, size_t size)
{
	size_t n = p ? strcspn(p, "\n") : 0;

	if (!p)
		return NULL;
	snprintf(out, size, "%.*s", (int)n, p);
	return p[n] ? p + n + 1 : NULL;
}

void fault_load(struct fault *f, const char *code, const char *detail)
{
	fault_clear(f);
	for (enum cause_code c = CAUSE_NONE + 1; c < CAUSE_MAX; c++)
		if (strcmp(rows[c].name, code) == 0) {
			f->code = c;
			fill_row(&f->text, c, NULL);
		}
	if (f->code == CAUSE_NONE)
		return;
	detail = take_line(detail, f->text.text, sizeof(f->text.text));
	detail = take_line(detail, f->text.next, sizeof(f->text.next));
	take_line(detail, f->text.target, sizeof(f->text.target));
}

const char *cause_name(enum cause_code code)
{
	return rows[code].name;
}

enum space_stage cause_stage(enum cause_code code)
{
	return rows[code].stage;
}

unsigned cause_facts(enum cause_code code)
{
	unsigned n = 0;

	for (const char *p = rows[code].text; *p; p++)
		n += is_fact(p);
	for (const char *p = rows[code].next; *p; p++)
		n += is_fact(p);
	for (const char *p = rows[code].target; *p; p++)
		n += is_fact(p);
	return n;
}

struct cause_text cause_duration(uint64_t ms)
{
	struct cause_text t;

	if (ms >= 3600000 && ms % 3600000 == 0)
		snprintf(t.s, sizeof(t.s), "%llu h", (unsigned long long)(ms / 3600000));
	else if (ms >= 60000 && ms % 60000 == 0)
		snprintf(t.s, sizeof(t.s), "%llu min", (unsigned long long)(ms / 60000));
	else
		snprintf(t.s, sizeof(t.s), "%llu s", (unsigned long long)((ms + 500) / 1000));
	return t;
}

struct cause_text cause_bytes(uint64_t bytes)
{
	struct cause_text t;

	if (bytes >= 1 << 30 && bytes % (1 << 30) == 0)
		snprintf(t.s, sizeof(t.s), "%llu GB", (unsigned long long)(bytes >> 30));
	else
		snprintf(t.s, sizeof(t.s), "%llu MB", (unsigned long long)(bytes >> 20));
	return t;
}

struct cause_text cause_disk(const struct launch_disk *d)
{
	struct cause_text t = { "" };

	if (d->free_bytes < d->bytes / 16 && d->free_bytes < 16 << 20)   /* a large write fails before the last block is used */
		snprintf(t.s, sizeof(t.s), "its disk of %llu MB has no room", (unsigned long long)(d->bytes >> 20));
	else if (d->bytes > 0 && d->free_files == 0)
		snprintf(t.s, sizeof(t.s), "its disk has all of its %llu files", (unsigned long long)d->files);
	return t;
}

struct cause_text cause_number(long long n)
{
	struct cause_text t;

	snprintf(t.s, sizeof(t.s), "%lld", n);
	return t;
}

static const char *own_lines_out(const char *output, struct sp_arena *a)
{
	char *kept = sp_arena_get(a, strlen(output) + 1);
	size_t n = 0;

	while (*output) {
		size_t len = strcspn(output, "\n");

		len += output[len] == '\n';
		if (strncmp(output, "=====", 5) != 0) {
			memcpy(kept + n, output, len);
			n += len;
		}
		output += len;
	}
	kept[n] = 0;
	return kept;
}

const char *cause_evidence_of(const char *output, struct sp_arena *a)
{
	enum { LAST = 4000 };
	const char *text = own_lines_out(output, a), *from = NULL, *p = text;
	size_t n = strlen(text);

	while ((p = strstr(p, "Traceback (most recent call last)")))
		from = p++;
	if (from)
		return from;
	from = n > LAST ? text + n - LAST : text;
	p = from > text ? strchr(from, '\n') : NULL;
	return p ? p + 1 : from;
}
