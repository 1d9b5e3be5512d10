#include "store_priv.h"

#include <string.h>

#include "clock.h"

struct like_job { const struct sp_id *user, *repo; bool liked; int64_t likes; };
struct like_row { int64_t likes, liked_ms /* 0: not liked by this user */; double trending; };

static int like_row_read(struct db *db, const struct like_job *job, struct like_row *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db,
			"SELECT r.likes, r.trending, coalesce(l.created_ms, 0) FROM repos r"
			" LEFT JOIN likes l ON l.repo = r.id AND l.user = ? WHERE r.id = ?");
	int r;

	db_bind_id(&q, job->user);
	db_bind_id(&q, job->repo);
	r = db_next(&q, e);
	if (r <= 0)
		return r < 0 ? r : sp_fail(e, SP_ENOENT, 0, "no such repository");
	*ret = (struct like_row){ db_column_int(&q, 0), db_column_int(&q, 2), db_column_real(&q, 1) };
	return 0;
}

static int like_row_write(struct db *db, const struct like_job *job, int64_t now, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, job->liked
			? "INSERT INTO likes (repo, user, created_ms) VALUES (?, ?, ?)"
			: "DELETE FROM likes WHERE repo = ? AND user = ?");
	int r;

	db_bind_id(&q, job->repo);
	db_bind_id(&q, job->user);
	if (job->liked)
		db_bind_int(&q, now);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int like_count_write(struct db *db, const struct sp_id *repo, const struct like_row *row, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "UPDATE repos SET likes = ?, trending = ? WHERE id = ?");
	int r;

	db_bind_int(&q, row->likes);
	db_bind_real(&q, row->trending);
	db_bind_id(&q, repo);
	r = db_run(&q, e);
	return r < 0 ? r : 0;
}

static int like_job(struct db *db, void *arg, struct sp_err *e)
{
	struct like_job *job = arg;
	int64_t now = sp_wall_ms();
	struct like_row row = { 0 };
	int r = like_row_read(db, job, &row, e);

	if (r < 0)
		return r;
	job->likes = row.likes;
	if ((row.liked_ms != 0) == job->liked)
		return 0;

	row.likes += job->liked ? 1 : -1;
	row.trending = job->liked ? trending_add(row.trending, now) : trending_sub(row.trending, row.liked_ms);
	if (row.likes == 0)
		row.trending = TRENDING_NONE;
	r = like_row_write(db, job, now, e);
	if (r == 0)
		r = like_count_write(db, job->repo, &row, e);
	if (r == 0)
		job->likes = row.likes;
	return r;
}

int store_like_set(struct store *st, const struct sp_id *user, const struct sp_id *repo, bool liked, int64_t *ret_likes, struct sp_err *e)
{
	struct like_job job = { .user = user, .repo = repo, .liked = liked };
	int r = writer_do(&st->writer, like_job, &job, e);

	if (r < 0)
		return r;
	if (ret_likes)
		*ret_likes = job.likes;
	return 0;
}

static int one_liked(struct db *db, const struct sp_id *user, struct sp_id *ret, struct sp_err *e)
{
	db_auto_query struct db_query q = db_query(db, "SELECT repo FROM likes WHERE user = ? LIMIT 1");
	int r;

	db_bind_id(&q, user);
	r = db_next(&q, e);
	if (r > 0)
		*ret = db_column_id(&q, 0);
	return r;
}

int store_likes_withdraw(struct db *db, const struct sp_id *user, struct sp_err *e)
{
	struct sp_id repo;
	struct like_job job = { .user = user, .repo = &repo };
	int r;

	while ((r = one_liked(db, user, &repo, e)) > 0) {
		r = like_job(db, &job, e);
		if (r < 0)
			return r;
	}
	return r;
}

int store_like_list(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_liker **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_liker) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT u.name, u.fullname, l.created_ms FROM likes l JOIN users u ON u.id = l.user"
			" WHERE l.repo = ? ORDER BY l.created_ms DESC, u.name");

	db_bind_id(&q, repo);
	while ((r = db_next(&q, e)) > 0) {
		struct store_liker *l = store_rows_add(&rows);

		db_column_array(&q, 0, l->name);
		db_column_array(&q, 1, l->fullname);
		l->created_ms = db_column_int(&q, 2);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

int store_liked_by(struct store *st, const char *user_name, const struct sp_id *viewer, struct sp_arena *a,
		struct store_liked **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_rows rows = { .arena = a, .size = sizeof(struct store_liked) };
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db,
			"SELECT o.name, r.name, r.type, l.created_ms FROM users u JOIN likes l ON l.user = u.id"
			" JOIN repos r ON r.id = l.repo JOIN users o ON o.id = r.owner WHERE u.name = ?1"
			" AND (r.is_private = 0 OR r.owner = ?2 OR EXISTS (SELECT 1 FROM users v WHERE v.id = ?2 AND v.is_admin))"
			" ORDER BY l.created_ms DESC, r.id");

	db_bind_text(&q, user_name);
	db_bind_id(&q, viewer);
	while ((r = db_next(&q, e)) > 0) {
		struct store_liked *l = store_rows_add(&rows);

		db_column_array(&q, 0, l->owner_name);
		db_column_array(&q, 1, l->name);
		db_column_array(&q, 2, l->type);
		l->created_ms = db_column_int(&q, 3);
	}
	if (r < 0)
		return r;
	*ret = rows.at;
	*ret_n = rows.n;
	return 0;
}

int store_like_has(struct store *st, const struct sp_id *user, const struct sp_id *repo, bool *ret, struct sp_err *e)
{
	store_auto_reader struct store_reader rd = { 0 };
	int r = store_read(st, &rd, e);

	if (r < 0)
		return r;
	db_auto_query struct db_query q = db_query(rd.db, "SELECT 1 FROM likes WHERE repo = ? AND user = ?");

	db_bind_id(&q, repo);
	db_bind_id(&q, user);
	r = db_next(&q, e);
	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}
