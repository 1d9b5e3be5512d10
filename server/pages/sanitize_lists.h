/*
 * sanitize_lists.h - what may be in sanitised HTML. The fuzz target checks the output against the same lists.
 */
#pragma once

#include <stdbool.h>

enum { ATTR_MAX = 12 };

/* KEEP: written. DROP: gone with everything in it. UNWRAP: only its children are written; so are those of unknown elements. */
enum sanitize_fate { FATE_UNWRAP, FATE_KEEP, FATE_DROP };

struct sanitize_tag {
	const char *name;
	enum sanitize_fate fate;
	bool is_void;
	const char *attrs[ATTR_MAX];    /* beside those of every element: id title lang dir align */
};

const struct sanitize_tag *sanitize_tag_find(const char *name);         /* NULL: unknown */
bool sanitize_attr_allowed(const struct sanitize_tag *tag, const char *attr);
