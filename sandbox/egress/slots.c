#include "slots.h"

#include <string.h>
#include <sys/epoll.h>

#include "conn.h"
#include "fd.h"
#include "stub.h"
#include "tell.h"

void slots_init(struct gateway *gw)
{
	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		struct slot *s = &gw->slots[i];

		s->gw = gw;
		s->tcp4.fd = s->tcp6.fd = s->dns_udp.fd = s->dns_tcp.fd = -1;
		LIST_INIT(&s->conns);
		LIST_INIT(&s->lookups);
		LIST_INIT(&s->dns_clients);
	}
}

static void slot_close(struct slot *s)
{
	conn_end_all(s);
	stub_end_all(s);
	tell_traffic(s);
	watch_drop(s->gw, &s->tcp4);
	watch_drop(s->gw, &s->tcp6);
	watch_drop(s->gw, &s->dns_udp);
	watch_drop(s->gw, &s->dns_tcp);
	s->open = false;
}

static int listen_on(struct slot *s, struct watch *w, int fd, void (*ready)(struct watch *w, uint32_t events), struct sp_err *e)
{
	int r;

	watch_init(w, fd, ready, s);
	r = sp_set_nonblock(fd, true, e);
	if (r < 0)
		return r;
	if (!watch_want(s->gw, w, EPOLLIN))
		return sp_fail(e, SP_ENOMEM, 0, "epoll");
	return 0;
}

static int slot_open(struct gateway *gw, const struct egress_open *o, struct sp_msg *m, struct sp_err *e)
{
	struct slot *s;
	int r;

	if (o->slot.index >= SP_LIMIT_slots || o->policy > EGRESS_BUILD || memchr(o->space.s, '\0', sizeof(o->space.s)) == NULL)
		return sp_fail(e, SP_EPROTO, 0, "OPEN of slot %u with policy %u", o->slot.index, o->policy);
	s = &gw->slots[o->slot.index];
	if (s->open)
		slot_close(s);
	s->open = true;
	s->name = o->slot;
	s->space = o->space;
	s->policy = (enum launch_egress)o->policy;
	s->dns_rate = s->log_rate = s->connect_rate = (struct bucket){ 0 };
	s->out = s->in = (struct flow){ 0 };
	s->log_dropped = s->connections = s->refused = 0;
	s->since_ms = gw->now_ms;
	s->told_count = 0;
	s->changed = false;
	r = listen_on(s, &s->tcp4, sp_msg_take_fd(m, 0), conn_accept, e);
	if (r == 0)
		r = listen_on(s, &s->tcp6, sp_msg_take_fd(m, 1), conn_accept, e);
	if (r == 0)
		r = listen_on(s, &s->dns_udp, sp_msg_take_fd(m, 2), stub_udp_ready, e);
	if (r == 0)
		r = listen_on(s, &s->dns_tcp, sp_msg_take_fd(m, 3), stub_accept, e);
	if (r < 0)
		slot_close(s);
	return r;
}

int slots_message(struct gateway *gw, struct sp_msg *m, struct sp_err *e)
{
	struct egress_open o;
	struct launch_slot name;
	struct slot *s;

	if (m->head.type == EGRESS_MSG_OPEN) {
		memcpy(&o, m->body, sizeof(o));
		return slot_open(gw, &o, m, e);
	}
	memcpy(&name, m->body, sizeof(name));
	if (name.index >= SP_LIMIT_slots)
		return sp_fail(e, SP_EPROTO, 0, "CLOSE of slot %u", name.index);
	s = &gw->slots[name.index];
	if (s->open && s->name.generation == name.generation)           /* else it speaks of a predecessor */
		slot_close(s);
	return 0;
}
