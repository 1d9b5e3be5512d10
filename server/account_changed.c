#include "err.h"
#include "server/server.h"

void server_account_changed(SP_UNUSED struct server *srv, SP_UNUSED const struct sp_id *user)
{
	/* Nothing here remembers: every request looks its token up. */
}
