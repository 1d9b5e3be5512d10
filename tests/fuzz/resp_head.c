/* fuzz: server/edge/head.c server/edge/visit.c server/edge/field.c server/edge/rewrite.c server/edge/credential.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/edge/rewrite.h"

static const struct head_limits limits = { .head = 65536, .line = 65536, .first_line = 65536, .lines = HEAD_LINES - 1 };

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)

static void check_rewritten(const struct head *h, enum rewrite_to from, bool http10)
{
	struct rewrite_response how = { .from = from, .http10 = http10, .close = true, .added = SP_STR("X-A: 1\r\n"), .request_id = SP_STR("id") };
	static char out[98304];
	size_t n = rewrite_response(h, &how, out, sizeof(out)), size;
	struct head_limits wide = { sizeof(out), sizeof(out), sizeof(out), HEAD_LINES - 1 };
	struct head_scan s = { 0 };
	struct head again;
	int status;

	CHECK(n > 0);
	if (h->nlines > HEAD_LINES - 5)
		return;
	CHECK(head_scan(&s, out, n, &wide, &size, &status, NULL) == 1 && size == n);
	CHECK(head_parse_response(out, n, false, &again, NULL) == 0);
	CHECK(again.status == h->status);
	CHECK(again.body == h->body || (http10 && h->body == HEAD_CHUNKED && again.body == HEAD_UNTIL_EOF));
	CHECK(again.body != HEAD_LENGTH || again.length == h->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = malloc(size ? size : 1);
	struct head_scan s = { 0 };
	struct head h;
	size_t n;
	int status;

	memcpy(p, data, size);
	if (head_scan(&s, p, size, &limits, &n, &status, NULL) == 1 && head_parse_response(p, n, false, &h, NULL) == 0) {
		check_rewritten(&h, TO_APP, false);
		check_rewritten(&h, TO_PLATFORM, true);
	}
	free(p);
	return 0;
}
