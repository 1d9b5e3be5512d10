/* Parts of several pages: cards, the head of a Space. */
#include <string.h>

#include "server/api/space_json.h"
#include "server/pages/page.h"
#include "server/server.h"

static const char *colour(const char *name, const char *fallback)
{
	static const char *const known[] = { "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], name) == 0)
			return known[i];
	return fallback;
}

bool page_may_write(const struct http_req *rq, const struct store_repo *r)
{
	struct account_object on = { .owner = r->owner, .is_private = r->is_private };

	return account_may(&rq->actor, MAY_WRITE, &on, NULL) >= 0;
}

struct view_card page_card(struct http_req *rq, const struct store_repo *r)
{
	struct space_view v = page_space_view(rq, &r->id);

	return (struct view_card){
		.owner = r->owner_name, .name = r->name, .id = r->id.s, .title = r->title[0] ? r->title : r->name,
		.emoji = r->emoji, .from = colour(r->color_from, "indigo"), .to = colour(r->color_to, "gray"),
		.description = r->short_description, .likes = r->likes, .is_private = r->is_private,
		.chip = page_chip(rq->arena, &v), .changed = page_when(rq->arena, r->changed_ms),
	};
}

size_t page_cards(struct http_req *rq, const struct store_repo *repos, size_t n, const struct view_card **ret, const char **ret_topics)
{
	struct view_card *cards = sp_arena_get(rq->arena, (n + 1) * sizeof(*cards));
	sp_auto_buf struct sp_buf topics = { 0 };

	sp_buf_puts(&topics, "");
	for (size_t i = 0; i < n; i++) {
		cards[i] = page_card(rq, &repos[i]);
		sp_buf_fmt(&topics, "%sspace:%s", i ? "," : "", repos[i].id.s);
	}
	*ret = cards;
	*ret_topics = sp_arena_str(rq->arena, topics.p);
	return n;
}

/* Only if this visitor may see that one too: its name is a private Space's own. */
static const char *duplicated_from(struct http_req *rq, const struct store_repo *r)
{
	const char *slash = strchr(r->duplicated_from, '/');
	struct account_object on;
	struct store_repo of;

	if (!slash || store_repo_by_name(rq->srv->store, r->type, sp_arena_mem(rq->arena, r->duplicated_from, (size_t)(slash - r->duplicated_from)),
			slash + 1, rq->arena, &of, NULL) < 0)
		return "";
	on = (struct account_object){ .owner = of.owner, .is_private = of.is_private };
	return account_may(&rq->actor, MAY_READ, &on, NULL) < 0 ? "" : r->duplicated_from;
}

struct view_space_head page_space_head(struct http_req *rq, const struct store_repo *r, const struct space_view *v, const char *tab)
{
	bool liked = false, signed_in = !account_is_anonymous(&rq->actor);

	if (signed_in && store_like_has(rq->srv->store, &rq->actor.user, &r->id, &liked, NULL) < 0)
		liked = false;          /* the page is worth showing without it */
	return (struct view_space_head){
		.owner = r->owner_name, .name = r->name, .id = r->id.s, .title = r->title[0] ? r->title : r->name,
		.emoji = r->emoji, .from = colour(r->color_from, "indigo"), .to = colour(r->color_to, "gray"), .tab = tab,
		.on_app = strcmp(tab, "app") == 0, .on_files = strcmp(tab, "files") == 0, .on_logs = strcmp(tab, "logs") == 0,
		.on_settings = strcmp(tab, "settings") == 0,
		.is_private = r->is_private, .may_write = page_may_write(rq, r), .is_signed_in = signed_in, .is_liked = liked,
		.likes = r->likes, .chip = page_chip(rq->arena, v), .app_url = space_host_url(rq, r),
		.duplicated_from = duplicated_from(rq, r), .origin = rq->origin, .host = strstr(rq->origin, "://") + 3,
		.is_gradio = strcmp(r->sdk, "gradio") == 0, .is_static = strcmp(r->sdk, "static") == 0,
		.is_python = strcmp(r->sdk, "gradio") == 0 || strcmp(r->sdk, "streamlit") == 0, .can_embed = !r->is_private,
		.app_file = strcmp(r->sdk, "streamlit") == 0 ? "streamlit run app.py" : "python app.py",
	};
}
