#include "tell.h"

#include <string.h>

enum { CHANGES_MS = 1000, ALL_MS = 60000 };

static bool is_told(const struct slot *s, const struct net_dest *d)
{
	for (unsigned i = 0; i < s->told_count; i++)
		if (s->told[i].port == d->port && net_addr_eq(&s->told[i].addr, &d->addr))
			return true;
	return false;
}

static bool say(const struct gateway *gw, enum report_type type, const void *body, size_t len)
{
	return gw->report >= 0 && sp_msg_send(gw->report, (uint16_t)type, 0, body, len, NULL, 0, NULL) == 0;
}

void tell_refused(struct slot *s, const struct net_dest *d, enum egress_verdict why)
{
	struct report_refused m = { .slot = s->name, .port = d->port, .why = why, .policy = s->policy, .space = s->space };

	s->refused++;
	slot_changed(s);
	if (s->told_count == SP_LIMIT_egress_refusals_told || is_told(s, d))
		return;
	m.is_last = s->told_count == SP_LIMIT_egress_refusals_told - 1;
	memcpy(m.addr, d->addr.b, sizeof(m.addr));
	if (say(s->gw, REPORT_MSG_REFUSED, &m, sizeof(m)))              /* else the next refusal tells it */
		s->told[s->told_count++] = *d;
}

void tell_traffic(struct slot *s)
{
	const struct report_traffic m = { .slot = s->name, .since_ms = s->since_ms, .bytes_out = s->out.bytes, .bytes_in = s->in.bytes, .connections = s->connections,
		.refused = s->refused, .space = s->space };

	if (s->changed && say(s->gw, REPORT_MSG_TRAFFIC, &m, sizeof(m)))
		s->changed = false;
}

void tell_tick(struct gateway *gw)
{
	bool all = gw->now_ms - gw->repeated_ms >= ALL_MS;

	if (gw->report < 0 || gw->now_ms - gw->reported_ms < CHANGES_MS)
		return;
	gw->reported_ms = gw->now_ms;
	if (all)
		gw->repeated_ms = gw->now_ms;
	gw->changed = gw->tell_again = false;
	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		struct slot *s = &gw->slots[i];

		if (!s->open)
			continue;
		s->changed = s->changed || (all && (s->connections > 0 || s->refused > 0));
		tell_traffic(s);
		gw->changed = gw->changed || s->changed;
		gw->tell_again = gw->tell_again || s->connections > 0 || s->refused > 0;
	}
}

int tell_wait_ms(const struct gateway *gw)
{
	return gw->report < 0 ? -1 : gw->changed ? CHANGES_MS : gw->tell_again ? ALL_MS : -1;
}
