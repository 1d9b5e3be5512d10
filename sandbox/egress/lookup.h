/*
 * lookup.h - one question on its way to the host's resolvers.
 *
 * Every look-up has a connected socket with a port of the kernel's choice and a random number, and an
 * answer must repeat the question as it was spelt, so that forging one from afar is hopeless. By UDP first;
 * by TCP for clients that use TCP. Each resolver is asked twice, in turns.
 */
#pragma once

#include <netinet/in.h>

#include "gateway.h"

enum { LOOKUP_MS = 2500, LOOKUP_ROUNDS = 2, LOOKUPS_PER_SLOT = 128, LOOKUPS_MAX = 1024 };

struct lookup {
	LIST_ENTRY(lookup) of_slot;
	struct slot *slot;
	struct dns_query q;
	struct dns_tcp *client;         /* NULL: by UDP, to `from` */
	struct sockaddr_storage from;
	socklen_t from_len;
	struct watch w;                 /* to the resolver */
	uint16_t id;
	unsigned attempt;
	uint64_t deadline_ms;
	size_t out_at, out_end;
	uint8_t out[2 + DNS_WRITTEN_MAX];
	uint8_t *in;                    /* TCP: what came of the answer, with its length; DNS_REPLY_MAX + 2 bytes */
	size_t in_end;
};

/*
 * Start asking Q for S. Exactly one of CLIENT and FROM. stub_done runs with the answer, also when all failed
 * (P NULL). False: too many look-ups, nothing was started.
 */
bool lookup_start(struct slot *s, const struct dns_query *q, struct dns_tcp *client, const struct sockaddr_storage *from,
		socklen_t from_len);

/* Forget L without an answer. */
void lookup_end(struct lookup *l);

/* The next attempt, or the end of them, for those whose time is over. */
void lookup_tick(struct slot *s);

/* Implemented by stub.c: the answer P of N bytes, or NULL. L ends when this returns. */
void stub_done(struct lookup *l, const uint8_t *p, size_t n);
