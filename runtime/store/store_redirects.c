/* Names that lead on: what a Space was called before it was renamed or given away. */
#include "store_priv.h"

#include <string.h>
#include <strings.h>

#include "clock.h"
#include "limit.h"
#include "str.h"

struct move_job { const struct sp_id *id, *owner; const char *name; };
struct move_row { struct sp_id owner; char type[12], name[100], label[64]; };

static int row_read(struct db *db, const struct sp_id *id, struct move_row *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT owner, type, name, label FROM repos WHERE id = ?");
	int r;

	db_bind_id(&q, id);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such repository");
	ret->owner = db_column_id(&q, 0);
	db_column_array(&q, 1, ret->type);
	db_column_array(&q, 2, ret->name);
	db_column_array(&q, 3, ret->label);
	return 0;
}

static int row_write(struct db *db, const struct move_job *job, const char *label, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "UPDATE repos SET owner = ?, name = ?, label = ?, changed_ms = ? WHERE id = ?");
	int r;

	db_bind_id(&q, job->owner);
	db_bind_text(&q, job->name);
	db_bind_text(&q, label);
	db_bind_int(&q, sp_wall_ms());
	db_bind_id(&q, job->id);
	r = db_run(&q, e);
	return r == -SP_EEXIST ? sp_fail(e, SP_EEXIST, 0, "'%.100s' exists already", job->name) : r < 0 ? r : 0;
}

int store_redirect_drop(struct db *db, const struct sp_id *owner, const char *type, const char *name, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM redirects WHERE owner = ? AND type = ? AND name = ?");
	int r;

	db_bind_id(&q, owner);
	db_bind_text(&q, type);
	db_bind_text(&q, name);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int redirect_add(struct db *db, const struct move_row *was, const struct sp_id *id, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db,
			"INSERT OR REPLACE INTO redirects (owner, type, name, repo, created_ms) VALUES (?, ?, ?, ?, ?)");
	int r;

	db_bind_id(&q, &was->owner);
	db_bind_text(&q, was->type);
	db_bind_text(&q, was->name);
	db_bind_id(&q, id);
	db_bind_int(&q, sp_wall_ms());
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

/* A host that nobody has is looked for among all former names: one Space must not make any number of them. */
static int redirects_trim(struct db *db, const struct sp_id *id, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "DELETE FROM redirects WHERE repo = ?1 AND (owner, type, name) NOT IN"
			" (SELECT owner, type, name FROM redirects WHERE repo = ?1 ORDER BY created_ms DESC, name LIMIT ?2)");
	int r;

	db_bind_id(&q, id);
	db_bind_int(&q, SP_LIMIT_redirects);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int move_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct move_job *job = arg;
	struct store_repo to = { .id = *job->id, .owner = *job->owner };
	struct move_row was = { 0 };
	char label[64];
	bool is_given;
	int r = row_read(db, job->id, &was, e);

	if (r == 0)
		r = sp_copy(to.name, sizeof(to.name), job->name);
	if (r < 0)
		return r;
	memcpy(to.type, was.type, sizeof(to.type));
	is_given = !sp_id_eq(&was.owner, job->owner);
	if (is_given)
		r = store_repo_within_quota(db, &to, e);
	if (r == 0)
		r = store_repo_label(db, &to, label, e);
	if (r == 0)
		r = row_write(db, job, label, e);
	if (r == 0)
		r = store_redirect_drop(db, job->owner, was.type, job->name, e);
	if (r == 0)
		r = store_search_set(db, job->id, NULL, e);
	/* Only the case changed: names are compared without it, so there is nothing that could lead on. */
	if (r == 0 && (is_given || strcasecmp(was.name, job->name) != 0))
		r = redirect_add(db, &was, job->id, e);
	return r == 0 ? redirects_trim(db, job->id, e) : r;
}

int store_repo_move(struct store *st, const struct sp_id *id, const struct sp_id *owner, const char *name, struct sp_err *e)
{
	struct move_job job = { id, owner, name };

	return writer_do(&st->writer, move_job, &job, e);
}

int store_redirect_find(struct store *st, const char *type, const char *owner, const char *name, struct sp_id *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT x.repo FROM redirects x JOIN users u ON u.id = x.owner WHERE u.name = ? AND x.type = ? AND x.name = ?");

	db_bind_text(&q, owner);
	db_bind_text(&q, type);
	db_bind_text(&q, name);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such name");
	*ret = db_column_id(&q, 0);
	return 0;
}

int store_redirect_by_label(struct store *st, const char *label, struct sp_id *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	/* A host is derived from its name, so the name tells it; the newest move wins. */
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT x.repo, u.name, x.name FROM redirects x JOIN users u ON u.id = x.owner WHERE x.type = 'space' ORDER BY x.created_ms DESC");

	while ((r = db_next(&q, e)) > 0) {
		char owner[64], name[100], derived[64];

		db_column_array(&q, 1, owner);
		db_column_array(&q, 2, name);
		store_label_for(owner, name, 0, derived);
		if (strcmp(derived, label) == 0) {
			*ret = db_column_id(&q, 0);
			return 0;
		}
	}
	return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such host");
}
