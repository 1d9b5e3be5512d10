/* fuzz: */
/* A datagram as any peer may send it, with descriptors, through a real socket into sp_msg_recv with each channel's table. */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress.h"
#include "init.h"
#include "launch.h"
#include "report.h"
#include "route.h"

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)

static const struct sp_msg_table *const tables[] = { &launch_table, &init_table, &egress_table, &route_table, &report_table };

/* DATA: one byte picks table and direction, one the number of descriptors, the rest is the datagram. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sp_msg m;
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * 40)]; } control;
	struct iovec iov = { 0 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	static uint8_t copy[1 << 16];
	unsigned fds, direction;
	int pair[2], probe, r;

	if (size < 2 || size > sizeof(copy))
		return 0;
	memcpy(copy, data, size);
	direction = data[0] >> 2 & 1;
	fds = data[1] % 40;
	iov.iov_base = copy + 2;
	iov.iov_len = size - 2;
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	if (fds > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * fds);
		for (unsigned i = 0; i < fds; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &pair[0], sizeof(int));
	}
	if (sendmsg(pair[0], &mh, MSG_NOSIGNAL) >= 0) {
		r = sp_msg_recv(pair[1], tables[data[0] & 8 ? 4 : data[0] & 3], direction, &m, NULL);
		if (r > 0) {
			CHECK(m.head.len + sizeof(m.head) == size - 2 && m.nfds == fds);
			sp_msg_close(&m);
		}
	}
	close(pair[0]);
	close(pair[1]);
	probe = dup(0);                         /* whatever came with it has been closed again */
	CHECK(probe >= 0 && probe < 64);
	close(probe);
	return 0;
}
