#include "server/edge/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void hosts_are_told_apart(void **state)
{
	static const struct { const char *host; enum host_kind kind; const char *label; } rows[] = {
		{ "apps.example", HOST_PLATFORM, NULL },
		{ "APPS.example.:7860", HOST_PLATFORM, NULL },
		{ "", HOST_PLATFORM, NULL },
		{ "127.0.0.1:7860", HOST_PLATFORM, NULL },
		{ "[::1]:7860", HOST_PLATFORM, NULL },
		{ "Ada-Chat.apps.EXAMPLE:80", HOST_APP, "ada-chat" },
		{ "ada-chat.apps.example.", HOST_APP, "ada-chat" },
		{ "a--pr-3.apps.example", HOST_APP, "a--pr-3" },
		{ "a.b.apps.example", HOST_UNKNOWN, NULL },
		{ ".apps.example", HOST_UNKNOWN, NULL },
		{ "xapps.example", HOST_UNKNOWN, NULL },
		{ "example", HOST_UNKNOWN, NULL },
		{ "1.2.3", HOST_UNKNOWN, NULL },
		{ "a_b.apps.example", HOST_UNKNOWN, NULL },
		{ "0123456789012345678901234567890123456789012345678901234567890123.apps.example", HOST_UNKNOWN, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_label label;

		assert_int_equal(host_classify(sp_str_of(rows[i].host), SP_STR("apps.example"), &label), rows[i].kind);
		if (rows[i].label)
			assert_string_equal(label.s, rows[i].label);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(hosts_are_told_apart) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
