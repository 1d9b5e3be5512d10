#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "exec_block.h"
#include "limit.h"
#include "runtime/build/build_int.h"
#include "runtime/repo/repo.h"

enum { BUILD_CPU_WEIGHT = 25 };         /* apps have 100: a build never starves them */

/* The scripts are constant; what a user wrote reaches them as arguments or as files, never as shell text. */
static const char system_script[] =
	"apt-get update || exit 31\n"
	"apt-get install -y --no-install-recommends -- \"$@\" || exit 32\n"
	"rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb\n";

/*
 * Packages' own tests are a third of the files and half of the compiling, and no app imports them.
 * The cache is inside the environment while it is made, so that uv links files instead of copying them.
 * Settings in the repository (uv.toml, pyproject.toml) are not read: they could name another index, and
 * the environment may be shared with other owners.
 */
static const char install_script[] =
	"v=/usr/local/lib/vitrine-env\n"
	"export UV_CACHE_DIR=\"$v/.uv-cache\"\n"
	"uv venv --quiet --allow-existing --python /usr/bin/python3 \"$v\" || exit 40\n"
	"if [ -n \"$VITRINE_PRE\" ]; then\n"
	"  uv pip install --python \"$v/bin/python\" -r /home/user/app/pre-requirements.txt || exit 41\n"
	"fi\n"
	"[ -z \"$VITRINE_REQUIREMENTS\" ] || set -- \"$@\" -r /home/user/app/requirements.txt\n"
	"uv pip install --python \"$v/bin/python\" \"$@\" || exit 42\n"
	"rm -rf \"$UV_CACHE_DIR\"\n"
	"\"$v/bin/python\" -m compileall -q -j 2 --invalidation-mode unchecked-hash -x '/tests?/' \"$v/lib\" > /dev/null 2>&1 || :\n";

static void on_started(void *arg, struct sp_msg *m, bool last SP_UNUSED)
{
	struct build *b = arg;
	const struct launch_started *s = LAUNCH_BODY(m, STARTED, launch_started);
	const struct launch_failed *f = LAUNCH_BODY(m, FAILED, launch_failed);

	if (!m)
		return;         /* the launcher is gone and this server ends; the next one finds the row unfinished */
	if (!s) {
		if (!f)
			f = LAUNCH_BODY(m, REFUSED, launch_failed);
		build_step_failed(b, f);
		return;
	}
	b->slot = s->slot;
	b->has_slot = true;
	log_sink_attach(b->log, sp_msg_take_fd(m, 0));
	if (b->cancelled || b->timed_out)
		build_stop_slot(b);
}

void build_stop_slot(struct build *b)
{
	if (b->has_slot)
		launch_client_stop(b->bs->lc, b->slot, 0);
}

static void base_env(struct strv *env, const struct space_config *cfg)
{
	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(env, "LANG=C.UTF-8");
	for (const char *const *v = cfg->index_env; v && *v; v++)
		strv_add(env, *v);
}

struct step { uint32_t profile, egress; struct strv argv, env; const char *cwd; int in; };

static void step_start(struct build *b, const struct step *st, struct launch_start *s)
{
	struct launch_failed f = { .code = SP_EIO, .step = "exec block" };
	struct sp_err e;
	int block = -1;

	b->run = sp_id_new();
	s->profile = st->profile;
	s->egress = st->egress;
	s->cpu_weight = BUILD_CPU_WEIGHT;
	s->pids = SP_LIMIT_run_pids;
	s->memory_bytes = SP_LIMIT_build_memory_bytes;
	s->tmp_bytes = SP_LIMIT_run_tmp_bytes;
	s->space = b->row.repo;
	s->run = b->run;
	s->base = b->base;
	snprintf(s->hostname, sizeof(s->hostname), "build");
	if (exec_block_write(st->argv.v, st->env.v, st->cwd, &block, &e) < 0) {
		if (st->in >= 0)
			close(st->in);
		snprintf(f.text, sizeof(f.text), "%.199s", e.msg);
		build_step_failed(b, &f);
		return;
	}
	launch_client_start(b->bs->lc, s, block, st->in, on_started, b);
}

/* ---- unpacking: the revision as an archive through a pipe into a worker ---- */

struct feed { struct build *b; struct repos *repos; struct sp_id repo; char commit[41]; int fd; int result; struct sp_err e; };

static void feed_work(void *arg)
{
	struct feed *f = arg;
	sigset_t pipe_only, before;

	/* The worker may end before it has read everything: an error here, not a signal for the server. */
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	f->result = repo_archive(f->repos, &f->repo, f->commit, f->fd, &f->e);
	close(f->fd);
	while (sigtimedwait(&pipe_only, NULL, &(struct timespec){ 0 }) > 0)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void feed_done(void *arg)
{
	struct feed *f = arg;
	struct build *b = f->b;

	b->pool_busy = false;
	if (f->result == -SP_EQUOTA && b->fault.code == CAUSE_NONE)
		fault_set(&b->fault, CAUSE_REPO_TOO_BIG, f->e.msg, NULL);
	if (f->result < 0 && f->result != -SP_EQUOTA && f->e.sys != EPIPE)
		log_sink_say(b->log, "The revision could not be read: %s", f->e.msg);
	free(f);
	build_step_ended(b);
}

void build_start_unpack(struct build *b)
{
	struct launch_start s = { .out_kind = IMAGE_APP, .out_hash = b->app };
	struct sp_arena *a = &b->prep.arena;
	struct step st = { PROFILE_WORKER, EGRESS_NONE, { .a = a }, { .a = a }, "/", -1 };
	struct feed *f = calloc(1, sizeof(*f));
	int fds[2];

	if (!f || pipe2(fds, O_CLOEXEC) < 0) {
		free(f);
		build_step_failed(b, NULL);
		return;
	}
	strv_add(&st.argv, "/usr/local/bin/vitrine-worker");
	strv_add(&st.argv, "unpack-app");
	strv_add(&st.env, "PATH=/usr/local/bin:/usr/bin:/bin");
	st.in = fds[0];
	*f = (struct feed){ .b = b, .repos = b->bs->repos, .repo = b->row.repo, .fd = fds[1] };
	memcpy(f->commit, b->row.commit, sizeof(f->commit));
	b->pool_busy = true;
	step_start(b, &st, &s);
	sp_loop_work(b->bs->loop, feed_work, feed_done, f);
}

/* ---- the environment ---- */

void build_start_system(struct build *b)
{
	struct launch_start s = { .output = b->scratch };
	struct sp_arena *a = &b->prep.arena;
	struct step st = { PROFILE_SYSTEM, EGRESS_BUILD, { .a = a }, { .a = a }, "/", -1 };

	strv_add(&st.argv, "/bin/sh");
	strv_add(&st.argv, "-ec");
	strv_add(&st.argv, system_script);
	strv_add(&st.argv, "packages");
	for (size_t i = 0; i < b->prep.n_packages; i++)
		strv_add(&st.argv, b->prep.packages[i]);
	base_env(&st.env, b->bs->cfg);
	strv_add(&st.env, "HOME=/root");
	strv_add(&st.env, "DEBIAN_FRONTEND=noninteractive");
	step_start(b, &st, &s);
}

void build_start_install(struct build *b)
{
	struct launch_start s = { .output = b->scratch, .app = b->app };
	struct sp_arena *a = &b->prep.arena;
	/* uv looks for settings in its directory and above; only a private environment may be told anything by the repository. */
	struct step st = { PROFILE_BUILD, EGRESS_BUILD, { .a = a }, { .a = a }, b->prep.is_private ? "/home/user/app" : "/tmp", -1 };

	strv_add(&st.argv, "/bin/sh");
	strv_add(&st.argv, "-ec");
	strv_add(&st.argv, install_script);
	strv_add(&st.argv, "install");
	for (size_t i = 0; i < b->prep.sdk_packages.n; i++)
		strv_add(&st.argv, b->prep.sdk_packages.v[i]);
	base_env(&st.env, b->bs->cfg);
	strv_add(&st.env, "HOME=/home/user");
	strv_add(&st.env, "UV_NO_CONFIG=1");
	strv_add(&st.env, "UV_NO_PROGRESS=1");
	strv_add(&st.env, "UV_PYTHON_DOWNLOADS=never");
	strv_add(&st.env, "UV_LINK_MODE=hardlink");
	if (b->prep.pre)
		strv_add(&st.env, "VITRINE_PRE=1");
	if (b->prep.requirements)
		strv_add(&st.env, "VITRINE_REQUIREMENTS=1");
	step_start(b, &st, &s);
}

void build_start_pack(struct build *b)
{
	struct launch_start s = { .input = b->scratch, .out_kind = IMAGE_ENV, .out_hash = b->env };
	struct sp_arena *a = &b->prep.arena;
	struct step st = { PROFILE_WORKER, EGRESS_NONE, { .a = a }, { .a = a }, "/", -1 };

	strv_add(&st.argv, "/usr/local/bin/vitrine-worker");
	strv_add(&st.argv, "pack-env");
	strv_add(&st.env, "PATH=/usr/local/bin:/usr/bin:/bin");
	step_start(b, &st, &s);
}
