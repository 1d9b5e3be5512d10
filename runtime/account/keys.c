#include "runtime/account/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "num.h"

enum { KEY_BYTES = 32, NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES };

struct keys { uint8_t *master /* sodium_malloc: locked, between guard pages */; bool is_new; };

/* One key for each use: BLAKE2b keyed with the master over the use's name. */
static void derive(const struct keys *k, const char *use, const char *what, uint8_t ret[KEY_BYTES])
{
	crypto_generichash_state s;

	crypto_generichash_init(&s, k->master, KEY_BYTES, KEY_BYTES);
	crypto_generichash_update(&s, (const uint8_t *)use, strlen(use) + 1);   /* the NUL separates the two */
	crypto_generichash_update(&s, (const uint8_t *)what, strlen(what));
	crypto_generichash_final(&s, ret, KEY_BYTES);
}

/* Written beside, synced, then linked: a crash leaves a whole key or none, and two servers cannot make two. */
static int key_make(int dir, struct sp_err *e)
{
	sp_auto_close int fd = openat(dir, "master.key.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t key[KEY_BYTES];
	int r;

	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "make master.key");
	randombytes_buf(key, sizeof(key));
	r = sp_write_all(fd, key, sizeof(key), e);
	sodium_memzero(key, sizeof(key));
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || (linkat(dir, "master.key.new", dir, "master.key", 0) < 0 && errno != EEXIST) || fsync(dir) < 0)
		return sp_fail(e, SP_EIO, errno, "make master.key");
	unlinkat(dir, "master.key.new", 0);
	return 0;
}

static int key_read(struct keys *k, int dir, struct sp_err *e)
{
	sp_auto_close int fd = openat(dir, "master.key", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t n = 0;
	int r;

	if (fd < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "open master.key");
	r = sp_read_full(fd, k->master, KEY_BYTES, &n, e);
	if (r < 0)
		return r;
	return n == KEY_BYTES ? 0 : sp_fail(e, SP_EPROTO, 0, "STATE/keys/master.key is damaged: put it back from a backup");
}

int keys_open(const char *state_dir, struct keys **ret, struct sp_err *e)
{
	sp_auto_free char *path = NULL;
	sp_auto_close int dir = -1;
	struct keys *k;
	int r;

	if (sodium_init() < 0)
		return sp_fail(e, SP_EBUG, 0, "libsodium does not start");
	if (asprintf(&path, "%s/keys", state_dir) < 0)
		return sp_fail(e, SP_ENOMEM, 0, "keys");
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return sp_fail(e, SP_EIO, errno, "make the folder keys");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	k = calloc(1, sizeof(*k));
	if (k)
		k->master = sodium_malloc(KEY_BYTES);
	if (dir < 0 || !k || !k->master) {
		keys_close(k);
		return sp_fail(e, SP_EIO, errno, "open the folder keys");
	}
	r = key_read(k, dir, e);
	if (r == -SP_ENOENT) {
		k->is_new = true;
		r = key_make(dir, e);
		r = r ?: key_read(k, dir, e);
	}
	if (r < 0) {
		keys_close(k);
		return r;
	}
	sodium_mprotect_readonly(k->master);
	*ret = k;
	return 0;
}

bool keys_is_new(const struct keys *k)
{
	return k->is_new;
}

void keys_close(struct keys *k)
{
	if (!k)
		return;
	sodium_free(k->master);
	free(k);
}

int keys_seal(const struct keys *k, const char *context, const void *plain, size_t n, struct sp_arena *a,
		const uint8_t **ret, size_t *ret_n, struct sp_err *e)
{
	uint8_t key[KEY_BYTES], *out = sp_arena_get(a, NONCE_BYTES + n + TAG_BYTES);
	int r;

	derive(k, "seal", "", key);
	randombytes_buf(out, NONCE_BYTES);
	r = crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL, plain, n, (const uint8_t *)context, strlen(context), NULL, out, key);
	sodium_memzero(key, sizeof(key));
	if (r != 0)
		return sp_fail(e, SP_EBUG, 0, "seal");
	*ret = out;
	*ret_n = NONCE_BYTES + n + TAG_BYTES;
	return 0;
}

int keys_unseal(const struct keys *k, const char *context, const uint8_t *sealed, size_t n, struct sp_arena *a,
		char **ret, size_t *ret_n, struct sp_err *e)
{
	uint8_t key[KEY_BYTES];
	char *out;
	int r;

	if (n < NONCE_BYTES + TAG_BYTES)
		return sp_fail(e, SP_EDENIED, 0, "too short to be sealed");
	out = sp_arena_get(a, n - NONCE_BYTES - TAG_BYTES + 1);
	derive(k, "seal", "", key);
	r = crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out, NULL, NULL, sealed + NONCE_BYTES, n - NONCE_BYTES,
			(const uint8_t *)context, strlen(context), sealed, key);
	sodium_memzero(key, sizeof(key));
	if (r != 0)
		return sp_fail(e, SP_EDENIED, 0, "not sealed by this server's key");
	*ret = out;
	*ret_n = n - NONCE_BYTES - TAG_BYTES;
	return 0;
}

/* ---- claims ---- */

enum { B64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING, MAC_TEXT = 44, CLAIM_MAX = 4096 };

static void mac_of(const struct keys *k, const char *purpose, const char *text, size_t n, char ret[MAC_TEXT])
{
	uint8_t key[KEY_BYTES], mac[KEY_BYTES];

	derive(k, "claim", purpose, key);
	crypto_generichash(mac, sizeof(mac), (const uint8_t *)text, n, key, sizeof(key));
	sodium_bin2base64(ret, MAC_TEXT, mac, sizeof(mac), B64);
	sodium_memzero(key, sizeof(key));
}

int keys_sign(const struct keys *k, const char *purpose, const char *payload, int64_t expires_ms, struct sp_buf *to, struct sp_err *e)
{
	size_t n = strlen(payload), at = to->n;
	char text[CLAIM_MAX], mac[MAC_TEXT];

	if (sodium_base64_encoded_len(n, B64) > sizeof(text))
		return sp_fail(e, SP_EINVAL, 0, "a claim of %zu bytes", n);
	sodium_bin2base64(text, sizeof(text), (const uint8_t *)payload, n, B64);
	sp_buf_fmt(to, "%s.%lld", text, (long long)expires_ms);
	mac_of(k, purpose, to->p + at, to->n - at, mac);
	sp_buf_fmt(to, ".%s", mac);
	return 0;
}

int keys_check(const struct keys *k, const char *purpose, const char *claim, int64_t now_ms, struct sp_arena *a,
		const char **ret_payload, struct sp_err *e)
{
	const char *dot = strchr(claim, '.'), *last = strrchr(claim, '.');
	uint64_t expires = 0;
	char mac[MAC_TEXT], *payload;
	size_t n = 0;

	if (!dot || dot == last || strlen(claim) > CLAIM_MAX + 128 || strlen(last + 1) != MAC_TEXT - 1)
		return sp_fail(e, SP_EAUTH, 0, "not a claim");
	mac_of(k, purpose, claim, (size_t)(last - claim), mac);
	if (sodium_memcmp(mac, last + 1, MAC_TEXT - 1) != 0)
		return sp_fail(e, SP_EAUTH, 0, "the signature does not fit");
	if (sp_parse_u64(dot + 1, (size_t)(last - dot - 1), INT64_MAX, &expires) < 0 || (int64_t)expires <= now_ms)
		return sp_fail(e, SP_EAUTH, 0, "expired");
	payload = sp_arena_get(a, CLAIM_MAX);
	if (sodium_base642bin((uint8_t *)payload, CLAIM_MAX - 1, claim, (size_t)(dot - claim), NULL, &n, NULL, B64) != 0 || strlen(payload) != n)
		return sp_fail(e, SP_EAUTH, 0, "not a claim");
	*ret_payload = payload;
	return 0;
}
