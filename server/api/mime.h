/*
 * mime.h - Content-Type by file name, and which of them a browser shows without running anything.
 */
#pragma once

#include <stdbool.h>

const char *mime_of(const char *path);                  /* never NULL; text types carry charset=utf-8 */

/* The type under which a stranger's file may appear on the platform's own origin (C-UI-04): text as plain text,
   pictures, sound and video as they are, everything else as bytes. */
const char *mime_inert_of(const char *path);
