/*
 * yaml_tree.h - a small, bounded tree out of libyaml's events.
 *
 * Only what JSON can say: scalars as written, sequences, mappings with scalar keys. Anchors, aliases,
 * tags, duplicate keys, more than YAML_DEPTH levels or YAML_NODES nodes are errors with their place.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"

enum { YAML_DEPTH = 8, YAML_KEYS = 256, YAML_NODES = 4096 };
enum yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool plain;                     /* a scalar without quotes: subject to the core schema */
	const char *key;                /* in a mapping; NULL otherwise */
	const char *text;               /* scalar, as written; NUL-terminated, no NUL inside */
	unsigned line, column;          /* from 1, LINE0 added */
	struct yaml_node *child, *next;
};

struct yaml_error { unsigned line, column; char text[200]; };

/*
 * Parse one mapping (an empty document is an empty mapping); nodes live in A. LINE0: lines before this
 * text in its file. SP_EINVAL with WHERE filled.
 */
SP_MUST int yaml_tree_parse(struct sp_arena *a, const char *text, size_t len, unsigned line0,
		struct yaml_node **ret, struct yaml_error *where);

/* Core schema of YAML 1.2 (10.3.2) on a scalar. */
bool yaml_is_null(const struct yaml_node *n);
SP_MUST int yaml_bool(const struct yaml_node *n, bool *ret);    /* SP_EINVAL */

/* As JSON; AS_TEXT(key) true: the scalar under that top-level key stays a string. New reference. */
json_t *yaml_tree_json(const struct yaml_node *n, bool (*as_text)(const char *key));
