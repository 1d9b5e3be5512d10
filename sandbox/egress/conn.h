/*
 * conn.h - outbound TCP connections of sandboxes: decide, dial, pump both ways.
 *
 *   accept ──▶ decide ──refused──▶ RST
 *                │
 *                ▼
 *             dialing ──fails, 10 s──▶ RST
 *                │
 *                ▼
 *              open ──FIN of one side──▶ half open ──FIN of the other──▶ closed
 *                └──────── error of either side ──▶ RST to the other
 */
#pragma once

#include "gateway.h"

/* READY of a slot's TCP listeners; the watch's owner is the slot. */
void conn_accept(struct watch *listener, uint32_t events);

/* End all connections of S. */
void conn_end_all(struct slot *s);

/* Dials that took too long end. */
/* Slots that were paused go on. */
void conn_resume(struct gateway *gw);

void conn_tick(struct gateway *gw);
