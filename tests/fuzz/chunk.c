/* fuzz: server/edge/chunk.c server/edge/head.c server/edge/field.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/edge/chunk.h"

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)

struct run { char *out; size_t n, behind; int r; };

/* Feed the bytes in pieces of STEP; what is not used is given again with more behind it, as edge does. */
static struct run feed(const uint8_t *data, size_t size, size_t step, bool decode)
{
	struct run run = { .out = malloc(size + 1) };
	char *work = malloc(size + 1);
	size_t have = 0, from = 0;
	struct chunk c;

	chunk_start(&c, decode);
	while (run.r == 0 && from < size) {
		size_t n = size - from < step ? size - from : step, used, kept;

		memcpy(work + have, data + from, n);
		from += n;
		have += n;
		run.r = chunk_pass(&c, work, have, &used, &kept, NULL);
		CHECK(kept <= used && used <= have);
		memcpy(run.out + run.n, work, kept);
		run.n += kept;
		memmove(work, work + used, have - used);
		have -= used;
		CHECK(have == 0 || run.r != 0 || have <= 4096 + step);
	}
	run.behind = have + (size - from);
	free(work);
	return run;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned decode = 0; decode < 2; decode++) {
		struct run whole = feed(data, size, size ? size : 1, decode);
		struct run pieces = feed(data, size, size ? data[0] % 7 + 1u : 1, decode);

		CHECK(whole.r == pieces.r);
		CHECK(whole.r < 0 || (whole.n == pieces.n && memcmp(whole.out, pieces.out, whole.n) == 0));
		CHECK(whole.r != 1 || whole.behind == pieces.behind);
		free(whole.out);
		free(pieces.out);
	}
	return 0;
}
