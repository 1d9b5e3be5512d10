/* fuzz: server/api/commit_parse.c server/http/base64.c */
/* The NDJSON of a commit: any bytes give an error or operations whose contents lie within the spool file. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/api/commit_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int body = memfd_create("body", MFD_CLOEXEC), spool = memfd_create("spool", MFD_CLOEXEC);
	struct commit_parsed c = { 0 };
	struct sp_arena a;
	struct stat st;

	if (body < 0 || spool < 0 || write(body, data, size) != (ssize_t)size || lseek(body, 0, SEEK_SET) != 0)
		abort();
	sp_arena_init(&a);
	if (commit_parse(body, spool, &a, &c, NULL) == 0) {
		if (!c.summary || !c.description || fstat(spool, &st) < 0)
			abort();
		for (size_t i = 0; i < c.n_ops; i++)
			if (!c.ops[i].path || (c.ops[i].kind == OP_PUT && c.ops[i].offset + c.ops[i].len > (uint64_t)st.st_size))
				abort();
	}
	sp_arena_fini(&a);
	close(body);
	close(spool);
	return 0;
}
