/*
 * upload.h - a folder into a Space by the Hub's own calls: create, preupload, commit (hf-api.md 4).
 */
#pragma once

#include "client.h"
#include "folder.h"

struct upload {
	const char *space;      /* "ada/chat" */
	const char *sdk;
	bool is_private;
	bool mirror;            /* delete what the folder no longer has */
};

struct uploaded { bool created; size_t sent, deleted; const char *commit; };

/* Create the Space if it is not there. */
SP_MUST int upload_create(struct client *c, const struct upload *u, bool *ret_created, struct sp_err *e);

/* Send what differs as one commit. EXTRA_README: a README.md to add when the folder has none, or NULL. */
SP_MUST int upload_folder(struct client *c, const struct upload *u, const struct folder *f, const char *extra_readme,
		struct sp_arena *a, struct uploaded *ret, struct sp_err *e);
