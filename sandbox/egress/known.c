#include "known.h"

#include <ctype.h>
#include <netdb.h>
#include <string.h>

#include "str.h"

static const char blanks[] = " \t\r\n";

static void add_server(struct known *k, const char *text)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM }, *found = NULL;

	/* Numeric only, so nothing is asked; it knows zones (fe80::1%eth0), which inet_pton does not. */
	if (k->server_count == KNOWN_SERVERS || getaddrinfo(text, "53", &hints, &found) != 0)
		return;
	memcpy(&k->servers[k->server_count].addr, found->ai_addr, found->ai_addrlen);
	k->servers[k->server_count++].len = found->ai_addrlen;
	freeaddrinfo(found);
}

void known_read_servers(struct known *k, FILE *resolv_conf)
{
	char line[1024], *save;

	while (fgets(line, sizeof(line), resolv_conf)) {
		const char *word = strtok_r(line, blanks, &save);

		if (!word || strcmp(word, "nameserver") != 0)
			continue;
		word = strtok_r(NULL, blanks, &save);
		if (word)
			add_server(k, word);
	}
}

static void add_host(struct known *k, const char *name, const struct net_addr *addr)
{
	struct known_host *h = &k->hosts[k->host_count];

	if (k->host_count == KNOWN_HOSTS || sp_copy(h->name, sizeof(h->name), name) < 0)
		return;
	for (char *p = h->name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	h->addr = *addr;
	k->host_count++;
}

void known_read_hosts(struct known *k, FILE *hosts)
{
	char line[4096], *save;

	while (fgets(line, sizeof(line), hosts)) {
		const char *word;
		struct net_addr addr;

		line[strcspn(line, "#")] = '\0';
		word = strtok_r(line, blanks, &save);
		if (!word || net_addr_parse(word, &addr) < 0)
			continue;
		while ((word = strtok_r(NULL, blanks, &save)))
			add_host(k, word, &addr);
	}
}

bool known_is_private_name(const struct known *k, const char *name)
{
	if (strcmp(name, "localhost") == 0 || sp_ends_with(name, ".localhost"))
		return true;
	for (unsigned i = 0; i < k->host_count; i++)
		if (strcmp(k->hosts[i].name, name) == 0)
			return true;
	return false;
}

unsigned known_addresses(const struct known *k, const char *name, bool v4, struct net_addr *ret, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < k->host_count && n < max; i++)
		if (strcmp(k->hosts[i].name, name) == 0 && net_addr_is_v4(&k->hosts[i].addr) == v4)
			ret[n++] = k->hosts[i].addr;
	return n;
}
