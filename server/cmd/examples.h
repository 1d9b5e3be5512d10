/*
 * examples.h - the starter Spaces of templates/, deployed through the public API.
 */
#pragma once

#include <signal.h>

/* Deploys what is not there yet and prints the URL of each. Returns CMD_OK or CMD_FAILED. */
int examples_deploy(const char *url, const char *state, const char *share, const volatile sig_atomic_t *stop);
