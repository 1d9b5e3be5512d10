/*
 * dev.c - `vitrine dev --local [FOLDER]`: run a folder's app on this machine, without a server and without root.
 *
 * What to run and with which environment follows from README.md as it does on a server; vitrine-local makes the sandbox.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "cmd.h"
#include "folder.h"
#include "options.h"
#include "runtime/build/front_matter.h"
#include "runtime/space/run_env.h"
#include "str.h"

enum { STATIC_PORT = 7860 };

struct dev {
	struct sp_arena arena;
	const char *folder, *venv, *port;
	bool local, network;
	const char *env[OPTION_MANY_MAX + 1];
	struct recipe recipe;
};

static int take_sdk(struct dev *d, const char *name)
{
	const struct sdk *sdk = name ? sdk_by_name(name) : NULL;

	if (!sdk)
		return cmd_fail(CMD_FAILED, "%s: it says in no way what to run; put 'sdk: gradio', 'streamlit' or 'static' into README.md", d->folder);
	if (sdk->not_yet)
		return cmd_fail(CMD_FAILED, "%s: Spaces of sdk %s cannot be run by this version", d->folder, sdk->name);
	d->recipe.sdk = sdk;
	d->recipe.port = sdk->runs ? sdk->port : STATIC_PORT;
	return CMD_OK;
}

static int read_readme(struct dev *d)
{
	const char *readme = folder_read(d->folder, "README.md", 1 << 20, &d->arena, NULL), *app_file;
	struct front_matter fm = { 0 };
	struct folder f;
	struct sp_err e;
	int r = readme ? front_matter_parse(readme, strlen(readme), &fm, &e) : -SP_ENOENT;

	if (r == -SP_EINVAL)
		return cmd_fail(CMD_FAILED, "README.md: %s", e.msg);
	if (r == -SP_ENOENT && folder_scan(d->folder, &d->arena, &f, &e) < 0)
		return cmd_fail_err(&e);
	r = take_sdk(d, r == -SP_ENOENT ? folder_guess_sdk(&f, &d->arena) : fm.sdk);
	if (r == CMD_OK) {
		app_file = fm.app_file ? fm.app_file : d->recipe.sdk->app_file;
		if (access(sp_arena_fmt(&d->arena, "%s/%s", d->folder, app_file), R_OK) < 0)
			r = cmd_fail(CMD_FAILED, "%s/%s is not there; README.md's 'app_file' names what to run", d->folder, app_file);
		if (d->recipe.sdk->port_by_readme && fm.app_port)
			d->recipe.port = fm.app_port;
		d->recipe.app_file = sp_arena_str(&d->arena, app_file);
		d->recipe.title = sp_arena_str(&d->arena, fm.title ? fm.title : "");
	}
	front_matter_fini(&fm);
	return r;
}

/* --venv, the active one, FOLDER/.venv; none: the machine's Python. */
static int find_venv(struct dev *d)
{
	char path[PATH_MAX];

	if (!d->venv && d->recipe.sdk->runs) {
		const char *beside = sp_arena_fmt(&d->arena, "%s/.venv", d->folder);

		d->venv = getenv("VIRTUAL_ENV");
		if (!d->venv && access(beside, F_OK) == 0)
			d->venv = beside;
	}
	if (!d->venv)
		return CMD_OK;
	if (!realpath(sp_arena_fmt(&d->arena, "%s/pyvenv.cfg", d->venv), path))
		return cmd_fail(CMD_FAILED, "'%s' is no virtual environment; make one with 'python3 -m venv %s' and install requirements.txt there", d->venv, d->venv);
	*strrchr(path, '/') = '\0';
	d->venv = sp_arena_str(&d->arena, path);
	return CMD_OK;
}

/* The Python that the environment was made of; NULL: one of /usr, which is there anyhow. */
static const char *venv_home(struct dev *d)
{
	char cfg[4096] = "", path[PATH_MAX], *at, *end;
	FILE *f = fopen(sp_arena_fmt(&d->arena, "%s/pyvenv.cfg", d->venv), "re");

	if (f) {
		cfg[fread(cfg, 1, sizeof(cfg) - 1, f)] = '\0';
		fclose(f);
	}
	at = strstr(cfg, "home = ");
	if (!at)
		return NULL;
	at += strlen("home = ");
	end = at + strcspn(at, "\r\n");
	*end = '\0';
	if (!realpath(sp_arena_fmt(&d->arena, "%s/..", at), path) || !strcmp(path, "/") || !strcmp(path, "/usr") || sp_starts_with(path, "/usr/"))
		return NULL;
	return sp_arena_str(&d->arena, path);
}

static void add_venv(struct dev *d, struct strv *argv)
{
	const char *home = d->venv ? venv_home(d) : NULL;

	if (d->venv) {
		strv_add(argv, "--bind");
		strv_add(argv, d->venv);
	}
	if (home) {
		strv_add(argv, "--bind");
		strv_add(argv, home);
	}
}

static void add_environment(struct dev *d, const struct strv *env, struct strv *argv)
{
	for (size_t i = 0; i < env->n; i++) {
		const char *value = strchr(env->v[i], '=');

		if (sp_starts_with(env->v[i], "PATH=") || sp_starts_with(env->v[i], "VIRTUAL_ENV="))
			continue;
		strv_add(argv, "--env");
		if (d->network && !strcmp(value, "=0.0.0.0"))   /* its namespace is the host's: not for the neighbours */
			strv_fmt(argv, "%.*s=127.0.0.1", (int)(value - env->v[i]), env->v[i]);
		else
			strv_add(argv, env->v[i]);
	}
	strv_add(argv, "--env");
	strv_fmt(argv, "PATH=%s%s/home/user/.local/bin:/usr/local/bin:/usr/bin:/bin", d->venv ? d->venv : "", d->venv ? "/bin:" : "");
	if (d->venv) {
		strv_add(argv, "--env");
		strv_fmt(argv, "VIRTUAL_ENV=%s", d->venv);
	}
}

static void add_command(struct dev *d, const struct strv *command, struct strv *argv)
{
	strv_add(argv, "--");
	if (!d->recipe.sdk->runs) {
		const char *const server[] = { "python3", "-m", "http.server", "--directory", "/home/user/app", "--bind", "127.0.0.1", NULL };

		for (size_t i = 0; server[i]; i++)
			strv_add(argv, server[i]);
		strv_fmt(argv, "%u", d->recipe.port);
		return;
	}
	/* Debian's own Python is called python3 alone. */
	strv_add(argv, !d->venv && !strcmp(command->v[0], "python") ? "python3" : command->v[0]);
	for (size_t i = 1; i < command->n; i++)
		strv_add(argv, command->v[i]);
}

/* The app sees what it would see on a server, under the names of this folder. */
static int run(struct dev *d)
{
	struct strv argv = { .a = &d->arena }, env = { .a = &d->arena }, command = { .a = &d->arena };
	const char *port = d->port ? d->port : d->network ? "0" : "7860", *name = strrchr(d->folder, '/');
	const struct space_config cfg = { .domain = "localhost", .public_port = (uint16_t)strtoul(port, NULL, 10), .hub_url = "http://localhost:7860" };
	struct store_repo repo = { .owner_name = "local", .label = "local" };
	struct store_variable variables[OPTION_MANY_MAX] = { 0 };
	char path[PATH_MAX];
	size_t n = 0;

	snprintf(repo.name, sizeof(repo.name), "%s", name && name[1] ? name + 1 : "app");
	for (; d->env[n]; n++) {
		const char *value = strchr(d->env[n], '=');

		if (!value)
			return cmd_fail(CMD_USAGE, "--env %s: it takes NAME=VALUE", d->env[n]);
		snprintf(variables[n].key, sizeof(variables[n].key), "%.*s", (int)(value - d->env[n]), d->env[n]);
		variables[n].value = value + 1;
	}
	if (d->recipe.sdk->runs) {
		run_env_make(&cfg, &repo, &d->recipe, variables, n, &command, &env);
	} else {
		strv_add(&env, "HOME=/home/user");
		strv_add(&env, "PYTHONUNBUFFERED=1");
	}
	snprintf(path, sizeof(path), "%s/vitrine-local", cmd_bin_dir());
	strv_add(&argv, "vitrine-local");
	strv_add(&argv, "--app");
	strv_add(&argv, d->folder);
	strv_add(&argv, "--app-port");
	strv_fmt(&argv, "%u", d->recipe.port);
	strv_add(&argv, "--port");
	strv_add(&argv, port);
	if (d->network)
		strv_add(&argv, "--network");
	add_venv(d, &argv);
	add_environment(d, &env, &argv);
	add_command(d, &command, &argv);
	execv(path, (char *const *)(uintptr_t)argv.v);
	return cmd_fail(CMD_FAILED, "%s: %s", path, strerror(errno));
}

int cmd_dev(int argc, char **argv)
{
	static struct dev d;
	const struct option_row rows[] = { { "--local", NULL, &d.local, NULL }, { "--venv", &d.venv, NULL, NULL }, { "--port", &d.port, NULL, NULL },
		{ "--network", NULL, &d.network, NULL }, { "--env", NULL, NULL, d.env } };
	const char *operands[2] = { NULL, NULL };
	char path[PATH_MAX];
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (!d.local)
		return cmd_fail(CMD_USAGE, "say 'vitrine dev --local %s' to run it on this machine, or 'vitrine deploy' to run it on a server", operands[0] ? operands[0] : ".");
	if (geteuid() == 0)
		return cmd_fail(CMD_FAILED, "dev --local is for ordinary users; as root use 'vitrine serve' and 'vitrine deploy', which isolate better");
	if (!realpath(operands[0] ? operands[0] : ".", path))
		return cmd_fail(CMD_FAILED, "%s: %s", operands[0], strerror(errno));
	sp_arena_init(&d.arena);
	d.folder = path;
	r = read_readme(&d);
	r = r == CMD_OK ? find_venv(&d) : r;
	return r == CMD_OK ? run(&d) : r;
}
