#include "server/readers.h"
#include "server/routes_pub.h"
#include "server/server.h"

struct forget { struct server *srv; const struct sp_id *space, *user; };

static void forget(void *arg)
{
	const struct forget *f = arg;

	routes_forget(f->srv->routes, f->space, f->user);
}

/* Edge remembers who may see private apps: it is told before the change is acknowledged. */
static void tell(struct server *srv, const struct sp_id *space, const struct sp_id *user)
{
	struct forget f = { srv, space, user };

	if (srv->routes && srv->loop)
		sp_loop_call(srv->loop, forget, &f);
}

void server_account_changed(struct server *srv, const struct sp_id *user)
{
	tell(srv, NULL, user);
	readers_recheck(srv, user);
}

void server_space_access_changed(struct server *srv, const struct sp_id *space)
{
	tell(srv, space, NULL);
	readers_end(srv, space);
}
