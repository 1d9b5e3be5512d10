/*
 * main.c - vitrine-server, the control plane: puts the parts together in order and runs the loop.
 *
 * Started by the launcher with descriptors of everything that is not below the state folder. When the
 * launcher goes, so does the server: apps survive neither without their slots nor need a server for what
 * they serve.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "log.h"
#include "num.h"
#include "str.h"
#include "runtime/account/devices.h"
#include "runtime/account/gate.h"
#include "runtime/account/keys.h"
#include "runtime/repo/repo.h"
#include "runtime/space/launch_client.h"
#include "runtime/space/logs.h"
#include "runtime/space/traffic.h"
#include "runtime/store/store.h"
#include "server/admin.h"
#include "server/app_access.h"
#include "server/first_start.h"
#include "server/git/git.h"
#include "server/http/events.h"
#include "server/http/mhd.h"
#include "server/http/router.h"
#include "server/options.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "server/space_hooks.h"
#include "server/uvloop.h"
#include "server/ws/ws.h"

enum { INDEX_ENV_MAX = 64, OPERATOR_BYTES_MAX = 65536 };

struct parts {
	struct server srv;
	struct server_options opt;
	char hub_url[300];
	char *operator_env;                             /* the text that index_env points into */
	const char *index_env[INDEX_ENV_MAX + 1];
	int status;
};

static int open_state(struct parts *p, struct sp_err *e)
{
	static const char *const folders[] = { "tmp", "repos", "lfs", "logs", "keys", "incoming" };
	sp_auto_close int fd = open(p->opt.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "open the state folder");
	for (size_t i = 0; i < SP_COUNT(folders); i++)
		if (mkdirat(fd, folders[i], 0700) < 0 && errno != EEXIST)
			return sp_fail(e, SP_EIO, errno, "make the folder %s", folders[i]);
	p->srv.state_dir = p->opt.state;
	p->srv.tmp_dirfd = openat(fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->srv.tmp_dirfd < 0)
		return sp_fail(e, SP_EIO, errno, "open the folder tmp");
	return 0;
}

static bool has_row(void *arg, const struct sp_id *id)
{
	struct store_repo repo;
	struct sp_arena a;
	int r;

	sp_arena_init(&a);
	r = store_repo_by_id(arg, id, &a, &repo, NULL);
	sp_arena_fini(&a);
	return r != -SP_ENOENT;         /* in doubt it stays */
}

/* Over an old state a new key is a loss, which each Space tells only when its app starts. */
static int look_at_key(const struct server *srv, struct sp_err *e)
{
	bool is_lost = false;
	int r = keys_is_new(srv->keys) ? store_secret_any(srv->store, &is_lost, e) : 0;

	if (is_lost)
		log_err("keys/master.key was missing, a new one was made: the secrets of the Spaces cannot be read with it. "
			"Stop the server and put the old file back from a backup, or set every secret again");
	return r;
}

static int open_data(struct parts *p, struct sp_err *e)
{
	struct server *srv = &p->srv;
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/vitrine.db", p->opt.state);
	if ((r = store_open(path, &srv->store, e)) < 0 || (r = first_start(srv->store, p->opt.state, e)) < 0)
		return r;
	if ((r = keys_open(p->opt.state, &srv->keys, e)) < 0)
		return sp_err_wrap(e, r, "the installation's key");
	if ((r = look_at_key(srv, e)) < 0)
		return r;
	if ((r = gate_new(&srv->gate, e)) < 0 || (r = devices_new(&srv->devices, e)) < 0)
		return r;
	if ((r = repos_open(p->opt.state, &srv->repos, e)) < 0)
		return r;
	return repos_sweep(srv->repos, has_row, srv->store, e);
}

/* "localhost:7860", "[::1]:80" or "name": the port behind the last colon. */
static void take_names(struct parts *p)
{
	const char *colon = strrchr(p->opt.listen_name, ':');
	uint64_t port = 80;

	if (colon && sp_parse_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port) < 0)
		port = 80;
	p->srv.domain = p->opt.domain;
	p->srv.listen_name = p->opt.listen_name;
	p->srv.public_port = (uint16_t)port;
	snprintf(p->hub_url, sizeof(p->hub_url), "http://%s", p->opt.listen_name);
}

/* NAME=value lines of the operator: package index, proxies, CA bundle. */
static int take_operator_env(struct parts *p, struct sp_err *e)
{
	char *at;
	const char *line;
	size_t n = 0, count = 0;
	int r;

	if (p->opt.operator_fd < 0)
		return 0;
	p->operator_env = calloc(1, OPERATOR_BYTES_MAX + 1);
	if (!p->operator_env)
		return sp_fail(e, SP_ENOMEM, 0, "operator settings");
	r = sp_read_full(p->opt.operator_fd, p->operator_env, OPERATOR_BYTES_MAX, &n, e);
	if (r < 0)
		return sp_err_wrap(e, r, "operator settings");
	at = p->operator_env;
	while ((line = strsep(&at, "\n")) != NULL && count < INDEX_ENV_MAX)
		if (line[0] != '#' && line[0] != '=' && strchr(line, '='))
			p->index_env[count++] = line;
	return 0;
}

static void launcher_gone(void *arg)
{
	struct parts *p = arg;

	log_err("the launcher is gone; ending, it starts the server again");
	p->status = 1;
	loop_stop(p->srv.loop);
}

static int start_runtime(struct parts *p, struct sp_err *e)
{
	struct server *srv = &p->srv;
	const struct space_hooks hooks = server_space_hooks(srv);
	const struct space_config config = {
		.domain = srv->domain,
		.public_port = srv->public_port,
		.tls = srv->tls,
		.hub_url = p->hub_url,
		.index_env = p->index_env,
		.keys = srv->keys,
		.cpu_cores = (int)sysconf(_SC_NPROCESSORS_ONLN),
	};
	int r = logs_open(srv->state_dir, srv->loop, &srv->logs, e);

	if (r < 0)
		return r;
	if (p->opt.launch_fd < 0)
		return sp_fail(e, SP_EINVAL, 0, "--launch-fd is missing");
	r = launch_client_new(srv->loop, p->opt.launch_fd, launcher_gone, p, &srv->launch, e);
	if (r < 0)
		return r;
	r = git_new(srv, &srv->git, e);
	if (r < 0)
		return r;
	r = spaces_new(srv->loop, srv->store, srv->repos, srv->logs, srv->launch, &config, &hooks, &srv->spaces, e);
	if (r == 0 && p->opt.report_fd >= 0)
		traffic_watch(srv->spaces, p->opt.report_fd);
	return r;
}

/* Who may have the routes: the user of edge, which the launcher names; by name where it does not. */
static int edge_uid(const struct parts *p)
{
	const struct passwd *pw;

	if (p->opt.edge_uid >= 0)
		return p->opt.edge_uid;
	pw = getpwnam("vitrine-edge");
	if (!pw)
		log_debug("the user vitrine-edge is not known here; the route socket is guarded by its owner and mode alone");
	return pw ? (int)pw->pw_uid : -1;
}

static int start_fronts(struct parts *p, struct sp_err *e)
{
	struct server *srv = &p->srv;
	int r;

	router_use(&http_routes);
	http_set_error_page(page_error);
	if (p->opt.http_fd >= 0 && (r = http_new(srv, p->opt.http_fd, &srv->http, e)) < 0)
		return r;
	if (p->opt.ws_fd >= 0 && (r = ws_new(srv, p->opt.ws_fd, &srv->ws, e)) < 0)
		return r;
	if (p->opt.admin_fd >= 0 && (r = admin_new(srv, p->opt.admin_fd, &srv->admin, e)) < 0)
		return r;
	return 0;
}

static int start(struct parts *p, struct sp_err *e)
{
	struct server *srv = &p->srv;
	const struct routes_hooks hooks = server_routes_hooks(srv);
	int r;

	take_names(p);
	if ((r = open_state(p, e)) < 0 || (r = open_data(p, e)) < 0 || (r = take_operator_env(p, e)) < 0)
		return r;
	unsetenv("VITRINE_ADMIN_TOKEN");
	if ((r = loop_new(&srv->loop, e)) < 0 || (r = events_new(srv->loop, &srv->events, e)) < 0)
		return r;
	if ((r = app_access_new(srv, &srv->app_access, e)) < 0)
		return r;
	/* Routes before the runtime, which publishes to them; nobody is connected before the loop runs. */
	if ((r = routes_new(srv->loop, p->opt.route_fd, edge_uid(p), &hooks, &srv->routes, e)) < 0)
		return r;
	if ((r = start_runtime(p, e)) < 0)
		return r;
	return start_fronts(p, e);
}

/* On the loop, first of all: bring the Spaces back; when they are, the hook lets edge know that its table is complete. */
static void first_turn(void *arg)
{
	struct parts *p = arg;

	spaces_start(p->srv.spaces);
	log_info("ready listen=%s", log_q(p->srv.listen_name).s);
}

static void on_stop(void *arg, int signo)
{
	struct parts *p = arg;

	log_info("stopping signal=%d", signo);
	spaces_quiesce(p->srv.spaces);
	git_quiesce(p->srv.git);
	http_quiesce(p->srv.http);
	ws_quiesce(p->srv.ws);
	loop_stop(p->srv.loop);
}

static void stop(struct parts *p)
{
	struct server *srv = &p->srv;

	loop_drain(srv->loop);
	http_free(srv->http);
	ws_free(srv->ws);
	admin_free(srv->admin);
	routes_free(srv->routes);
	spaces_free(srv->spaces);
	git_free(srv->git);
	logs_close(srv->logs);
	launch_client_free(srv->launch);
	events_free(srv->events);
	app_access_free(srv->app_access);
	loop_free(srv->loop);
	repos_close(srv->repos);
	store_close(srv->store);
	keys_close(srv->keys);
	devices_free(srv->devices);
	gate_free(srv->gate);
	free(p->operator_env);
}

/* What clients send as JSON may be a secret: none of it stays behind in freed memory. */
static void free_wiped(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

int main(int argc, char **argv)
{
	static struct parts p;
	struct sp_err e;
	int r;

	log_init("server", LOG_LEVEL_INFO);
	prctl(PR_SET_DUMPABLE, 0);      /* secrets pass through: none of them into a core dump */
	signal(SIGPIPE, SIG_IGN);
	umask(0077);
	json_set_alloc_funcs(malloc, free_wiped);
	r = options_parse(argc, argv, &p.opt, &e);
	if (r >= 0)
		r = start(&p, &e);
	if (r >= 0)
		r = loop_on_signal(p.srv.loop, SIGTERM, on_stop, &p, &e);
	if (r >= 0)
		r = loop_on_signal(p.srv.loop, SIGINT, on_stop, &p, &e);
	if (r < 0) {
		log_err("cannot start: %s", log_q(e.msg).s);
		return 1;
	}
	sp_loop_post(p.srv.loop, first_turn, &p);
	loop_run(p.srv.loop);
	stop(&p);
	return p.status;
}
