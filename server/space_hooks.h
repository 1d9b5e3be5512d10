/*
 * space_hooks.h - what the runtime says goes to edge (routes) and to pages (events), what edge says goes to
 * the runtime. Loop thread.
 */
#pragma once

#include "runtime/space/space.h"
#include "server/routes_pub.h"

struct server;

struct space_hooks server_space_hooks(struct server *srv);
struct routes_hooks server_routes_hooks(struct server *srv);
