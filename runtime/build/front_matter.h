/*
 * front_matter.h - the YAML block on top of a Space's README.md (hf-api.md 9.1).
 *
 * Parsed from libyaml's events, never its documents: anchors, aliases and tags are refused (no expansion
 * attacks), depth and keys are bounded, duplicate keys are errors. Scalars stay the text that was
 * written, so sdk_version 4.10 is not 4.1 (C-HF-102). Pure; no files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"

/* Strings are lent from `arena`; NULL where the key is absent. Defaults of hf-api.md 9.1 are filled in for the others. */
struct front_matter {
	struct sp_arena arena;
	const char *title, *emoji, *color_from, *color_to, *short_description, *license, *thumbnail;
	const char *sdk, *sdk_version, *python_version;
	const char *app_file, *app_build_command, *base_path;
	const char *header;                     /* "mini" or "default" */
	const char *suggested_hardware, *suggested_storage;
	const char *const *tags;                /* NULL-terminated; never NULL */
	const char *custom_headers;             /* whole header lines with CRLF, only the three allowed (C-HF-111); "" for none */
	const char *notes;                      /* lines for the build log: unknown keys, values that are not used; "" for none */
	const char *json;                       /* front_matter_card_json */
	uint64_t startup_ms;
	uint32_t app_port;                      /* 0: not given */
	unsigned sdk_line, app_file_line;       /* of README.md; 0: not given */
	size_t body_at;                         /* offset of the text behind the block */
	bool full_width, pinned, hf_oauth, disable_embedding;
};

struct front_matter_where { unsigned line, column; char text[200]; };   /* from 1; of README.md itself */

/*
 * Parse the README of LEN bytes. SP_ENOENT: it does not start with a line "---". SP_EINVAL: something in
 * the block is wrong; the text of E is "line 3, column 5: …". On success RET is the caller's to release
 * with front_matter_fini; on failure it is untouched.
 */
SP_MUST int front_matter_parse(const char *text, size_t len, struct front_matter *ret, struct sp_err *e);

/* The same; WHERE (may be NULL) tells the place and the text of an SP_EINVAL apart. */
SP_MUST int front_matter_parse_at(const char *text, size_t len, struct front_matter *ret, struct front_matter_where *where, struct sp_err *e);

void front_matter_fini(struct front_matter *fm);        /* zeroed is fine */

/*
 * The block as JSON (cardData of the Hub): plain scalars typed by YAML's core schema, except sdk_version
 * and python_version, which stay text. Lent until front_matter_fini. "{}" for an empty block.
 */
const char *front_matter_card_json(const struct front_matter *fm);
