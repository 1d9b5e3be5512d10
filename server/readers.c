#include "server/readers.h"

#include <pthread.h>

#include "loop.h"
#include "runtime/store/store.h"
#include "server/server.h"

enum { TOKENS_MAX = 512 };      /* more than a user may have of all kinds together (tokens_per_user) */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* over the list */
static struct reader *readers;

void reader_del(struct reader *r)
{
	pthread_mutex_lock(&lock);
	if (r->self)
		*r->self = r->next;
	if (r->self && r->next)
		r->next->self = r->self;
	r->self = NULL;
	pthread_mutex_unlock(&lock);
}

static bool has(const struct sp_id *ids, size_t n, const struct sp_id *id)
{
	for (size_t i = 0; i < n; i++)
		if (sp_id_eq(&ids[i], id))
			return true;
	return false;
}

static size_t tokens_of(const struct sp_id *user, struct sp_id ret[TOKENS_MAX])
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (const struct reader *r = readers; r && n < TOKENS_MAX; r = r->next)
		if (sp_id_eq(&r->user, user) && !has(ret, n, &r->token))
			ret[n++] = r->token;
	pthread_mutex_unlock(&lock);
	return n;
}

struct ending { const struct sp_id *tokens; size_t n; const struct sp_id *space; };

/* On the loop, where they are taken out: none goes away meanwhile. END may take a reader's own lock, never this one. */
static void end_here(void *arg)
{
	const struct ending *e = arg;

	pthread_mutex_lock(&lock);
	for (struct reader *r = readers; r; r = r->next)
		if (e->space ? sp_id_eq(&r->repo, e->space) : has(e->tokens, e->n, &r->token))
			r->end(r->arg);
	pthread_mutex_unlock(&lock);
}

static bool is_over(struct server *srv, const struct sp_id *token)
{
	struct store_token row;

	return srv->store && store_token_by_id(srv->store, token, &row, NULL) == -SP_ENOENT;
}

void reader_add(struct server *srv, struct reader *r)
{
	struct ending e = { .tokens = &r->token, .n = 1 };

	pthread_mutex_lock(&lock);
	r->next = readers;
	r->self = &readers;
	if (r->next)
		r->next->self = &r->next;
	readers = r;
	pthread_mutex_unlock(&lock);
	if (is_over(srv, &r->token))
		sp_loop_call(srv->loop, end_here, &e);
}

void readers_recheck(struct server *srv, const struct sp_id *user)
{
	struct sp_id tokens[TOKENS_MAX];
	struct ending e = { .tokens = tokens };
	size_t n = tokens_of(user, tokens);

	for (size_t i = 0; i < n; i++) {
		const struct sp_id id = tokens[i];

		if (is_over(srv, &id))
			tokens[e.n++] = id;
	}
	if (e.n && srv->loop)
		sp_loop_call(srv->loop, end_here, &e);
}

void readers_end(struct server *srv, const struct sp_id *space)
{
	struct ending e = { .space = space };

	if (srv->loop)
		sp_loop_call(srv->loop, end_here, &e);
}
