/*
 * options.h - long options of the subcommands as a table; the rest are operands.
 */
#pragma once

#include <stdbool.h>

#include "err.h"

struct option_row {
	const char *name;       /* "--state" */
	const char **value;     /* takes a value, kept here; or NULL */
	bool *flag;             /* or sets this */
	const char **many;      /* or adds to this array of MANY_MAX, NULL-terminated */
};
enum { OPTION_MANY_MAX = 8 };

/* Parse ARGV[1..]; operands go to OPERANDS (room for MAX and a NULL). Complains by itself; false: usage error. */
bool options_parse(int argc, char **argv, const struct option_row *rows, unsigned n, const char **operands, unsigned max);
