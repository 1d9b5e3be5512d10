/*
 * env_key.h - the name of an environment image: SHA-256 of everything that decides what is in it.
 *
 * Known before anything is installed, so a hit costs nothing. Versions that float (gradio without
 * sdk_version) are decided by whoever builds first; a factory rebuild passes a nonce and gets new ones.
 * What could mean something else in another repository mixes the Space in (C-SBX-24). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "id.h"
#include "launch.h"

struct env_facts {
	struct launch_hash base;
	const char *const *sdk_packages;        /* NULL-terminated */
	const char *pre, *requirements;         /* normalised texts; NULL: no such file */
	const char *const *packages;            /* of packages.txt, NULL-terminated */
	bool is_private;
	struct sp_id space;                     /* counts when private */
	struct sp_id nonce;                     /* none: shared as usual */
};

struct launch_hash env_key(const struct env_facts *f);

/* The name of a revision's app image; never shared between Spaces. */
struct launch_hash app_key(const struct sp_id *space, const char *commit, const struct sp_id *nonce);
