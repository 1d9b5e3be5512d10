/*
 * login.c - `vitrine login [URL]`, `logout [URL]`, `whoami`: tokens kept for later commands.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "login_file.h"
#include "session.h"
#include "str.h"
#include "term.h"

enum { TOKEN_MAX = 200 };

/* From the option, standard input, or a person. */
static const char *read_token(struct session *s)
{
	const char *token = s->token;

	if (!token && !isatty(STDIN_FILENO))
		token = term_read_input(TOKEN_MAX, &s->arena);
	else if (!token) {
		fprintf(stderr, "Make a token at %s/-/tokens and paste it here.\n", client_url(s->client));
		token = term_ask_hidden("Token", &s->arena);
	}
	return token && token[0] ? token : NULL;
}

static int remember(struct session *s, const char *token)
{
	sp_auto(client_free_p) struct client *c = NULL;
	const char *url = client_url(s->client), *name = NULL;
	struct sp_err e = { 0 };
	int r = client_new(url, token, &c, &e);

	if (r == 0) {
		client_free(s->client);
		s->client = sp_take_ptr(&c);
		s->name = NULL;
		url = client_url(s->client);
		r = session_whoami(s, &name, &e);
	}
	if (r == -SP_EAUTH)
		return cmd_fail(CMD_NO_ACCESS, "%s does not accept this token; nothing was saved. Copy it again, or make a new one at %s/-/tokens", url, url);
	if (r == 0)
		r = login_put(&(struct login){ url, token, name }, &s->arena, &e);
	if (r < 0)
		return cmd_fail_err(&e);
	if (sp_starts_with(url, "http://") && !login_url_is_local(url))
		fprintf(stderr, "vitrine: %s is not encrypted: whoever is on the way can read the token\n", url);
	if (s->json)
		session_print(json_pack("{s:s, s:s, s:s}", "url", url, "name", name, "file", login_path(&s->arena)));
	else
		printf("Signed in at %s as %s. The token is kept in %s.\n", url, name, login_path(&s->arena));
	return CMD_OK;
}

int cmd_login(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const struct option_row rows[] = { SESSION_OPTIONS(&s) };
	const char *operands[2], *token;
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (operands[0])
		s.to = operands[0];
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	token = read_token(&s);
	if (!token)
		return cmd_fail(CMD_USAGE, "login needs a token: type it, pipe it in, or give --token; make one at %s/-/tokens", client_url(s.client));
	if (strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~") != strlen(token))
		return cmd_fail(CMD_USAGE, "that is not a token: it has letters, digits and '_' only, like hf_…");
	return remember(&s, token);
}

int cmd_logout(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const struct option_row rows[] = { SESSION_OPTIONS(&s) };
	const char *operands[2];
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	if (operands[0])
		s.to = operands[0];
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (login_drop(client_url(s.client), &s.arena, &e) < 0)
		return cmd_fail_err(&e);
	if (s.json)
		session_print(json_pack("{s:s}", "url", client_url(s.client)));
	else
		printf("The token for %s is forgotten here. It stays valid: revoke it at %s/-/tokens.\n", client_url(s.client), client_url(s.client));
	return CMD_OK;
}

int cmd_whoami(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	const struct option_row rows[] = { SESSION_OPTIONS(&s) };
	const char *operands[1], *name;
	struct sp_err e = { 0 };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 0))
		return CMD_USAGE;
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	s.name = NULL;          /* as the server says, not as the file remembers */
	if (session_whoami(&s, &name, &e) < 0)
		return cmd_fail_err(&e);
	if (s.json)
		session_print(json_pack("{s:s, s:s}", "url", client_url(s.client), "name", name));
	else
		printf("%s at %s\n", name, client_url(s.client));
	return CMD_OK;
}
