/*
 * tell.h - what the server is told (sandbox/proto/report.h). It may be away or slow: nothing waits for it.
 */
#pragma once

#include "gateway.h"

/* Once for each destination of a slot's life, at most egress_refusals_told of them. */
void tell_refused(struct slot *s, const struct net_dest *d, enum egress_verdict why);

/* The totals of S as they are now. */
void tell_traffic(struct slot *s);

/* Totals that changed, once a second; all of them once a minute, for a server that was started anew. */
void tell_tick(struct gateway *gw);

/* How long the loop may wait; -1: for ever. */
int tell_wait_ms(const struct gateway *gw);
