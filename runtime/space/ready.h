/*
 * ready.h - is the app up? Asks it over HTTP until it answers or time is out.
 *
 * Each try takes a socket that the launcher made inside the app's network namespace and connects it to
 * 127.0.0.1, every other time to ::1. Any status below 500 is an answer (C-GRADIO-07); 5xx counts after
 * READY_SLOW_MS of nothing better, because an app whose front page fails is up all the same (peers.md
 * 3.A). Logs are never parsed. Loop thread only.
 */
#pragma once

#include "launch_client.h"
#include "loop.h"

enum { READY_FIRST_MS = 20, READY_LAST_MS = 100, READY_TRY_MS = 5000, READY_SLOW_MS = 10000, READY_PORTS_MS = 5000 };

struct ready;

/* What listens inside: for PORT_ELSEWHERE. elsewhere 0: nothing does; right: somebody listens on the right port. */
struct ready_ports { uint32_t elsewhere; bool right; };

struct ready_hooks {
	void (*up)(void *arg);
	void (*ports)(void *arg, const struct ready_ports *p);  /* after READY_SLOW_MS, now and then */
	void (*timeout)(void *arg, const struct ready_ports *p);
	void *arg;
};

/* REQUEST is "HEAD / HTTP/1.1" (lent for ever). UP or TIMEOUT is called once, after which READY is to be freed. */
struct ready *ready_new(struct sp_loop *loop, struct launch_client *lc, struct launch_slot slot, uint32_t port,
		const char *request, uint64_t timeout_ms, const struct ready_hooks *hooks);
void ready_free(struct ready *r);       /* NULL is fine; no callback after it */

/* The status of an HTTP/1 answer that begins with these bytes; 0: not one. Pure. */
unsigned ready_status(const char *p, size_t n);
