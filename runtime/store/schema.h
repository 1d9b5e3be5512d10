/*
 * schema.h - the tables, as steps from nothing to now.
 *
 * PRAGMA user_version counts the steps that were made. A step is never changed once it was released;
 * the next version adds one behind it.
 */
#pragma once

#include "db.h"

/* Make the steps of STEPS[0..n) that DB lacks, each with its number in one transaction. SP_EUNSUPPORTED: made by a newer version. */
SP_MUST int schema_migrate(struct db *db, const char *const *steps, unsigned n, struct sp_err *e);

extern const char *const schema_steps[];
extern const unsigned schema_steps_n;
