#include "run_env.h"

#include <string.h>

#include "auto.h"
#include "limit.h"

static void host_of(const struct space_config *cfg, const struct store_repo *repo, char *out, size_t size)
{
	unsigned usual = cfg->tls ? 443 : 80;

	/* With a port that is not the scheme's, or the address that an app builds from it would be nobody's. */
	if (cfg->public_port && cfg->public_port != usual)
		snprintf(out, size, "%s.%s:%u", repo->label, cfg->domain, cfg->public_port);
	else
		snprintf(out, size, "%s.%s", repo->label, cfg->domain);
}

static void platform(const struct space_config *cfg, const struct store_repo *repo, const struct recipe *recipe, struct strv *env)
{
	char host[300];

	host_of(cfg, repo, host, sizeof(host));
	strv_add(env, "SYSTEM=spaces");
	strv_fmt(env, "SPACE_ID=%s/%s", repo->owner_name, repo->name);
	strv_fmt(env, "SPACE_HOST=%s", host);
	strv_fmt(env, "SPACE_AUTHOR_NAME=%s", repo->owner_name);
	strv_fmt(env, "SPACE_REPO_NAME=%s", repo->name);
	strv_fmt(env, "SPACE_TITLE=%s", recipe->title[0] ? recipe->title : repo->name);
	strv_fmt(env, "SPACE_CREATOR_USER_ID=%s", repo->owner.s);
	strv_fmt(env, "CPU_CORES=%d", cfg->cpu_cores > 0 ? cfg->cpu_cores : 1);
	strv_fmt(env, "MEMORY=%lluGi", (unsigned long long)(SP_LIMIT_run_memory_bytes >> 30));
	strv_add(env, "ACCELERATOR=none");
	strv_fmt(env, "VITRINE_ENDPOINT=%s", cfg->hub_url);
}

static void process(struct strv *env)
{
	strv_add(env, "PATH=/usr/local/lib/vitrine-env/bin:/home/user/.local/bin:/usr/local/bin:/usr/bin:/bin");
	strv_add(env, "HOME=/home/user");
	strv_add(env, "USER=user");
	strv_add(env, "LANG=C.UTF-8");
	strv_add(env, "VIRTUAL_ENV=/usr/local/lib/vitrine-env");
	strv_add(env, "PYTHONUNBUFFERED=1");
	strv_add(env, "HF_HOME=/home/user/.cache/huggingface");
	strv_add(env, "HF_HUB_DISABLE_TELEMETRY=1");
	strv_add(env, "MPLCONFIGDIR=/home/user/.cache/matplotlib");
	strv_add(env, "OPENBLAS_NUM_THREADS=1");
	strv_add(env, "FORWARDED_ALLOW_IPS=*");         /* only edge reaches the app, from inside its own namespace */
	strv_add(env, "NO_PROXY=localhost,127.0.0.1,::1");
	strv_add(env, "no_proxy=localhost,127.0.0.1,::1");
}

static size_t name_len(const char *var)
{
	return strcspn(var, "=");
}

bool run_env_is_reserved(const char *name)
{
	static const char *const fixed[] = { "PATH", "HOME", "SYSTEM", "SPACE_ID", "SPACE_HOST", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT",
		"GRADIO_NUM_PORTS", "STREAMLIT_SERVER_PORT", "STREAMLIT_SERVER_ADDRESS", "GRADIO_VIBE_MODE", "LD_PRELOAD" };

	for (size_t i = 0; i < SP_COUNT(fixed); i++)
		if (strcmp(name, fixed[i]) == 0)
			return true;
	return false;
}

static void set_variable(struct strv *env, const struct store_variable *v)
{
	size_t n = strlen(v->key), at = 0;

	if (n == 0 || strchr(v->key, '=') || run_env_is_reserved(v->key))
		return;
	while (at < env->n && !(name_len(env->v[at]) == n && memcmp(env->v[at], v->key, n) == 0))
		at++;
	strv_add(env, sp_arena_fmt(env->a, "%s=%s", v->key, v->value ? v->value : ""));        /* not by way of the heap: it may be a secret */
	if (at < env->n - 1) {          /* one that was there: the new one takes its place */
		env->v[at] = env->v[env->n - 1];
		env->v[--env->n] = NULL;
	}
}

void run_env_make(const struct space_config *cfg, const struct store_repo *repo, const struct recipe *recipe,
		const struct store_variable *variables, size_t n_variables, struct strv *argv, struct strv *env)
{
	process(env);
	platform(cfg, repo, recipe, env);
	recipe->sdk->environment(recipe, env);
	for (size_t i = 0; i < n_variables; i++)
		set_variable(env, &variables[i]);
	recipe->sdk->command(recipe, argv);
}
