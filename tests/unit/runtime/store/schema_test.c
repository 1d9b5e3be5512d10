#include "tests/unit/runtime/store/temp_store.h"

#include "runtime/store/schema.h"

struct file { char path[200]; struct db *db; };

static int file_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct file *f = calloc(1, sizeof(*f));
	int fd;

	if (!f)
		return -1;
	*state = f;
	snprintf(f->path, sizeof(f->path), "%s/schema_test.XXXXXX", tmp ? tmp : P_tmpdir);
	fd = mkstemp(f->path);
	if (fd < 0)
		return -1;
	close(fd);
	return db_open(f->path, DB_WRITER, &f->db, NULL);
}

static int file_drop(void **state)
{
	struct file *f = *state;

	db_close(f->db);
	unlink(f->path);
	free(f);
	return 0;
}

static int64_t number(struct db *db, const char *sql)
{
	db_auto_query struct db_query q = db_query(db, sql);

	assert_int_equal(db_next(&q, NULL), 1);
	return db_column_int(&q, 0);
}

static const char *const old_steps[] = { "CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1), (2);" };
static const char *const new_steps[] = {
	"CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1), (2);",
	"ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7;",
	"UPDATE t SET b = a * 10;",
};

static void an_older_database_is_brought_forward_with_its_rows(void **state)
{
	struct file *f = *state;

	assert_int_equal(schema_migrate(f->db, old_steps, 1, NULL), 0);
	assert_int_equal(number(f->db, "PRAGMA user_version"), 1);
	assert_int_equal(schema_migrate(f->db, new_steps, 3, NULL), 0);
	assert_int_equal(number(f->db, "PRAGMA user_version"), 3);
	assert_int_equal(number(f->db, "SELECT sum(b) FROM t"), 30);
	assert_int_equal(schema_migrate(f->db, new_steps, 3, NULL), 0);         /* nothing left to do */
	assert_int_equal(number(f->db, "SELECT sum(b) FROM t"), 30);
}

static void a_step_that_fails_leaves_no_trace(void **state)
{
	static const char *const broken[] = { "CREATE TABLE t (a INTEGER) STRICT;", "CREATE TABLE u (a INTEGER) STRICT; INSERT INTO nowhere VALUES (1);" };
	struct file *f = *state;
	struct sp_err e;

	assert_true(schema_migrate(f->db, broken, 2, &e) < 0);
	assert_non_null(strstr(e.msg, "migration 2"));
	assert_int_equal(number(f->db, "PRAGMA user_version"), 1);
	assert_int_equal(number(f->db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), 0);
}

static void a_newer_database_is_refused(void **state)
{
	struct file *f = *state;
	struct sp_err e;

	assert_int_equal(schema_migrate(f->db, new_steps, 3, NULL), 0);
	assert_int_equal(schema_migrate(f->db, old_steps, 1, &e), -SP_EUNSUPPORTED);
	assert_non_null(strstr(e.msg, "newer"));
}

static void the_real_steps_make_a_database(void **state)
{
	struct file *f = *state;

	assert_int_equal(schema_migrate(f->db, schema_steps, schema_steps_n, NULL), 0);
	assert_int_equal(number(f->db, "PRAGMA user_version"), schema_steps_n);
	assert_int_equal(number(f->db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(number(f->db, "PRAGMA synchronous"), 2);
	assert_int_equal(number(f->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

#define with_file(name) cmocka_unit_test_setup_teardown(name, file_make, file_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(an_older_database_is_brought_forward_with_its_rows),
		with_file(a_step_that_fails_leaves_no_trace),
		with_file(a_newer_database_is_refused),
		with_file(the_real_steps_make_a_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
