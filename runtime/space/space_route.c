#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/space/spaces_int.h"

static enum route_kind kind_of(const struct space *s)
{
	switch (s->run.state) {
	case RUN_SERVING:
	case RUN_BESIDE:
		return s->current ? ROUTE_APP : ROUTE_STATIC;
	case RUN_STARTING:
	case RUN_BACKOFF:
	case RUN_FROZEN:
	case RUN_ASLEEP:
		return ROUTE_WAITING;
	case RUN_PAUSED:
		return ROUTE_DOWN;
	case RUN_IDLE:
	case RUN_DEAD:
	case RUN_STATE_MAX:
		break;
	}
	return s->build ? ROUTE_WAITING : ROUTE_DOWN;
}

static void entry_of(const struct space *s, struct route_entry *r)
{
	const struct release *rel = s->current ? s->current->rel : s->rel;
	const struct sdk *sdk = rel ? rel->recipe.sdk : sdk_by_name(s->sdk);

	memset(r, 0, sizeof(*r));
	snprintf(r->label, sizeof(r->label), "%s", s->label);
	r->space = s->id;
	r->kind = kind_of(s);
	r->flags = s->is_private ? ROUTE_PRIVATE : 0;
	r->sdk = sdk ? sdk->route : ROUTE_SDK_OTHER;
	if (r->kind == ROUTE_APP) {
		r->slot = s->current->slot;
		r->port = rel->recipe.port;
	}
	if (!rel)
		return;
	if (rel->recipe.embed_off)
		r->flags |= ROUTE_EMBED_OFF;
	if (strlen(rel->recipe.headers) < sizeof(r->headers))
		snprintf(r->headers, sizeof(r->headers), "%s", rel->recipe.headers);
}

void space_unpublish(struct space *s)
{
	if (s->route)
		s->sp->hooks.route_del(s->sp->hooks.arg, s->route->label);
	free(s->route);
	s->route = NULL;
}

void space_publish(struct space *s, bool again)
{
	struct route_entry r;

	if (!s->label[0] || s->removed || !s->sp->loaded)
		return;
	entry_of(s, &r);
	if (s->route && !again && memcmp(s->route, &r, sizeof(r)) == 0)
		return;
	if (s->route && strcmp(s->route->label, r.label) != 0)
		space_unpublish(s);
	if (!s->route)
		s->route = malloc(sizeof(r));
	if (!s->route)
		abort();
	*s->route = r;
	s->sp->hooks.route_set(s->sp->hooks.arg, s->route);
}
