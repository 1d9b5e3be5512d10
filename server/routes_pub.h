/*
 * routes_pub.h - tells edge where each host name leads (sandbox/proto/route.h).
 *
 * Keeps the table of routes that are in force, so that an edge that connects gets all of them without anybody
 * being asked again. Loop thread only.
 */
#pragma once

#include "loop.h"
#include "route.h"

struct routes_pub;

struct routes_hooks {
	void (*wake)(void *arg, const struct sp_id *space);     /* a visitor waits for it */
	void (*failing)(void *arg, const struct sp_id *space);  /* it refuses connections */
	void (*seen)(void *arg, const struct sp_id *space);     /* visitors are active; may be NULL */
	/* Who is this visitor? Answered by routes_access_is to CONNECTION. NULL: nobody is let in. */
	void (*access)(void *arg, uint64_t connection, const struct route_access *ask);
	void *arg;
};

enum { ROUTES_CONNECTIONS_MAX = 8 };

/* LISTEN_FD (lent) is a listening SEQPACKET socket; only processes of user PEER_UID may connect, or anybody when it is -1. */
SP_MUST int routes_new(struct sp_loop *loop, int listen_fd, int peer_uid, const struct routes_hooks *hooks,
		struct routes_pub **ret, struct sp_err *e);
void routes_free(struct routes_pub *rp);        /* NULL is fine */

void routes_set(struct routes_pub *rp, const struct route_entry *r);
void routes_del(struct routes_pub *rp, const char *label);

/* Every Space has been loaded: connections get SYNCED from now on (before that, only what is known). */
void routes_synced(struct routes_pub *rp);

/* The answer to an ACCESS of CONNECTION, which may be gone. */
void routes_access_is(struct routes_pub *rp, uint64_t connection, const struct route_access_is *is);

/* What edge knows about who may see SPACE, or about what USER may see, is no longer so; the other may be NULL. */
void routes_forget(struct routes_pub *rp, const struct sp_id *space, const struct sp_id *user);
