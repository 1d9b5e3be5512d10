/*
 * launch_client.h - the server's side of the launcher's channel (sandbox/proto/launch.h).
 *
 * Requests are numbered, answers find their callback by that number; EXITED goes to one listener. All of
 * it lives on the loop thread and never blocks: what the socket does not take waits in a bounded queue.
 * When the launcher is gone every open request is answered with NULL and GONE is called once; the server
 * then ends, because the launcher is its parent and starts it again.
 */
#pragma once

#include <stdbool.h>

#include "launch.h"
#include "loop.h"

struct launch_client;

/* FD (taken) is a SOCK_SEQPACKET socket to the launcher. GONE may be NULL. */
SP_MUST int launch_client_new(struct sp_loop *loop, int fd, void (*gone)(void *arg), void *arg,
		struct launch_client **ret, struct sp_err *e);
void launch_client_free(struct launch_client *lc);      /* open requests are answered with NULL */

/* Ask nothing more; open requests are answered with NULL now, while those who asked still exist. GONE is not called. */
void launch_client_shut(struct launch_client *lc);

/* One listener for EXITED (struct launch_exited); FN NULL: none. */
void launch_client_on_exited(struct launch_client *lc, void (*fn)(void *arg, const struct launch_exited *x), void *arg);

/*
 * An answer: M is STARTED, FAILED, REFUSED, DONE, …; its descriptors are closed afterwards unless taken
 * with sp_msg_take_fd. LAST is false for the ENTRY and IMAGE_IS messages before the final DONE. A request
 * that the queue has no room for is REFUSED with SP_EQUOTA. M NULL: the launcher is gone.
 */
typedef void launch_answer(void *arg, struct sp_msg *m, bool last);

/* Send any request; FDS are taken. FN may be NULL: the answer is not awaited. */
void launch_client_ask(struct launch_client *lc, enum launch_type type, const void *body, size_t len,
		const int *fds, unsigned nfds, launch_answer *fn, void *arg);

/* EXEC_FD and STDIN_FD (-1: none) are taken. Answers: STARTED with the log's read end, or FAILED. */
void launch_client_start(struct launch_client *lc, const struct launch_start *s, int exec_fd, int stdin_fd,
		launch_answer *fn, void *arg);
void launch_client_stop(struct launch_client *lc, struct launch_slot slot, uint32_t grace_ms);
void launch_client_dial(struct launch_client *lc, struct launch_slot slot, uint32_t count, uint32_t family,
		launch_answer *fn, void *arg);
void launch_client_ports(struct launch_client *lc, struct launch_slot slot, launch_answer *fn, void *arg);
void launch_client_list(struct launch_client *lc, launch_answer *fn, void *arg);
void launch_client_images(struct launch_client *lc, launch_answer *fn, void *arg);
void launch_client_scratch_drop(struct launch_client *lc, const struct sp_id *id);
void launch_client_probe(struct launch_client *lc, launch_answer *fn, void *arg);

/*
 * From a pool thread: ask PROBE and wait for it, for /healthz and /readyz. SP_ETIMEOUT: no answer within
 * TIMEOUT_MS. SP_EIO: the launcher is gone.
 */
SP_MUST int launch_client_probe_wait(struct launch_client *lc, unsigned timeout_ms, struct launch_probe *ret, struct sp_err *e);

/* The body of M as a struct TYPE, NULL when M is another message. The table has checked the size. */
#define LAUNCH_BODY(m, name, body_type) \
	((m) && (m)->head.type == LAUNCH_##name ? (const struct body_type *)(const void *)(m)->body : NULL)
