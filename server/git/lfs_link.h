/*
 * lfs_link.h - addresses of large files that authenticate themselves (hf-api.md 4.4: Python's client sends no
 * credentials with an upload and ignores the headers it is told to send).
 *
 * A claim is "SIZE OID REPO USER TOKEN ROLE", signed for lfs-upload, lfs-verify or lfs-download and valid for
 * lfs_link_ms; an anonymous reader's has "-" for USER and TOKEN. It names one object of one repository and is worth
 * nothing for another. Permission is asked again when it is used: visibility may have changed, the token may be revoked.
 */
#pragma once

#include "server/http/http.h"

struct lfs_link { uint64_t size; char oid[65]; struct sp_id repo; };

/* "http://…/-/lfs/VERB/CLAIM" for rq->repo and rq->actor; VERB is upload, verify or download. */
SP_MUST int lfs_link_new(struct http_req *rq, const char *verb, const char *oid, uint64_t size, const char **ret, struct sp_err *e);

/* Read rq->claim and ask whether its user still has VERB on the repository. SP_ENOENT: the repository is gone, or for them. */
SP_MUST int lfs_link_read(struct http_req *rq, enum account_verb verb, struct lfs_link *ret, struct sp_err *e);
