/* fuzz: */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exec_block.h"

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *pointers[EXEC_ARGS_MAX + EXEC_ENV_MAX + 2];
	char *bytes = malloc(size ? size : 1);
	struct exec_block b;

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	if (exec_block_parse(bytes, size, pointers, &b, NULL) == 0) {
		size_t strings = strlen(b.cwd) + 1;

		CHECK(b.argv[0]);
		for (char **at = b.argv; *at; at++)
			strings += strlen(*at) + 1;
		for (char **at = b.envp; *at; at++)
			strings += strlen(*at) + 1;
		CHECK(strings + 24 == size);    /* every byte belongs to exactly one string */
	}
	free(bytes);
	return 0;
}
