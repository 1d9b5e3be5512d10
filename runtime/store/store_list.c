#include <stdio.h>
#include <string.h>

#include "store_priv.h"
#include "store_rows.h"
#include "str.h"

enum { WORDS_MAX = 8, TAGS_MAX = 16, WORD_BYTES = 100, FEW = 400, BEST_MAX = 1000 };

/* Each is an index of schema.c read in one direction: the first page of any number of Spaces sorts nothing. */
static const char *const order_by[][2] = {
	[SORT_CREATED] = { "r.created_ms DESC, r.id DESC", "r.created_ms, r.id" },
	[SORT_CHANGED] = { "r.changed_ms DESC, r.id DESC", "r.changed_ms, r.id" },
	[SORT_LIKES] = { "r.likes DESC, r.created_ms DESC, r.id DESC", "r.likes, r.created_ms, r.id" },
	[SORT_TRENDING] = { "r.trending DESC, r.created_ms DESC, r.id DESC", "r.trending, r.created_ms, r.id" },
	/* bm25 is negative, smaller is better; likes at most double it. */
	[SORT_BEST] = { "m.score * (1 + r.likes / (r.likes + 10.0)), r.created_ms DESC, r.id DESC",
			"m.score * (1 + r.likes / (r.likes + 10.0)) DESC, r.created_ms, r.id" },
};

/* What a query asks for, made fit for SQL. */
struct ask {
	const struct store_repo_query *q;
	enum store_sort sort;
	struct sp_buf match;                    /* of FTS5; none: no search, or one without a word */
	bool finds_nothing;                     /* a search without a word in it */
	bool is_rare[TAGS_MAX];
};

static void ask_fini(struct ask *k)
{
	sp_buf_fini(&k->match);
}

static bool is_word_byte(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * Each word as a quoted string, the only form of FTS5's language in which nothing has a meaning of its own; the
 * words hold no quotes. The last one may be unfinished.
 */
static void match_build(struct ask *k)
{
	const char *s = k->q->search;
	unsigned words = 0;

	while (*s && words < WORDS_MAX) {
		size_t n = 0;

		while (is_word_byte(s[n]))
			n++;
		if (n > 0) {
			sp_buf_fmt(&k->match, "%s\"%.*s\"", words ? " " : "", (int)(n < WORD_BYTES ? n : WORD_BYTES), s);
			words++;
		}
		s += n + (s[n] != '\0');
	}
	if (words)
		sp_buf_puts(&k->match, "*");
	k->finds_nothing = !words && k->q->search[strspn(k->q->search, " \t\r\n")];
}

static unsigned count_of(const char *const *list)
{
	unsigned n = 0;

	while (list && list[n] && n < TAGS_MAX)
		n++;
	return n;
}

/* Of a tag that few have those few are read and sorted; of others the order's index is read until a page is full. */
static int tag_is_rare(struct db *db, const char *tag, bool *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT count(*) FROM (SELECT 1 FROM repo_tags WHERE tag = ? LIMIT ?)");
	int r;

	db_bind_text(&q, tag);
	db_bind_int(&q, FEW);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no count");
	*ret = db_column_int(&q, 0) < FEW;
	return 0;
}

static int ask_make(struct db *db, const struct store_repo_query *lq, struct ask *k, struct sp_err *e)
{
	int r = 0;

	k->q = lq;
	k->sort = lq->sort;
	if (lq->search)
		match_build(k);
	if (k->sort == SORT_BEST && !k->match.n)
		k->sort = SORT_TRENDING;
	for (unsigned i = 0; i < count_of(lq->tags) && r == 0; i++)
		r = tag_is_rare(db, lq->tags[i], &k->is_rare[i], e);
	return r;
}

static void add_times(struct sp_buf *sql, const char *condition, unsigned n)
{
	while (n-- > 0)
		sp_buf_puts(sql, condition);
}

#define FOUND " FROM search_words JOIN search_docs d ON d.doc = search_words.rowid WHERE search_words MATCH ?"

/* Only the shape of the query goes into its text, so that few statements serve all; values are bound in the same order. */
static void compose(struct sp_buf *sql, const struct ask *k)
{
	const struct store_repo_query *lq = k->q;

	if (k->sort == SORT_BEST)
		sp_buf_fmt(sql, " JOIN (SELECT d.repo AS repo, bm25(search_words, 10, 4, 8, 4, 6, 1) AS score" FOUND
				" ORDER BY score LIMIT %d) m ON m.repo = r.id", lq->author ? -1 : BEST_MAX);
	sp_buf_puts(sql, k->finds_nothing ? " WHERE 0" : " WHERE 1");
	if (lq->type)
		sp_buf_puts(sql, " AND r.type = ?");
	if (lq->author)
		sp_buf_puts(sql, " AND u.name = ?");
	if (!lq->viewer_is_admin)
		sp_buf_puts(sql, " AND (r.is_private = 0 OR r.owner = ?)");
	if (k->sort != SORT_BEST && k->match.n)
		sp_buf_puts(sql, " AND r.id IN (SELECT d.repo" FOUND ")");
	for (unsigned i = 0; i < count_of(lq->tags); i++)
		sp_buf_puts(sql, k->is_rare[i] ? " AND r.id IN (SELECT repo FROM repo_tags WHERE tag = ?)"
				: " AND EXISTS (SELECT 1 FROM repo_tags t WHERE t.tag = ? AND t.repo = r.id)");
	add_times(sql, " AND EXISTS (SELECT 1 FROM json_each(coalesce(r.card_json, '{}'), '$.models') WHERE value = ?)", count_of(lq->models));
	add_times(sql, " AND EXISTS (SELECT 1 FROM json_each(coalesce(r.card_json, '{}'), '$.datasets') WHERE value = ?)", count_of(lq->datasets));
}

static void bind_list(struct db_query *q, const char *const *list)
{
	for (unsigned i = 0; i < count_of(list); i++)
		db_bind_text(q, list[i]);
}

static void bind_all(struct db_query *q, const struct ask *k)
{
	const struct store_repo_query *lq = k->q;

	if (k->sort == SORT_BEST)
		db_bind_text(q, k->match.p);
	if (lq->type)
		db_bind_text(q, lq->type);
	if (lq->author)
		db_bind_text(q, lq->author);
	if (!lq->viewer_is_admin)
		db_bind_id(q, &lq->viewer);
	if (k->sort != SORT_BEST && k->match.n)
		db_bind_text(q, k->match.p);
	bind_list(q, lq->tags);
	bind_list(q, lq->models);
	bind_list(q, lq->datasets);
}

int store_repo_count(struct store *st, const struct store_repo_query *lq, int64_t *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	sp_auto_buf struct sp_buf sql = { 0 };
	sp_auto(ask_fini) struct ask k = { 0 };
	int r = store_read(st, &rd, e);

	if (r == 0)
		r = ask_make(rd.db, lq, &k, e);
	if (r < 0)
		return r;
	sp_buf_puts(&sql, "SELECT count(*) FROM (SELECT 1 FROM repos r JOIN users u ON u.id = r.owner");
	compose(&sql, &k);
	sp_buf_puts(&sql, " LIMIT ? OFFSET ?)");
	db_auto_query struct db_query q = db_query(rd.db, sql.p);

	bind_all(&q, &k);
	db_bind_int(&q, lq->limit ? lq->limit : -1);
	db_bind_int(&q, lq->offset);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no count");
	*ret = db_column_int(&q, 0);
	return 0;
}

int store_repo_list(struct store *st, const struct store_repo_query *lq, struct sp_arena *a, struct store_repo **ret, size_t *ret_n,
		struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_repo) };
	store_auto_reader struct store_reader rd = { 0 };
	sp_auto_buf struct sp_buf sql = { 0 };
	sp_auto(ask_fini) struct ask k = { 0 };
	int r = store_read(st, &rd, e);

	if (r == 0)
		r = ask_make(rd.db, lq, &k, e);
	if (r < 0)
		return r;
	sp_buf_puts(&sql, STORE_REPO_SELECT);
	compose(&sql, &k);
	sp_buf_fmt(&sql, " ORDER BY %s LIMIT ? OFFSET ?", order_by[k.sort][lq->ascending]);
	db_auto_query struct db_query q = db_query(rd.db, sql.p);

	bind_all(&q, &k);
	db_bind_int(&q, lq->limit);
	db_bind_int(&q, lq->offset);
	while ((r = db_next(&q, e)) > 0)
		store_repo_read(&q, a, store_rows_add(&rows));
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

int store_repo_all_ids(struct store *st, struct sp_arena *a, struct sp_id **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct sp_id) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT id FROM repos WHERE type = 'space'");

	while ((r = db_next(&q, e)) > 0)
		*(struct sp_id *)store_rows_add(&rows) = db_column_id(&q, 0);
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

int store_tag_list(struct store *st, const char *type, int64_t limit, struct sp_arena *a, struct store_tag **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_tag) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT t.tag, count(*) AS n FROM repo_tags t JOIN repos r ON r.id = t.repo WHERE r.type = ? AND r.is_private = 0"
			" AND t.tag NOT LIKE '%:%' AND length(t.tag) < 40 GROUP BY t.tag ORDER BY n DESC, t.tag LIMIT ?");

	db_bind_text(&q, type);
	db_bind_int(&q, limit);
	while ((r = db_next(&q, e)) > 0) {
		struct store_tag *t = store_rows_add(&rows);

		db_column_array(&q, 0, t->name);
		t->n = db_column_int(&q, 1);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}
