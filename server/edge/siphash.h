/*
 * siphash.h - SipHash-2-4 with 128 bits of output (Aumasson and Bernstein). Pure.
 *
 * A keyed digest: who does not know the key can neither find two inputs of one digest nor tell from a digest
 * what went in. Edge remembers credentials by it, so that it holds none at rest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key { uint64_t k[2]; };
struct siphash_digest { uint64_t d[2]; };

struct siphash_digest siphash(const struct siphash_key *key, const void *p, size_t n);
