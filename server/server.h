/*
 * server.h - everything that the one vitrine-server process has, for handlers (rq->srv).
 *
 * Made in main before the first request and not changed afterwards; each member says in its own header
 * from which thread it may be used. Members are NULL only in tests that do without them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launch.h"

struct sp_id;
struct sp_loop;
struct store;
struct keys;
struct git;
struct gate;
struct devices;
struct repos;
struct logs;
struct spaces;
struct launch_client;
struct http;
struct ws;
struct routes_pub;
struct app_access;
struct admin;
struct events;

struct server {
	struct sp_loop *loop;
	struct store *store;
	struct keys *keys;
	struct gate *gate;              /* tries at passwords */
	struct devices *devices;        /* logins that wait for a yes */
	struct repos *repos;
	struct logs *logs;
	struct spaces *spaces;
	struct launch_client *launch;
	struct git *git;
	struct http *http;
	struct ws *ws;
	struct routes_pub *routes;
	struct app_access *app_access;  /* private apps' visitors */
	struct admin *admin;
	struct events *events;

	const char *state_dir;          /* "/state" */
	const char *domain;             /* apps are LABEL.DOMAIN */
	const char *listen_name;        /* "localhost:7860": host and port of the platform where no request says it */
	uint16_t public_port;
	bool tls;
	int tmp_dirfd;                  /* STATE/tmp, for unlinked files */
};

/*
 * Tell everybody who listens to TOPIC ("space:ID") on /-/events. JSON is one object on one line, lent. Only
 * the newest event of a topic counts: a reader that was away gets that one. From the loop thread.
 */
void server_publish_event(struct server *srv, const char *topic, const char *json);

/* [any] Fewer may see SPACE than before, or nobody: who follows it must ask again. Pages that still may come back by themselves. */
void server_revoke_events(struct server *srv, const struct sp_id *space);

/*
 * [any] What USER may do shrank: a token or session was revoked, a password changed, the account is gone. Whoever
 * remembers that somebody may something asks again.
 */
void server_account_changed(struct server *srv, const struct sp_id *user);

/* [any] Fewer may see SPACE's app than before: it has another owner. That it became private or is gone, edge sees by itself. */
void server_space_access_changed(struct server *srv, const struct sp_id *space);
