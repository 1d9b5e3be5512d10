#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/un.h>

#include "attack.h"

static int dials(int family, const void *at, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, at, len);
}

static int abstract_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = ABSTRACT };

	return dials(AF_UNIX, &at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(ABSTRACT) - 1));
}

static int path_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/tmp/victim.sock" };

	return dials(AF_UNIX, &at, sizeof(at));
}

static int loopback(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return dials(AF_INET, &at, sizeof(at));
}

static int any_address(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT) };

	return dials(AF_INET, &at, sizeof(at));
}

static int mapped_address(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(VICTIM_PORT) };

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &at.sin6_addr);
	return dials(AF_INET6, &at, sizeof(at));
}

static int port_taken(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(VICTIM_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	/* The same port must be free: if it is not, the two share a network. */
	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at)) < 0 && errno == EADDRINUSE ? 0 : fail(ENOENT);
}

static int system_shm(void) { return shmget(VICTIM_SHM, 4096, 0) < 0 ? -1 : 0; }
static int posix_shm(void) { return opens("/dev/shm/victim", O_RDWR); }
static int tmp_file(void) { return opens("/tmp/victim", O_RDWR); }
static int var_file(void) { return opens("/var/tmp/victim", O_RDWR); }
static int home_file(void) { return opens("/home/victim", O_RDWR); }

const struct attack neighbours_attacks[] = {
	A(17, posix_shm), A(17, tmp_file), A(17, var_file), A(17, home_file), A(58, loopback), A(59, any_address), A(59, mapped_address),
	A(60, abstract_socket), A(60, path_socket), A(60, port_taken), A(60, system_shm),
	{ 0 },
};
