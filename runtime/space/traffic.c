#include "traffic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "runtime/space/spaces_int.h"

enum { REPORTS_A_TURN = 64, SAID_MAX = 4 * SP_LIMIT_egress_refusals_told };

struct traffic_place traffic_place(const struct report_refused *r)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_v4 = memcmp(r->addr, mapped, sizeof(mapped)) == 0;
	char addr[INET6_ADDRSTRLEN] = "?";
	struct traffic_place p;

	inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? r->addr + 12 : r->addr, addr, sizeof(addr));
	snprintf(p.s, sizeof(p.s), is_v4 ? "%s:%u" : "[%s]:%u", addr, r->port);
	return p;
}

static const char *reason(const struct report_refused *r)
{
	if (r->policy == EGRESS_BUILD && r->why <= EGRESS_BAD_PORT)
		return "Builds reach public addresses at ports 80, 443 and 8080, and what this server's package settings name.";
	switch ((enum egress_verdict)r->why) {
	case EGRESS_NO_NETWORK:
		return "This Space has no network; its settings can give it one.";
	case EGRESS_OWN_ADDRESS:
		return "That address is this server's own.";
	case EGRESS_BAD_PORT:
		return r->policy == EGRESS_ANY ? "Mail ports are closed to every app." :
			"The Space's network setting opens ports 80, 443 and 8080; \"any port\" opens others.";
	case EGRESS_TOO_MANY:
		return "The app has too many connections open.";
	case EGRESS_FULL:
		return "The apps of this server have too many connections open.";
	case EGRESS_BAD_ADDRESS:
	case EGRESS_PASS:
	case EGRESS_VERDICT_MAX:
		break;
	}
	return "Apps reach public addresses only.";
}

static struct instance *instance_of(const struct spaces *sp, const struct launch_slot *slot, const struct sp_id *space)
{
	for (struct instance *in = sp->instances; in; in = in->next)
		if (in->has_slot && in->slot.index == slot->index && in->slot.generation == slot->generation && sp_id_eq(&in->space_id, space))
			return in;
	return NULL;
}

static void refused(struct spaces *sp, const struct report_refused *r)
{
	struct instance *in = instance_of(sp, &r->slot, &r->space);
	/* No more than an honest egress says, also when it was started anew. */
	struct log_sink *log = !in ? builds_log_refusal(sp->builds, &r->slot, SAID_MAX) : in->refusals++ < SAID_MAX ? in->log : NULL;

	if (!log)
		return;
	if (in && (r->why == EGRESS_BAD_ADDRESS || r->why == EGRESS_BAD_PORT || r->why == EGRESS_OWN_ADDRESS))
		snprintf(in->refused, sizeof(in->refused), "%s", traffic_place(r).s);
	log_sink_say(log, "===== A connection to %s was refused. %s", traffic_place(r).s, reason(r));
	if (r->is_last)
		log_sink_say(log, "===== Connections to other places that are refused from here on are counted, but not listed.");
}

static void counted(struct spaces *sp, const struct report_traffic *t)
{
	const struct space_traffic now = { t->bytes_out, t->bytes_in, t->connections, t->refused };
	struct instance *in = instance_of(sp, &t->slot, &t->space);

	if (!in)
		return;
	if (t->since_ms != in->traffic_since_ms)        /* a new egress counts from 0 */
		in->traffic_before = traffic_total(in);
	in->traffic_since_ms = t->since_ms;
	in->traffic = now;
}

struct space_traffic traffic_total(const struct instance *in)
{
	const struct space_traffic *a = &in->traffic_before, *b = &in->traffic;

	return (struct space_traffic){ a->bytes_out + b->bytes_out, a->bytes_in + b->bytes_in, a->connections + b->connections, a->refused + b->refused };
}

void traffic_take(struct spaces *sp, const struct sp_msg *m)
{
	struct report_refused r;
	struct report_traffic t;

	if (m->head.type == REPORT_MSG_REFUSED) {
		memcpy(&r, m->body, sizeof(r));
		refused(sp, &r);
	} else {
		memcpy(&t, m->body, sizeof(t));
		counted(sp, &t);
	}
}

static void on_report(void *arg, bool readable SP_UNUSED, bool writable SP_UNUSED)
{
	static struct sp_msg m;
	struct spaces *sp = arg;
	struct sp_err e;

	for (int i = 0; i < REPORTS_A_TURN; i++) {
		int r = sp_msg_recv(sp->report, &report_table, REPORT_TO_SERVER, &m, &e);

		if (r == -SP_EBUSY)
			return;
		if (r <= 0) {
			/* What egress says is only told on: nothing depends on it. */
			log_warn("no more is heard of apps' connections: %s", r < 0 ? e.msg : "its channel ended");
			traffic_end(sp);
			return;
		}
		traffic_take(sp, &m);
		sp_msg_close(&m);
	}
}

void traffic_watch(struct spaces *sp, int fd)
{
	sp->report = fd;
	sp->report_watch = sp_watch_new(sp->loop, fd, on_report, sp);
	sp_watch_want(sp->report_watch, true, false);
}

void traffic_end(struct spaces *sp)
{
	sp_watch_free(sp->report_watch);
	sp->report_watch = NULL;
}
