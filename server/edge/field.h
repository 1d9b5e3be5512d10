/*
 * field.h - names of header fields and what edge does with them (fields.def). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum field_use {
	FIELD_REQ = 1, FIELD_APP = 2, FIELD_RES = 4, FIELD_UNSAFE = 8, FIELD_ECHO = 16, FIELD_KEPT = 32, FIELD_PREFIX = 64
};

#define FIELD(id, name, use) FIELD_##id,
enum field {
	FIELD_OTHER,
	FIELD_ALIAS,    /* an underscore where a known name has a hyphen: WSGI and CGI apps would read it as that name */
#include "fields.def"
	FIELD_MAX
};
#undef FIELD

/* Which field the N bytes at NAME name, without regard to case. */
enum field field_of(const char *name, size_t n);

/* Its enum field_use bits. */
unsigned field_use(enum field f);
