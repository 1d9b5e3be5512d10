/* variables.h - one variable as clients send it: alone, or in the list of a new Space. */
#pragma once

#include <jansson.h>

#include "err.h"

struct variable_in { const char *key, *value, *description /* NULL: none */; };

/* {"key":…, "value":…, "description":…}, checked; lent from BODY. */
SP_MUST int variable_read(const json_t *body, struct variable_in *ret, struct sp_err *e);
