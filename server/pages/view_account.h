/*
 * view_account.h - what the views of accounts are given; part of view.h.
 */
#pragma once

#include "server/pages/view.h"

struct view_signin { struct view_page page; const char *error, *next, *name; };
struct view_signin_link { struct view_page page; const char *token, *next; };

/* An account for somebody new. FIXED: the name was chosen by who invited. Not IS_OPEN: only the problem is shown. */
struct view_invite { struct view_page page; const char *error, *token, *name; bool is_open, is_fixed, is_admin; int password_min; };
/* A new password for USER. */
struct view_reset { struct view_page page; const char *error, *token, *user; bool is_open; int password_min; };

struct view_liked { const char *owner, *name; struct view_when at; };

struct view_profile {
	struct view_page page;
	const char *user, *fullname;
	bool is_me;
	const struct view_choice *sorts;
	size_t n_sorts;
	const struct view_card *cards;
	size_t n_cards;
	const struct view_liked *likes;
	size_t n_likes;
	const char *origin;
};

/* An access token or a session. */
struct view_token { const char *id, *label, *may, *ends /* a day; "" for never */; bool is_this; struct view_when created, used; };

struct view_account {
	struct view_page page;
	const char *user, *fullname, *origin;
	const char *done, *error;       /* said once above all; "" otherwise */
	const char *new_token;          /* shown once; "" otherwise */
	bool has_password, is_admin;
	int password_min;
	const struct view_token *tokens, *sessions;
	size_t n_tokens, n_sessions;
	bool has_others;                /* sessions but this one */
};

struct view_account_delete {
	struct view_page page;
	const char *error, *user;
	bool has_password;
	const struct view_liked *spaces;        /* that would go */
	size_t n_spaces;
};

struct view_person { const char *name, *fullname; bool is_admin, is_me; long spaces; struct view_when created; };
struct view_invitation { const char *id, *name, *ends; bool is_admin; struct view_when created; };

struct view_admin {
	struct view_page page;
	const char *error, *done;
	const char *link, *link_for;    /* a new link, shown once; "" otherwise */
	const struct view_person *people;
	size_t n_people;
	const struct view_invitation *invitations;
	size_t n_invitations;
};

/* Somebody's `hf auth login` waits for a yes. No CODE: it has to be typed. */
struct view_device { struct view_page page; const char *error, *done, *code, *client, *address; struct view_when asked; };
