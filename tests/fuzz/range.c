/* fuzz: server/http/parse.c server/http/base64.c */
/* A Range header: never a piece outside of the body, never an empty one, and all of it where the header says nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/parse.h"

void http_pair_add(struct sp_arena *a, struct http_pair **list, const char *name, const char *value)
{
	(void)a, (void)list, (void)name, (void)value;   /* of queries, which are not looked at here */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t body = 0, offset = 0, len = 0;
	char header[300] = "";
	int r;

	if (size < 8 || size - 8 >= sizeof(header))
		return 0;
	memcpy(&body, data, 8);
	memcpy(header, data + 8, size - 8);
	r = parse_range(header, body >> 1, &offset, &len, NULL);
	if (r > 0 && (len == 0 || offset >= body >> 1 || len > (body >> 1) - offset))
		abort();
	if (r == 0 && strncmp(header, "bytes=0-0", 10) == 0 && body >> 1 > 0)
		abort();
	return 0;
}
