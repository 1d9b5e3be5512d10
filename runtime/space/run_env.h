/*
 * run_env.h - the environment and command of an app (app-frameworks.md 1.1, clients.md 0). Pure.
 */
#pragma once

#include "runtime/build/recipe.h"
#include "runtime/build/strv.h"
#include "runtime/space/space.h"
#include "runtime/store/store.h"

/* What the platform stands on, and so nobody may set: PATH, HOME, SYSTEM, SPACE_ID, the ports and the like. */
bool run_env_is_reserved(const char *name);

/*
 * Fill ARGV and ENV (their arena set). VARIABLES are the owner's and win over everything but what the
 * platform stands on; secrets come here as variables too.
 */
void run_env_make(const struct space_config *cfg, const struct store_repo *repo, const struct recipe *recipe,
		const struct store_variable *variables, size_t n_variables, struct strv *argv, struct strv *env);
