/*
 * variables.h - variables as clients send them, alone or in the list of a new Space, and what they share with secrets.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "err.h"
#include "id.h"

struct store;
struct variable_in { const char *key, *value, *description /* NULL: none */; };

/* {"key":…, "value":…, "description":…}, checked; lent from BODY. */
SP_MUST int variable_read(const json_t *body, struct variable_in *ret, struct sp_err *e);
SP_MUST int variable_read_key(const json_t *body, const char **ret, struct sp_err *e);     /* of a deletion: any name */

/* A name that every shell and language can read, and that the platform does not set itself. */
SP_MUST int variable_check_key(const char *key, struct sp_err *e);

SP_MUST int variable_has(struct store *st, const struct sp_id *repo, const char *key, struct sp_err *e);   /* 1, 0 */

/*
 * Would VALUE_N bytes under KEY still fit the memory of a start, together with everything else? SP_EQUOTA: no.
 * 1: yes, and a secret has this name; 0: yes.
 */
SP_MUST int variable_check_room(struct store *st, const struct sp_id *repo, const char *key, size_t value_n, struct sp_err *e);
