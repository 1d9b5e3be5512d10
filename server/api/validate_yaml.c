#include <string.h>

#include "auto.h"
#include "runtime/build/front_matter.h"
#include "server/api/repo_util.h"

static json_t *message(const char *fmt_text)
{
	return json_pack("[{s:o}]", "message", repo_text(fmt_text));
}

static const char *bad_sdk(struct sp_arena *a, const struct front_matter *fm)
{
	static const char *const known[] = { "gradio", "streamlit", "static", "docker" };

	if (!fm->sdk)
		return "README.md does not say which 'sdk' the Space uses: add one of gradio, streamlit, static, docker";
	for (size_t i = 0; i < SP_COUNT(known); i++)
		if (strcmp(fm->sdk, known[i]) == 0)
			return NULL;
	return sp_arena_fmt(a, "README.md, line %u: sdk '%.40s' is not one of gradio, streamlit, static, docker", fm->sdk_line, fm->sdk);
}

/* Always a JSON object, because the client reads it before it looks at the status (C-HF-57). */
int api_validate_yaml(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct front_matter fm = { 0 };
	const char *content, *type, *wrong = NULL, *hint = NULL;
	struct sp_err why;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	content = json_string_value(json_object_get(body, "content"));
	type = json_string_value(json_object_get(body, "repoType"));
	if (!content)
		return http_reply_error(rq, rs, 400, NULL, "'content' must be the text of README.md.");
	r = front_matter_parse(content, strlen(content), &fm, &why);
	if (r == -SP_ENOENT)
		hint = "README.md has no settings block: it should start with a line '---'";
	else if (r < 0)
		wrong = sp_arena_fmt(rq->arena, "README.md, %s", why.msg);
	else if (type && strcmp(type, "space") == 0)
		wrong = bad_sdk(rq->arena, &fm);
	if (r == 0 && *fm.notes)
		hint = sp_arena_str(rq->arena, fm.notes);
	front_matter_fini(&fm);
	return http_reply_json(rq, rs, wrong ? 400 : 200, json_pack("{s:o, s:o}", "errors", wrong ? message(wrong) : json_array(),
		"warnings", hint ? message(hint) : json_array()));
}
