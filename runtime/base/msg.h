/*
 * msg.h - messages between our processes over SOCK_SEQPACKET.
 *
 * One datagram is one message: a fixed header, a fixed-layout body, at most SP_MSG_FDS descriptors.
 * Every channel has a table (an X-macro in sandbox/proto) that says for each type its direction, the
 * exact range of body sizes and the range of descriptor counts. sp_msg_recv checks all of it before
 * any decoder sees a byte, and closes what it does not hand out; a peer is hostile until it passed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { SP_MSG_BODY = 4096, SP_MSG_FDS = 32, SP_MSG_VERSION = 1 };

struct sp_msg_head { uint16_t version, type; uint32_t seq, len, reserved; };
_Static_assert(sizeof(struct sp_msg_head) == 16, "the header is read from the wire as it is");

struct sp_msg_row {
	const char *name;
	unsigned direction;             /* compared with the DIRECTION argument of sp_msg_recv */
	uint32_t min, max;              /* bytes of body */
	uint8_t fds_min, fds_max;
};

struct sp_msg_table { const struct sp_msg_row *rows; unsigned count; };

struct sp_msg {
	struct sp_msg_head head;
	_Alignas(8) unsigned char body[SP_MSG_BODY];
	int fds[SP_MSG_FDS];            /* -1 where there is none */
	unsigned nfds;
};

/*
 * Send one message. SP_EBUSY: the peer's queue is full (non-blocking sockets). SP_EIO with sys EPIPE or
 * ECONNRESET: the peer is gone. The descriptors stay the caller's.
 */
SP_MUST int sp_msg_send(int sock, uint16_t type, uint32_t seq, const void *body, size_t len,
		const int *fds, unsigned nfds, struct sp_err *e);

/*
 * Receive one message. Returns 1 with M filled (its descriptors are the caller's: sp_msg_close or take
 * them), 0 at the end of the stream. SP_EBUSY: nothing there. SP_EPROTO: malformed; everything that
 * came with it has been closed.
 */
SP_MUST int sp_msg_recv(int sock, const struct sp_msg_table *table, unsigned direction, struct sp_msg *m, struct sp_err *e);

/* The check alone, for tests and fuzzing: HEAD and LEN bytes of body, NFDS descriptors. */
SP_MUST int sp_msg_check(const struct sp_msg_table *table, unsigned direction, const struct sp_msg_head *head,
		size_t len, unsigned nfds, struct sp_err *e);

void sp_msg_close(struct sp_msg *m);            /* close the descriptors that nobody took */
int sp_msg_take_fd(struct sp_msg *m, unsigned i);       /* -1 when there is none */
