/*
 * env.c - `vitrine secrets` and `vitrine vars`: what an app is given at its start.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "limit.h"
#include "session.h"
#include "str.h"
#include "term.h"

struct kind { const char *command, *path, *one, *many; bool is_secret; };
static const struct kind secrets = { "secrets", "secrets", "secret", "secrets", true };
static const struct kind vars = { "vars", "variables", "variable", "variables", false };

enum { KEYS_MAX = 64 };

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

/* "2026-11-23T22:08:17.000Z" for people. */
static const char *day_of(const char *iso, struct sp_arena *a)
{
	return strlen(iso) >= 16 ? sp_arena_fmt(a, "%.10s %.5s", iso, iso + 11) : "";
}

static void print_map(struct session *s, const struct kind *k, json_t *map)
{
	size_t cols = k->is_secret ? 3 : 4, n = 0;
	const char **cells = sp_arena_get(&s->arena, json_object_size(map) * cols * sizeof(*cells)), *key;
	json_t *one;

	json_object_foreach(map, key, one) {
		cells[n++] = sp_arena_str(&s->arena, key);
		if (!k->is_secret)
			cells[n++] = term_safe(stdout, text_of(one, "value"), &s->arena);
		cells[n++] = day_of(text_of(one, "updatedAt"), &s->arena);
		cells[n++] = term_safe(stdout, text_of(one, "description"), &s->arena);
	}
	term_table(cells, NULL, n / cols, cols);
}

static int list(struct session *s, const struct kind *k, const char *space)
{
	struct sp_err e = { 0 };
	json_t *map = NULL;

	if (session_call(s, "GET", sp_arena_fmt(&s->arena, "/api/spaces/%s/%s", space, k->path), NULL, &map, &e) < 0)
		return cmd_fail_err(&e);
	if (s->json) {
		session_print(map);
		return CMD_OK;
	}
	if (json_object_size(map) == 0)
		fprintf(stderr, "%s has no %s.\n", space, k->many);
	else
		print_map(s, k, map);
	json_decref(map);
	return CMD_OK;
}

/* From KEY=VALUE, standard input, or a person. NULL: complained. */
static const char *read_value(struct session *s, const struct kind *k, const char *key, const char *given)
{
	const char *value = given;

	if (value) {
		if (k->is_secret)
			fprintf(stderr, "vitrine: the value of %s is in your shell's history now; next time pipe it in or let yourself be asked\n", key);
		return value;
	}
	if (isatty(STDIN_FILENO))
		value = term_ask_hidden(key, &s->arena);
	else
		value = term_read_input(SP_LIMIT_secret_bytes, &s->arena);
	if (!value)
		cmd_fail(CMD_USAGE, "no value for %s: pipe in a text of at most %d bytes without NUL bytes", key, (int)SP_LIMIT_secret_bytes);
	return value;
}

static int set(struct session *s, const struct kind *k, const char *space, const char *const *pairs, const char *description)
{
	const char *path = sp_arena_fmt(&s->arena, "/api/spaces/%s/%s", space, k->path);
	struct sp_err e = { 0 };

	for (; *pairs; pairs++) {
		size_t n = strcspn(*pairs, "=");
		const char *key = sp_arena_mem(&s->arena, *pairs, n), *value = read_value(s, k, key, (*pairs)[n] ? *pairs + n + 1 : NULL);
		json_t *body;

		if (!value)
			return CMD_USAGE;
		body = json_pack("{s:s, s:s}", "key", key, "value", value);
		if (!body)
			return cmd_fail(CMD_USAGE, "the value of %s is not UTF-8 text: encode it, for example with base64", key);
		if (description)
			json_object_set_new(body, "description", json_string(description));
		if (session_call(s, "POST", path, body, NULL, &e) < 0)
			return cmd_fail_err(&e);
		if (s->json)
			session_print(json_pack("{s:s, s:s, s:b}", "space", space, "key", key, "set", true));
		else
			printf("%s of %s is set; a running app restarts with it.\n", key, space);
	}
	return CMD_OK;
}

static int drop(struct session *s, const struct kind *k, const char *space, const char *const *keys)
{
	const char *path = sp_arena_fmt(&s->arena, "/api/spaces/%s/%s", space, k->path);
	struct sp_err e = { 0 };
	json_t *map = NULL;
	int status = CMD_OK;

	if (session_call(s, "GET", path, NULL, &map, &e) < 0)
		return cmd_fail_err(&e);
	for (; *keys && status == CMD_OK; keys++) {
		if (!json_object_get(map, *keys))
			status = cmd_fail(CMD_FAILED, "%s has no %s '%s'; 'vitrine %s ls %s' lists them", space, k->one, *keys, k->command, space);
		else if (session_call(s, "DELETE", path, json_pack("{s:s}", "key", *keys), NULL, &e) < 0)
			status = cmd_fail_err(&e);
		else if (s->json)
			session_print(json_pack("{s:s, s:s, s:b}", "space", space, "key", *keys, "set", false));
		else
			printf("%s of %s is deleted; a running app restarts without it.\n", *keys, space);
	}
	json_decref(map);
	return status;
}

/* Is the first of several words the Space? OWNER/NAME always; a plain word when keys follow it. */
static bool is_space(const char *const *words)
{
	size_t n = strcspn(words[0], "=");

	return memchr(words[0], '/', n) || (words[1] && !words[0][n]);
}

static int run(const struct kind *k, int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const char *description = NULL, *operands[KEYS_MAX + 3], *space, *const *rest = operands + 1;
	const struct option_row rows[] = { SESSION_OPTIONS(&s), { "--description", &description, NULL, NULL } };
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, KEYS_MAX + 2))
		return CMD_USAGE;
	if (!operands[0] || (strcmp(operands[0], "ls") && strcmp(operands[0], "set") && strcmp(operands[0], "rm")))
		return cmd_fail(CMD_USAGE, "say 'vitrine %s ls', 'set' or 'rm'; see 'vitrine help %s'", k->command, k->command);
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (rest[0] && !s.space && (!strcmp(operands[0], "ls") || is_space(rest)))
		s.space = *rest++;
	if (!strcmp(operands[0], "ls") ? rest[0] != NULL : rest[0] == NULL)
		return cmd_fail(CMD_USAGE, "%s %s: %s; see 'vitrine help %s'", k->command, operands[0], rest[0] ? "one argument too many" : "which one? name it", k->command);
	if (session_space(&s, NULL, &space, &e) < 0)
		return cmd_fail_err(&e);
	if (!strcmp(operands[0], "ls"))
		return list(&s, k, space);
	return !strcmp(operands[0], "set") ? set(&s, k, space, rest, description) : drop(&s, k, space, rest);
}

int cmd_secrets(int argc, char **argv)
{
	return run(&secrets, argc, argv);
}

int cmd_vars(int argc, char **argv)
{
	return run(&vars, argc, argv);
}
