/* fuzz: server/edge/credential.c server/edge/head.c server/edge/visit.c server/edge/field.c */
/* What a request claims to be allowed: only bytes of the request, only such as claims have, and none of it in what the app gets. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/edge/credential.h"

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)

static void check_target(struct sp_str target)
{
	char *out = malloc(target.n + 1);
	size_t n = target_without_sign(target, out);

	CHECK(n <= target.n);
	CHECK(!target_has_sign((struct sp_str){ out, n }));
	CHECK(target_has_sign(target) || (n == target.n && memcmp(out, target.p, n) == 0));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credential by[CREDENTIALS_MAX];
	struct head h;
	char *p = malloc(size + 1);
	int status;

	memcpy(p, data, size);
	check_target((struct sp_str){ p, size });
	if (head_parse_request(p, size, &h, &status, NULL) == 0) {
		unsigned n = credentials_of(&h, SP_STR("vitrine_app"), by);

		CHECK(n <= CREDENTIALS_MAX);
		for (unsigned i = 0; i < n; i++) {
			CHECK(by[i].value.n > 0 && by[i].value.n <= CREDENTIAL_MAX);
			CHECK(by[i].value.p >= p && by[i].value.p + by[i].value.n <= p + size);
			CHECK(by[i].kind <= CREDENTIAL_BEARER || !memchr(by[i].value.p, ';', by[i].value.n));
			CHECK(by[i].kind != CREDENTIAL_SIGN || target_has_sign(h.target));
		}
		check_target(h.target);
	}
	free(p);
	return 0;
}
