#include "server/repo_remove.h"

#include "runtime/repo/repo.h"
#include "runtime/space/logs.h"
#include "runtime/space/space.h"
#include "runtime/store/store.h"
#include "server/server.h"

int repo_remove(struct server *srv, const struct sp_id *actor, const struct sp_id *repo, const char *name, struct sp_err *e)
{
	/* The row first: when that fails nothing has happened, and once it is gone no other request brings the Space back. */
	int r = store_repo_del(srv->store, repo, e);

	if (r < 0)
		return r;
	server_revoke_events(srv, repo);
	r = spaces_remove(srv->spaces, repo, e);
	if (r == 0)
		r = repo_delete(srv->repos, repo, e);
	if (r == 0)
		r = store_event_add(srv->store, actor, repo, "delete", name, e);
	if (r < 0)
		return r;
	logs_drop(srv->logs, repo);
	return 0;
}
