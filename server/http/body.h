/*
 * body.h - a request's body on its way in: small ones grow in memory, BODY_SPOOL and BODY_LINK ones go to an unlinked
 * file in pieces, so that the loop thread never writes and a fast sender cannot fill memory.
 */
#pragma once

#include "server/http/conn.h"

enum { BODY_PIECE = 256 * 1024, BODY_DISCARD_MAX = 64 << 20 };

struct body {
	enum http_body kind;
	uint64_t max;                   /* 0: body_limit of its kind */
	struct sp_buf piece;            /* SMALL: all of it; in a file: what is not in it yet */
	uint64_t size;                  /* bytes that arrived */
	int fd;                         /* -1 until the first piece is written */
};

uint64_t body_limit(enum http_body kind);
bool body_may_be_gzip(enum http_body kind);
bool body_in_file(enum http_body kind);

/*
 * Take up to N bytes at P; *RET_TAKEN of them, fewer when the piece is full: write it (body_spool), then
 * offer the rest. SP_EQUOTA: over the limit of its kind.
 */
SP_MUST int body_add(struct body *b, const char *p, size_t n, size_t *ret_taken, struct sp_err *e);
bool body_is_full(const struct body *b);        /* body_spool now */

/* Pool thread: write the piece to the file in DIRFD, which is made when it is not there. */
SP_MUST int body_spool(struct body *b, int dirfd, struct sp_err *e);

/* Pool thread: everything arrived; give it to RQ. */
SP_MUST int body_finish(struct body *b, int dirfd, struct http_req *rq, struct sp_err *e);
void body_fini(struct body *b);
