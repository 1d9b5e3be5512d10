/*
 * run_env.h - the environment and command of an app (app-frameworks.md 1.1, clients.md 0). Pure.
 */
#pragma once

#include "runtime/build/recipe.h"
#include "runtime/build/strv.h"
#include "runtime/space/space.h"
#include "runtime/store/store.h"

/*
 * Fill ARGV and ENV (their arena set). VARIABLES are the owner's and win over everything but what the
 * platform stands on: PATH, HOME, SYSTEM and the ports.
 */
void run_env_make(const struct space_config *cfg, const struct store_repo *repo, const struct recipe *recipe,
		const struct store_variable *variables, size_t n_variables, struct strv *argv, struct strv *env);
