#include <linux/netlink.h>
#include <netinet/in.h>

#include "launcher.h"

/* Send a constant batch and read one good answer for each of its messages: the kernel has answered when sendto returns. */
static int replay(int protocol, const struct net_batch *b, const char *what, struct sp_err *e)
{
	sp_auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_Alignas(8) char answer[8192];
	unsigned good = 0;

	if (fd < 0 || sendto(fd, b->bytes, b->size, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return sp_fail(e, SP_EIO, errno, "%s", what);
	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		int left = (int)n;

		if (n < 0 && errno != EINTR)
			break;
		for (const struct nlmsghdr *h = (const void *)answer; left > 0 && NLMSG_OK(h, (uint32_t)left); ) {
			const struct nlmsgerr *err = (const void *)((const char *)h + NLMSG_HDRLEN);

			if (h->nlmsg_type == NLMSG_ERROR && err->error != 0)
				return sp_fail(e, SP_EIO, -err->error, "%s", what);
			good += h->nlmsg_type == NLMSG_ERROR;
			left -= (int)NLMSG_ALIGN(h->nlmsg_len);
			h = (const void *)((const char *)h + NLMSG_ALIGN(h->nlmsg_len));
		}
	}
	return good == b->answers ? 0 : sp_fail(e, SP_EIO, 0, "%s: %u answers of %u", what, good, b->answers);
}

/* One of vitrine-egress's sockets; made before the app exists, so that the app cannot take the port. */
static int listener(int family, int type, uint16_t port, int *ret_fd, struct sp_err *e)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const void *addr = family == AF_INET ? (const void *)&v4 : (const void *)&v6;
	sp_auto_close int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, addr, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0 || (type == SOCK_STREAM && listen(fd, 256) < 0))
		return sp_fail(e, SP_EIO, errno, "listener on port %u", port);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

static void go_home(const struct launcher *l)
{
	if (setns(l->netns, CLONE_NEWNET) < 0)
		abort();        /* a launcher in an app's network namespace must not go on */
}

/* All but a way out: that a START decides. */
int netns_open(struct launcher *l, struct slot *s, struct sp_err *e)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", s->pid);
	s->netns = open(path, O_RDONLY | O_CLOEXEC);
	if (s->netns < 0 || setns(s->netns, CLONE_NEWNET) < 0)
		return sp_fail(e, SP_EIO, errno, "enter network namespace");
	r = replay(NETLINK_ROUTE, &net_lo, "loopback up", e);
	r = r ?: replay(NETLINK_NETFILTER, &net_rules, "egress rules", e);      /* before there is any way out */
	r = r ?: listener(AF_INET, SOCK_STREAM, EGRESS_TCP_PORT, &s->egress[0], e);
	r = r ?: listener(AF_INET6, SOCK_STREAM, EGRESS_TCP_PORT, &s->egress[1], e);
	r = r ?: listener(AF_INET, SOCK_DGRAM, EGRESS_DNS_PORT, &s->egress[2], e);
	r = r ?: listener(AF_INET, SOCK_STREAM, EGRESS_DNS_PORT, &s->egress[3], e);
	go_home(l);
	return r;
}

int netns_ways(struct launcher *l, struct slot *s, struct sp_err *e)
{
	int r;

	if (s->start.egress == EGRESS_NONE) {
		for (unsigned i = 0; i < SP_COUNT(s->egress); i++)
			close(sp_take_fd(&s->egress[i]));
		return 0;
	}
	if (setns(s->netns, CLONE_NEWNET) < 0)
		return sp_fail(e, SP_EIO, errno, "enter network namespace");
	r = replay(NETLINK_ROUTE, &net_ways, "routes", e);
	go_home(l);
	return r;
}

void netns_announce(struct launcher *l, struct slot *s)
{
	const struct egress_open open = { .slot = slot_name(s), .policy = s->start.egress, .space = s->start.space };
	struct sp_err e;

	if (s->egress[0] < 0 || l->roles[ROLE_EGRESS].sock < 0)
		return;                                 /* told when egress is back */
	if (sp_msg_send(l->roles[ROLE_EGRESS].sock, EGRESS_MSG_OPEN, 0, &open, sizeof(open), s->egress, 4, &e) < 0)
		role_kill(l, ROLE_EGRESS, SIGKILL);     /* it does not read: a new one gets everything again */
}

int netns_sockets(const struct launcher *l, const struct slot *s, int family, int *fds, unsigned n, struct sp_err *e)
{
	unsigned made = 0;

	if (setns(s->netns, CLONE_NEWNET) < 0)
		return sp_fail(e, SP_EIO, errno, "enter network namespace");
	while (made < n) {
		fds[made] = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fds[made] < 0)
			break;
		made++;
	}
	go_home(l);
	if (made == n)
		return 0;
	n = made;
	sp_fail(e, SP_EIO, errno, "socket");
	while (n > 0)
		close(fds[--n]);
	return -SP_EIO;
}
