#include <stdio.h>
#include <string.h>

#include "store_priv.h"
#include "store_rows.h"
#include "str.h"

enum { WORDS_MAX = 8, TAGS_MAX = 16, WORD_BYTES = 100 };

/* Each is an index of schema.c read in one direction: the first page of any number of Spaces sorts nothing. */
static const char *const order_by[][2] = {
	[SORT_CREATED] = { "r.created_ms DESC, r.id DESC", "r.created_ms, r.id" },
	[SORT_CHANGED] = { "r.changed_ms DESC, r.id DESC", "r.changed_ms, r.id" },
	[SORT_LIKES] = { "r.likes DESC, r.created_ms DESC, r.id DESC", "r.likes, r.created_ms, r.id" },
	[SORT_TRENDING] = { "r.trending DESC, r.created_ms DESC, r.id DESC", "r.trending, r.created_ms, r.id" },
};

/* Words that must all occur, each as a LIKE pattern. */
struct words { unsigned n; char like[WORDS_MAX][2 * WORD_BYTES + 3]; };

static void word_add(struct words *w, const char *p, size_t n)
{
	char *out = w->like[w->n];
	size_t at = 0;

	if (w->n == WORDS_MAX)
		return;
	out[at++] = '%';
	for (size_t i = 0; i < n && i < WORD_BYTES; i++) {
		if (p[i] == '%' || p[i] == '_' || p[i] == '\\')
			out[at++] = '\\';
		out[at++] = p[i];
	}
	out[at++] = '%';
	out[at] = '\0';
	w->n++;
}

static void words_split(struct words *w, const char *search)
{
	w->n = 0;
	while (search && *search) {
		size_t n = strcspn(search, " \t\n/");

		if (n > 0)
			word_add(w, search, n);
		search += n + (search[n] != '\0');
	}
}

static unsigned count_of(const char *const *list)
{
	unsigned n = 0;

	while (list && list[n] && n < TAGS_MAX)
		n++;
	return n;
}

static void add_times(struct sp_buf *sql, const char *condition, unsigned n)
{
	while (n-- > 0)
		sp_buf_puts(sql, condition);
}

/* Only the shape of the query goes into its text, so that few statements serve all; values are bound in the same order. */
static void compose(struct sp_buf *sql, const struct store_repo_query *lq, const struct words *w)
{
	sp_buf_puts(sql, " WHERE 1");
	if (lq->type)
		sp_buf_puts(sql, " AND r.type = ?");
	if (lq->author)
		sp_buf_puts(sql, " AND u.name = ?");
	if (!lq->viewer_is_admin)
		sp_buf_puts(sql, " AND (r.is_private = 0 OR r.owner = ?)");
	add_times(sql, " AND (u.name || ' ' || r.name || ' ' || r.title || ' ' || r.short_description || ' ' ||"
			" coalesce(r.tags_json, '')) LIKE ? ESCAPE '\\'", w->n);
	add_times(sql, " AND ? IN (SELECT r.sdk UNION ALL SELECT value FROM json_each(coalesce(r.tags_json, '[]')))", count_of(lq->tags));
	add_times(sql, " AND EXISTS (SELECT 1 FROM json_each(coalesce(r.card_json, '{}'), '$.models') WHERE value = ?)", count_of(lq->models));
	add_times(sql, " AND EXISTS (SELECT 1 FROM json_each(coalesce(r.card_json, '{}'), '$.datasets') WHERE value = ?)", count_of(lq->datasets));
}

static void bind_list(struct db_query *q, const char *const *list)
{
	for (unsigned i = 0; i < count_of(list); i++)
		db_bind_text(q, list[i]);
}

static void bind_all(struct db_query *q, const struct store_repo_query *lq, const struct words *w)
{
	if (lq->type)
		db_bind_text(q, lq->type);
	if (lq->author)
		db_bind_text(q, lq->author);
	if (!lq->viewer_is_admin)
		db_bind_id(q, &lq->viewer);
	for (unsigned i = 0; i < w->n; i++)
		db_bind_text(q, w->like[i]);
	bind_list(q, lq->tags);
	bind_list(q, lq->models);
	bind_list(q, lq->datasets);
}

int store_repo_count(struct store *st, const struct store_repo_query *lq, int64_t *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	sp_auto_buf struct sp_buf sql = { 0 };
	struct words words;
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	words_split(&words, lq->search);
	sp_buf_puts(&sql, "SELECT count(*) FROM repos r JOIN users u ON u.id = r.owner");
	compose(&sql, lq, &words);
	db_auto_query struct db_query q = db_query(rd.db, sql.p);

	bind_all(&q, lq, &words);
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
	struct words words;
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	words_split(&words, lq->search);
	sp_buf_puts(&sql, STORE_REPO_SELECT);
	compose(&sql, lq, &words);
	sp_buf_fmt(&sql, " ORDER BY %s LIMIT ? OFFSET ?", order_by[lq->sort][lq->ascending]);
	db_auto_query struct db_query q = db_query(rd.db, sql.p);

	bind_all(&q, lq, &words);
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
