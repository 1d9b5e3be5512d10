#include "runtime/space/space_env.h"

#include <string.h>

#include "runtime/space/spaces_int.h"

enum { GATHER_MS = 400, GATHER_MAX_MS = 4000 };

const char *space_secret_context(struct sp_arena *a, const struct sp_id *space, const char *key)
{
	return sp_arena_fmt(a, "secret %s %s", space->s, key);
}

int space_env_read(struct store *st, const struct keys *k, const struct sp_id *space, struct sp_arena *a,
		struct store_variable **ret, size_t *ret_n, char ret_key[128], struct sp_err *e)
{
	struct store_variable *vars = NULL, *all;
	struct store_secret *secrets = NULL;
	size_t n = 0, n_secrets = 0, len;
	char *value;
	int r = store_variable_list(st, space, a, &vars, &n, e);

	if (r == 0)
		r = store_secret_list(st, space, a, &secrets, &n_secrets, e);
	if (r < 0)
		return r;
	all = sp_arena_get(a, (n + n_secrets + 1) * sizeof(*all));
	if (n)
		memcpy(all, vars, n * sizeof(*all));
	for (size_t i = 0; i < n_secrets; i++) {
		struct store_variable *v = &all[n + i];

		memcpy(v->key, secrets[i].key, sizeof(v->key));
		r = k ? keys_unseal(k, space_secret_context(a, space, v->key), secrets[i].sealed, secrets[i].sealed_n, a, &value, &len, e)
			: sp_fail(e, SP_EDENIED, 0, "no key");
		if (r < 0) {
			memcpy(ret_key, v->key, sizeof(v->key));
			return r;
		}
		v->value = value;
	}
	*ret = all;
	*ret_n = n + n_secrets;
	return 0;
}

static bool is_concerned(const struct space *s)
{
	if (s->run.state == RUN_IDLE || s->run.state == RUN_PAUSED || s->run.state == RUN_ASLEEP)
		return false;
	return s->rel && s->rel->recipe.sdk->runs && !s->sp->quiet;     /* static pages ask for their variables each time */
}

static void on_gathered(void *arg);

/* Clients set one secret after the other: the first makes it start anew, the last of those that follow once more. */
static void apply(struct space *s)
{
	s->env_again = false;
	s->env_hold = true;
	s->env_since_ms = s->sp->now_ms();
	if (!s->env_timer)
		s->env_timer = sp_timer_new(s->sp->loop, on_gathered, s);
	sp_timer_start(s->env_timer, GATHER_MS, 0);
	space_run_restart(s);
}

static void on_gathered(void *arg)
{
	struct space *s = arg;

	s->env_hold = false;
	if (s->env_again && is_concerned(s))
		apply(s);
	s->env_again = s->env_again && s->env_hold;
}

void space_env_changed(struct space *s)
{
	if (!is_concerned(s))
		return;
	if (!s->env_hold) {
		apply(s);
		return;
	}
	s->env_again = true;
	if (s->sp->now_ms() - s->env_since_ms < GATHER_MAX_MS)
		sp_timer_start(s->env_timer, GATHER_MS, 0);
}

struct changed { struct spaces *sp; struct sp_id id; };

static void changed_here(void *arg)
{
	const struct changed *c = arg;
	struct space *s = space_find(c->sp, &c->id);

	if (s)
		space_env_changed(s);
}

void spaces_env_changed(struct spaces *sp, const struct sp_id *space)
{
	struct changed c = { sp, *space };

	sp_loop_call(sp->loop, changed_here, &c);
}
