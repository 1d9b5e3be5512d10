/* fuzz: server/edge/head.c server/edge/visit.c server/edge/field.c server/edge/host.c server/edge/rewrite.c server/edge/credential.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/edge/host.h"
#include "server/edge/rewrite.h"

static const struct head_limits limits = { .head = 32768, .line = 16384, .first_line = 8272, .lines = 100 };

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)

/* A head that comes in two pieces is the head that comes in one. */
static int scan(const char *p, size_t n, size_t cut, size_t *size, int *status)
{
	struct head_scan s = { 0 };
	int r = head_scan(&s, p, cut, &limits, size, status, NULL);

	return r ? r : head_scan(&s, p, n, &limits, size, status, NULL);
}

/* What edge writes is one request, with the same body, that it would read again in the same way. */
static void check_rewritten(const struct head *h, enum rewrite_to to)
{
	struct rewrite_request how = {
		.to = to, .peer = SP_STR("1.2.3.4"), .proto = SP_STR("http"), .domain = SP_STR("d.example"),
		.space = SP_STR("0123456789abcdef01234567"), .why = SP_STR("static"), .request_id = SP_STR("id"), .upgrade = h->upgrade,
	};
	static char out[98304];
	size_t n = rewrite_request(h, &how, out, sizeof(out)), size;
	struct head_limits wide = { sizeof(out), sizeof(out), sizeof(out), HEAD_LINES - 1 };
	struct head_scan s = { 0 };
	struct head again;
	int status;

	CHECK(n > 0);
	CHECK(head_scan(&s, out, n, &wide, &size, &status, NULL) == 1 && size == n);
	CHECK(head_parse_request(out, n, &again, &status, NULL) == 0);
	CHECK(again.body == h->body && again.length == h->length && again.upgrade == h->upgrade);
	CHECK(sp_str_eq(again.method, h->method));
	CHECK(h->target_bare || sp_str_eq(again.target, h->target));
	CHECK(!h->has_host || sp_str_eq(again.host, h->host));
	for (unsigned i = 0; i < again.nlines; i++)
		CHECK(again.lines[i].field != FIELD_ALIAS && again.lines[i].field != FIELD_FORWARDED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size ? data[0] * size / 256 : 0, n = 0, m = 0;
	char *p = malloc(size ? size : 1);
	int status = 0, status2 = 0, r, r2;
	struct host_label label;
	struct head h;

	memcpy(p, data, size);
	r = scan(p, size, size, &n, &status);
	r2 = scan(p, size, cut, &m, &status2);
	CHECK((r > 0) == (r2 > 0) && (r < 0) == (r2 < 0) && (r <= 0 || n == m));
	if (r > 0 && head_parse_request(p, n, &h, &status, NULL) == 0) {
		host_classify(h.host, SP_STR("d.example"), &label);
		head_is_navigation(&h);
		head_is_quiet(&h);
		check_rewritten(&h, TO_APP);
		check_rewritten(&h, TO_PLATFORM);
	} else if (r > 0) {
		CHECK(status >= 400 && status <= 505);
	}
	free(p);
	return 0;
}
