#include "store_priv.h"

#include <string.h>

#include "clock.h"
#include "limit.h"
#include "store_rows.h"
#include "str.h"

enum { LABEL_ATTEMPTS = 100 };

/* For the repository SELF, which may have it already. */
static int label_is_free(struct db *db, const char *label, const struct sp_id *self, bool *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT 1 FROM repos WHERE label = ? AND id != ?");
	int r;

	db_bind_text(&q, label);
	db_bind_id(&q, self);
	r = db_next(&q, e);
	if (r < 0)
		return r;
	*ret = r == 0;
	return 0;
}

static int owner_name_of(struct db *db, const struct sp_id *owner, char ret[64], struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT name FROM users WHERE id = ?");
	int r;

	db_bind_id(&q, owner);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such owner");
	db_column_copy(&q, 0, ret, 64);
	return 0;
}

int store_repo_label(struct db *db, const struct store_repo *r, char ret[64], struct sp_err *e)
{
	char owner[64];
	bool is_free = false;
	int rc = owner_name_of(db, &r->owner, owner, e);

	if (rc < 0)
		return rc;
	if (r->label[0])
		return sp_copy(ret, 64, r->label);
	for (unsigned attempt = 0; attempt < LABEL_ATTEMPTS; attempt++) {
		store_label_for(owner, r->name, attempt, ret);
		rc = label_is_free(db, ret, &r->id, &is_free, e);
		if (rc < 0 || is_free)
			return rc;
	}
	return sp_fail(e, SP_EBUG, 0, "no free label for '%s'", r->name);
}

int store_repo_within_quota(struct db *db, const struct store_repo *r, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT count(*) FROM repos WHERE owner = ? AND type = ?");
	int rc;

	db_bind_id(&q, &r->owner);
	db_bind_text(&q, r->type);
	rc = db_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? rc : sp_fail(e, SP_EBUG, 0, "no count");
	if (db_column_int(&q, 0) >= SP_LIMIT_spaces_per_user)
		return sp_fail(e, SP_EQUOTA, 0, "one user may have %lld repositories of a kind: delete one first",
				(long long)SP_LIMIT_spaces_per_user);
	return 0;
}

static int repo_add_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_repo *const *at = arg, *r = *at;
	db_auto_query struct db_query q = db_query(db,
			"INSERT INTO repos (id, type, owner, name, label, sdk, is_private, is_paused, head, release,"
			" title, emoji, color_from, color_to, short_description, likes, trending, created_ms, changed_ms, card_json, tags_json,"
			" sleep_s, duplicated_from, network)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)");
	char label[64];
	int rc = store_repo_label(db, r, label, e);

	if (rc == 0)
		rc = store_repo_within_quota(db, r, e);
	if (rc == 0)            /* what is there now wins over what was called so */
		rc = store_redirect_drop(db, &r->owner, r->type, r->name, e);
	if (rc < 0)
		return rc;
	db_bind_id(&q, &r->id);
	db_bind_text(&q, r->type);
	db_bind_id(&q, &r->owner);
	db_bind_text(&q, r->name);
	db_bind_text(&q, label);
	db_bind_text(&q, r->sdk);
	db_bind_int(&q, r->is_private);
	db_bind_int(&q, r->is_paused);
	db_bind_text(&q, r->head);
	db_bind_text(&q, r->release);
	db_bind_text(&q, r->title);
	db_bind_text(&q, r->emoji);
	db_bind_text(&q, r->color_from);
	db_bind_text(&q, r->color_to);
	db_bind_text(&q, r->short_description);
	db_bind_real(&q, TRENDING_NONE);
	db_bind_int(&q, r->created_ms);
	db_bind_int(&q, r->changed_ms);
	db_bind_text(&q, r->card_json);
	db_bind_text(&q, r->tags_json);
	db_bind_int(&q, r->sleep_s ? r->sleep_s : SP_LIMIT_sleep_default_s);
	db_bind_text(&q, r->duplicated_from);
	db_bind_text(&q, r->network[0] ? r->network : "web");
	rc = db_run(&q, e);
	if (rc == -SP_EEXIST)
		return sp_fail(e, SP_EEXIST, 0, "'%s' exists already", r->name);
	return rc < 0 ? rc : store_search_set(db, &r->id, r->readme, e);
}

int store_repo_add(struct store *st, const struct store_repo *r, struct sp_err *e)
{
	return writer_do(&st->writer, repo_add_job, &r, e);
}

void store_repo_read(struct db_query *q, struct sp_arena *a, struct store_repo *ret)
{
	struct store_repo r = { .id = db_column_id(q, 0), .owner = db_column_id(q, 1) };

	db_column_array(q, 2, r.type);
	db_column_array(q, 3, r.owner_name);
	db_column_array(q, 4, r.name);
	db_column_array(q, 5, r.label);
	db_column_array(q, 6, r.sdk);
	r.is_private = db_column_int(q, 7) != 0;
	r.is_paused = db_column_int(q, 8) != 0;
	db_column_array(q, 9, r.head);
	db_column_array(q, 10, r.release);
	db_column_array(q, 11, r.title);
	db_column_array(q, 12, r.emoji);
	db_column_array(q, 13, r.color_from);
	db_column_array(q, 14, r.color_to);
	db_column_array(q, 15, r.short_description);
	r.likes = db_column_int(q, 16);
	r.created_ms = db_column_int(q, 17);
	r.changed_ms = db_column_int(q, 18);
	r.card_json = db_column_str(q, 19, a);
	r.tags_json = db_column_str(q, 20, a);
	r.trending = trending_now(db_column_real(q, 21), sp_wall_ms());
	r.is_asleep = db_column_int(q, 22) != 0;
	r.sleep_s = db_column_int(q, 23);
	db_column_array(q, 24, r.duplicated_from);
	db_column_array(q, 25, r.network);
	*ret = r;
}

static int repo_one(struct db_query *q, struct sp_arena *a, struct store_repo *ret, struct sp_err *e)
{
	int r = db_next(q, e);

	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such repository");
	store_repo_read(q, a, ret);
	return 0;
}

int store_repo_by_name(struct store *st, const char *type, const char *owner, const char *name, struct sp_arena *a,
		struct store_repo *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, STORE_REPO_SELECT " WHERE u.name = ? AND r.type = ? AND r.name = ?");

	db_bind_text(&q, owner);
	db_bind_text(&q, type);
	db_bind_text(&q, name);
	return repo_one(&q, a, ret, e);
}

int store_repo_by_id(struct store *st, const struct sp_id *id, struct sp_arena *a, struct store_repo *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, STORE_REPO_SELECT " WHERE r.id = ?");

	db_bind_id(&q, id);
	return repo_one(&q, a, ret, e);
}

int store_repo_by_label(struct store *st, const char *label, struct sp_arena *a, struct store_repo *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, STORE_REPO_SELECT " WHERE r.label = ?");

	db_bind_text(&q, label);
	return repo_one(&q, a, ret, e);
}

/* One value of one row. TEXT, or NUMBER when TEXT is NULL. */
struct set_job { const char *sql; const struct sp_id *id; const char *text; int64_t number; bool is_change /* that people see: moves changed_ms */; };

static int changed_row(int rows, struct sp_err *e)
{
	if (rows == 0)
		return sp_fail(e, SP_ENOENT, 0, "no such repository");
	return rows < 0 ? rows : 0;
}

static int set_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct set_job *job = arg;
	db_auto_query struct db_query q = db_query(db, job->sql);

	if (job->text)
		db_bind_text(&q, job->text);
	else
		db_bind_int(&q, job->number);
	if (job->is_change)
		db_bind_int(&q, sp_wall_ms());
	db_bind_id(&q, job->id);
	return changed_row(db_run(&q, e), e);
}

int store_repo_set_head(struct store *st, const struct sp_id *id, const char *head, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET head = ?, changed_ms = ? WHERE id = ?", id, head, 0, true };

	return writer_do(&st->writer, set_job, &job, e);
}

int store_repo_set_release(struct store *st, const struct sp_id *id, const char *commit, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET release = ? WHERE id = ?", id, commit, 0, false };

	return writer_do(&st->writer, set_job, &job, e);
}

int store_repo_set_private(struct store *st, const struct sp_id *id, bool is_private, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET is_private = ?, changed_ms = ? WHERE id = ?", id, NULL, is_private, true };

	return writer_do(&st->writer, set_job, &job, e);
}

int store_repo_set_paused(struct store *st, const struct sp_id *id, bool is_paused, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET is_paused = ? WHERE id = ?", id, NULL, is_paused, false };

	return writer_do(&st->writer, set_job, &job, e);
}

int store_repo_set_asleep(struct store *st, const struct sp_id *id, bool is_asleep, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET is_asleep = ? WHERE id = ?", id, NULL, is_asleep, false };

	return writer_do(&st->writer, set_job, &job, e);
}

int store_repo_set_sleep(struct store *st, const struct sp_id *id, int64_t sleep_s, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET sleep_s = ? WHERE id = ?", id, NULL, sleep_s, false };

	return writer_do(&st->writer, set_job, &job, e);
}

int store_repo_set_network(struct store *st, const struct sp_id *id, const char *network, struct sp_err *e)
{
	struct set_job job = { "UPDATE repos SET network = ? WHERE id = ?", id, network, 0, false };

	return writer_do(&st->writer, set_job, &job, e);
}

static int set_card_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct store_repo *const *at = arg, *r = *at;
	db_auto_query struct db_query q = db_query(db,
			"UPDATE repos SET sdk = ?, title = ?, emoji = ?, color_from = ?, color_to = ?, short_description = ?,"
			" card_json = ?, tags_json = ? WHERE id = ?");
	int rc;

	db_bind_text(&q, r->sdk);
	db_bind_text(&q, r->title);
	db_bind_text(&q, r->emoji);
	db_bind_text(&q, r->color_from);
	db_bind_text(&q, r->color_to);
	db_bind_text(&q, r->short_description);
	db_bind_text(&q, r->card_json);
	db_bind_text(&q, r->tags_json);
	db_bind_id(&q, &r->id);
	rc = changed_row(db_run(&q, e), e);
	return rc < 0 ? rc : store_search_set(db, &r->id, r->readme, e);
}

int store_repo_set_card(struct store *st, const struct store_repo *r, struct sp_err *e)
{
	return writer_do(&st->writer, set_card_job, &r, e);
}

static int repo_del_job(struct db *db, void *arg, struct sp_err *e)
{
	const struct sp_id *const *id = arg;
	db_auto_query struct db_query q = db_query(db, "DELETE FROM repos WHERE id = ?");
	int r = store_search_drop(db, *id, e);

	if (r < 0)
		return r;
	db_bind_id(&q, *id);
	return changed_row(db_run(&q, e), e);
}

int store_repo_del(struct store *st, const struct sp_id *id, struct sp_err *e)
{
	return writer_do(&st->writer, repo_del_job, &id, e);
}
