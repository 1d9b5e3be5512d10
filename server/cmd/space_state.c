#include "space_state.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "str.h"
#include "term.h"

static const char *field(const json_t *j, const char *name, struct sp_arena *a)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? sp_arena_str(a, s) : "";
}

void space_state_read(const json_t *info, struct sp_arena *a, struct space_state *ret)
{
	const json_t *runtime = json_object_get(info, "runtime"), *cause = json_object_get(runtime, "cause");

	*ret = (struct space_state){
		.id = field(info, "id", a), .stage = field(runtime, "stage", a), .host = field(info, "host", a), .sdk = field(info, "sdk", a),
		.sha = field(runtime, "sha", a), .since = field(runtime, "since", a), .why = field(cause, "message", a), .next = field(cause, "next", a),
		.code = field(cause, "code", a), .evidence = field(cause, "evidence", a), .is_private = json_is_true(json_object_get(info, "private")),
	};
	if (!ret->why[0])
		ret->why = field(runtime, "errorMessage", a);
}

bool space_state_is_failed(const struct space_state *s)
{
	return term_stage(s->stage) == STYLE_BAD;
}

const char *space_state_age(const char *iso, struct sp_arena *a)
{
	struct tm tm = { 0 };
	const char *end = strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm);
	long long s = end ? (long long)(time(NULL) - timegm(&tm)) : -1;

	if (s < 0)
		return "";
	if (s < 120)
		return sp_arena_fmt(a, "%lld s", s);
	if (s < 120 * 60)
		return sp_arena_fmt(a, "%lld min", s / 60);
	return s < 48 * 3600 ? sp_arena_fmt(a, "%lld h", s / 3600) : sp_arena_fmt(a, "%lld d", s / 86400);
}

void space_state_complain(const struct space_state *s, struct sp_arena *a)
{
	if (s->evidence[0])
		fprintf(stderr, "\n%s\n\n", term_safe(stderr, s->evidence, a));
	fprintf(stderr, "vitrine: %s is %s%s%s%s%s\n", s->id, term_on(stderr, term_stage(s->stage)), s->stage, term_off(stderr), s->why[0] ? ": " : "",
		term_safe(stderr, s->why, a));
	if (s->next[0])
		fprintf(stderr, "vitrine: %s\n", term_safe(stderr, s->next, a));
}
