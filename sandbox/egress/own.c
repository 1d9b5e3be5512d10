#include "own.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int own_open(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

struct ask { struct nlmsghdr head; struct rtmsg route; struct rtattr attr; uint8_t addr[16]; };

/* The kernel has answered when send returns. */
static bool leads_here(int netlink, int family, const uint8_t *addr, size_t n)
{
	static uint32_t seq;
	struct ask q = { .head = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = ++seq },
		.route = { .rtm_family = (uint8_t)family, .rtm_dst_len = (uint8_t)(8 * n) },
		.attr = { .rta_type = RTA_DST, .rta_len = (uint16_t)RTA_LENGTH(n) } };
	_Alignas(8) char answer[4096];

	memcpy(q.addr, addr, n);
	q.head.nlmsg_len = (uint32_t)(offsetof(struct ask, addr) + n);
	if (send(netlink, &q, q.head.nlmsg_len, 0) < 0)
		return true;
	for (;;) {
		ssize_t got = recv(netlink, answer, sizeof(answer), MSG_DONTWAIT);
		const struct nlmsghdr *h = (const void *)answer;
		const struct rtmsg *route = (const void *)(answer + NLMSG_HDRLEN);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < (ssize_t)sizeof(*h))
			return true;
		if (h->nlmsg_seq != seq)
			continue;
		/* An error: there is no way there at all, which connecting will tell. */
		if (h->nlmsg_type == NLMSG_ERROR)
			return false;
		return h->nlmsg_type != RTM_NEWROUTE || got < (ssize_t)(NLMSG_HDRLEN + sizeof(*route)) || route->rtm_type != RTN_UNICAST;
	}
}

bool own_is(int netlink, const struct net_addr *a)
{
	uint8_t v4[4];

	if (net_addr_v4_of(a, v4) && leads_here(netlink, AF_INET, v4, sizeof(v4)))
		return true;
	return !net_addr_is_v4(a) && leads_here(netlink, AF_INET6, a->b, sizeof(a->b));
}
