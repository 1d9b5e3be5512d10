#include "tests/unit/runtime/store/temp_store.h"

#include "runtime/store/store_rows.h"

struct rows { struct store_repo *at; size_t n; };

static struct rows list(struct temp_store *t, const struct store_repo_query *q)
{
	struct rows rows = { 0 };

	assert_int_equal(store_repo_list(t->st, q, &t->arena, &rows.at, &rows.n, NULL), 0);
	return rows;
}

static int fill(void **state)
{
	struct temp_store *t;
	struct store_repo r;

	if (temp_store_make(state) < 0)
		return -1;
	t = *state;
	for (unsigned i = 0; i < 5; i++) {
		char name[20];

		snprintf(name, sizeof(name), "app-%u", i);
		r = temp_repo(i == 4 ? &t->bob : &t->ada, name);
		r.is_private = i == 3;
		if (i == 1) {
			snprintf(r.sdk, sizeof(r.sdk), "static");
			snprintf(r.title, sizeof(r.title), "100%% Cats_and dogs");
			r.tags_json = "[\"static\",\"animals\"]";
			r.card_json = "{\"models\":[\"gpt2\"]}";
		}
		if (store_repo_add(t->st, &r, NULL) < 0)
			return -1;
		if (i == 2 && store_like_set(t->st, &t->bob.id, &r.id, true, NULL, NULL) < 0)
			return -1;
	}
	return 0;
}

static void newest_come_first_and_pages_follow(void **state)
{
	struct temp_store *t = *state;
	struct store_repo_query q = { .type = "space", .sort = SORT_CREATED, .limit = 2 };
	struct rows rows = list(t, &q);

	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.at[0].name, "app-4");
	assert_string_equal(rows.at[1].name, "app-2");   /* app-3 is private */
	q.offset = 2;
	rows = list(t, &q);
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.at[0].name, "app-1");
	q.offset = 4;
	assert_int_equal(list(t, &q).n, 0);
}

static void private_ones_show_to_owner_and_admin(void **state)
{
	struct temp_store *t = *state;
	struct store_repo_query q = { .limit = 10 };

	assert_int_equal(list(t, &q).n, 4);
	q.viewer = t->bob.id;
	assert_int_equal(list(t, &q).n, 4);
	q.viewer = t->ada.id;
	assert_int_equal(list(t, &q).n, 5);
	q.viewer = (struct sp_id){ 0 };
	q.viewer_is_admin = true;
	assert_int_equal(list(t, &q).n, 5);
}

static void author_search_and_tags_narrow(void **state)
{
	struct temp_store *t = *state;
	const char *const animals[] = { "static", "animals", NULL }, *const gradio[] = { "gradio", NULL }, *const models[] = { "gpt2", NULL };
	int64_t n = 0;
	struct store_repo_query q = { .author = "BOB", .limit = 10 };

	assert_int_equal(list(t, &q).n, 1);
	q = (struct store_repo_query){ .search = "dogs CATS", .limit = 10 };
	assert_int_equal(list(t, &q).n, 1);
	q.search = "ada/app-1";
	assert_int_equal(list(t, &q).n, 1);
	q.search = "100%";
	assert_int_equal(list(t, &q).n, 1);
	q.search = "a_p";       /* no wildcard: means itself */
	assert_int_equal(list(t, &q).n, 0);
	q.search = "' OR 1 --";
	assert_int_equal(list(t, &q).n, 0);
	q = (struct store_repo_query){ .tags = animals, .limit = 10 };
	assert_int_equal(list(t, &q).n, 1);
	q.tags = gradio;
	assert_int_equal(list(t, &q).n, 3);
	assert_int_equal(store_repo_count(t->st, &q, &n, NULL), 0);
	assert_int_equal(n, 3);
	q = (struct store_repo_query){ .models = models, .limit = 10 };
	assert_int_equal(list(t, &q).n, 1);
	q = (struct store_repo_query){ .datasets = models, .limit = 10 };
	assert_int_equal(list(t, &q).n, 0);
}

static size_t found(struct temp_store *t, const char *search)
{
	struct store_repo_query q = { .search = search, .sort = SORT_BEST, .limit = 10 };
	int64_t n = 0;
	struct rows rows = list(t, &q);

	assert_int_equal(store_repo_count(t->st, &q, &n, NULL), 0);
	assert_int_equal(n, rows.n);
	q.sort = SORT_LIKES;            /* the same ones in any order */
	assert_int_equal(list(t, &q).n, rows.n);
	return rows.n;
}

static void any_text_is_a_search(void **state)
{
	static const char *const nothing[] = { "\"", "*", "a\"b", "NEAR(a b)", "name:app", "app AND OR NOT", "^app -1", "(", "{name}: x", "%", "_", "\xff\xfe", "''", "--", "+" };
	struct temp_store *t = *state;
	char longest[4000];

	for (unsigned i = 0; i < SP_COUNT(nothing); i++)
		assert_true(found(t, nothing[i]) <= 4);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(found(t, longest), 0);
	for (unsigned i = 1; i < sizeof(longest) - 1; i += 2)
		longest[i] = ' ';
	assert_int_equal(found(t, longest), 0);
	assert_int_equal(found(t, ""), 4);      /* no search at all */
	assert_int_equal(found(t, "  "), 4);
	assert_int_equal(found(t, "!"), 0);
}

static void words_are_found_from_their_beginning_and_follow_changes(void **state)
{
	struct temp_store *t = *state;
	struct store_repo_query q = { .search = "app 1", .limit = 10 };
	struct store_repo r = list(t, &q).at[0];

	assert_int_equal(found(t, "do"), 1);            /* "dogs" */
	assert_int_equal(found(t, "do cats"), 0);       /* only the last word may be unfinished */
	assert_int_equal(found(t, "cats do"), 1);
	assert_int_equal(found(t, "bob"), 1);
	assert_int_equal(found(t, "whale"), 0);
	snprintf(r.title, sizeof(r.title), "Größe");
	r.tags_json = "[\"ocean\", 3]";
	r.readme = "A whale of an app.";
	assert_int_equal(store_repo_set_card(t->st, &r, NULL), 0);
	assert_int_equal(found(t, "grosse"), 0);
	assert_int_equal(found(t, "gröss"), 0);
	assert_int_equal(found(t, "GROSE"), 0);
	assert_int_equal(found(t, "große"), 1);         /* without its accents */
	assert_int_equal(found(t, "whale"), 1);
	assert_int_equal(found(t, "cats"), 0);
	r.readme = NULL;
	r.tags_json = "not json";
	assert_int_equal(store_repo_set_card(t->st, &r, NULL), 0);
	assert_int_equal(found(t, "whale"), 1);         /* stays until another one comes */
	assert_int_equal(store_repo_del(t->st, &r.id, NULL), 0);
	assert_int_equal(found(t, "whale"), 0);
}

static void what_fits_best_comes_first_and_likes_help(void **state)
{
	struct temp_store *t = *state;
	struct store_repo_query q = { .search = "app", .sort = SORT_BEST, .limit = 10 };

	assert_string_equal(list(t, &q).at[0].name, "app-2");   /* all alike but for its like */
	q.search = "animals";
	assert_string_equal(list(t, &q).at[0].name, "app-1");
}

static void tags_are_counted_among_public_ones(void **state)
{
	struct temp_store *t = *state;
	struct store_tag *tags;
	size_t n = 0;

	assert_int_equal(store_tag_list(t->st, "space", 10, &t->arena, &tags, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(tags[0].name, "gradio");
	assert_int_equal(tags[0].n, 3);         /* "region:us" is for machines, the fourth is private */
}

static void likes_and_trending_order(void **state)
{
	struct temp_store *t = *state;
	struct store_repo_query q = { .sort = SORT_LIKES, .limit = 10 };

	assert_string_equal(list(t, &q).at[0].name, "app-2");
	q.sort = SORT_TRENDING;
	assert_string_equal(list(t, &q).at[0].name, "app-2");
	assert_string_equal(list(t, &q).at[1].name, "app-4");
	q.ascending = true;
	assert_string_equal(list(t, &q).at[0].name, "app-0");
	assert_string_equal(list(t, &q).at[3].name, "app-2");
}

static void many_shapes_of_queries_do_not_fill_the_cache_for_ever(void **state)
{
	struct temp_store *t = *state;
	const char *tags[17] = { 0 };

	for (unsigned n = 0; n < 16; n++) {
		for (unsigned sort = 0; sort <= SORT_TRENDING; sort++) {
			struct store_repo_query q = { .tags = tags, .sort = sort, .limit = 1, .author = sort % 2 ? "ada" : NULL, .search = "app" };

			assert_int_equal(list(t, &q).n, 1);
			q.viewer_is_admin = true;
			assert_int_equal(list(t, &q).n, 1);
		}
		tags[n] = "gradio";
	}
}

static void no_order_needs_sorting(void **state)
{
	static const char *const orders[] = { "created_ms DESC, r.id DESC", "changed_ms DESC, r.id DESC", "likes DESC, r.created_ms DESC, r.id DESC",
			"trending DESC, r.created_ms DESC, r.id DESC" };
	struct temp_store *t = *state;

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct store_reader rd;
		char sql[2000];

		assert_int_equal(store_read(t->st, &rd, NULL), 0);
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN " STORE_REPO_SELECT
				" WHERE 1 AND r.type = ? AND (r.is_private = 0 OR r.owner = ?) ORDER BY r.%s LIMIT ? OFFSET ?", orders[i]);
		struct db_query q = db_query(rd.db, sql);

		while (db_next(&q, NULL) > 0) {
			char step[200];

			db_column_array(&q, 3, step);
			assert_null(strstr(step, "TEMP B-TREE"));
		}
		db_query_end(&q);
		store_read_end(&rd);
	}
}

static void every_id_is_listed(void **state)
{
	struct temp_store *t = *state;
	struct sp_id *ids;
	size_t n = 0;

	assert_int_equal(store_repo_all_ids(t->st, &t->arena, &ids, &n, NULL), 0);
	assert_int_equal(n, 5);
	assert_int_equal(strlen(ids[4].s), SP_ID_LEN);
}

#define filled(name) cmocka_unit_test_setup_teardown(name, fill, temp_store_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		filled(newest_come_first_and_pages_follow),
		filled(private_ones_show_to_owner_and_admin),
		filled(author_search_and_tags_narrow),
		filled(any_text_is_a_search),
		filled(words_are_found_from_their_beginning_and_follow_changes),
		filled(what_fits_best_comes_first_and_likes_help),
		filled(tags_are_counted_among_public_ones),
		filled(likes_and_trending_order),
		filled(many_shapes_of_queries_do_not_fill_the_cache_for_ever),
		filled(no_order_needs_sorting),
		filled(every_id_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
