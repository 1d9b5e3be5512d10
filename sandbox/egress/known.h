/*
 * known.h - what the host knows: its resolvers (/etc/resolv.conf) and the names of /etc/hosts.
 *
 * The names are kept in order to be withheld: a resolver on the host's loopback (systemd-resolved) would
 * tell them to apps. Builds get those that the operator's package settings name.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "policy.h"

enum { KNOWN_SERVERS = 3 /* resolv.conf(5) */, KNOWN_HOSTS = 512 };

struct known_server { struct sockaddr_storage addr; socklen_t len; };
struct known_host { char name[ALLOW_HOST_MAX + 1]; struct net_addr addr; };

struct known {
	struct known_server servers[KNOWN_SERVERS];
	unsigned server_count;
	struct known_host hosts[KNOWN_HOSTS];
	unsigned host_count;
};

/* Read the files; lines that are malformed or too many are skipped. */
void known_read_servers(struct known *k, FILE *resolv_conf);
void known_read_hosts(struct known *k, FILE *hosts);

/* Is NAME (lower case) this host's own matter: in /etc/hosts, or localhost and below? */
bool known_is_private_name(const struct known *k, const char *name);

/* Addresses of NAME in /etc/hosts of the family, at most MAX. Returns how many. */
unsigned known_addresses(const struct known *k, const char *name, bool v4, struct net_addr *ret, unsigned max);
