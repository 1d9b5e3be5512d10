#include "siphash.h"

#include <string.h>

struct state { uint64_t v0, v1, v2, v3; };

static uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void rounds(struct state *s, unsigned n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static void take(struct state *s, uint64_t m)
{
	s->v3 ^= m;
	rounds(s, 2);
	s->v0 ^= m;
}

/* Little-endian, whatever the machine. */
static uint64_t load(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

struct siphash_digest siphash(const struct siphash_key *key, const void *p, size_t n)
{
	struct state s = {
		UINT64_C(0x736f6d6570736575) ^ key->k[0], UINT64_C(0x646f72616e646f6d) ^ key->k[1] ^ 0xee,
		UINT64_C(0x6c7967656e657261) ^ key->k[0], UINT64_C(0x7465646279746573) ^ key->k[1],
	};
	struct siphash_digest ret;
	const unsigned char *at = p;
	size_t left = n;

	for (; left >= 8; at += 8, left -= 8)
		take(&s, load(at, 8));
	take(&s, (left ? load(at, left) : 0) | (uint64_t)n << 56);
	s.v2 ^= 0xee;
	rounds(&s, 4);
	ret.d[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	ret.d[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	return ret;
}
