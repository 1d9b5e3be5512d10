/* What a README says about its Space. */
#include <jansson.h>
#include <string.h>

#include "auto.h"
#include "runtime/build/front_matter.h"
#include "server/api/repo_util.h"

/* Into a fixed array; what is longer is cut at a whole UTF-8 character. */
static void fit(char *to, size_t size, const char *from)
{
	size_t n = from ? strlen(from) : 0;

	if (n >= size)
		for (n = size - 1; n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80; n--)
			;
	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
}

static bool is_sdk(const char *sdk)
{
	static const char *const known[] = { "gradio", "streamlit", "static", "docker" };

	for (size_t i = 0; sdk && i < SP_COUNT(known); i++)
		if (strcmp(sdk, known[i]) == 0)
			return true;
	return false;
}

static const char *tags_of(struct sp_arena *a, const struct front_matter *fm, const char *sdk)
{
	json_t *tags = json_array();
	char *text;
	const char *kept;

	if (*sdk)
		json_array_append_new(tags, json_string(sdk));
	for (size_t i = 0; fm->tags[i]; i++)
		json_array_append_new(tags, repo_text(fm->tags[i]));
	if (fm->license)
		json_array_append_new(tags, repo_text(sp_arena_fmt(a, "license:%s", fm->license)));
	text = json_dumps(tags, JSON_COMPACT);
	kept = sp_arena_str(a, text ? text : "[]");
	free(text);
	json_decref(tags);
	return kept;
}

void repo_card_read(struct sp_arena *a, const char *readme, size_t len, struct store_repo *r)
{
	struct front_matter fm = { 0 };

	if (front_matter_parse(readme, len, &fm, NULL) < 0)
		return;         /* the build says what is wrong with it */
	if (is_sdk(fm.sdk))
		fit(r->sdk, sizeof(r->sdk), fm.sdk);
	fit(r->title, sizeof(r->title), fm.title);
	fit(r->emoji, sizeof(r->emoji), fm.emoji);
	fit(r->color_from, sizeof(r->color_from), fm.color_from);
	fit(r->color_to, sizeof(r->color_to), fm.color_to);
	fit(r->short_description, sizeof(r->short_description), fm.short_description);
	r->card_json = sp_arena_str(a, front_matter_card_json(&fm));
	r->tags_json = tags_of(a, &fm, r->sdk);
	front_matter_fini(&fm);
}
