/*
 * client.h - the command line's HTTP client (libcurl) for the public API.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "err.h"

struct client;

/* URL: the server, "http://localhost:7860". TOKEN may be NULL. */
SP_MUST int client_new(const char *url, const char *token, struct client **ret, struct sp_err *e);
void client_free(struct client *c);
void client_free_p(struct client **c);
const char *client_url(const struct client *c);
bool client_has_token(const struct client *c);

/*
 * One request. BODY may be NULL (lent). *RET_JSON, when RET_JSON is not NULL, is the answer's JSON or NULL if it
 * was none (yours to json_decref). Returns the HTTP status; SP_EBUSY when no answer came.
 */
SP_MUST int client_call(struct client *c, const char *method, const char *path, json_t *body, json_t **ret_json, struct sp_err *e);

/* POST the bytes of FILE (from its beginning) as TYPE. */
SP_MUST int client_post_file(struct client *c, const char *path, const char *type, FILE *file, json_t **ret_json, struct sp_err *e);

/*
 * Read an event stream until it ends or ON_DATA returns false; each `data:` JSON object is passed (lent).
 * Returns the HTTP status. Uses its own connection, so it may run on another thread.
 */
SP_MUST int client_events(struct client *c, const char *path, bool (*on_data)(void *arg, json_t *data), void *arg, struct sp_err *e);

/* The stream of the last client_events broke off instead of ending. */
bool client_was_cut(const struct client *c);
/* From another thread: the last client_events has an answer, whichever. */
bool client_has_answer(const struct client *c);
/* From another thread: client_events returns within a second. */
void client_stop_events(struct client *c);

/* "error" text of an answer, or a sentence about STATUS. */
const char *client_error_text(json_t *answer, int status);

/* What the server that runs on this machine left for its administrator in STATE. NULL: none, or not readable. Lent from a static buffer. */
const char *client_admin_token(const char *state);
