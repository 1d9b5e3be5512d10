/*
 * space_json.h - a Space as the Hub's clients read it: SpaceInfo and SpaceRuntime (hf-api.md 2.3, 5.2;
 * C-HF-41..43), and the addresses that belong to it.
 *
 * Pool threads only: reads the repository and asks the runtime. Strings are from rq->arena; json_t results
 * are new references.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/store/store.h"
#include "server/http/http.h"

enum { SPACE_EXPAND_MAX = 32 };

/* What a request wants to be told. Zeroed: everything that one Space's page needs. */
struct space_ask {
	const char *expand[SPACE_EXPAND_MAX];   /* only these fields, and _id and id; names that nobody knows are ignored */
	unsigned expand_n;
	bool in_list;                           /* the short form, no siblings and no runtime unless asked for */
	bool full;                              /* in a list: siblings, sha, cardData too */
	bool blobs;                             /* siblings carry size, blobId and lfs */
	const char *commit;                     /* sha and siblings of this revision; NULL: the head */
};

/* expand, expand[], full, blobs of the query; in_list and commit are left for the caller. */
void space_ask_read(const struct http_req *rq, struct space_ask *ret);

SP_MUST int space_json(struct http_req *rq, const struct store_repo *r, const struct space_ask *ask, json_t **ret, struct sp_err *e);

/* SpaceRuntime with stage, hardware, errorMessage and our own "cause". {} when the runtime does not know the Space. */
SP_MUST int space_json_runtime(struct http_req *rq, const struct store_repo *r, json_t **ret, struct sp_err *e);

/* "http://ada-chat.localhost:7860": scheme and port as the client used them (C-HF-01). */
const char *space_host_url(const struct http_req *rq, const struct store_repo *r);
/* "http://localhost:7860/spaces/ada/chat". */
const char *space_page_url(const struct http_req *rq, const struct store_repo *r);
