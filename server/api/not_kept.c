#include "server/http/http.h"

/*
 * Anything about one model or dataset. Clients look a name up as a model first and go on only when they are
 * told in their own words that it is not there (C-HF-03).
 */
int api_not_kept(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	bool stranger = account_is_anonymous(&rq->actor);

	(void)e;
	return http_reply_error(rq, rs, stranger ? 401 : 404, "RepoNotFound",
			"Repository not found. This version of vitrine keeps Spaces only: name the type, repo_type=\"space\".");
}
