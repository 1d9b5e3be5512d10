/*
 * stub.h - name look-ups of sandboxes: read strictly, answered or passed on to the host's resolvers.
 *
 *   query ─▶ rate ─▶ own matters (host's names, private reverse names, AAAA without IPv6) ─▶ answer
 *                       │ else
 *                       ▼
 *                   lookup (lookup.h) ─▶ answer under the client's number
 */
#pragma once

#include "gateway.h"

/* READY of a slot's DNS sockets; the watch's owner is the slot. */
void stub_udp_ready(struct watch *w, uint32_t events);
void stub_accept(struct watch *listener, uint32_t events);

/* End all look-ups and DNS connections of S. */
void stub_end_all(struct slot *s);

bool stub_has_deadlines(const struct gateway *gw);
void stub_tick(struct gateway *gw);
