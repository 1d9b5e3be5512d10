/* fuzz: server/http/parse.c server/http/base64.c server/http/router.c server/http/request.c */
/* fuzz-libs: -ljansson */
/* Query, form, cookie, range, credentials and routing of whatever bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/parse.h"
#include "server/http/router.h"

static const struct http_route rows[] = {
	{ HTTP_GET, "/api/{type}s/{owner}/{name}/tree/{rev}/{path...}", NULL, "a", MAY_ANYONE, BODY_NONE },
	{ HTTP_POST, "/api/spaces/{owner}/{name}", NULL, "b", MAY_ANYONE, BODY_NONE },
	{ HTTP_GET, "/{owner}/{name}", NULL, "c", MAY_ANYONE, BODY_NONE },
};
static const struct http_table table = { rows, sizeof(rows) / sizeof(rows[0]), NULL, 0 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct http_route *found;
	struct http_pair *params;
	struct sp_arena a;
	uint64_t at, len;
	char allow[64];
	unsigned char *out = malloc(size + 1);
	char *text;

	sp_arena_init(&a);
	text = sp_arena_mem(&a, data, size);
	for (const struct http_pair *p = parse_query(&a, (struct sp_str){ text, size }); p; p = p->next)
		if (!p->name || !p->value)
			abort();
	parse_cookie(&a, text, "vitrine_session");
	if (parse_range(text, 1000, &at, &len, NULL) == 1 && (len == 0 || at + len > 1000))
		abort();
	if (parse_base64(text, strlen(text), out) > (int)size)
		abort();
	parse_is_host(text);
	if (router_find(&table, HTTP_HEAD, text, &a, &found, &params, allow, NULL) == 0 && found->method == HTTP_POST)
		abort();
	sp_arena_fini(&a);
	free(out);
	return 0;
}
