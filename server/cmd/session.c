#include "session.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "login_file.h"
#include "str.h"

static const char *set_env(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] ? v : NULL;
}

/* Without a token one may still read what is public. */
static int find_token(struct session *s, const char *url, const char **ret, struct sp_err *e)
{
	const char *endpoint = set_env("HF_ENDPOINT"), *known = NULL;
	struct login l = { 0 };
	int r;

	*ret = s->token ? s->token : set_env("VITRINE_TOKEN");
	if (*ret)
		return 0;
	r = login_get(url, &s->arena, &l, e);
	if (r < 0 && r != -SP_ENOENT)
		return r;
	*ret = l.token;
	s->name = r == 0 ? l.name : NULL;
	if (!*ret && endpoint && set_env("HF_TOKEN") && login_url(endpoint, &s->arena, &known, NULL) == 0 && !strcmp(known, url))
		*ret = set_env("HF_TOKEN");
	if (!*ret && login_url_is_local(url))
		*ret = client_admin_token(s->state ? s->state : cmd_default_state());
	return 0;
}

static int find_url(struct session *s, const char **ret, struct sp_err *e)
{
	const char *given = s->to ? s->to : set_env("VITRINE_URL");
	struct login l = { 0 };
	int r;

	if (!given) {
		r = login_get(NULL, &s->arena, &l, e);
		if (r < 0 && r != -SP_ENOENT)
			return r;
		given = r == 0 ? l.url : NULL;
	}
	if (!given && set_env("HF_TOKEN"))
		given = set_env("HF_ENDPOINT");
	return login_url(given ? given : "http://localhost:7860", &s->arena, ret, e);
}

int session_open(struct session *s)
{
	const char *url, *token = NULL;
	struct sp_err e = { 0 };
	int r;

	sp_arena_init(&s->arena);
	r = find_url(s, &url, &e);
	if (r == 0)
		r = find_token(s, url, &token, &e);
	if (r == 0)
		r = client_new(url, token, &s->client, &e);
	return r < 0 ? cmd_fail_err(&e) : CMD_OK;
}

void session_close(struct session *s)
{
	client_free(s->client);
	sp_arena_fini(&s->arena);
}

int session_refused(struct session *s, int status, json_t *answer, struct sp_err *e)
{
	const char *said = client_error_text(answer, status), *url = client_url(s->client);

	if (status == 401 && client_has_token(s->client))
		return sp_fail(e, SP_EAUTH, 0, "%s does not accept the token; get a new one with 'vitrine login %s'", url, url);
	if (status == 401)
		return sp_fail(e, SP_EAUTH, 0, "you are not signed in at %s; run 'vitrine login %s'", url, url);
	if (status == 403)
		return sp_fail(e, SP_EDENIED, 0, "%s", said);
	if (status == 404)
		return sp_fail(e, SP_ENOENT, 0, "%.*s on %s; 'vitrine ls' shows what you may see", (int)strcspn(said, "."), said, url);
	if (status == 502 || status == 503 || status == 504)
		return sp_fail(e, SP_EBUSY, 0, "%s", said);
	return sp_fail(e, SP_EINVAL, 0, "%s", said);
}

int session_call(struct session *s, const char *method, const char *path, json_t *body, json_t **ret, struct sp_err *e)
{
	json_t *answer = NULL;
	int status = client_call(s->client, method, path, body, &answer, e), r = status;

	json_decref(body);
	if (status >= 200 && status < 300) {
		if (ret)
			*ret = answer;
		else
			json_decref(answer);
		return 0;
	}
	if (status >= 0)
		r = session_refused(s, status, answer, e);
	json_decref(answer);
	return r;
}

int session_whoami(struct session *s, const char **ret, struct sp_err *e)
{
	json_t *me = NULL;
	int r = 0;

	if (!s->name) {
		r = session_call(s, "GET", "/api/whoami-v2", NULL, &me, e);
		if (r == 0)
			s->name = sp_arena_str(&s->arena, json_string_value(json_object_get(me, "name")));
		json_decref(me);
	}
	if (r == 0 && !s->name)
		r = sp_fail(e, SP_EPROTO, 0, "%s did not say who you are; is it a vitrine server?", client_url(s->client));
	if (r == 0)
		*ret = s->name;
	return r;
}

/* ---- which Space ---- */

static bool is_name(const char *s, size_t n)
{
	if (s[0] == '.')                /* "." and "..": libcurl would take them for folders of the address */
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return n > 0 && n <= 96;
}

static bool is_space(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash && is_name(s, (size_t)(slash - s)) && is_name(slash + 1, strlen(slash + 1));
}

/* "…://HOST/spaces/ada/chat(.git)" on this server: "ada/chat". User and password of the address do not count. */
static const char *space_of_url(struct session *s, const char *url, size_t n)
{
	char *text = sp_arena_mem(&s->arena, url, n), *host = strstr(text, "://"), *at, *path;
	const char *mine = strstr(client_url(s->client), "://") + 3;

	if (!host)
		return NULL;
	host += 3;
	path = strchr(host, '/');
	if (!path)
		return NULL;
	*path = '\0';
	at = strrchr(host, '@');
	if (strcasecmp(at ? at + 1 : host, mine) != 0 || !sp_starts_with(path + 1, "spaces/"))
		return NULL;
	path += 1 + strlen("spaces/");
	path[strcspn(path, "?#")] = '\0';
	if (sp_ends_with(path, ".git"))
		path[strlen(path) - 4] = '\0';
	at = strchr(path, '/');
	if (at && (at = strchr(at + 1, '/')))
		*at = '\0';
	return is_space(path) ? path : NULL;
}

const char *session_remote(struct session *s, const char *folder)
{
	sp_auto_free char *real = realpath(folder, NULL);
	sp_auto_fclose FILE *f = NULL;
	char line[4096];

	while (real && real[0] && !f) {
		f = fopen(sp_arena_fmt(&s->arena, "%s/.git/config", real), "re");
		*strrchr(real, '/') = '\0';
	}
	while (f && fgets(line, sizeof(line), f)) {
		const char *p = line + strspn(line, " \t"), *found;

		if (!sp_starts_with(p, "url"))
			continue;
		p += 3 + strspn(p + 3, " \t=");
		found = space_of_url(s, p, strcspn(p, " \t\r\n"));
		if (found)
			return found;
	}
	return NULL;
}

const char *session_folder_name(const char *folder, struct sp_arena *a)
{
	sp_auto_free char *real = realpath(folder, NULL);
	const char *slash = real ? strrchr(real, '/') : NULL;
	char *name = sp_arena_str(a, slash && slash[1] ? slash + 1 : "app");

	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			*p = '-';
	return name;
}

/* What `vitrine deploy` in this folder would have made, if it is there. */
static int space_of_folder(struct session *s, const char **ret, struct sp_err *e)
{
	const char *me, *space;
	int r = session_whoami(s, &me, e);

	if (r < 0)
		return r;
	space = sp_arena_fmt(&s->arena, "%s/%s", me, session_folder_name(".", &s->arena));
	r = session_call(s, "GET", sp_arena_fmt(&s->arena, "/api/spaces/%s/runtime", space), NULL, NULL, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_EINVAL, 0, "which Space? this folder is no clone of one, and there is no %s on %s: say OWNER/NAME", space, client_url(s->client));
	if (r == 0)
		*ret = space;
	return r;
}

int session_space(struct session *s, const char *given, const char **ret, struct sp_err *e)
{
	const char *me, *found;
	int r;

	if (!given)
		given = s->space;
	if (!given) {
		found = session_remote(s, ".");
		if (!found)
			return space_of_folder(s, ret, e);
		*ret = found;
		return 0;
	}
	if (strstr(given, "://")) {
		*ret = space_of_url(s, given, strlen(given));
		return *ret ? 0 : sp_fail(e, SP_EINVAL, 0, "'%.120s' is not the page of a Space on %s", given, client_url(s->client));
	}
	if (is_space(given)) {
		*ret = given;
		return 0;
	}
	if (!is_name(given, strlen(given)))
		return sp_fail(e, SP_EINVAL, 0, "'%.100s' is not the name of a Space: write OWNER/NAME", given);
	r = session_whoami(s, &me, e);
	if (r == 0)
		*ret = sp_arena_fmt(&s->arena, "%s/%s", me, given);
	return r;
}

int session_look(struct session *s, const char *given, const char **ret_space, struct space_state *ret, json_t **ret_info, struct sp_err *e)
{
	int r = session_space(s, given, ret_space, e);

	if (r == 0)
		r = session_call(s, "GET", sp_arena_fmt(&s->arena, "/api/spaces/%s", *ret_space), NULL, ret_info, e);
	if (r == 0)
		space_state_read(*ret_info, &s->arena, ret);
	return r;
}

void session_print(json_t *j)
{
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(j);
}
