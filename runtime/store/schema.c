#include "schema.h"

#include <stdio.h>

/* repos.trending: see store_priv.h. likes counts the rows of likes, so that listing needs no join. */
static const char step_1[] =
	"CREATE TABLE users ("
	" id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL COLLATE NOCASE UNIQUE, fullname TEXT NOT NULL,"
	" is_admin INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE tokens ("
	" sha256 BLOB PRIMARY KEY NOT NULL CHECK (length(sha256) = 32),"
	" user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" kind INTEGER NOT NULL, role INTEGER NOT NULL, label TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX tokens_user ON tokens (user);"
	"CREATE INDEX tokens_expires ON tokens (expires_ms) WHERE expires_ms > 0;"
	"CREATE TABLE repos ("
	" id TEXT PRIMARY KEY NOT NULL, type TEXT NOT NULL, owner TEXT NOT NULL REFERENCES users (id),"
	" name TEXT NOT NULL COLLATE NOCASE, label TEXT NOT NULL UNIQUE, sdk TEXT NOT NULL,"
	" is_private INTEGER NOT NULL, is_paused INTEGER NOT NULL, head TEXT NOT NULL, release TEXT NOT NULL,"
	" title TEXT NOT NULL, emoji TEXT NOT NULL, color_from TEXT NOT NULL, color_to TEXT NOT NULL,"
	" short_description TEXT NOT NULL, likes INTEGER NOT NULL, trending REAL NOT NULL,"
	" created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, card_json TEXT, tags_json TEXT,"
	" UNIQUE (owner, type, name)) STRICT;"
	"CREATE INDEX repos_created ON repos (type, created_ms, id);"
	"CREATE INDEX repos_changed ON repos (type, changed_ms, id);"
	"CREATE INDEX repos_likes ON repos (type, likes, created_ms, id);"
	"CREATE INDEX repos_trending ON repos (type, trending, created_ms, id);"
	"CREATE TABLE likes ("
	" repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE, user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" created_ms INTEGER NOT NULL, PRIMARY KEY (repo, user)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX likes_user ON likes (user, created_ms);"
	"CREATE TABLE variables ("
	" repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" description TEXT, changed_ms INTEGER NOT NULL, PRIMARY KEY (repo, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE builds ("
	" seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,"
	" commit_id TEXT NOT NULL, state INTEGER NOT NULL, env TEXT NOT NULL, app TEXT NOT NULL, base TEXT NOT NULL,"
	" cause TEXT NOT NULL, detail TEXT NOT NULL, created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
	" ended_ms INTEGER NOT NULL, recipe_json TEXT) STRICT;"
	"CREATE INDEX builds_repo ON builds (repo, seq);"
	"CREATE INDEX builds_pending ON builds (seq) WHERE state IN (0, 1);"
	"CREATE TABLE runs ("
	" seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,"
	" build TEXT, cause TEXT NOT NULL, detail TEXT NOT NULL, started_ms INTEGER NOT NULL,"
	" ready_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX runs_repo ON runs (repo, seq);"
	"CREATE TABLE events ("    /* no references: what happened stays when its actor or object is gone */
	" seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT, repo TEXT, what TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
	"CREATE INDEX events_repo ON events (repo, seq);";

/*
 * Accounts with passwords, secrets, names that lead on after a move, sleep. A token's id names it for people, who must
 * never see its hash; invitations have no user yet.
 */
static const char step_2[] =
	"ALTER TABLE users ADD COLUMN password TEXT;"
	"ALTER TABLE tokens ADD COLUMN id TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tokens ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;"
	"UPDATE tokens SET id = lower(hex(randomblob(12)));"
	"CREATE UNIQUE INDEX tokens_id ON tokens (id);"
	"CREATE TABLE invitations ("
	" sha256 BLOB PRIMARY KEY NOT NULL CHECK (length(sha256) = 32), id TEXT NOT NULL UNIQUE, name TEXT NOT NULL COLLATE NOCASE,"
	" is_admin INTEGER NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE secrets ("
	" repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE, key TEXT NOT NULL, sealed BLOB NOT NULL,"
	" description TEXT, changed_ms INTEGER NOT NULL, PRIMARY KEY (repo, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE redirects ("  /* the owner's id, not name: who has the name later must not inherit its redirects */
	" owner TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, type TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
	" repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE, created_ms INTEGER NOT NULL,"
	" PRIMARY KEY (owner, type, name)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX redirects_repo ON redirects (repo);"
	"ALTER TABLE repos ADD COLUMN sleep_s INTEGER NOT NULL DEFAULT 172800;"
	"ALTER TABLE repos ADD COLUMN is_asleep INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE repos ADD COLUMN duplicated_from TEXT NOT NULL DEFAULT '';";

/*
 * Words and tags of repositories for search. store_search.c keeps them in step; triggers may not call FTS5 and JSON while
 * schemas are untrusted (db.c). The index is keyed by a number of its own: the rowids of repos may change in a VACUUM.
 * README texts come with the next push, they are not in the database that is migrated.
 */
static const char step_3[] =
	"CREATE TABLE search_docs ("
	" doc INTEGER PRIMARY KEY, repo TEXT NOT NULL UNIQUE REFERENCES repos (id) ON DELETE CASCADE) STRICT;"
	"CREATE VIRTUAL TABLE search_words USING fts5 (name, owner, title, description, tags, readme,"
	" tokenize = 'unicode61 remove_diacritics 2 categories ''L* N* Co So''', prefix = '2 3');"
	"CREATE TABLE repo_tags ("
	" tag TEXT NOT NULL, repo TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE, PRIMARY KEY (tag, repo)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX repo_tags_repo ON repo_tags (repo);"
	"INSERT INTO search_docs (repo) SELECT id FROM repos;"
	"INSERT INTO search_words (rowid, name, owner, title, description, tags, readme)"
	" SELECT d.doc, r.name, u.name, r.title, r.short_description, coalesce(r.tags_json, ''), ''"
	" FROM search_docs d JOIN repos r ON r.id = d.repo JOIN users u ON u.id = r.owner;"
	"INSERT OR IGNORE INTO repo_tags (tag, repo) SELECT sdk, id FROM repos WHERE sdk <> '' UNION SELECT j.value, r.id FROM repos r,"
	" json_each(CASE WHEN json_valid(r.tags_json) THEN r.tags_json ELSE '[]' END) j WHERE j.type = 'text';";

/* What an app may reach; by name, so that a row says it to people too. */
static const char step_4[] =
	"ALTER TABLE repos ADD COLUMN network TEXT NOT NULL DEFAULT 'web';";

const char *const schema_steps[] = { step_1, step_2, step_3, step_4 };
const unsigned schema_steps_n = SP_COUNT(schema_steps);

static int version_of(struct db *db, int64_t *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "PRAGMA user_version");
	int r = db_next(&q, e);

	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_EBUG, 0, "no user_version");
	*ret = db_column_int(&q, 0);
	return 0;
}

static int step_make(struct db *db, const char *step, unsigned version, struct sp_err *e)
{
	char set[64];
	int r = db_exec(db, "BEGIN IMMEDIATE", e);

	if (r < 0)
		return r;
	snprintf(set, sizeof(set), "PRAGMA user_version = %u", version);
	r = db_exec(db, step, e);
	if (r == 0)
		r = db_exec(db, set, e);
	if (r == 0)
		r = db_exec(db, "COMMIT", e);
	if (r < 0) {
		if (!sqlite3_get_autocommit(db->sql) && db_exec(db, "ROLLBACK", NULL) < 0)
			return sp_err_wrap(e, r, "undo migration %u", version);
		return sp_err_wrap(e, r, "migration %u", version);
	}
	return 0;
}

int schema_migrate(struct db *db, const char *const *steps, unsigned n, struct sp_err *e)
{
	int64_t version = 0;
	int r = version_of(db, &version, e);

	if (r < 0)
		return r;
	if (version < 0 || version > n)
		return sp_fail(e, SP_EUNSUPPORTED, 0, "the database is of version %lld, this program knows up to %u: start the newer program that made it",
				(long long)version, n);
	for (unsigned i = (unsigned)version; i < n; i++) {
		r = step_make(db, steps[i], i + 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}
