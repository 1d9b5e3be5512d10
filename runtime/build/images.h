/*
 * images.h - which images the launcher has, as far as it told. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "launch.h"

struct image_row { uint32_t kind; bool current; struct launch_hash hash; };
struct images { struct image_row *rows; size_t n, cap; bool known; };

void images_fini(struct images *im);
void images_clear(struct images *im);
void images_add(struct images *im, uint32_t kind, const struct launch_hash *hash, bool current);
/* It was not there when a sandbox was to be made of it. */
void images_forget(struct images *im, uint32_t kind, const struct launch_hash *hash);
bool images_has(const struct images *im, uint32_t kind, const struct launch_hash *hash);
/* The image of KIND that the launcher calls current: base and tools. False: there is none. */
bool images_current(const struct images *im, uint32_t kind, struct launch_hash *ret);

struct launch_hash hash_of_hex(const char *hex);        /* "" and anything but 64 digits: none */
bool hash_is_none(const struct launch_hash *h);
