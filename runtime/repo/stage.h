/* stage.h - packs that a worker made, on their way into a repository. Private to runtime/repo. */
#pragma once

#include "priv.h"

enum { STAGE_PACKS = 16 };

/* Zeroed, packs -1, before stage_packs; stage_fini in any case. */
struct stage {
	char *path;                     /* an objects folder: path/pack/pack-HEX.pack */
	int packs;                      /* its folder pack */
	unsigned n;
	char hex[STAGE_PACKS][41];
	unsigned seen[STAGE_PACKS];
	uint64_t bytes;
};

/* Take the packs of INCOMING (open, STATE/incoming/RUN), synced. SP_EDENIED, SP_EPROTO, SP_EQUOTA: not what git leaves. */
SP_MUST int stage_packs(struct repos *rs, const struct sp_id *run, int incoming, struct stage *s, struct sp_err *e);

/* Into the repository, durable. One that is there already under this name stays. */
SP_MUST int stage_move(struct repos *rs, const struct sp_id *id, const struct stage *s, struct sp_err *e);

void stage_fini(struct stage *s);
