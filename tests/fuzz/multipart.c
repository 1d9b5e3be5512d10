/* fuzz: server/http/multipart.c */
/* A browser's form: any bytes give an error or parts that lie one behind the other within the body. First line of the input: the type. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *eol = size ? memchr(data, '\n', size) : NULL;
	struct multipart m = { 0 };
	uint64_t before = 0;
	const char *text = NULL;
	struct sp_arena a;
	size_t n;
	int fd;

	if (!eol)
		return 0;
	n = (size_t)(eol - data) + 1;
	fd = memfd_create("body", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + n, size - n) != (ssize_t)(size - n))
		abort();
	sp_arena_init(&a);
	if (multipart_parse(fd, size - n, sp_arena_mem(&a, data, n - 1), &a, &m, NULL) == 0) {
		for (size_t i = 0; i < m.n; i++) {
			if (!m.parts[i].name || m.parts[i].offset < before || m.parts[i].len > size - n - m.parts[i].offset)
				abort();
			before = m.parts[i].offset + m.parts[i].len;
			if (multipart_text(&m, m.parts[i].name, 100, &a, &text, NULL) == 0 && strlen(text) > 100)
				abort();
		}
	}
	sp_arena_fini(&a);
	close(fd);
	return 0;
}
