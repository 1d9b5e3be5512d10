#include "env_key.h"

#include <sodium.h>
#include <string.h>

/* Bumped when the build steps change what they install from the same facts. */
#define ENV_RECIPE "vitrine env 1"
#define APP_RECIPE "vitrine app 1"

/* Length before content: no two lists of parts have the same bytes. */
static void part(crypto_hash_sha256_state *s, const void *p, size_t n)
{
	unsigned char len[8];

	for (unsigned i = 0; i < sizeof(len); i++)
		len[i] = (unsigned char)((uint64_t)n >> (8 * i));
	crypto_hash_sha256_update(s, len, sizeof(len));
	crypto_hash_sha256_update(s, p, n);
}

static void text(crypto_hash_sha256_state *s, const char *t)
{
	part(s, t ? "+" : "-", 1);
	part(s, t ? t : "", t ? strlen(t) : 0);
}

static void list(crypto_hash_sha256_state *s, const char *const *l)
{
	for (; l && *l; l++)
		text(s, *l);
	text(s, NULL);
}

static struct launch_hash finish(crypto_hash_sha256_state *s)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(digest) + 1];
	struct launch_hash h;

	crypto_hash_sha256_final(s, digest);
	sp_hex(digest, sizeof(digest), hex);
	memcpy(h.hex, hex, sizeof(h.hex));
	return h;
}

struct launch_hash env_key(const struct env_facts *f)
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	text(&s, ENV_RECIPE);
	part(&s, f->base.hex, sizeof(f->base.hex));
	list(&s, f->sdk_packages);
	text(&s, f->pre);
	text(&s, f->requirements);
	list(&s, f->packages);
	text(&s, f->is_private ? f->space.s : NULL);
	text(&s, f->nonce.s);
	return finish(&s);
}

struct launch_hash app_key(const struct sp_id *space, const char *commit, const struct sp_id *nonce)
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	text(&s, APP_RECIPE);
	text(&s, space->s);
	text(&s, commit);
	text(&s, nonce->s);
	return finish(&s);
}
