#include "server/space_hooks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "server/app_access.h"
#include "server/git/git.h"
#include "server/api/repo_util.h"
#include "server/api/space_state.h"
#include "server/server.h"

static void route_set(void *arg, const struct route_entry *r)
{
	struct server *srv = arg;

	routes_set(srv->routes, r);
}

static void route_del(void *arg, const char *label)
{
	struct server *srv = arg;

	routes_del(srv->routes, label);
}

/* Only what everybody who may see the Space may know; evidence stays in the API. */
static void changed(void *arg, const struct sp_id *space, const struct space_view *v)
{
	char topic[16 + SP_ID_LEN];
	json_t *j, *cause = space_cause_json(v, false);
	char *text;

	snprintf(topic, sizeof(topic), "space:%s", space->s);
	j = json_pack("{s:s, s:s, s:s, s:I, s:o?}", "topic", topic, "id", space->s, "stage", space_stage_name(v->stage),
		"since", (json_int_t)v->since_ms, "cause", cause);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text)
		server_publish_event(arg, topic, text);
	free(text);
	json_decref(j);
}

/* Edge drops what it knew only now: until then running apps keep their routes. */
static void loaded(void *arg)
{
	struct server *srv = arg;

	routes_synced(srv->routes);
	repo_publish_missed(srv);
}

static void exited(void *arg, const struct launch_exited *x)
{
	const struct server *srv = arg;

	git_on_exited(srv->git, x);
}

struct space_hooks server_space_hooks(struct server *srv)
{
	return (struct space_hooks){ .route_set = route_set, .route_del = route_del, .changed = changed, .exited = exited, .loaded = loaded, .arg = srv };
}

static void wake(void *arg, const struct sp_id *space)
{
	const struct server *srv = arg;

	spaces_wake(srv->spaces, space);
}

static void failing(void *arg, const struct sp_id *space)
{
	const struct server *srv = arg;

	spaces_on_failing(srv->spaces, space);
}

static void on_access(void *arg, uint64_t connection, const struct route_access *ask)
{
	const struct server *srv = arg;

	app_access_ask(srv->app_access, connection, ask);
}

static void seen(void *arg, const struct sp_id *space)
{
	const struct server *srv = arg;

	spaces_on_seen(srv->spaces, space);
}

struct routes_hooks server_routes_hooks(struct server *srv)
{
	return (struct routes_hooks){ .wake = wake, .seen = seen, .failing = failing, .access = on_access, .arg = srv };
}
