#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "auto.h"
#include "runtime/account/account.h"

#define OWNER "aaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbb"
#define ADMIN "cccccccccccccccccccccccc"

enum who { ANON, OWNS, OWNS_READ, OTHERS, OTHERS_READ, ADMINS, ADMINS_WRITE, ADMINS_READ, WHO_MAX };

static const struct account_actor actors[WHO_MAX] = {
	[ANON]         = { .role = ROLE_NONE },
	[OWNS]         = { .user = { OWNER }, .role = ROLE_WRITE },
	[OWNS_READ]    = { .user = { OWNER }, .role = ROLE_READ },
	[OTHERS]       = { .user = { OTHER }, .role = ROLE_WRITE },
	[OTHERS_READ]  = { .user = { OTHER }, .role = ROLE_READ },
	[ADMINS]       = { .user = { ADMIN }, .role = ROLE_ADMIN, .is_admin = true },
	[ADMINS_WRITE] = { .user = { ADMIN }, .role = ROLE_WRITE, .is_admin = true },
	[ADMINS_READ]  = { .user = { ADMIN }, .role = ROLE_READ, .is_admin = true },
};

#define YES 0
#define AUTH (-SP_EAUTH)
#define DENY (-SP_EDENIED)
#define GONE (-SP_ENOENT)

/* Every verb, every kind of actor, on a public and on a private repository. */
static const struct { enum account_verb verb; bool is_private; int want[WHO_MAX]; } rows[] = {
	/*                        anonymous owner +read  other +read  admin +write +read */
	{ MAY_ANYONE,    false, { YES,      YES,  YES,   YES,  YES,   YES,  YES,   YES } },
	{ MAY_ANYONE,    true,  { YES,      YES,  YES,   YES,  YES,   YES,  YES,   YES } },
	{ MAY_SIGNED_IN, false, { AUTH,     YES,  YES,   YES,  YES,   YES,  YES,   YES } },
	{ MAY_SIGNED_IN, true,  { AUTH,     YES,  YES,   YES,  YES,   YES,  YES,   YES } },
	{ MAY_READ,      false, { YES,      YES,  YES,   YES,  YES,   YES,  YES,   YES } },
	{ MAY_READ,      true,  { GONE,     YES,  YES,   GONE, GONE,  YES,  YES,   YES } },
	{ MAY_WRITE,     false, { AUTH,     YES,  DENY,  DENY, DENY,  YES,  DENY,  DENY } },
	{ MAY_WRITE,     true,  { GONE,     YES,  DENY,  GONE, GONE,  YES,  DENY,  DENY } },
	{ MAY_CREATE,    false, { AUTH,     YES,  DENY,  DENY, DENY,  YES,  DENY,  DENY } },
	{ MAY_CREATE,    true,  { AUTH,     YES,  DENY,  DENY, DENY,  YES,  DENY,  DENY } },
	{ MAY_ADMIN,     false, { AUTH,     DENY, DENY,  DENY, DENY,  YES,  DENY,  DENY } },
	{ MAY_ADMIN,     true,  { AUTH,     DENY, DENY,  DENY, DENY,  YES,  DENY,  DENY } },
	{ MAY_LINK,      true,  { YES,      YES,  YES,   YES,  YES,   YES,  YES,   YES } },
};

static void every_verb_actor_and_visibility_is_as_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		const struct account_object on = { .owner = { OWNER }, .is_private = rows[i].is_private };

		for (unsigned who = 0; who < WHO_MAX; who++) {
			struct sp_err e = { 0 };
			int r = account_may(&actors[who], rows[i].verb, &on, &e);

			if (r != rows[i].want[who])
				fail_msg("row %zu, actor %u: %d instead of %d", i, who, r, rows[i].want[who]);
			assert_true(r == 0 || e.msg[0] != '\0');        /* every refusal has its sentence */
		}
	}
}

static void an_object_without_owner_belongs_to_nobody(void **state)
{
	const struct account_object on = { .is_private = true };

	(void)state;
	assert_int_equal(account_may(&actors[ANON], MAY_READ, &on, NULL), GONE);
	assert_int_equal(account_may(&actors[ANON], MAY_WRITE, &on, NULL), GONE);
	assert_int_equal(account_may(&actors[OWNS], MAY_CREATE, &on, NULL), DENY);
	assert_int_equal(account_may(&actors[OWNS], MAY_CREATE, NULL, NULL), DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_actor_and_visibility_is_as_in_the_table),
		cmocka_unit_test(an_object_without_owner_belongs_to_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
