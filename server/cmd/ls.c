/*
 * ls.c - `vitrine ls`: Spaces with their state, and why one does not run.
 */
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "session.h"
#include "space_state.h"
#include "term.h"

enum { PAGE = 100, COLS = 4 };

/* One page of the list, up to PAGE entries, from FROM on. */
static int fetch(struct session *s, const char *author, size_t from, json_t **ret, struct sp_err *e)
{
	static const char fields[] = "expand[]=runtime&expand[]=private&expand[]=sdk&expand[]=likes&expand[]=lastModified";
	const char *path = sp_arena_fmt(&s->arena, "/api/spaces?%s&limit=%d&cursor=%zu%s%s", fields, PAGE, from, author ? "&author=" : "", author ? author : "");

	return session_call(s, "GET", path, NULL, ret, e);
}

/* PAGE entries, or with ALL everything there is; RET_MORE: there are others. */
static int fetch_all(struct session *s, const char *author, bool all, json_t *list, bool *ret_more, struct sp_err *e)
{
	json_t *page = NULL;
	size_t got;

	do {
		int r = fetch(s, author, json_array_size(list), &page, e);

		if (r < 0)
			return r;
		got = json_array_size(page);
		json_array_extend(list, page);
		json_decref(page);
	} while (all && got == PAGE);
	*ret_more = got == PAGE;
	return 0;
}

/* Every row with its cause below it would break the columns: the cause is its last cell. */
static void print_list(struct session *s, const json_t *list)
{
	size_t n = json_array_size(list);
	const char **cells = sp_arena_get(&s->arena, (n + 1) * COLS * sizeof(*cells));
	enum term_style *styles = sp_arena_get(&s->arena, (n + 1) * COLS * sizeof(*styles));

	for (size_t i = 0; i < n; i++) {
		const char **row = cells + i * COLS;
		struct space_state st;

		space_state_read(json_array_get(list, i), &s->arena, &st);
		row[0] = sp_arena_fmt(&s->arena, "%s%s", st.id, st.is_private ? " (private)" : "");
		row[1] = st.stage;
		styles[i * COLS + 1] = term_stage(st.stage);
		row[2] = space_state_age(st.since, &s->arena);
		row[3] = st.why[0] ? term_safe(stdout, st.why, &s->arena) : st.host;
		if (!st.why[0])
			styles[i * COLS + 3] = STYLE_DIM;
	}
	term_table(cells, styles, n, COLS);
}

/* The list leaves the host out when fields are chosen; it is the label at the server's own name. */
static void add_hosts(struct session *s, json_t *list)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one) {
		const char *domain = json_string_value(json_object_get(json_array_get(json_object_get(json_object_get(one, "runtime"), "domains"), 0), "domain"));
		const char *url = client_url(s->client);

		if (domain)
			json_object_set_new(one, "host", json_string(sp_arena_fmt(&s->arena, "%.*s%s", (int)(strstr(url, "://") + 3 - url), url, domain)));
	}
}

int cmd_ls(int argc, char **argv)
{
	session_auto struct session s = { 0 };
	bool mine = false, all = false, more = false;
	const char *operands[2], *author;
	const struct option_row rows[] = { SESSION_OPTIONS(&s), { "--mine", NULL, &mine, NULL }, { "--all", NULL, &all, NULL } };
	struct sp_err e = { 0 };
	json_t *list;
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 1))
		return CMD_USAGE;
	author = operands[0];
	r = session_open(&s);
	if (r != CMD_OK)
		return r;
	if (author && strspn(author, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(author))
		return cmd_fail(CMD_USAGE, "'%.60s' is not the name of a user", author);
	if (mine && session_whoami(&s, &author, &e) < 0)
		return cmd_fail_err(&e);
	list = json_array();
	r = fetch_all(&s, author, all, list, &more, &e);
	add_hosts(&s, list);
	if (r < 0) {
		r = cmd_fail_err(&e);
	} else if (s.json) {
		session_print(json_incref(list));
	} else if (json_array_size(list) == 0) {
		fprintf(stderr, "There are no Spaces%s%s on %s yet; 'vitrine deploy FOLDER' makes one.\n", author ? " of " : "", author ? author : "", client_url(s.client));
	} else {
		print_list(&s, list);
		if (more)
			fputs("There may be more: 'vitrine ls --all' shows every one.\n", stderr);
	}
	json_decref(list);
	return r;
}
