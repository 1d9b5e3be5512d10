/*
 * http_status.h - errors as answers: which status a code has and what the client is told.
 *
 * Hub convention (hf-api.md 0.3): a JSON object {"error": sentence, "code": machine-code}, the sentence
 * again in X-Error-Message. Faults of the server itself (SP_EIO, SP_EBUG, SP_ENOMEM) are not described to
 * visitors; they get the request id to tell the operator.
 */
#pragma once

#include "server/http/http.h"

int http_status_of(enum sp_code code);

/* Fill RS from E. What a handler had put there is dropped. */
void http_refuse(struct http_req *rq, struct http_resp *rs, const struct sp_err *e);

/* The same with the status, the machine code and the sentence given; X-Error-Code only when HUB_CODE. */
void http_refuse_with(struct http_req *rq, struct http_resp *rs, int status, const char *code, bool hub_code, const char *sentence);

/* Release what RS owns and empty it. Its stream, if it has one, belongs to the http_conn. */
void http_resp_drop(struct http_resp *rs);
