/*
 * gateway.h - the state of vitrine-egress: one thread, one epoll, a fixed table of slots.
 *
 * The sandbox's end of every connection is hostile. Nothing here waits; memory for a connection's bytes is
 * taken only while the other side does not take them, so that idle connections cost none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dns.h"
#include "egress.h"
#include "known.h"
#include "limit.h"
#include "policy.h"

enum { DIAL_MS = 10000, TICK_MS = 250, PACE_MS = 20, LOG_BURST = 5, LOG_PER_S = 1 };

/* A descriptor in the epoll. READY runs with what epoll says; W may be dropped inside. */
struct watch {
	int fd;                 /* ours; -1 when dropped */
	bool added;
	uint32_t events;
	void (*ready)(struct watch *w, uint32_t events);
	void *owner;
};

/* Tokens for COST-free counting: at most RATE a second and RATE at once. */
struct bucket { uint64_t milli, at_ms; };

/* Bytes in one direction of a slot: how many passed, and how many may pass now. */
struct flow { uint64_t bytes, left, at_ms; };

struct conn;
struct lookup;
struct dns_tcp;
LIST_HEAD(conn_list, conn);
LIST_HEAD(lookup_list, lookup);
LIST_HEAD(dns_tcp_list, dns_tcp);

struct gateway;
struct slot {
	struct gateway *gw;
	bool open;
	struct launch_slot name;
	struct sp_id space;
	enum launch_egress policy;
	struct watch tcp4, tcp6, dns_udp, dns_tcp;
	struct conn_list conns;
	struct lookup_list lookups;
	struct dns_tcp_list dns_clients;
	unsigned conn_count, lookup_count, dns_client_count;
	struct bucket dns_rate, log_rate, connect_rate;
	uint64_t log_dropped;
	struct flow out, in;
	bool paused;                    /* it had more to move or to accept than it may: on again in PACE_MS */
	uint64_t since_ms, connections, refused;
	bool changed;                   /* since its totals were reported */
	struct net_dest told[SP_LIMIT_egress_refusals_told];
	unsigned told_count;
};

TAILQ_HEAD(dialing, conn);

struct gateway {
	int epoll;
	uint64_t now_ms, ticked_ms;
	struct watch launcher;
	int report, own;                /* to the server, -1: nobody wants to know; the routing table */
	uint16_t own_port;              /* of the platform on this machine's public addresses; 0: none */
	uint64_t reported_ms, repeated_ms, resumed_ms;
	bool changed, tell_again;       /* some slot's totals did; some slot has totals */
	bool ended;
	struct slot slots[SP_LIMIT_slots];
	struct allow allow;
	struct known known;
	struct dialing dialing;         /* in the order of their deadlines */
	unsigned conn_count, lookup_count, dns_client_count, paused_count;
	unsigned conn_max;              /* by this process's descriptors */
	bool has_v6;
	uint64_t v6_checked_ms;
	void **dead;                    /* freed when the batch of events that may name it is over */
	unsigned dead_count, dead_cap;
};

void watch_init(struct watch *w, int fd, void (*ready)(struct watch *w, uint32_t events), void *owner);

/* Ask for EVENTS, errors and hang-ups always included. False: out of kernel memory. */
bool watch_want(struct gateway *gw, struct watch *w, uint32_t events);

/* Out of the epoll, hang-ups included, until the next watch_want. */
void watch_rest(struct gateway *gw, struct watch *w);

/* Close the descriptor. */
void watch_drop(struct gateway *gw, struct watch *w);

/* Free P (lent by malloc) after the present batch of events. */
void gateway_bury(struct gateway *gw, void *p);

/* One batch of events, waiting for at most TICK_MS when something has a deadline. */
void gateway_turn(struct gateway *gw);

/* Its totals will be reported. */
void slot_changed(struct slot *s);

/* S goes on in PACE_MS. */
void slot_pause(struct slot *s);

/* How many bytes may pass now; what passes is taken from F's `left`. */
uint64_t flow_left(struct flow *f, uint64_t now_ms);

/* Take one token at RATE a second, of at most BURST; give it back. */
bool bucket_take(struct bucket *b, uint64_t now_ms, unsigned rate, unsigned burst);
void bucket_give(struct bucket *b);
