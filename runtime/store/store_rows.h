/*
 * store_rows.h - how a row of repos is selected and read, shared by look-up and listing.
 */
#pragma once

#include "store_priv.h"

#define STORE_REPO_SELECT \
	"SELECT r.id, r.owner, r.type, u.name, r.name, r.label, r.sdk, r.is_private, r.is_paused, r.head, r.release," \
	" r.title, r.emoji, r.color_from, r.color_to, r.short_description, r.likes, r.created_ms, r.changed_ms," \
	" r.card_json, r.tags_json, r.trending, r.is_asleep, r.sleep_s, r.duplicated_from, r.network FROM repos r JOIN users u ON u.id = r.owner"

void store_repo_read(struct db_query *q, struct sp_arena *a, struct store_repo *ret);
