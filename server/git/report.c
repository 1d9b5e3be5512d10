#include <stdio.h>
#include <string.h>

#include "server/git/git_int.h"

enum { PKT_MAX = 65515, LINE_MAX_BYTES = 900 };

static void pkt(struct sp_buf *to, char band, const char *p, size_t n)
{
	sp_buf_fmt(to, "%04x", (unsigned)(n + 4 + (band != '\0')));
	if (band)
		sp_buf_add(to, &band, 1);
	sp_buf_add(to, p, n);
}

/* One line: a client takes what follows a line's end for something else. */
static void one_line(char to[LINE_MAX_BYTES + 1], const char *why)
{
	size_t n = strnlen(why, LINE_MAX_BYTES);

	memcpy(to, why, n);
	to[n] = '\0';
	for (char *p = to; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static void status(struct sp_buf *to, const struct repo_update *u, const char *why)
{
	sp_auto_buf struct sp_buf line = { 0 };

	if (u->moved)
		sp_buf_fmt(&line, "ok %s\n", u->ref);
	else
		sp_buf_fmt(&line, "ng %s %s\n", u->ref, why);
	pkt(to, '\0', line.p, line.n);
}

static void say(struct sp_buf *to, char band, const char *why)
{
	sp_auto_buf struct sp_buf line = { 0 };

	sp_buf_fmt(&line, "%s\n", why);
	pkt(to, band, line.p, line.n);
}

void git_report(struct sp_buf *to, bool sideband, const struct repo_update *v, size_t n, const char *why)
{
	sp_auto_buf struct sp_buf all = { 0 };
	char line[LINE_MAX_BYTES + 1], brief[121];

	one_line(line, why);
	snprintf(brief, sizeof(brief), "%.120s", line);
	pkt(&all, '\0', "unpack ok\n", 10);
	for (size_t i = 0; i < n; i++)
		status(&all, &v[i], sideband ? brief : line);
	sp_buf_puts(&all, "0000");
	if (!sideband) {
		sp_buf_add(to, all.p, all.n);
		return;
	}
	say(to, '\2', line);
	for (size_t at = 0; at < all.n; at += PKT_MAX)
		pkt(to, '\1', all.p + at, all.n - at < PKT_MAX ? all.n - at : PKT_MAX);
	sp_buf_puts(to, "0000");
}

void git_report_fatal(struct sp_buf *to, bool sideband, const char *why)
{
	char line[LINE_MAX_BYTES + 1];

	one_line(line, why);
	if (sideband) {
		say(to, '\3', line);
	} else {
		sp_auto_buf struct sp_buf unpack = { 0 };

		sp_buf_fmt(&unpack, "unpack %s\n", line);
		pkt(to, '\0', unpack.p, unpack.n);
	}
	sp_buf_puts(to, "0000");
}

void git_pkt_err(struct sp_buf *to, const char *why)
{
	sp_auto_buf struct sp_buf text = { 0 };
	char line[LINE_MAX_BYTES + 1];

	one_line(line, why);
	sp_buf_fmt(&text, "ERR %s", line);
	pkt(to, '\0', text.p, text.n);
}

bool git_says_ok(const struct sp_buf *answer)
{
	static const char word[] = "ok refs/";

	return answer->n && memmem(answer->p, answer->n, word, sizeof(word) - 1);
}

bool git_wants_sideband(const char *p, size_t n)
{
	static const char word[] = "side-band-64k";
	const char *caps = memchr(p, '\0', n), *end = p + n, *at;

	if (!caps)
		return false;
	caps++;
	at = memchr(caps, '\n', (size_t)(end - caps));
	end = at ? at : end;
	at = memmem(caps, (size_t)(end - caps), word, sizeof(word) - 1);
	return at && (at == caps || at[-1] == ' ');
}
