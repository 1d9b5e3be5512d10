/* How an instance gets its sandbox: its turn, its environment, a free slot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exec_block.h"
#include "log.h"
#include "runtime/space/instance_int.h"
#include "runtime/space/network.h"
#include "runtime/space/run_env.h"
#include "runtime/space/space_env.h"

struct log_sink *instance_open_log(struct instance *in, int read_fd)
{
	return log_sink_new(in->sp->logs, &in->space_id, LOG_RUN, &in->row.id, read_fd);
}

/* Deleted behind our back: the next restart builds what is missing. */
static void image_missing(struct instance *in, const char *text)
{
	struct images *im = &in->sp->images;
	const char *what = strstr(text, "base-") ? "base" : strstr(text, "app-") ? "app" : "environment";

	if (strcmp(what, "app") == 0)
		images_forget(im, IMAGE_APP, &in->rel->app);
	else if (strcmp(what, "environment") == 0)
		images_forget(im, IMAGE_ENV, &in->rel->env);
	fault_set(&in->fault, CAUSE_IMAGE_MISSING, what, NULL);
}

static void start_failed(struct instance *in, const struct launch_failed *f)
{
	char text[260];

	in->crashed = true;
	if (!f) {
		fault_set(&in->fault, CAUSE_SANDBOX_FAILED, "the launcher did not answer", NULL);
	} else if (f->code == SP_ENOENT) {
		image_missing(in, f->text);
	} else {
		snprintf(text, sizeof(text), "%.31s: %.199s", f->step, f->text);
		fault_set(&in->fault, CAUSE_SANDBOX_FAILED, text, NULL);
	}
	instance_gone(in);
}

/* No slot is free, which is nobody's crash: the same run asks again. */
static void wait_for_slot(struct instance *in)
{
	instance_move(in, INST_PREPARING);
	sp_timer_start(in->timer, RETRY_SLOT_MS, 0);
	if (in->space->run_fault.code == CAUSE_NO_SLOT)
		return;
	log_sink_say(in->log, "Every sandbox of this server is in use; waiting for a free one.");
	fault_set(&in->space->run_fault, CAUSE_NO_SLOT, NULL);
	space_changed(in->space);
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
		if (!f)
			f = LAUNCH_BODY(m, REFUSED, launch_failed);
		if (f && f->code == SP_EQUOTA && in->space && in->phase == INST_ASKED)
			wait_for_slot(in);
		else
			start_failed(in, f);
		return;
	}
	in->slot = s->slot;
	in->has_slot = true;
	log_sink_attach(in->log, sp_msg_take_fd(m, 0));
	if (in->phase == INST_STOPPING)
		launch_client_stop(in->sp->lc, in->slot, SP_LIMIT_stop_grace_ms);
	else
		instance_probe(in);
	if (in->space && in->space->run_fault.code == CAUSE_NO_SLOT) {
		fault_clear(&in->space->run_fault);
		space_changed(in->space);
	}
}

/* What a pool thread collects before START can be sent. */
struct prep { struct instance *in; struct spaces *sp; struct store_run row; struct recipe recipe; struct store_repo repo;
	struct sp_arena arena; bool add, too_big; int block, result; struct sp_err e; char unreadable[128] /* the secret that cannot be opened */; };

static void prep_work(void *arg)
{
	struct prep *p = arg;
	struct store_variable *vars = NULL;
	struct strv argv = { .a = &p->arena }, env = { .a = &p->arena };
	size_t n = 0;

	p->block = -1;
	p->result = store_repo_by_id(p->sp->store, &p->row.repo, &p->arena, &p->repo, &p->e);
	if (p->result == 0 && p->add)
		p->result = store_run_add(p->sp->store, &p->row, &p->e);
	if (p->result == 0)     /* last: nothing that waits for the disk holds secrets meanwhile */
		p->result = space_env_read(p->sp->store, p->sp->cfg.keys, &p->row.repo, &p->arena, &vars, &n, p->unreadable, &p->e);
	if (p->result == 0) {
		run_env_make(&p->sp->cfg, &p->repo, &p->recipe, vars, n, &argv, &env);
		p->result = exec_block_write(argv.v, env.v, "/home/user/app", &p->block, &p->e);
		p->too_big = p->result < 0;
	}
	p->repo.card_json = p->repo.tags_json = NULL;
	sp_arena_wipe(&p->arena);
}

static void ask_start(struct instance *in, const struct store_repo *repo, int block)
{
	enum launch_egress egress;
	bool is_known = network_policy(repo->network, &egress);
	struct launch_start s = {
		.profile = PROFILE_RUN,
		.egress = egress,
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

	in->offline = egress == EGRESS_NONE;
	if (!is_known)          /* a newer version wrote it: least of all is what nobody minds */
		log_warn("space=%s has an unknown network policy, taking none", in->space_id.s);
	snprintf(s.hostname, sizeof(s.hostname), "%s", repo->label);
	in->asked = true;
	in->asked_ms = in->sp->now_ms();
	instance_move(in, INST_ASKED);
	launch_client_start(in->sp->lc, &s, block, -1, on_started, in);
}

static void prep_done(void *arg)
{
	struct prep *p = arg;
	struct instance *in = p->in;

	in->pool_busy = false;
	in->has_row = true;
	if (!in->log) {
		in->log = instance_open_log(in, -1);
		log_sink_say(in->log, "===== Application Startup at %s =====", sp_iso_ms(sp_wall_ms()).s);
	}
	if (in->phase == INST_STOPPING) {
		if (p->block >= 0)
			close(p->block);
		instance_gone(in);
	} else if (p->unreadable[0]) {
		in->crashed = true;
		log_sink_say(in->log, "The secret %s cannot be read with this server's key.", p->unreadable);   /* names are its owner's to read, as the log */
		fault_set(&in->fault, CAUSE_SECRETS_UNREADABLE, NULL);
		instance_gone(in);
	} else if (p->result < 0) {
		in->crashed = true;
		fault_set(&in->fault, p->too_big ? CAUSE_VARIABLES_TOO_BIG : CAUSE_SANDBOX_FAILED, p->e.msg, NULL);
		instance_gone(in);
	} else {
		ask_start(in, &p->repo, p->block);
	}
	recipe_fini(&p->recipe);
	sp_arena_fini(&p->arena);
	free(p);
}

void instance_prepare(struct instance *in)
{
	struct prep *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	*p = (struct prep){ .in = in, .sp = in->sp, .row = in->row, .recipe = recipe_dup(&in->rel->recipe), .add = !in->has_row };
	in->asked_ms = in->sp->now_ms();
	in->pool_busy = true;
	sp_loop_work(in->sp->loop, prep_work, prep_done, p);
}

/* ---- taking turns after a start of the server ---- */

void instance_hurry(struct instance *in)
{
	if (!in->patient)
		return;
	in->patient = false;
	instance_prepare(in);
	if (in->space)
		space_changed(in->space);
}

void instances_turn(struct spaces *sp)
{
	struct instance *oldest = NULL;
	unsigned busy = 0, patient = 0;
	uint64_t now = sp->now_ms();

	if (sp->quiet || !sp->turn)
		return;
	for (struct instance *in = sp->instances; in; in = in->next) {
		bool starting = in->phase == INST_PREPARING || in->phase == INST_ASKED || in->phase == INST_PROBING;

		if (in->patient && in->space) {
			oldest = in;    /* new ones are first in the list */
			patient++;
		} else if (starting && now - in->asked_ms < TURN_MS) {
			busy++;
		}
	}
	if (patient == 0) {
		sp_timer_stop(sp->turn);
		return;
	}
	sp_timer_start(sp->turn, busy < SP_LIMIT_starts_parallel ? 0 : TURN_AGAIN_MS, 0);
	if (busy < SP_LIMIT_starts_parallel)
		instance_hurry(oldest);
}
