/*
 * session.h - which server, with whose token, which Space: what every command that talks to a server shares.
 *
 * The server: --to, VITRINE_URL, the login used last, HF_ENDPOINT, http://localhost:7860. Its token: --token,
 * VITRINE_TOKEN, the login there, HF_TOKEN when HF_ENDPOINT is this server, STATE/admin-token when it runs on this
 * machine. A token kept for one server is never sent to another.
 */
#pragma once

#include <jansson.h>

#include "client.h"
#include "cmd.h"
#include "options.h"
#include "arena.h"
#include "space_state.h"

struct session {
	const char *to, *token, *state, *space;         /* as given; lent */
	bool json;
	struct client *client;
	const char *name;               /* whose token it is, once known */
	struct sp_arena arena;
};

#define SESSION_OPTIONS(s) \
	{ "--to", &(s)->to, NULL, NULL }, { "--token", &(s)->token, NULL, NULL }, { "--state", &(s)->state, NULL, NULL }, \
	{ "--space", &(s)->space, NULL, NULL }, { "--json", NULL, &(s)->json, NULL }

/* After the options were parsed. Complains; returns CMD_OK or the status to end with. */
SP_MUST int session_open(struct session *s);
void session_close(struct session *s);
#define session_auto __attribute__((cleanup(session_close)))

/*
 * One request; BODY is taken, may be NULL. 0 when it worked: RET (may be NULL) is yours. Else the server's sentence: SP_EAUTH the
 * token, SP_EDENIED not allowed, SP_ENOENT, SP_EBUSY no answer, SP_EINVAL everything else that it refused.
 */
SP_MUST int session_call(struct session *s, const char *method, const char *path, json_t *body, json_t **ret, struct sp_err *e);
int session_refused(struct session *s, int status, json_t *answer, struct sp_err *e);  /* the same for a STATUS at hand */

SP_MUST int session_whoami(struct session *s, const char **ret, struct sp_err *e);

/*
 * "ada/chat" out of GIVEN: OWNER/NAME, NAME (one's own), the address of its page, or NULL: --space, else the Space that
 * this folder was cloned from, else the one that `vitrine deploy` makes of it, if there is such.
 */
SP_MUST int session_space(struct session *s, const char *given, const char **ret, struct sp_err *e);

/* Which Space GIVEN is and what it does now. RET_INFO is yours. */
SP_MUST int session_look(struct session *s, const char *given, const char **ret_space, struct space_state *ret, json_t **ret_info, struct sp_err *e);

/* What a clone in FOLDER (or above) was cloned from, when that is on this server: "ada/chat", or NULL. */
const char *session_remote(struct session *s, const char *folder);

/* FOLDER's own name as a repository name. */
const char *session_folder_name(const char *folder, struct sp_arena *a);

/* One JSON document for --json, on a line; J is taken. */
void session_print(json_t *j);
