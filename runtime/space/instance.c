#include "instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "log.h"
#include "runtime/space/crash_cause.h"
#include "runtime/space/instance_int.h"

#define TO(p) SP_SM_TO(INST_##p)

const struct sp_sm_row inst_rows[INST_PHASE_MAX] = {
	/*                    phase        may go to                               */
	[INST_PREPARING] = { "preparing",  TO(ASKED) | TO(STOPPING) | TO(GONE) },
	[INST_ASKED]     = { "asked",      TO(PROBING) | TO(PREPARING) | TO(STOPPING) | TO(GONE) },
	[INST_PROBING]   = { "probing",    TO(SERVING) | TO(STOPPING) | TO(GONE) },
	[INST_SERVING]   = { "serving",    TO(DRAINING) | TO(STOPPING) | TO(GONE) },
	[INST_DRAINING]  = { "draining",   TO(STOPPING) | TO(GONE) },
	[INST_STOPPING]  = { "stopping",   TO(GONE) },
	[INST_GONE]      = { "gone",       0 },
};

struct release *release_dup(const struct release *r)
{
	struct release *copy = malloc(sizeof(*copy));

	if (!copy)
		abort();
	*copy = *r;
	copy->recipe = recipe_dup(&r->recipe);
	return copy;
}

void release_free(struct release *r)
{
	if (r)
		recipe_fini(&r->recipe);
	free(r);
}

void instance_move(struct instance *in, enum inst_phase phase)
{
	if (!sp_sm_may(inst_rows, in->phase, phase))
		log_err("run=%s %s may not become %s", in->row.id.s, inst_rows[in->phase].name, inst_rows[phase].name);
	log_info("run=%s space=%s %s -> %s", in->row.id.s, in->space_id.s, inst_rows[in->phase].name, inst_rows[phase].name);
	in->phase = phase;
}

void instance_free(struct instance *in)
{
	for (struct instance **at = &in->sp->instances; *at; at = &(*at)->next)
		if (*at == in) {
			*at = in->next;
			break;
		}
	ready_free(in->ready);
	sp_timer_free(in->timer);
	fault_clear(&in->fault);
	release_free(in->rel);
	free(in);
}

static void settle(struct instance *in)
{
	struct spaces *sp = in->sp;

	if (in->phase != INST_GONE || in->space || in->pool_busy || in->writer_busy || in->checking || in->log)
		return;
	instance_free(in);
	spaces_check_removals(sp);
}

/* ---- its row: one write at a time, the newest state last ---- */

struct write { struct instance *in; struct store *st; struct store_run row; };

static void write_work(void *arg)
{
	struct write *w = arg;
	struct sp_err e;
	int r = store_run_set(w->st, &w->row, &e);

	if (r < 0 && r != -SP_ENOENT)          /* its Space was deleted meanwhile */
		log_warn("run not recorded, ignoring run=%s code=%s: %s", w->row.id.s, sp_code_name((enum sp_code)-r), e.msg);
}

static void persist(struct instance *in);

static void write_done(void *arg)
{
	struct write *w = arg;
	struct instance *in = w->in;

	free(w);
	in->writer_busy = false;
	if (in->writer_again)
		persist(in);
	else
		settle(in);
}

static void persist(struct instance *in)
{
	struct write *w;

	in->writer_again = in->writer_busy;
	if (in->writer_busy)
		return;
	w = malloc(sizeof(*w));
	if (!w)
		abort();
	*w = (struct write){ in, in->sp->store, in->row };
	in->writer_busy = true;
	sp_loop_work(in->sp->loop, write_work, write_done, w);
}

/* ---- the end ---- */

/* Tell the Space, once. */
static void report(struct instance *in)
{
	struct space *s = in->space;

	in->space = NULL;
	if (s)
		space_inst_down(s, in);
}

/* FAULT is the instance's while a pool thread reads what the app wrote: up to 128 KiB, looked through many times. */
struct why { struct instance *in; struct logs *logs; struct sp_id space, id; struct fault fault; int status; bool offline; char refused[64]; struct launch_disk disk; };

static void say_why(struct instance *in)
{
	snprintf(in->row.cause, sizeof(in->row.cause), "%s", cause_name(in->fault.code));
	fault_save(&in->fault, in->row.detail, sizeof(in->row.detail));
	if (in->has_row)
		persist(in);
	if (in->log && in->fault.code != CAUSE_NONE)
		log_sink_say(in->log, "===== %s\n===== %s", in->fault.text.text, in->fault.text.next);
}

static void why_work(void *arg)
{
	struct why *w = arg;
	struct sp_arena a;
	const char *output;

	sp_arena_init(&a);
	output = log_last_lines_of(w->logs, &w->space, LOG_RUN, &w->id, 200, &a);
	fault_evidence(&w->fault, cause_evidence_of(output, &a));
	if (w->fault.code == CAUSE_CRASHED)
		crash_cause_find(&w->fault, w->status, output);
	if (w->offline && (w->fault.code == CAUSE_CRASHED || w->fault.code == CAUSE_NETWORK_LIKELY) && crash_cause_is_offline(output))
		snprintf(w->refused, sizeof(w->refused), "the Internet");
	else if (w->fault.code != CAUSE_NETWORK_LIKELY)
		w->refused[0] = '\0';
	if ((w->fault.code == CAUSE_CRASHED || w->fault.code == CAUSE_APP_DISK_FULL) && cause_disk(&w->disk).s[0]) {
		char *evidence = sp_take_ptr(&w->fault.evidence);

		fault_set(&w->fault, CAUSE_APP_DISK_FULL, cause_number(w->status).s, cause_disk(&w->disk).s, NULL);
		w->fault.evidence = evidence;
	}
	if (w->refused[0]) {            /* egress told it, or there is no network at all: it is certain */
		char *evidence = sp_take_ptr(&w->fault.evidence);

		fault_set(&w->fault, CAUSE_NETWORK_REFUSED, w->refused, NULL);
		w->fault.evidence = evidence;
	}
	sp_arena_fini(&a);
}

static void why_done(void *arg)
{
	struct why *w = arg;
	struct instance *in = w->in;
	struct space *s = in->space ? NULL : space_find(in->sp, &in->space_id);
	bool told = !in->space;

	in->pool_busy = false;
	fault_move(&in->fault, &w->fault);
	free(w);
	say_why(in);
	log_sink_end(in->log);
	in->log = NULL;
	report(in);
	if (told && s && in->crashed)
		space_inst_evidence(s, in);
	settle(in);
}

static void why_ask(void *arg)
{
	struct instance *in = arg;
	struct why *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	*w = (struct why){ .in = in, .logs = in->sp->logs, .space = in->space_id, .id = in->row.id, .fault = in->fault, .status = in->exit_status,
		.offline = in->offline, .disk = in->disk };
	w->fault.evidence = NULL;
	memcpy(w->refused, in->refused, sizeof(w->refused));
	in->pool_busy = true;
	sp_loop_work(in->sp->loop, why_work, why_done, w);
}

void instance_gone(struct instance *in)
{
	bool served = in->phase == INST_SERVING;

	instance_move(in, INST_GONE);
	ready_free(in->ready);
	in->ready = NULL;
	sp_timer_stop(in->timer);
	in->row.ended_ms = sp_wall_ms();
	instances_turn(in->sp);
	if (!in->log) {
		say_why(in);
		report(in);
		settle(in);
		return;
	}
	if (served)
		report(in);     /* visitors must not be sent to it while its output is read */
	log_sink_drained(in->log, why_ask, in);
}

static void fault_of_exit(struct instance *in, const struct launch_exited *x)
{
	struct fault *f = &in->fault;

	switch ((enum launch_end)x->end) {
	case END_EXITED:
		in->exit_status = x->value;
		if (x->value == 0)
			fault_set(f, CAUSE_EXITED, NULL);
		else
			fault_set(f, CAUSE_CRASHED, cause_number(x->value).s, NULL);
		return;
	case END_SIGNALED:
		fault_set(f, CAUSE_KILLED, cause_number(x->value).s, sigdescr_np(x->value) ? sigdescr_np(x->value) : "unknown", NULL);
		return;
	case END_OOM:
		fault_set(f, CAUSE_OUT_OF_MEMORY, cause_bytes(SP_LIMIT_run_memory_bytes).s, NULL);
		return;
	case END_EXEC:
		fault_set(f, CAUSE_NOT_EXECUTABLE, strerror(x->value), NULL);
		return;
	case END_SYSCALL:
		fault_set(f, CAUSE_FOREIGN_SYSCALL, NULL);
		return;
	case END_STOPPED:
	case END_INIT:
	case END_LOST:
		break;
	}
	fault_set(f, CAUSE_SANDBOX_FAILED, x->end == END_STOPPED ? "it was stopped from outside" : "it ended without a reason; the server's log says more", NULL);
}

static void exited(struct instance *in, const struct launch_exited *x)
{
	bool ours = in->phase == INST_STOPPING || in->phase == INST_DRAINING || !in->space;

	in->has_slot = false;
	in->disk = x->disk;
	in->crashed = !ours || in->fault.code != CAUSE_NONE;
	if (!ours && in->fault.code == CAUSE_NONE)
		fault_of_exit(in, x);
	instance_gone(in);
}

bool instances_on_exited(struct spaces *sp, const struct launch_exited *x)
{
	for (struct instance *in = sp->instances; in; in = in->next)
		if (in->has_slot && sp_id_eq(&in->row.id, &x->run)) {
			exited(in, x);
			return true;
		}
	return false;
}

static void stop(struct instance *in)
{
	ready_free(in->ready);
	in->ready = NULL;
	if (in->phase == INST_STOPPING || in->phase == INST_GONE)
		return;
	instance_move(in, INST_STOPPING);
	if (in->has_slot)
		launch_client_stop(in->sp->lc, in->slot, SP_LIMIT_stop_grace_ms);
	else if (!in->asked && !in->pool_busy)
		instance_gone(in);
	/* else the answer that is on its way ends it */
}

/* ---- visitors are refused ---- */

static void on_listening(void *arg, struct sp_msg *m, bool last SP_UNUSED)
{
	struct instance *in = arg;
	const struct launch_ports *p = LAUNCH_BODY(m, PORTS_ARE, launch_ports);
	uint64_t now = in->sp->now_ms();
	bool listens = false;

	in->checking = false;
	if (!m)
		return;         /* the launcher is gone and this server ends */
	if (in->phase != INST_SERVING) {
		settle(in);
		return;
	}
	for (uint32_t i = 0; p && i < p->count && i < SP_COUNT(p->at); i++)
		listens = listens || p->at[i].port == in->rel->recipe.port;
	if (!p || listens) {
		in->closed_ms = 0;
		return;
	}
	if (!in->closed_ms)
		in->closed_ms = now;
	if (now - in->closed_ms < SP_LIMIT_port_closed_ms) {
		sp_timer_start(in->timer, CHECK_PORT_MS, 0);
		return;
	}
	fault_set(&in->fault, CAUSE_PORT_CLOSED, cause_number(in->rel->recipe.port).s, cause_duration(SP_LIMIT_port_closed_ms).s, NULL);
	stop(in);
}

void instance_check_port(struct instance *in)
{
	if (in->phase != INST_SERVING || in->checking)
		return;
	in->checking = true;
	launch_client_ports(in->sp->lc, in->slot, on_listening, in);
}

static void on_timer(void *arg)
{
	struct instance *in = arg;

	if (in->phase == INST_PREPARING)
		instance_prepare(in);
	else if (in->phase == INST_SERVING)
		instance_check_port(in);
	else
		stop(in);       /* it has been drained */
}

void instance_leave(struct instance *in, uint64_t drain_ms)
{
	in->space = NULL;
	if (in->phase == INST_GONE) {
		settle(in);
	} else if (in->phase == INST_SERVING && drain_ms > 0) {
		instance_move(in, INST_DRAINING);
		sp_timer_start(in->timer, drain_ms, 0);
	} else {
		stop(in);
	}
}

/* ---- probing ---- */

static void on_up(void *arg)
{
	struct instance *in = arg;

	ready_free(in->ready);
	in->ready = NULL;
	instance_move(in, INST_SERVING);
	instances_turn(in->sp);
	in->row.ready_ms = sp_wall_ms();
	log_sink_say(in->log, "===== The app answers after %.1f s =====", (double)(in->sp->now_ms() - in->asked_ms) / 1000.0);
	persist(in);
	if (in->space)
		space_inst_up(in->space, in);
}

static void on_ports(void *arg, const struct ready_ports *p)
{
	struct instance *in = arg;

	if (in->space)
		space_inst_hint(in->space, in, p);
}

static void on_timeout(void *arg, const struct ready_ports *p)
{
	struct instance *in = arg;
	struct cause_text port = cause_number(in->rel->recipe.port), waited = cause_duration(in->rel->recipe.startup_ms);

	if (p->right)
		fault_set(&in->fault, CAUSE_NO_ANSWER, port.s, waited.s, NULL);
	else if (p->elsewhere)
		fault_set(&in->fault, CAUSE_PORT_ELSEWHERE, cause_number(p->elsewhere).s, port.s, port.s, NULL);
	else
		fault_set(&in->fault, CAUSE_NO_PORT, waited.s, port.s, port.s, NULL);
	stop(in);
}

void instance_probe(struct instance *in)
{
	const struct ready_hooks hooks = { .up = on_up, .ports = on_ports, .timeout = on_timeout, .arg = in };
	const struct recipe *r = &in->rel->recipe;

	instance_move(in, INST_PROBING);
	in->ready = ready_new(in->sp->loop, in->sp->lc, in->slot, r->port, r->sdk->probe, r->startup_ms, &hooks);
}

static struct instance *make(struct spaces *sp, struct space *space, const struct release *rel)
{
	struct instance *in = calloc(1, sizeof(*in));

	if (!in)
		abort();
	in->sp = sp;
	in->space = space;
	in->space_id = space->id;
	in->rel = release_dup(rel);
	in->timer = sp_timer_new(sp->loop, on_timer, in);
	in->next = sp->instances;
	sp->instances = in;
	return in;
}

struct instance *instance_new(struct spaces *sp, struct space *space, const struct release *rel, bool patient)
{
	struct instance *in = make(sp, space, rel);

	in->row = (struct store_run){ .id = sp_id_new(), .repo = space->id, .build = rel->build, .started_ms = sp_wall_ms() };
	in->patient = patient;
	if (patient)
		sp_timer_start(sp->turn, 0, 0);
	else
		instance_prepare(in);
	return in;
}

struct instance *instance_adopt(struct spaces *sp, struct space *space, const struct release *rel, const struct store_run *row,
		const struct launch_entry *at, int log_fd)
{
	struct instance *in = make(sp, space, rel);

	in->row = *row;
	in->has_row = true;
	in->slot = at->slot;
	in->has_slot = true;
	in->asked_ms = sp->now_ms();
	in->log = instance_open_log(in, log_fd);
	in->phase = INST_ASKED;
	if (row->ready_ms) {
		instance_move(in, INST_PROBING);
		instance_move(in, INST_SERVING);
	} else {
		instance_probe(in);
	}
	return in;
}
