#include "options.h"

#include <string.h>

#include "cmd.h"

static bool set(const struct option_row *row, const char *value)
{
	unsigned i = 0;

	if (row->value) {
		*row->value = value;
		return true;
	}
	while (i < OPTION_MANY_MAX && row->many[i])
		i++;
	if (i == OPTION_MANY_MAX)
		return cmd_fail(CMD_USAGE, "%s is given too often", row->name), false;
	row->many[i] = value;
	row->many[i + 1] = NULL;
	return true;
}

static const struct option_row *find(const struct option_row *rows, unsigned n, const char *arg)
{
	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(rows[i].name);

		if (!strncmp(arg, rows[i].name, len) && (arg[len] == '\0' || (arg[len] == '=' && !rows[i].flag)))
			return &rows[i];
	}
	return NULL;
}

bool options_parse(int argc, char **argv, const struct option_row *rows, unsigned n, const char **operands, unsigned max)
{
	bool only_operands = false;
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		const struct option_row *row = only_operands ? NULL : find(rows, n, argv[i]);

		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = true;
			continue;
		}
		if (!row && !only_operands && argv[i][0] == '-')
			return cmd_fail(CMD_USAGE, "%s: unknown option '%s'; see 'vitrine help %s'", argv[0], argv[i], argv[0]), false;
		if (!row) {
			if (count == max)
				return cmd_fail(CMD_USAGE, "%s: '%s' is one argument too many", argv[0], argv[i]), false;
			operands[count++] = argv[i];
			continue;
		}
		if (row->flag) {
			*row->flag = true;
		} else if (argv[i][strlen(row->name)] == '=') {
			if (!set(row, argv[i] + strlen(row->name) + 1))
				return false;
		} else {
			if (i + 1 == argc)
				return cmd_fail(CMD_USAGE, "%s: %s needs a value", argv[0], argv[i]), false;
			if (!set(row, argv[++i]))
				return false;
		}
	}
	operands[count] = NULL;
	return true;
}
