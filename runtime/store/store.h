/*
 * store.h - SQLite: the only folder that includes sqlite3.h.
 *
 * One connection writes and checkpoints (ARCHITECTURE 4), on its own thread with a queue: requests that
 * wait at the same time share one fsync (group commit). Reading connections are per thread. All
 * functions block and are called from pool threads, never from the loop thread; writes return after
 * they are durable (synchronous=FULL).
 *
 * Strings in rows are fixed arrays or arena copies (`const char *`, lent from the arena passed in).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "id.h"

struct store;

/*
 * Open or create the database PATH (a directory: vitrine.db in it), check it, migrate it forward, start
 * the writer. SP_EBUSY: another server has the lock. SP_EPROTO: damaged. SP_EUNSUPPORTED: made by a newer version.
 */
SP_MUST int store_open(const char *path, struct store **ret, struct sp_err *e);
void store_close(struct store *st);

/* ---- users, tokens, sessions (store_users.c, store_tokens.c) ---- */
struct store_user { struct sp_id id; char name[64]; char fullname[128]; bool is_admin; int64_t created_ms; };

SP_MUST int store_user_add(struct store *st, const struct store_user *u, struct sp_err *e);        /* SP_EEXIST */
SP_MUST int store_user_by_name(struct store *st, const char *name, struct store_user *ret, struct sp_err *e);      /* without case */
SP_MUST int store_user_by_id(struct store *st, const struct sp_id *id, struct store_user *ret, struct sp_err *e);
SP_MUST int store_user_count(struct store *st, int64_t *ret, struct sp_err *e);

/* A refresh token's label is the id of its access token: they are revoked together. */
enum store_token_kind { TOKEN_ACCESS, TOKEN_SESSION, TOKEN_SIGNIN, TOKEN_RESET, TOKEN_REFRESH };
/* ID names it for people; none when added: one is made. USED_MS is 0 when never, and at most an hour old news. */
struct store_token {
	uint8_t sha256[32];
	struct sp_id id, user;
	int kind, role;
	char label[64];
	int64_t created_ms, used_ms, expires_ms /* 0 never */;
};

/* SP_EQUOTA: too many access tokens of this user. Of every other kind the oldest makes room. */
SP_MUST int store_token_add(struct store *st, const struct store_token *t, struct sp_err *e);
SP_MUST int store_token_by_hash(struct store *st, const uint8_t sha256[32], struct store_token *ret, struct sp_err *e);     /* SP_ENOENT also when expired */
SP_MUST int store_token_by_id(struct store *st, const struct sp_id *id, struct store_token *ret, struct sp_err *e);         /* the same; without its hash */
SP_MUST int store_token_del(struct store *st, const uint8_t sha256[32], struct sp_err *e);     /* SP_ENOENT: already spent */

/* Of one kind, newest first. */
SP_MUST int store_token_list(struct store *st, const struct sp_id *user, int kind, struct sp_arena *a, struct store_token **ret, size_t *ret_n, struct sp_err *e);
SP_MUST int store_token_revoke(struct store *st, const struct sp_id *user, const struct sp_id *id, struct sp_err *e);       /* SP_ENOENT: not this user's */
/* Everything of one kind at once; EXCEPT (NULL: none) stays. */
SP_MUST int store_token_revoke_all(struct store *st, const struct sp_id *user, int kind, const struct sp_id *except, struct sp_err *e);
/* It was used; EXPIRES_MS 0: its end stays. Not being there any more is fine. */
SP_MUST int store_token_used(struct store *st, const uint8_t sha256[32], int64_t at_ms, int64_t expires_ms, struct sp_err *e);
/*
 * Spend a refresh token: ACCESS and REFRESH are added, the access token before them ends at OLD_ENDS_MS, all or
 * nothing. Owner, role and label are taken over from the old one into ACCESS. SP_ENOENT: spent or expired.
 */
SP_MUST int store_token_refresh(struct store *st, const uint8_t spent[32], struct store_token *access, const struct store_token *refresh,
		int64_t old_ends_ms, struct sp_err *e);

/* A password is libsodium's argon2id text; "" when the user has none. */
struct store_password { char hash[160]; };
SP_MUST int store_user_password(struct store *st, const struct sp_id *user, struct store_password *ret, struct sp_err *e);
SP_MUST int store_user_set_password(struct store *st, const struct sp_id *user, const struct store_password *p, struct sp_err *e);
/*
 * A new password: sessions end, KEEP (NULL: none) stays; sign-in and reset links are void. SPENT (NULL: none) is a reset
 * link that this uses up. SP_ENOENT: it was used already; nothing changes then.
 */
SP_MUST int store_user_change_password(struct store *st, const struct sp_id *user, const struct store_password *p, const uint8_t spent[32],
		const struct sp_id *keep, struct sp_err *e);
SP_MUST int store_user_set_fullname(struct store *st, const struct sp_id *user, const char *fullname, struct sp_err *e);
SP_MUST int store_user_list(struct store *st, struct sp_arena *a, struct store_user **ret, size_t *ret_n, struct sp_err *e);
/* With likes, tokens and redirects. SP_EBUSY: still owns repositories. SP_EDENIED: the last administrator stays. */
SP_MUST int store_user_del(struct store *st, const struct sp_id *user, struct sp_err *e);

/* Invitations: links by which somebody makes an account. NAME "": they choose it. */
struct store_invite { uint8_t sha256[32]; struct sp_id id; char name[64]; bool is_admin; int64_t created_ms, expires_ms; };
SP_MUST int store_invite_add(struct store *st, const struct store_invite *i, struct sp_err *e);
SP_MUST int store_invite_by_hash(struct store *st, const uint8_t sha256[32], struct store_invite *ret, struct sp_err *e);   /* SP_ENOENT also when expired */
SP_MUST int store_invite_list(struct store *st, struct sp_arena *a, struct store_invite **ret, size_t *ret_n, struct sp_err *e);
SP_MUST int store_invite_del(struct store *st, const struct sp_id *id, struct sp_err *e);
/* Spend the invitation and make the user, both or neither. SP_ENOENT: spent already. SP_EEXIST: the name is taken; the invitation stays. */
SP_MUST int store_invite_use(struct store *st, const uint8_t sha256[32], const struct store_user *u, const struct store_password *p, struct sp_err *e);

/* Both or neither: a user without a token could never sign in. */
SP_MUST int store_user_add_with(struct store *st, const struct store_user *u, const struct store_token *t, struct sp_err *e);

/* ---- repositories (store_repos.c). One row per Space (later models, datasets). ---- */
struct store_repo {
	struct sp_id id, owner;
	char type[12];                  /* "space" */
	char owner_name[64], name[100];
	char label[64];                 /* DNS label of the app's host, unique */
	char sdk[16];                   /* as created or as the front matter says */
	bool is_private, is_paused, is_asleep;
	char network[8];                /* "none", "web", "any" (runtime/space/network.h); "" when added: web */
	int64_t sleep_s;                /* without visits for that long: asleep; -1 never; 0 when added: the default */
	char duplicated_from[170];      /* "owner/name" as it was called then; "" */
	char head[41];                  /* commit of main; "" when empty */
	char release[41];               /* commit that serves or served last; "" when none */
	char title[200], emoji[32], color_from[16], color_to[16], short_description[300];
	int64_t likes, created_ms, changed_ms;
	const char *card_json;          /* parsed front matter as JSON text; NULL when none */
	const char *tags_json;          /* JSON array */
	double trending;                /* likes, each halved every 7 days; read only */
	const char *readme;             /* for search, written by store_repo_add and store_repo_set_card; NULL: as it was. Not read back */
};

/*
 * The DNS label of an app: "owner-name" lower-cased, anything else than letters and digits one '-', at most
 * 63 bytes (longer: cut, with a hash). ATTEMPT > 0: with a suffix of four hex digits, for collisions. Pure.
 */
void store_label_for(const char *owner, const char *name, unsigned attempt, char ret[64]);

/* label "": derived, unique. owner_name, likes and trending are not read: they follow from other rows. SP_ENOENT: no such owner. */
SP_MUST int store_repo_add(struct store *st, const struct store_repo *r, struct sp_err *e);        /* SP_EEXIST */
SP_MUST int store_repo_by_name(struct store *st, const char *type, const char *owner, const char *name, struct sp_arena *a, struct store_repo *ret, struct sp_err *e);
SP_MUST int store_repo_by_id(struct store *st, const struct sp_id *id, struct sp_arena *a, struct store_repo *ret, struct sp_err *e);
SP_MUST int store_repo_by_label(struct store *st, const char *label, struct sp_arena *a, struct store_repo *ret, struct sp_err *e);
SP_MUST int store_repo_set_head(struct store *st, const struct sp_id *id, const char *head, struct sp_err *e);
SP_MUST int store_repo_set_release(struct store *st, const struct sp_id *id, const char *commit, struct sp_err *e);
SP_MUST int store_repo_set_card(struct store *st, const struct store_repo *r, struct sp_err *e);    /* sdk, title … card_json, tags_json */
SP_MUST int store_repo_set_private(struct store *st, const struct sp_id *id, bool is_private, struct sp_err *e);
SP_MUST int store_repo_set_paused(struct store *st, const struct sp_id *id, bool is_paused, struct sp_err *e);
SP_MUST int store_repo_set_asleep(struct store *st, const struct sp_id *id, bool is_asleep, struct sp_err *e);
SP_MUST int store_repo_set_network(struct store *st, const struct sp_id *id, const char *network, struct sp_err *e);
SP_MUST int store_repo_set_sleep(struct store *st, const struct sp_id *id, int64_t sleep_s, struct sp_err *e);
/*
 * Rename or give away; the old name leads on (store_redirects.c). The label changes with the name.
 * SP_EEXIST: the new name is taken. A redirect of the new name is removed: what is there now wins.
 */
SP_MUST int store_repo_move(struct store *st, const struct sp_id *id, const struct sp_id *owner, const char *name, struct sp_err *e);
/* Where an old name leads. SP_ENOENT. */
SP_MUST int store_redirect_find(struct store *st, const char *type, const char *owner, const char *name, struct sp_id *ret, struct sp_err *e);
/* Where the app host of an old name leads; for hosts that are nobody's now. SP_ENOENT. */
SP_MUST int store_redirect_by_label(struct store *st, const char *label, struct sp_id *ret, struct sp_err *e);
SP_MUST int store_repo_del(struct store *st, const struct sp_id *id, struct sp_err *e);        /* and everything that hangs on it */

enum store_sort { SORT_CREATED, SORT_CHANGED, SORT_LIKES, SORT_TRENDING, SORT_BEST /* of a search: what fits best; else trending */ };
struct store_repo_query {
	const char *type, *author, *search;     /* NULL: any. Every word of search must begin a word of the repository, the last one in part (FTS5) */
	const char *const *tags;                /* NULL or NULL-terminated: each must be in tags_json or be the sdk */
	const char *const *models, *const *datasets;    /* likewise: each must be in the list of that name of card_json */
	struct sp_id viewer;                    /* private rows only for this owner; none: public ones only */
	bool viewer_is_admin;
	enum store_sort sort;
	bool ascending;                         /* newest, most liked first otherwise */
	int64_t limit, offset;
};
SP_MUST int store_repo_list(struct store *st, const struct store_repo_query *q, struct sp_arena *a, struct store_repo **ret, size_t *ret_n, struct sp_err *e);
/* How many there are behind offset, at most limit of them; 0: all. */
SP_MUST int store_repo_count(struct store *st, const struct store_repo_query *q, int64_t *ret, struct sp_err *e);
/* The tags of most public repositories of TYPE, commonest first; SDKs are among them. Looks at all: keep the answer for a while. */
struct store_tag { char name[64]; int64_t n; };
SP_MUST int store_tag_list(struct store *st, const char *type, int64_t limit, struct sp_arena *a, struct store_tag **ret, size_t *ret_n, struct sp_err *e);
/* Every Space id, for start-up; small rows only. */
SP_MUST int store_repo_all_ids(struct store *st, struct sp_arena *a, struct sp_id **ret, size_t *ret_n, struct sp_err *e);

/* ---- likes (store_likes.c) ---- */
SP_MUST int store_like_set(struct store *st, const struct sp_id *user, const struct sp_id *repo, bool liked, int64_t *ret_likes, struct sp_err *e);
struct store_liker { char name[64]; char fullname[128]; int64_t created_ms; };
SP_MUST int store_like_list(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_liker **ret, size_t *ret_n, struct sp_err *e);
struct store_liked { char owner_name[64], name[100], type[12]; int64_t created_ms; };
SP_MUST int store_liked_by(struct store *st, const char *user_name, const struct sp_id *viewer, struct sp_arena *a, struct store_liked **ret, size_t *ret_n, struct sp_err *e);
SP_MUST int store_like_has(struct store *st, const struct sp_id *user, const struct sp_id *repo, bool *ret, struct sp_err *e);

/* ---- variables of a Space (store_variables.c) ---- */
struct store_variable { char key[128]; const char *value, *description; int64_t changed_ms; };
SP_MUST int store_variable_set(struct store *st, const struct sp_id *repo, const char *key, const char *value, const char *description, struct sp_err *e);
SP_MUST int store_variable_del(struct store *st, const struct sp_id *repo, const char *key, struct sp_err *e);         /* absent is fine */
SP_MUST int store_variable_list(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_variable **ret, size_t *ret_n, struct sp_err *e);

/* ---- secrets of a Space (store_secrets.c): sealed by runtime/account/keys.h; nothing here can read them ---- */
struct store_secret { char key[128]; const uint8_t *sealed; size_t sealed_n; const char *description; int64_t changed_ms; };
SP_MUST int store_secret_set(struct store *st, const struct sp_id *repo, const struct store_secret *s, struct sp_err *e);
SP_MUST int store_secret_del(struct store *st, const struct sp_id *repo, const char *key, struct sp_err *e);        /* absent is fine */
SP_MUST int store_secret_any(struct store *st, bool *ret, struct sp_err *e);    /* of whatever Space */
/* When a variable or secret was set or deleted last; 0 never. */
SP_MUST int store_environment_changed(struct store *st, const struct sp_id *repo, int64_t *ret_ms, struct sp_err *e);
SP_MUST int store_secret_list(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_secret **ret, size_t *ret_n, struct sp_err *e);

/* ---- builds, releases, runs (store_builds.c, store_runs.c) ---- */
enum store_build_state { BUILD_QUEUED, BUILD_RUNNING, BUILD_READY, BUILD_FAILED, BUILD_SUPERSEDED };
struct store_build {
	struct sp_id id, repo;
	char commit[41];
	int state;                              /* enum store_build_state */
	char env[65], app[65], base[65];        /* image hashes when ready; "" otherwise */
	char cause[40];                         /* name from causes.def when failed; "" otherwise */
	char detail[1000];                      /* the sentence with its facts; then the next action and its target (cause.h), a line each */
	int64_t created_ms, started_ms, ended_ms;
	const char *recipe_json;                /* what to run, when ready */
};
SP_MUST int store_build_add(struct store *st, const struct store_build *b, struct sp_err *e);
SP_MUST int store_build_set(struct store *st, const struct store_build *b, struct sp_err *e);
SP_MUST int store_build_last(struct store *st, const struct sp_id *repo, struct sp_arena *a, struct store_build *ret, struct sp_err *e);       /* SP_ENOENT */
SP_MUST int store_build_by_commit(struct store *st, const struct sp_id *repo, const char *commit, struct sp_arena *a, struct store_build *ret, struct sp_err *e);   /* newest READY one */
SP_MUST int store_build_pending(struct store *st, struct sp_arena *a, struct store_build **ret, size_t *ret_n, struct sp_err *e);   /* QUEUED or RUNNING: to do again after a crash */

struct store_run {
	struct sp_id id, repo, build;
	char cause[40], detail[1000];
	int64_t started_ms, ready_ms, ended_ms;
};
SP_MUST int store_run_add(struct store *st, const struct store_run *r, struct sp_err *e);
SP_MUST int store_run_set(struct store *st, const struct store_run *r, struct sp_err *e);
SP_MUST int store_run_last(struct store *st, const struct sp_id *repo, struct store_run *ret, struct sp_err *e);

/* Builds or runs of REPO, newest first (store_past.c). STATE: of a build. READY_MS: of a run. ENDED_MS 0: not over. */
struct store_past { struct sp_id id; char commit[41]; int state; char cause[40], detail[600]; int64_t started_ms, ready_ms, ended_ms; };
SP_MUST int store_past_list(struct store *st, const struct sp_id *repo, bool builds, int64_t limit, struct sp_arena *a, struct store_past **ret, size_t *ret_n, struct sp_err *e);

/* ---- events: who did what, append-only (store_events.c) ---- */
SP_MUST int store_event_add(struct store *st, const struct sp_id *actor, const struct sp_id *repo, const char *what, const char *detail, struct sp_err *e);
struct store_event { int64_t at_ms; char actor[64]; char what[40]; const char *detail; };
SP_MUST int store_event_list(struct store *st, const struct sp_id *repo, int64_t limit, struct sp_arena *a, struct store_event **ret, size_t *ret_n, struct sp_err *e);
/* What one user did, newest first, without its name. Looks at all events: for exports. */
SP_MUST int store_event_by_actor(struct store *st, const struct sp_id *actor, int64_t limit, struct sp_arena *a, struct store_event **ret, size_t *ret_n, struct sp_err *e);
