#include <sys/stat.h>

#include "tests/unit/runtime/store/temp_store.h"

static void a_second_open_is_busy(void **state)
{
	struct temp_store *t = *state;
	struct store *other = NULL;
	struct sp_err e;

	assert_int_equal(store_open(t->path, &other, &e), -SP_EBUSY);
	assert_null(other);
	assert_non_null(strstr(e.msg, "another server"));
}

static void closing_and_opening_keeps_everything(void **state)
{
	struct temp_store *t = *state;
	struct store_user u;

	store_close(t->st);
	t->st = NULL;
	assert_int_equal(store_open(t->path, &t->st, NULL), 0);
	assert_int_equal(store_user_by_id(t->st, &t->ada.id, &u, NULL), 0);
	assert_string_equal(u.name, "Ada");
}

static void the_database_is_private(void **state)
{
	struct temp_store *t = *state;
	DIR *d = opendir(t->path);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *at = readdir(d); at; at = readdir(d)) {
		struct stat sb;

		if (at->d_name[0] == '.')
			continue;
		assert_int_equal(fstatat(dirfd(d), at->d_name, &sb, 0), 0);
		assert_int_equal(sb.st_mode & 077, 0);
		n++;
	}
	closedir(d);
	assert_int_equal(n, 4);         /* vitrine.db, its log, the log's index, the lock */
}

static void users_are_found_without_case_and_are_unique(void **state)
{
	struct temp_store *t = *state;
	struct store_user u, again = t->ada;
	int64_t n = 0;
	struct sp_err e;

	assert_int_equal(store_user_by_name(t->st, "aDA", &u, NULL), 0);
	assert_string_equal(u.name, "Ada");
	assert_string_equal(u.fullname, "Ada L.");
	assert_true(sp_id_eq(&u.id, &t->ada.id));
	assert_int_equal(store_user_by_name(t->st, "nobody", &u, &e), -SP_ENOENT);

	again.id = sp_id_new();
	snprintf(again.name, sizeof(again.name), "ADA");
	assert_int_equal(store_user_add(t->st, &again, &e), -SP_EEXIST);
	assert_int_equal(store_user_count(t->st, &n, NULL), 0);
	assert_int_equal(n, 2);
}

static void a_user_and_its_token_come_together_or_not_at_all(void **state)
{
	struct temp_store *t = *state;
	struct store_user u = { .id = sp_id_new(), .name = "eve" };
	struct store_token token = { .sha256 = { 1 }, .user = u.id, .kind = TOKEN_ACCESS };

	assert_int_equal(store_user_add_with(t->st, &u, &token, NULL), 0);
	u.id = sp_id_new();
	snprintf(u.name, sizeof(u.name), "mallory");
	token.user = u.id;
	assert_int_equal(store_user_add_with(t->st, &u, &token, NULL), -SP_EEXIST);
	assert_int_equal(store_user_by_name(t->st, "mallory", &u, NULL), -SP_ENOENT);
}

static void tokens_expire_and_are_spent_once(void **state)
{
	struct temp_store *t = *state;
	struct store_token token = { .sha256 = { 7 }, .user = t->ada.id, .kind = TOKEN_SIGNIN, .role = 2, .label = "x" }, got;

	assert_int_equal(store_token_add(t->st, &token, NULL), 0);
	assert_int_equal(store_token_by_hash(t->st, token.sha256, &got, NULL), 0);
	assert_int_equal(got.kind, TOKEN_SIGNIN);
	assert_int_equal(got.role, 2);
	assert_true(sp_id_eq(&got.user, &t->ada.id));
	assert_int_equal(store_token_add(t->st, &token, NULL), -SP_EEXIST);
	assert_int_equal(store_token_del(t->st, token.sha256, NULL), 0);
	assert_int_equal(store_token_del(t->st, token.sha256, NULL), -SP_ENOENT);
	assert_int_equal(store_token_by_hash(t->st, token.sha256, &got, NULL), -SP_ENOENT);

	token.expires_ms = sp_wall_ms() - 1;
	assert_int_equal(store_token_add(t->st, &token, NULL), 0);
	assert_int_equal(store_token_by_hash(t->st, token.sha256, &got, NULL), -SP_ENOENT);

	token.user = sp_id_new();
	token.sha256[0] = 8;
	assert_int_equal(store_token_add(t->st, &token, NULL), -SP_ENOENT);
}

static void repositories_are_found_by_name_id_and_label(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "Chat_Bot"), got;

	r.card_json = "{\"title\":\"Chat\"}";
	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_repo_by_name(t->st, "space", "ada", "chat_bot", &t->arena, &got, NULL), 0);
	assert_string_equal(got.owner_name, "Ada");
	assert_string_equal(got.name, "Chat_Bot");
	assert_string_equal(got.label, "ada-chat-bot");
	assert_string_equal(got.card_json, r.card_json);
	assert_int_equal(store_repo_by_label(t->st, "ada-chat-bot", &t->arena, &got, NULL), 0);
	assert_true(sp_id_eq(&got.id, &r.id));
	assert_int_equal(store_repo_by_id(t->st, &r.id, &t->arena, &got, NULL), 0);
	assert_int_equal(store_repo_by_name(t->st, "model", "ada", "chat_bot", &t->arena, &got, NULL), -SP_ENOENT);

	r.id = sp_id_new();
	assert_int_equal(store_repo_add(t->st, &r, NULL), -SP_EEXIST);
	r.owner = sp_id_new();
	assert_int_equal(store_repo_add(t->st, &r, NULL), -SP_ENOENT);
}

static void labels_that_collide_get_a_suffix(void **state)
{
	struct temp_store *t = *state;
	struct store_repo one = temp_repo(&t->ada, "a.b"), two = temp_repo(&t->ada, "a_b"), got;

	assert_int_equal(store_repo_add(t->st, &one, NULL), 0);
	assert_int_equal(store_repo_add(t->st, &two, NULL), 0);
	assert_int_equal(store_repo_by_id(t->st, &two.id, &t->arena, &got, NULL), 0);
	assert_int_equal(strlen(got.label), strlen("ada-a-b-0000"));
	assert_int_equal(strncmp(got.label, "ada-a-b-", 8), 0);
}

static void changes_of_a_repository_stay(void **state)
{
	static const char head[] = "0123456789012345678901234567890123456789";
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x"), got;
	struct sp_id nobody = sp_id_new();

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_repo_set_head(t->st, &r.id, head, NULL), 0);
	assert_int_equal(store_repo_set_release(t->st, &r.id, head, NULL), 0);
	assert_int_equal(store_repo_set_private(t->st, &r.id, true, NULL), 0);
	assert_int_equal(store_repo_set_paused(t->st, &r.id, true, NULL), 0);
	snprintf(r.sdk, sizeof(r.sdk), "static");
	snprintf(r.title, sizeof(r.title), "Title");
	r.card_json = "{}";
	r.tags_json = "[\"static\"]";
	assert_int_equal(store_repo_set_card(t->st, &r, NULL), 0);

	assert_int_equal(store_repo_by_id(t->st, &r.id, &t->arena, &got, NULL), 0);
	assert_string_equal(got.head, head);
	assert_string_equal(got.release, head);
	assert_true(got.is_private && got.is_paused);
	assert_string_equal(got.sdk, "static");
	assert_string_equal(got.title, "Title");
	assert_string_equal(got.tags_json, "[\"static\"]");
	assert_true(got.changed_ms > r.changed_ms);
	assert_int_equal(store_repo_set_head(t->st, &nobody, head, NULL), -SP_ENOENT);
}

static void deleting_takes_what_hangs_on_it_but_not_its_history(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x"), got;
	struct store_build b = { .id = sp_id_new(), .repo = r.id };
	struct store_liked *liked;
	struct store_event *ev;
	size_t n = 9;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_build_add(t->st, &b, NULL), 0);
	assert_int_equal(store_like_set(t->st, &t->bob.id, &r.id, true, NULL, NULL), 0);
	assert_int_equal(store_variable_set(t->st, &r.id, "K", "v", NULL, NULL), 0);
	assert_int_equal(store_event_add(t->st, &t->ada.id, &r.id, "repo.delete", "Ada/x", NULL), 0);
	assert_int_equal(store_repo_del(t->st, &r.id, NULL), 0);
	assert_int_equal(store_repo_del(t->st, &r.id, NULL), -SP_ENOENT);
	assert_int_equal(store_repo_by_id(t->st, &r.id, &t->arena, &got, NULL), -SP_ENOENT);
	assert_int_equal(store_build_last(t->st, &r.id, &t->arena, &b, NULL), -SP_ENOENT);
	assert_int_equal(store_liked_by(t->st, "bob", NULL, &t->arena, &liked, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_event_list(t->st, &r.id, 10, &t->arena, &ev, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_string_equal(ev[0].actor, "Ada");
	assert_string_equal(ev[0].detail, "Ada/x");
}

static void likes_count_once_and_can_be_taken_back(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x"), got;
	struct store_liker *who;
	struct store_liked *what;
	bool has = false;
	int64_t likes = 0;
	size_t n = 0;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_like_set(t->st, &t->bob.id, &r.id, true, &likes, NULL), 0);
	assert_int_equal(store_like_set(t->st, &t->bob.id, &r.id, true, &likes, NULL), 0);
	assert_int_equal(likes, 1);
	assert_int_equal(store_like_set(t->st, &t->ada.id, &r.id, true, &likes, NULL), 0);
	assert_int_equal(likes, 2);
	assert_int_equal(store_repo_by_id(t->st, &r.id, &t->arena, &got, NULL), 0);
	assert_int_equal(got.likes, 2);
	assert_true(got.trending > 1.8 && got.trending < 2.1);
	assert_int_equal(store_like_list(t->st, &r.id, &t->arena, &who, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(store_liked_by(t->st, "BOB", NULL, &t->arena, &what, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_string_equal(what[0].owner_name, "Ada");
	assert_string_equal(what[0].name, "x");

	assert_int_equal(store_like_set(t->st, &t->bob.id, &r.id, false, &likes, NULL), 0);
	assert_int_equal(likes, 1);
	assert_int_equal(store_like_has(t->st, &t->bob.id, &r.id, &has, NULL), 0);
	assert_false(has);
	assert_int_equal(store_like_has(t->st, &t->ada.id, &r.id, &has, NULL), 0);
	assert_true(has);
	r.id = sp_id_new();
	assert_int_equal(store_like_set(t->st, &t->bob.id, &r.id, true, NULL, NULL), -SP_ENOENT);
}

static void likes_of_private_repositories_show_to_their_owner_only(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x");
	struct store_user root = temp_user(t->st, "root", true);
	struct store_liked *what;
	size_t n = 0;

	r.is_private = true;
	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_like_set(t->st, &t->ada.id, &r.id, true, NULL, NULL), 0);
	assert_int_equal(store_liked_by(t->st, "ada", NULL, &t->arena, &what, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_liked_by(t->st, "ada", &t->bob.id, &t->arena, &what, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_liked_by(t->st, "ada", &t->ada.id, &t->arena, &what, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_liked_by(t->st, "ada", &root.id, &t->arena, &what, &n, NULL), 0);
	assert_int_equal(n, 1);
}

static void variables_are_replaced_and_forgotten(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x");
	struct store_variable *v;
	size_t n = 0;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_variable_set(t->st, &r.id, "B", "2", "two", NULL), 0);
	assert_int_equal(store_variable_set(t->st, &r.id, "A", "1", NULL, NULL), 0);
	assert_int_equal(store_variable_set(t->st, &r.id, "B", "3", NULL, NULL), 0);
	assert_int_equal(store_variable_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].key, "A");
	assert_string_equal(v[1].value, "3");
	assert_null(v[1].description);
	assert_int_equal(store_variable_del(t->st, &r.id, "A", NULL), 0);
	assert_int_equal(store_variable_del(t->st, &r.id, "A", NULL), 0);
	assert_int_equal(store_variable_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	r.id = sp_id_new();
	assert_int_equal(store_variable_set(t->st, &r.id, "B", "2", NULL, NULL), -SP_ENOENT);
}

static void builds_and_runs_remember_the_newest(void **state)
{
	static const char commit[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "x");
	struct store_build one = { .id = sp_id_new(), .repo = r.id, .state = BUILD_QUEUED, .created_ms = 5 }, two = one, got, *pending;
	struct store_run run = { .id = sp_id_new(), .repo = r.id, .build = one.id, .started_ms = 3 }, last;
	size_t n = 0;

	memcpy(one.commit, commit, sizeof(commit));
	two.id = sp_id_new();
	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_build_last(t->st, &r.id, &t->arena, &got, NULL), -SP_ENOENT);
	assert_int_equal(store_run_last(t->st, &r.id, &last, NULL), -SP_ENOENT);
	assert_int_equal(store_build_add(t->st, &one, NULL), 0);
	assert_int_equal(store_build_add(t->st, &two, NULL), 0);
	assert_int_equal(store_build_pending(t->st, &t->arena, &pending, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_true(sp_id_eq(&pending[0].id, &one.id));

	one.state = BUILD_READY;
	one.recipe_json = "{}";
	snprintf(one.env, sizeof(one.env), "e");
	assert_int_equal(store_build_set(t->st, &one, NULL), 0);
	assert_int_equal(store_build_last(t->st, &r.id, &t->arena, &got, NULL), 0);
	assert_true(sp_id_eq(&got.id, &two.id));
	assert_int_equal(store_build_by_commit(t->st, &r.id, commit, &t->arena, &got, NULL), 0);
	assert_true(sp_id_eq(&got.id, &one.id));
	assert_string_equal(got.env, "e");
	assert_string_equal(got.recipe_json, "{}");
	assert_int_equal(store_build_pending(t->st, &t->arena, &pending, &n, NULL), 0);
	assert_int_equal(n, 1);

	assert_int_equal(store_run_add(t->st, &run, NULL), 0);
	run.ready_ms = 8;
	snprintf(run.cause, sizeof(run.cause), "OUT_OF_MEMORY");
	assert_int_equal(store_run_set(t->st, &run, NULL), 0);
	assert_int_equal(store_run_last(t->st, &r.id, &last, NULL), 0);
	assert_int_equal(last.ready_ms, 8);
	assert_string_equal(last.cause, "OUT_OF_MEMORY");
	run.id = sp_id_new();
	assert_int_equal(store_run_set(t->st, &run, NULL), -SP_ENOENT);
}

static void a_damaged_file_is_refused(void **state)
{
	struct temp_store *t = *state;
	char name[300], junk[4096];
	struct sp_err e;
	int fd;

	store_close(t->st);
	t->st = NULL;
	memset(junk, 'x', sizeof(junk));
	snprintf(name, sizeof(name), "%s/vitrine.db", t->path);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
	assert_int_equal(store_open(t->path, &t->st, &e), -SP_EPROTO);
	assert_null(t->st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		temp_store_test(a_second_open_is_busy),
		temp_store_test(closing_and_opening_keeps_everything),
		temp_store_test(the_database_is_private),
		temp_store_test(users_are_found_without_case_and_are_unique),
		temp_store_test(a_user_and_its_token_come_together_or_not_at_all),
		temp_store_test(tokens_expire_and_are_spent_once),
		temp_store_test(repositories_are_found_by_name_id_and_label),
		temp_store_test(labels_that_collide_get_a_suffix),
		temp_store_test(changes_of_a_repository_stay),
		temp_store_test(deleting_takes_what_hangs_on_it_but_not_its_history),
		temp_store_test(likes_count_once_and_can_be_taken_back),
		temp_store_test(likes_of_private_repositories_show_to_their_owner_only),
		temp_store_test(variables_are_replaced_and_forgotten),
		temp_store_test(builds_and_runs_remember_the_newest),
		temp_store_test(a_damaged_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
