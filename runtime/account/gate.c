#include "runtime/account/gate.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"

enum { SLOTS = 4096, PROBES = 8, KEY_MAX = 256 };

/* Of a key only its keyed hash is kept: nobody can aim at another's slot. */
struct slot { uint64_t hash; int64_t since_ms; unsigned count; };

struct gate {
	unsigned char key[crypto_shorthash_KEYBYTES];
	pthread_mutex_t lock;           /* over everything below */
	pthread_cond_t left;
	unsigned inside, waiting;
	struct slot slots[SLOTS];
};

int gate_new(struct gate **ret, struct sp_err *e)
{
	struct gate *g = calloc(1, sizeof(*g));

	if (!g)
		return sp_fail(e, SP_ENOMEM, 0, "gate");
	randombytes_buf(g->key, sizeof(g->key));
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->left, NULL);
	*ret = g;
	return 0;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	pthread_cond_destroy(&g->left);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static uint64_t hash_of(const struct gate *g, char kind, const void *p, size_t n)
{
	unsigned char text[KEY_MAX], out[crypto_shorthash_BYTES];
	uint64_t hash;

	n = n < sizeof(text) - 1 ? n : sizeof(text) - 1;
	text[0] = (unsigned char)kind;
	memcpy(text + 1, p, n);
	crypto_shorthash(out, text, n + 1, g->key);
	memcpy(&hash, out, sizeof(hash));
	return hash ? hash : 1;         /* 0 is an empty slot */
}

static uint64_t of_account(const struct gate *g, const char *account)
{
	char lower[KEY_MAX];
	size_t n = strnlen(account, sizeof(lower));

	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)account[i]);
	return hash_of(g, 'n', lower, n);
}

/* Whoever has one IPv6 address has its /64. */
static uint64_t of_address(const struct gate *g, const char *address)
{
	unsigned char six[16];

	if (inet_pton(AF_INET6, address, six) == 1)
		return hash_of(g, 'a', six, 8);
	return hash_of(g, 'a', address, strlen(address));
}

/* Is A the lesser loss? What counts nothing any more, then few tries, then old ones. */
static bool is_cheaper(const struct slot *a, const struct slot *b, int64_t now_ms)
{
	unsigned of_a = now_ms - a->since_ms < SP_LIMIT_password_window_ms ? a->count : 0;
	unsigned of_b = now_ms - b->since_ms < SP_LIMIT_password_window_ms ? b->count : 0;

	return of_a != of_b ? of_a < of_b : a->since_ms < b->since_ms;
}

/* The slot of HASH; a fresh one takes the place of what is cheapest nearby, so that a flood of names washes no full count away. */
static struct slot *slot_of(struct gate *g, uint64_t hash, int64_t now_ms)
{
	struct slot *cheapest = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		struct slot *s = &g->slots[(hash + i) % SLOTS];

		if (s->hash == hash) {
			if (now_ms - s->since_ms >= SP_LIMIT_password_window_ms)
				*s = (struct slot){ .hash = hash, .since_ms = now_ms };
			return s;
		}
		if (!cheapest || is_cheaper(s, cheapest, now_ms))
			cheapest = s;
	}
	*cheapest = (struct slot){ .hash = hash, .since_ms = now_ms };
	return cheapest;
}

static int refuse(const struct slot *s, const char *what, int64_t now_ms, struct sp_err *e)
{
	int64_t minutes = (s->since_ms + SP_LIMIT_password_window_ms - now_ms + 59999) / 60000;

	return sp_fail(e, SP_EQUOTA, 0, "too many wrong tries %s: wait %lld min, or ask an administrator for a sign-in link", what,
			(long long)(minutes > 0 ? minutes : 1));
}

int gate_try(struct gate *g, const char *account, const char *address, int64_t now_ms, struct sp_err *e)
{
	struct slot *by_account, *by_address;
	int r = 0;

	pthread_mutex_lock(&g->lock);
	by_address = slot_of(g, of_address(g, address), now_ms);
	if (by_address->count >= SP_LIMIT_password_tries_address)
		r = refuse(by_address, "from your address", now_ms, e);
	else
		by_address->count++;            /* before the account's slot is looked for, which might take its place */
	by_account = r == 0 && account ? slot_of(g, of_account(g, account), now_ms) : NULL;
	if (by_account && by_account->count >= SP_LIMIT_password_tries_account)
		r = refuse(by_account, "for this account", now_ms, e);
	else if (by_account)
		by_account->count++;
	pthread_mutex_unlock(&g->lock);
	return r;
}

static struct slot *existing(struct gate *g, uint64_t hash)
{
	for (unsigned i = 0; i < PROBES; i++)
		if (g->slots[(hash + i) % SLOTS].hash == hash)
			return &g->slots[(hash + i) % SLOTS];
	return NULL;
}

static void give_back(struct gate *g, const char *account, const char *address, bool all)
{
	struct slot *s;

	pthread_mutex_lock(&g->lock);
	s = existing(g, of_address(g, address));
	if (s && s->count)
		s->count--;
	s = account ? existing(g, of_account(g, account)) : NULL;
	if (s && s->count)
		s->count = all ? 0 : s->count - 1;
	pthread_mutex_unlock(&g->lock);
}

void gate_forgive(struct gate *g, const char *account, const char *address)
{
	give_back(g, account, address, true);
}

void gate_undo(struct gate *g, const char *account, const char *address)
{
	give_back(g, account, address, false);
}

int gate_enter(struct gate *g, struct sp_err *e)
{
	bool full;

	pthread_mutex_lock(&g->lock);
	full = g->inside >= SP_LIMIT_password_hashes && g->waiting >= SP_LIMIT_password_waiters;
	if (!full) {
		g->waiting++;
		while (g->inside >= SP_LIMIT_password_hashes)
			pthread_cond_wait(&g->left, &g->lock);
		g->waiting--;
		g->inside++;
	}
	pthread_mutex_unlock(&g->lock);
	return full ? sp_fail(e, SP_EBUSY, 0, "many people are signing in right now: try again in a second") : 0;
}

void gate_leave(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->inside--;
	pthread_cond_signal(&g->left);
	pthread_mutex_unlock(&g->lock);
}
