#include "tests/unit/runtime/store/temp_store.h"

static void check(const char *owner, const char *name, const char *want)
{
	char got[64];

	store_label_for(owner, name, 0, got);
	assert_string_equal(got, want);
}

static void names_become_labels(void **state)
{
	(void)state;
	check("ada", "chat", "ada-chat");
	check("Ada", "My.Chat_Bot", "ada-my-chat-bot");
	check("a", "b__c..d", "a-b-c-d");               /* never "--" */
	check("a", "-x-", "a-x");
	check("a", "...", "a");
	check("\xc3\xa9ve", "\xf0\x9f\xa4\x97", "ve");   /* no Unicode in a label */
	check("", "", "app");
}

static void every_label_fits_and_is_well_formed(void **state)
{
	char name[97], a[64], b[64];

	(void)state;
	for (unsigned n = 1; n < sizeof(name); n++) {
		memset(name, n % 3 ? 'x' : '.', n);
		name[n] = '\0';
		if (n > 2)
			name[n - 2] = '_';
		for (unsigned attempt = 0; attempt < 3; attempt++) {
			store_label_for("some-owner-with-a-long-name-of-40-letters", name, attempt, a);
			assert_true(strlen(a) >= 1 && strlen(a) <= 63);
			assert_null(strstr(a, "--"));
			assert_true(a[0] != '-' && a[strlen(a) - 1] != '-');
		}
	}
	store_label_for("ada", name, 0, a);
	name[95] = 'y';
	store_label_for("ada", name, 0, b);
	assert_string_not_equal(a, b);          /* cut, but not confused */
	store_label_for("ada", "x", 1, a);
	store_label_for("ada", "x", 2, b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), strlen("ada-x-0000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_labels),
		cmocka_unit_test(every_label_fits_and_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
