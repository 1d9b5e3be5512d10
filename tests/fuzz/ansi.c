/* fuzz: server/pages/ansi.c server/pages/vt.c */
/* Lines of a terminal: whatever comes in, the HTML holds no control byte, only our tags, closed in order, and only http links. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/pages/ansi.h"

static void check(const char *p)
{
	static const char *const tags[] = { "<span class=\"a-", "<a rel=\"noopener noreferrer nofollow\" target=\"_blank\" href=\"http" };
	int spans = 0, links = 0;

	for (; *p; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t')
			abort();
		if (*p != '<')
			continue;
		if (strncmp(p, "</span>", 7) == 0)
			spans--;
		else if (strncmp(p, "</a>", 4) == 0)
			links--;
		else if (strncmp(p, tags[0], strlen(tags[0])) == 0)
			spans++;
		else if (strncasecmp(p, tags[1], strlen(tags[1])) == 0)
			links++;
		else
			abort();
		if (spans < 0 || spans > 1 || links < 0 || links > 1)
			abort();
	}
	if (spans || links)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_buf out = { 0 };
	struct ansi st = { 0 };

	while (size) {
		const uint8_t *eol = memchr(data, '\n', size);
		size_t n = eol ? (size_t)(eol - data) : size;

		ansi_line(&out, &st, (const char *)data, n);
		check(out.p);
		sp_buf_drop(&out, out.n);
		n += eol != NULL;
		data += n;
		size -= n;
	}
	sp_buf_fini(&out);
	return 0;
}
