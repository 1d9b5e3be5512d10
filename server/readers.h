/*
 * readers.h - who reads along for a long time by leave of a token or session: event streams and WebSockets.
 *
 * A request is asked once who it is; these would go on after the token is revoked or the Space given away. They are
 * ended then, and clients that may still read come back.
 */
#pragma once

#include "id.h"

struct server;

/* Embedded in what reads; filled by its owner. END is called on the loop thread. */
struct reader {
	struct sp_id user, token, repo;         /* repo "": of no single one */
	void (*end)(void *arg);
	void *arg;
	struct reader *next, **self;            /* self NULL: not among them */
};

/* [request] Ends it at once when its token has ended since the request was admitted. */
void reader_add(struct server *srv, struct reader *r);
/* Loop thread. Fine when it was never added. */
void reader_del(struct reader *r);

/* [request] Those of USER end whose token or session has ended. */
void readers_recheck(struct server *srv, const struct sp_id *user);
/* [request] All of SPACE end. */
void readers_end(struct server *srv, const struct sp_id *space);
