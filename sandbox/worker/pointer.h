/* pointer.h - is this text a git-lfs pointer? Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* git-lfs docs/spec.md: the version's line comes first, and a pointer is smaller than 1024 bytes. */
enum { POINTER_MIN = 100, POINTER_MAX = 1024 };

/* The hash that the N bytes at P name; any pointer that git-lfs itself would read, extension lines included. */
bool pointer_parse(const char *p, size_t n, char ret_sha256[65]);
