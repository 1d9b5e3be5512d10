/*
 * options.h - the arguments of vitrine-server; the launcher is its only caller.
 */
#pragma once

#include "err.h"

struct server_options {
	const char *state;              /* "/state" */
	const char *domain;
	const char *listen_name;        /* "localhost:7860" */
	int launch_fd, http_fd, ws_fd, route_fd, admin_fd, operator_fd, report_fd;        /* -1: none */
	int edge_uid;                   /* who may connect to route_fd; -1: looked up by name */
};

SP_MUST int options_parse(int argc, char **argv, struct server_options *ret, struct sp_err *e);
