#include "yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct walk {
	struct sp_arena *a;
	yaml_parser_t parser;
	unsigned line0, nodes, keys, depth;
	const char *text;
	size_t len;
	struct yaml_error *where;
};

static void event_drop(yaml_event_t *ev)
{
	yaml_event_delete(ev);
}

static int refuse(struct walk *w, const yaml_mark_t *at, const char *text)
{
	w->where->line = w->line0 + (unsigned)at->line + 1;
	w->where->column = (unsigned)at->column + 1;
	snprintf(w->where->text, sizeof(w->where->text), "%s", text);
	return -SP_EINVAL;
}

/* A reader error (bad UTF-8, control byte) carries an offset only. */
static void mark_of_offset(const struct walk *w, size_t offset, yaml_mark_t *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < offset && i < w->len; i++) {
		ret->column++;
		if (w->text[i] == '\n') {
			ret->line++;
			ret->column = 0;
		}
	}
}

static int refuse_parser(struct walk *w)
{
	const char *problem = w->parser.problem ? w->parser.problem : "not YAML";
	yaml_mark_t at = w->parser.problem_mark;

	char text[160];

	snprintf(text, sizeof(text), "%s", problem);
	if (w->parser.error == YAML_READER_ERROR)
		mark_of_offset(w, w->parser.problem_offset, &at);
	if (w->parser.error == YAML_SCANNER_ERROR && w->parser.context) {       /* an open quote is found out at the end only */
		at = w->parser.context_mark;
		snprintf(text, sizeof(text), "%s, %s", w->parser.context, problem);
	}
	return refuse(w, &at, text);
}

static int next_event(struct walk *w, yaml_event_t *ev)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (!yaml_parser_parse(&w->parser, ev))
		return refuse_parser(w);
	switch ((int)ev->type) {
	case YAML_ALIAS_EVENT:
		return refuse(w, &ev->start_mark, "aliases (*name) are not allowed here");
	case YAML_SCALAR_EVENT:
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return refuse(w, &ev->start_mark, "anchors (&name) are not allowed here");
	if (tag)
		return refuse(w, &ev->start_mark, "tags (!name) are not allowed here");
	return 0;
}

static int node_new(struct walk *w, const yaml_event_t *ev, enum yaml_kind kind, struct yaml_node **ret)
{
	struct yaml_node *n;

	if (++w->nodes > YAML_NODES)
		return refuse(w, &ev->start_mark, "too many values");
	n = sp_arena_get(w->a, sizeof(*n));
	n->kind = kind;
	n->line = w->line0 + (unsigned)ev->start_mark.line + 1;
	n->column = (unsigned)ev->start_mark.column + 1;
	if (kind == YAML_SCALAR) {
		const char *p = (const char *)ev->data.scalar.value;

		if (memchr(p, 0, ev->data.scalar.length))
			return refuse(w, &ev->start_mark, "a NUL character is not allowed");
		n->text = sp_arena_mem(w->a, p, ev->data.scalar.length);
		n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	}
	*ret = n;
	return 0;
}

static int take_value(struct walk *w, yaml_event_t *ev, struct yaml_node **ret);

/* The key that EV is: a scalar, new in its mapping. */
static int take_key(struct walk *w, const yaml_event_t *ev, const struct yaml_node *map, const char **ret)
{
	if (ev->type != YAML_SCALAR_EVENT)
		return refuse(w, &ev->start_mark, "a key must be plain text");
	if (++w->keys > YAML_KEYS)
		return refuse(w, &ev->start_mark, "too many keys");
	if (strlen((const char *)ev->data.scalar.value) != ev->data.scalar.length)
		return refuse(w, &ev->start_mark, "a NUL character is not allowed");
	for (const struct yaml_node *c = map->child; c; c = c->next)
		if (strcmp(c->key, (const char *)ev->data.scalar.value) == 0) {
			char text[160];

			snprintf(text, sizeof(text), "the key '%.100s' is there twice", c->key);
			return refuse(w, &ev->start_mark, text);
		}
	*ret = sp_arena_mem(w->a, ev->data.scalar.value, ev->data.scalar.length);
	return 0;
}

/* Everything up to the end of the sequence or mapping MAP, whose start event has been read. */
static int take_children(struct walk *w, struct yaml_node *map)
{
	int end = map->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct yaml_node **tail = &map->child;

	for (;;) {
		yaml_event_t key_ev __attribute__((cleanup(event_drop))) = { 0 };
		yaml_event_t value_ev __attribute__((cleanup(event_drop))) = { 0 };
		yaml_event_t *ev = &key_ev;
		const char *key = NULL;
		int r = next_event(w, ev);

		if (r < 0)
			return r;
		if ((int)ev->type == end)
			return 0;
		if (map->kind == YAML_MAP) {
			r = take_key(w, ev, map, &key);
			if (r < 0)
				return r;
			ev = &value_ev;
			r = next_event(w, ev);
			if (r < 0)
				return r;
		}
		r = take_value(w, ev, tail);
		if (r < 0)
			return r;
		(*tail)->key = key;
		tail = &(*tail)->next;
	}
}

static int take_value(struct walk *w, yaml_event_t *ev, struct yaml_node **ret)
{
	struct yaml_node *n;
	int r;

	if (ev->type == YAML_SCALAR_EVENT)
		return node_new(w, ev, YAML_SCALAR, ret);
	if (ev->type != YAML_MAPPING_START_EVENT && ev->type != YAML_SEQUENCE_START_EVENT)
		return refuse(w, &ev->start_mark, "a value is missing");
	if (w->depth >= YAML_DEPTH)
		return refuse(w, &ev->start_mark, "nested too deep");
	r = node_new(w, ev, ev->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_SEQ, &n);
	if (r < 0)
		return r;
	w->depth++;
	r = take_children(w, n);
	w->depth--;
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

static int take_document(struct walk *w, struct yaml_node **ret)
{
	for (;;) {
		yaml_event_t ev __attribute__((cleanup(event_drop))) = { 0 };
		int r = next_event(w, &ev);

		if (r < 0)
			return r;
		switch ((int)ev.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
			continue;
		case YAML_STREAM_END_EVENT:
			*ret = sp_arena_get(w->a, sizeof(**ret));
			(*ret)->kind = YAML_MAP;
			return 0;
		case YAML_MAPPING_START_EVENT:
			return take_value(w, &ev, ret);
		default:
			return refuse(w, &ev.start_mark, "expected 'key: value' lines");
		}
	}
}

/* Nothing may follow the mapping: a second document would be settings that nobody reads. */
static int take_end(struct walk *w)
{
	for (;;) {
		yaml_event_t ev __attribute__((cleanup(event_drop))) = { 0 };
		int r = next_event(w, &ev);

		if (r < 0)
			return r;
		if (ev.type == YAML_STREAM_END_EVENT)
			return 0;
		if (ev.type != YAML_DOCUMENT_END_EVENT)
			return refuse(w, &ev.start_mark, "text after the end of the settings");
	}
}

int yaml_tree_parse(struct sp_arena *a, const char *text, size_t len, unsigned line0,
		struct yaml_node **ret, struct yaml_error *where)
{
	struct walk w = { .a = a, .line0 = line0, .text = text, .len = len, .where = where };
	struct yaml_node *n;
	int r;

	if (!yaml_parser_initialize(&w.parser)) {
		*where = (struct yaml_error){ line0 + 1, 1, "out of memory" };
		return -SP_ENOMEM;
	}
	yaml_parser_set_encoding(&w.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, len);
	r = take_document(&w, &n);
	if (r == 0 && n->line > 0)
		r = take_end(&w);
	yaml_parser_delete(&w.parser);
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const trues[] = { "true", "True", "TRUE", NULL };
static const char *const falses[] = { "false", "False", "FALSE", NULL };

bool yaml_is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && n->plain && is_one_of(n->text, nulls);
}

int yaml_bool(const struct yaml_node *n, bool *ret)
{
	if (n->kind != YAML_SCALAR)
		return -SP_EINVAL;
	if (is_one_of(n->text, trues))
		*ret = true;
	else if (is_one_of(n->text, falses))
		*ret = false;
	else
		return -SP_EINVAL;
	return 0;
}

/* YAML 1.2, 10.3.2: [-+]? [0-9]+ */
static bool is_int(const char *s)
{
	size_t digits;

	if (*s == '-' || *s == '+')
		s++;
	digits = strspn(s, "0123456789");
	return digits > 0 && digits <= 18 && s[digits] == 0;    /* 18 digits always fit 64 bits */
}

/* YAML 1.2, 10.3.2: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *s)
{
	size_t before, after = 0, exponent;

	if (*s == '-' || *s == '+')
		s++;
	before = strspn(s, "0123456789");
	s += before;
	if (*s == '.') {
		after = strspn(s + 1, "0123456789");
		s += 1 + after;
	}
	if (before + after == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '-' || s[1] == '+' ? 2 : 1;
		exponent = strspn(s, "0123456789");
		if (exponent == 0)
			return false;
		s += exponent;
	}
	return *s == 0;
}

static json_t *scalar_json(const struct yaml_node *n)
{
	json_t *j = NULL;
	bool b;

	if (!n->plain)
		return json_string(n->text);
	if (yaml_is_null(n))
		return json_null();
	if (yaml_bool(n, &b) == 0)
		return json_boolean(b);
	if (is_int(n->text))
		return json_integer(strtoll(n->text, NULL, 10));
	if (is_float(n->text))
		j = json_real(strtod(n->text, NULL));   /* NULL when not finite: kept as text */
	return j ? j : json_string(n->text);
}

json_t *yaml_tree_json(const struct yaml_node *n, bool (*as_text)(const char *key))
{
	json_t *j;

	if (n->kind == YAML_SCALAR)
		return scalar_json(n);
	j = n->kind == YAML_MAP ? json_object() : json_array();
	for (const struct yaml_node *c = n->child; c; c = c->next) {
		bool text = c->key && c->kind == YAML_SCALAR && as_text && as_text(c->key) && !yaml_is_null(c);
		json_t *v = text ? json_string(c->text) : yaml_tree_json(c, NULL);

		if (n->kind == YAML_MAP)
			json_object_set_new(j, c->key, v);
		else
			json_array_append_new(j, v);
	}
	return j;
}
