/*
 * timer.h - a hashed wheel of coarse deadlines. Pure: it is told the time.
 *
 * A timer that is set later, or stopped, stays where it hangs until the wheel comes by: the hot path writes
 * one number and touches no list. Milliseconds of the monotonic clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link { struct link *prev, *next; };

static inline void link_init(struct link *l)
{
	l->prev = l->next = l;
}

static inline bool link_empty(const struct link *l)
{
	return l->next == l;
}

static inline void link_add(struct link *head, struct link *l)          /* at the end */
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void link_del(struct link *l)                             /* harmless when it hangs nowhere */
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

#define LINK_OF(l, type, member) ((type *)(void *)((char *)(l) - offsetof(type, member)))

struct timer {
	struct link link;
	uint64_t hangs;         /* where it hangs in the wheel; 0: nowhere */
	uint64_t due;           /* 0: stopped */
};

enum { WHEEL_SLOTS = 512, WHEEL_MS = 16 };

struct wheel { struct link slots[WHEEL_SLOTS]; uint64_t ran, next; unsigned hanging; };

void wheel_init(struct wheel *w, uint64_t now);
void timer_init(struct timer *t);
void timer_set(struct wheel *w, struct timer *t, uint64_t due);
void timer_stop(struct timer *t);
void timer_drop(struct wheel *w, struct timer *t);      /* before its memory goes */

/* Call FN for every timer that is due at NOW; it is stopped then and may be set again or dropped. */
void wheel_run(struct wheel *w, uint64_t now, void (*fn)(void *arg, struct timer *t), void *arg);

/* Milliseconds to sleep at most; -1: nothing hangs. */
int wheel_sleep_ms(const struct wheel *w, uint64_t now);
