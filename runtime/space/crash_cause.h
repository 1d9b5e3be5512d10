/*
 * crash_cause.h - what a crashed app's last output says about why.
 *
 * The status of a program that ended says little; its last lines usually name the module, the library, the full disk
 * or the connection. They are the app's own words, so they decide nothing but the sentence that people read. Pure.
 */
#pragma once

#include "cause.h"

/*
 * OUTPUT is the end of the app's log. Sets F to a row that says more than CRASHED, or leaves it as it is.
 * The evidence of F is kept.
 */
void crash_cause_find(struct fault *f, int status, const char *output);

/* Does it say that there is no network? */
bool crash_cause_is_offline(const char *output);

/* The Debian 12 package that has this file or program ("libGL.so.1", "ffmpeg"); NULL: not in the table. */
const char *crash_cause_package(const char *library);
/* What to write into requirements.txt for a module's name ("cv2"): mostly the same. Never NULL. */
const char *crash_cause_requirement(const char *module);
