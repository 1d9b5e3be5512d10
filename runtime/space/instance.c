#include "instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exec_block.h"
#include "log.h"
#include "runtime/space/run_env.h"
#include "runtime/space/space_env.h"
#include "runtime/space/spaces_int.h"

#define TO(p) SP_SM_TO(INST_##p)

const struct sp_sm_row inst_rows[INST_PHASE_MAX] = {
	/*                    phase        may go to                               */
	[INST_PREPARING] = { "preparing",  TO(ASKED) | TO(STOPPING) | TO(GONE) },
	[INST_ASKED]     = { "asked",      TO(PROBING) | TO(STOPPING) | TO(GONE) },
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

static void move(struct instance *in, enum inst_phase phase)
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

	if (in->phase != INST_GONE || in->space || in->pool_busy || in->writer_busy || in->log)
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

struct why { struct instance *in; struct logs *logs; struct sp_id space, id; struct sp_arena arena; const char *output; };

static void why_work(void *arg)
{
	struct why *w = arg;

	w->output = log_last_lines_of(w->logs, &w->space, LOG_RUN, &w->id, 200, &w->arena);
}

static void why_done(void *arg)
{
	struct why *w = arg;
	struct instance *in = w->in;
	struct space *s = in->space ? NULL : space_find(in->sp, &in->space_id);
	bool told = !in->space;

	in->pool_busy = false;
	fault_evidence(&in->fault, cause_evidence_of(w->output, &w->arena));
	sp_arena_fini(&w->arena);
	free(w);
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
	*w = (struct why){ .in = in, .logs = in->sp->logs, .space = in->space_id, .id = in->row.id };
	in->pool_busy = true;
	sp_loop_work(in->sp->loop, why_work, why_done, w);
}

static void gone(struct instance *in)
{
	bool served = in->phase == INST_SERVING;

	move(in, INST_GONE);
	ready_free(in->ready);
	in->ready = NULL;
	sp_timer_stop(in->timer);
	in->row.ended_ms = sp_wall_ms();
	snprintf(in->row.cause, sizeof(in->row.cause), "%s", cause_name(in->fault.code));
	snprintf(in->row.detail, sizeof(in->row.detail), "%s", in->fault.text.text);
	if (in->row.started_ms)
		persist(in);
	if (!in->log) {
		report(in);
		settle(in);
		return;
	}
	if (in->fault.code != CAUSE_NONE)
		log_sink_say(in->log, "===== %s\n===== %s", in->fault.text.text, in->fault.text.next);
	if (served)
		report(in);     /* visitors must not be sent to it while its output is read */
	log_sink_drained(in->log, why_ask, in);
}

static void fault_of_exit(struct instance *in, const struct launch_exited *x)
{
	struct fault *f = &in->fault;
	char number[32];

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
		snprintf(number, sizeof(number), "number %d", x->value);
		fault_set(f, CAUSE_BLOCKED_SYSCALL, number, NULL);
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
	in->crashed = !ours || in->fault.code != CAUSE_NONE;
	if (!ours && in->fault.code == CAUSE_NONE)
		fault_of_exit(in, x);
	gone(in);
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
	move(in, INST_STOPPING);
	if (in->has_slot)
		launch_client_stop(in->sp->lc, in->slot, SP_LIMIT_stop_grace_ms);
	else if (!in->asked && !in->pool_busy)
		gone(in);
	/* else the answer that is on its way ends it */
}

static void on_drained(void *arg)
{
	stop(arg);
}

void instance_leave(struct instance *in, uint64_t drain_ms)
{
	in->space = NULL;
	if (in->phase == INST_GONE) {
		settle(in);
	} else if (in->phase == INST_SERVING && drain_ms > 0) {
		move(in, INST_DRAINING);
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
	move(in, INST_SERVING);
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

static void probe(struct instance *in)
{
	const struct ready_hooks hooks = { .up = on_up, .ports = on_ports, .timeout = on_timeout, .arg = in };
	const struct recipe *r = &in->rel->recipe;

	move(in, INST_PROBING);
	in->ready = ready_new(in->sp->loop, in->sp->lc, in->slot, r->port, r->sdk->probe, r->startup_ms, &hooks);
}

/* ---- starting ---- */

static struct log_sink *open_log(struct instance *in, int read_fd)
{
	return log_sink_new(in->sp->logs, &in->space_id, LOG_RUN, &in->row.id, read_fd);
}

static void start_failed(struct instance *in, const struct launch_failed *f)
{
	char text[260];

	in->crashed = true;
	if (!f) {
		fault_set(&in->fault, CAUSE_SANDBOX_FAILED, "the launcher did not answer", NULL);
	} else if (f->code == SP_ENOENT) {
		fault_set(&in->fault, CAUSE_IMAGE_MISSING, strstr(f->text, "base-") ? "base" : "environment", NULL);
	} else {
		in->retry_later = f->code == SP_EQUOTA;
		snprintf(text, sizeof(text), "%.31s: %.199s", f->step, f->text);
		fault_set(&in->fault, CAUSE_SANDBOX_FAILED, text, NULL);
	}
	gone(in);
}

static void on_started(void *arg, struct sp_msg *m, bool last SP_UNUSED)
{
	struct instance *in = arg;
	const struct launch_started *s = LAUNCH_BODY(m, STARTED, launch_started);
	const struct launch_failed *f = LAUNCH_BODY(m, FAILED, launch_failed);

	in->asked = false;
	if (!m)
		return;         /* the launcher is gone and this server ends */
	if (!s) {
		start_failed(in, f ? f : LAUNCH_BODY(m, REFUSED, launch_failed));
		return;
	}
	in->slot = s->slot;
	in->has_slot = true;
	log_sink_attach(in->log, sp_msg_take_fd(m, 0));
	if (in->phase == INST_STOPPING)
		launch_client_stop(in->sp->lc, in->slot, SP_LIMIT_stop_grace_ms);
	else
		probe(in);
}

/* What a pool thread collects before START can be sent. */
struct prep { struct instance *in; struct spaces *sp; struct store_run row; struct recipe recipe; struct store_repo repo;
	struct sp_arena arena; int block, result; struct sp_err e; char unreadable[128] /* the secret that cannot be opened */; };

static void prep_work(void *arg)
{
	struct prep *p = arg;
	struct store_variable *vars = NULL;
	struct strv argv = { .a = &p->arena }, env = { .a = &p->arena };
	size_t n = 0;

	p->block = -1;
	p->result = store_repo_by_id(p->sp->store, &p->row.repo, &p->arena, &p->repo, &p->e);
	if (p->result == 0)
		p->result = store_run_add(p->sp->store, &p->row, &p->e);
	if (p->result == 0)     /* last: nothing that waits for the disk holds secrets meanwhile */
		p->result = space_env_read(p->sp->store, p->sp->cfg.keys, &p->row.repo, &p->arena, &vars, &n, p->unreadable, &p->e);
	if (p->result == 0) {
		run_env_make(&p->sp->cfg, &p->repo, &p->recipe, vars, n, &argv, &env);
		p->result = exec_block_write(argv.v, env.v, "/home/user/app", &p->block, &p->e);
	}
	p->repo.card_json = p->repo.tags_json = NULL;
	sp_arena_wipe(&p->arena);
}

static void ask_start(struct instance *in, const struct store_repo *repo, int block)
{
	struct launch_start s = {
		.profile = PROFILE_RUN,
		.egress = EGRESS_WEB,
		.flags = START_DATA,
		.cpu_weight = 100,
		.pids = SP_LIMIT_run_pids,
		.memory_bytes = SP_LIMIT_run_memory_bytes,
		.tmp_bytes = SP_LIMIT_run_tmp_bytes,
		.space = in->space_id,
		.run = in->row.id,
		.base = in->rel->base,
		.env = in->rel->env,
		.app = in->rel->app,
		.app_port = in->rel->recipe.port,
	};

	snprintf(s.hostname, sizeof(s.hostname), "%s", repo->label);
	in->asked = true;
	in->asked_ms = in->sp->now_ms();
	move(in, INST_ASKED);
	launch_client_start(in->sp->lc, &s, block, -1, on_started, in);
}

static void prep_done(void *arg)
{
	struct prep *p = arg;
	struct instance *in = p->in;

	in->pool_busy = false;
	in->log = open_log(in, -1);
	if (in->phase == INST_STOPPING) {
		if (p->block >= 0)
			close(p->block);
		gone(in);
	} else if (p->unreadable[0]) {
		in->crashed = true;
		fault_set(&in->fault, CAUSE_SECRETS_UNREADABLE, p->unreadable, NULL);
		gone(in);
	} else if (p->result < 0) {
		in->crashed = true;
		fault_set(&in->fault, CAUSE_SANDBOX_FAILED, p->e.msg, NULL);
		gone(in);
	} else {
		log_sink_say(in->log, "===== Application Startup at %s =====", sp_iso_ms(sp_wall_ms()).s);
		ask_start(in, &p->repo, p->block);
	}
	recipe_fini(&p->recipe);
	sp_arena_fini(&p->arena);
	free(p);
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
	in->timer = sp_timer_new(sp->loop, on_drained, in);
	in->next = sp->instances;
	sp->instances = in;
	return in;
}

struct instance *instance_new(struct spaces *sp, struct space *space, const struct release *rel)
{
	struct instance *in = make(sp, space, rel);
	struct prep *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	in->row = (struct store_run){ .id = sp_id_new(), .repo = space->id, .build = rel->build, .started_ms = sp_wall_ms() };
	*p = (struct prep){ .in = in, .sp = sp, .row = in->row, .recipe = recipe_dup(&rel->recipe) };
	in->pool_busy = true;
	sp_loop_work(sp->loop, prep_work, prep_done, p);
	return in;
}

struct instance *instance_adopt(struct spaces *sp, struct space *space, const struct release *rel, const struct store_run *row,
		const struct launch_entry *at, int log_fd)
{
	struct instance *in = make(sp, space, rel);

	in->row = *row;
	in->slot = at->slot;
	in->has_slot = true;
	in->asked_ms = sp->now_ms();
	in->log = open_log(in, log_fd);
	in->phase = INST_ASKED;
	if (row->ready_ms) {
		move(in, INST_PROBING);
		move(in, INST_SERVING);
	} else {
		probe(in);
	}
	return in;
}
