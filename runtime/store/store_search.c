/* The words of repositories, for store_list.c. Whoever writes what is searched calls this in the same job. */
#include "store_priv.h"

static int doc_of(struct db *db, const struct sp_id *repo, int64_t *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT doc FROM search_docs WHERE repo = ?");
	int r;

	db_bind_id(&q, repo);
	r = db_next(&q, e);
	if (r > 0)
		*ret = db_column_int(&q, 0);
	return r;
}

/* A row of each table for REPO, empty. */
static int doc_add(struct db *db, const struct sp_id *repo, int64_t *ret, struct sp_err *e)
{
	db_auto_query struct db_query add = db_query(db, "INSERT INTO search_docs (repo) VALUES (?)");
	db_auto_query struct db_query fill = db_query(db, "INSERT INTO search_words (rowid, name, owner, title, description, tags, readme)"
			" SELECT doc, '', '', '', '', '', '' FROM search_docs WHERE repo = ?");
	int r;

	db_bind_id(&add, repo);
	db_bind_id(&fill, repo);
	r = db_run(&add, e);
	if (r >= 0)
		r = db_run(&fill, e);
	return r < 0 ? r : doc_of(db, repo, ret, e);
}

static int readme_set(struct db *db, int64_t doc, const char *readme, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "UPDATE search_words SET readme = ? WHERE rowid = ?");
	int r;

	db_bind_text(&q, readme);
	db_bind_int(&q, doc);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int tags_set(struct db *db, const struct sp_id *repo, struct sp_err *e)
{
	db_auto_query struct db_query clear = db_query(db, "DELETE FROM repo_tags WHERE repo = ?");
	db_auto_query struct db_query fill = db_query(db,
			"INSERT OR IGNORE INTO repo_tags (tag, repo) SELECT sdk, id FROM repos WHERE id = ?1 AND sdk <> ''"
			" UNION SELECT j.value, r.id FROM repos r, json_each(CASE WHEN json_valid(r.tags_json) THEN r.tags_json ELSE '[]' END) j"
			" WHERE r.id = ?1 AND j.type = 'text'");
	int r;

	db_bind_id(&clear, repo);
	db_bind_id(&fill, repo);
	r = db_run(&clear, e);
	if (r >= 0)
		r = db_run(&fill, e);
	return r < 0 ? r : 0;
}

int store_search_set(struct db *db, const struct sp_id *repo, const char *readme, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db,
			"UPDATE search_words SET name = r.name, owner = u.name, title = r.title, description = r.short_description,"
			" tags = coalesce(r.tags_json, '') FROM repos r JOIN users u ON u.id = r.owner WHERE r.id = ?1 AND search_words.rowid = ?2");
	int64_t doc = 0;
	int r = doc_of(db, repo, &doc, e);

	if (r == 0)
		r = doc_add(db, repo, &doc, e);
	if (r < 0)
		return r;
	db_bind_id(&q, repo);
	db_bind_int(&q, doc);
	r = db_run(&q, e);
	if (r >= 0)
		r = tags_set(db, repo, e);
	return r < 0 ? r : readme ? readme_set(db, doc, readme, e) : 0;
}

int store_search_drop(struct db *db, const struct sp_id *repo, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM search_words WHERE rowid = (SELECT doc FROM search_docs WHERE repo = ?)");
	int r;

	db_bind_id(&q, repo);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}
