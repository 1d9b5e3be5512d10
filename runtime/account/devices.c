#include "runtime/account/devices.h"

#include <ctype.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"
#include "tokens.h"

enum { PER_ADDRESS = 10, CODE_LETTERS = 8, TOO_OFTEN_MS = 1000, DEVICE_CODE_MAX = 128 };

/* created_ms 0: free. */
struct login {
	struct device_login shown;
	uint8_t sha256[32];
	enum device_state state;
	struct sp_id user;
	enum account_role role;
	int64_t polled_ms;
};

struct devices {
	pthread_mutex_t lock;           /* over logins */
	struct login logins[SP_LIMIT_device_logins];
};

int devices_new(struct devices **ret, struct sp_err *e)
{
	struct devices *d = calloc(1, sizeof(*d));

	if (!d)
		return sp_fail(e, SP_ENOMEM, 0, "devices");
	pthread_mutex_init(&d->lock, NULL);
	*ret = d;
	return 0;
}

void devices_free(struct devices *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static bool is_live(const struct login *l, int64_t now_ms)
{
	return l->shown.created_ms && now_ms - l->shown.created_ms < SP_LIMIT_device_login_ms;
}

/* Consonants only, so that no code is a word (RFC 8628 6.1): 34 bits. */
static void make_user_code(char out[DEVICE_USER_CODE])
{
	static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";
	size_t n = 0;

	while (n < CODE_LETTERS + 1) {
		if (n == CODE_LETTERS / 2)
			out[n++] = '-';
		out[n++] = letters[randombytes_uniform(sizeof(letters) - 1)];
	}
	out[n] = '\0';
}

/* A free place, else the oldest of this address when it has too many, else the oldest of all. */
static struct login *place_for(struct devices *d, const char *address, int64_t now_ms)
{
	struct login *unused = NULL, *mine = NULL, *oldest = &d->logins[0];
	unsigned count = 0;

	for (size_t i = 0; i < SP_LIMIT_device_logins; i++) {
		struct login *l = &d->logins[i];

		if (!is_live(l, now_ms)) {
			unused = unused ? unused : l;
			continue;
		}
		if (l->shown.created_ms < oldest->shown.created_ms)
			oldest = l;
		if (strcmp(l->shown.address, address) != 0)
			continue;
		count++;
		if (!mine || l->shown.created_ms < mine->shown.created_ms)
			mine = l;
	}
	if (count >= PER_ADDRESS)
		return mine;
	return unused ? unused : oldest;
}

void devices_begin(struct devices *d, const char *client, const char *address, int64_t now_ms, struct account_token *ret_device_code,
		struct device_login *ret)
{
	struct account_token code = account_link_new();
	struct login l = { .shown.created_ms = now_ms };

	snprintf(l.shown.client, sizeof(l.shown.client), "%s", client);
	snprintf(l.shown.address, sizeof(l.shown.address), "%s", address);
	make_user_code(l.shown.user_code);
	token_hash(code.s, l.sha256);
	pthread_mutex_lock(&d->lock);
	*place_for(d, l.shown.address, now_ms) = l;
	pthread_mutex_unlock(&d->lock);
	*ret_device_code = code;
	*ret = l.shown;
}

/* With the lock held. */
static struct login *by_user_code(struct devices *d, const char *typed, int64_t now_ms)
{
	char code[DEVICE_USER_CODE] = "";
	size_t n = 0;

	for (const char *p = typed; *p; p++) {
		if (*p == '-' || *p == ' ')
			continue;
		if (n >= CODE_LETTERS + 1)
			return NULL;
		if (n == CODE_LETTERS / 2)
			code[n++] = '-';
		code[n++] = (char)toupper((unsigned char)*p);
	}
	code[n] = '\0';
	for (size_t i = 0; n == CODE_LETTERS + 1 && i < SP_LIMIT_device_logins; i++) {
		struct login *l = &d->logins[i];

		if (is_live(l, now_ms) && l->state == DEVICE_WAITING && sodium_memcmp(l->shown.user_code, code, n) == 0)
			return l;
	}
	return NULL;
}

static int no_such_code(struct sp_err *e)
{
	return sp_fail(e, SP_ENOENT, 0, "there is no such code: it was answered, is older than 15 min or has another letter");
}

int devices_find(struct devices *d, const char *user_code, int64_t now_ms, struct device_login *ret, struct sp_err *e)
{
	struct login *l;

	pthread_mutex_lock(&d->lock);
	l = by_user_code(d, user_code, now_ms);
	if (l)
		*ret = l->shown;
	pthread_mutex_unlock(&d->lock);
	return l ? 0 : no_such_code(e);
}

int devices_answer(struct devices *d, const char *user_code, const struct sp_id *user, enum account_role role, int64_t now_ms,
		struct sp_err *e)
{
	struct login *l;

	pthread_mutex_lock(&d->lock);
	l = by_user_code(d, user_code, now_ms);
	if (l) {
		l->state = role == ROLE_NONE ? DEVICE_DENIED : DEVICE_GRANTED;
		l->user = *user;
		l->role = role;
	}
	pthread_mutex_unlock(&d->lock);
	return l ? 0 : no_such_code(e);
}

static struct login *by_device_code(struct devices *d, const char *device_code, int64_t now_ms)
{
	uint8_t hash[32];

	if (strnlen(device_code, DEVICE_CODE_MAX) == DEVICE_CODE_MAX)
		return NULL;
	token_hash(device_code, hash);
	for (size_t i = 0; i < SP_LIMIT_device_logins; i++)
		if (is_live(&d->logins[i], now_ms) && sodium_memcmp(d->logins[i].sha256, hash, sizeof(hash)) == 0)
			return &d->logins[i];
	return NULL;
}

static int poll_held(struct devices *d, const char *device_code, int64_t now_ms, struct device_grant *ret, struct sp_err *e)
{
	struct login *l = by_device_code(d, device_code, now_ms);
	bool too_soon = l && now_ms - l->polled_ms < TOO_OFTEN_MS;

	if (!l)
		return sp_fail(e, SP_ENOENT, 0, "this login has expired: begin again");
	l->polled_ms = now_ms;
	if (l->state == DEVICE_WAITING && too_soon)
		return sp_fail(e, SP_EBUSY, 0, "ask every %d s", DEVICE_INTERVAL_S);
	*ret = (struct device_grant){ .state = l->state, .user = l->user, .role = l->role };
	memcpy(ret->client, l->shown.client, sizeof(ret->client));
	memcpy(ret->address, l->shown.address, sizeof(ret->address));
	if (l->state != DEVICE_WAITING)
		*l = (struct login){ 0 };
	return 0;
}

int devices_poll(struct devices *d, const char *device_code, int64_t now_ms, struct device_grant *ret, struct sp_err *e)
{
	int r;

	pthread_mutex_lock(&d->lock);
	r = poll_held(d, device_code, now_ms, ret, e);
	pthread_mutex_unlock(&d->lock);
	return r;
}
