/*
 * view.h - what each view of web/views is given. A struct view_NAME belongs to NAME.html.
 *
 * Everything is lent for the call, mostly from the request's arena. Text is as the user wrote it: the views
 * escape. Booleans and "" are what {{#if}} looks at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/pages/vt.h"

/* A moment: "2026-11-23T18:51:07.123Z" for machines, "3 min ago" for people. iso "" when unknown. */
struct view_when { const char *iso, *text; };

/* A state as dot, word and time (C-UI-09). */
struct view_chip {
	const char *tone;               /* "green", "blue", "amber", "red", "gray" */
	const char *word;               /* "Running" */
	bool pulse;
	struct view_when since;
};

/* The frame of every page of the platform. */
struct view_page {
	bool fragment;                  /* only what stands inside <main> */
	const char *title;
	const char *icon;               /* emoji of the page's icon; "" for vitrine's own */
	const char *icon_state;         /* tone of the dot in the icon; "" for none */
	const char *user;               /* "" when nobody is signed in */
	const char *query;              /* what the search box holds */
	const char *topics;             /* "space:ID,space:ID": live when not "" */
	const char *announce;           /* said to screen readers when it changes: "demo is now running" */
	const char *next;               /* where signing in leads back to */
	bool refresh;                   /* without JavaScript, load again in 3 s */
	bool insecure;                  /* plain http on a name that is not localhost: say so (CONTRACTS 9.3) */
	bool logs;                      /* the page has live logs */
	bool tall;                      /* the content fills the window */
	bool account;                   /* a page of accounts: their style sheet */
	bool forms;                     /* a page with forms: their style sheet */
	bool editor, drops;             /* it edits text; files can be dropped on it */
	bool files;                     /* a page of files or Markdown: their style sheet */
	bool app;                       /* it frames an app: what passes between the two */
	bool mini;                      /* without the platform's bar */
};

struct view_card {
	const char *owner, *name, *title, *emoji, *from, *to, *description, *id;
	long likes;
	bool is_private;
	struct view_chip chip;
	struct view_when changed;
};

struct view_choice { const char *word, *value; bool is_on; };

struct view_gallery {
	struct view_page page;
	const struct view_card *cards;
	size_t n_cards;
	const char *query, *sort, *sdk, *tag;
	const struct view_choice *sorts, *sdks, *tags;
	size_t n_sorts, n_sdks, n_tags;
	const struct view_choice *pages;        /* numbers around this one; value "" is a gap */
	size_t n_pages;
	bool has_previous, has_next, is_filtered;
	long previous, next;
	const char *origin;             /* for the commands of the empty state */
};

struct view_space_head {
	const char *owner, *name, *title, *emoji, *from, *to, *id;
	const char *tab;                /* "app", "files", "logs" */
	bool on_app, on_files, on_logs, on_settings;
	bool is_private, may_write, is_signed_in, is_liked;
	long likes;
	struct view_chip chip;
	const char *app_url;            /* the app's own address */
	const char *duplicated_from;    /* "owner/name"; "" */
	const char *origin, *host;      /* of the platform, for commands */
	bool is_gradio, is_static, is_python, can_embed;
	const char *app_file;
};

struct view_step { const char *word, *state /* "done", "now", "todo", "failed" */; bool is_now, is_done, is_failed; };
struct view_steps { const struct view_step *steps; size_t n_steps; };

/* A log of the platform: what is known now, and where the rest comes from. */
struct view_log {
	const char *owner, *name, *kind /* "run", "build"; "" for none */, *label;
	struct safe_html html;          /* lines, as page_logs.c makes them */
	bool live, numbered;
};

struct view_past { const char *id, *result, *tone, *cause, *commit; struct view_when at; bool is_on, is_newest; };

/* The next action of a cause: one of these is set beside its label. Restarting has its own buttons. */
struct view_act { const char *label, *edit /* a file */, *logs /* "build", "run" */, *command; bool files, settings; };

/* Why there is no app to see, and what to do (C-UI-18). */
struct view_state {
	const char *heading, *text, *next, *evidence, *code, *tone;
	struct view_steps steps;        /* none: not on its way up */
	const char *usually;            /* "Usually 6 s." */
	const char *owner, *name;
	struct view_log log;            /* shown live below */
	struct view_act act;
	bool may_write, can_restart;
	const char *origin;
	bool show_start;                /* commands for an empty repository */
	/* The next action (causes.def) as a link, a form or a command; action_label "" for none. */
	const char *action_label, *action_path, *action_kind, *action_command;
	bool is_edit, is_files, is_settings, is_logs, is_restart, is_factory;
};

struct view_space {
	struct view_page page;
	struct view_space_head head;
	bool shows_app;
	const char *frame_url;
	const char *keep;               /* what is shown stays as it is while this does not change: nobody's work in the app is thrown away */
	const char *version;            /* the commit that serves */
	const char *notice;             /* beside a running app, for those who may change it: "A new version is being built …" */
	const char *notice_next, *notice_evidence;
	struct view_state state;
	struct safe_html readme;        /* when there is no app to show */
	bool is_narrow;                 /* fullWidth: false */
};

struct view_liker { const char *name, *fullname; struct view_when at; };
struct view_likers { struct view_page page; struct view_space_head head; const struct view_liker *likers; size_t n_likers; };

struct view_logs {
	struct view_page page;
	struct view_space_head head;
	struct view_log log;
	bool on_run, on_build;
	struct view_chip chip;
	bool can_pause, can_restart;
	const char *cause, *cause_next;
	const char *id;                 /* of the log that was asked for; "" the newest */
	long first, last, total, earlier, later;
	bool has_earlier, has_later;
	const struct view_past *past;   /* newest first */
	size_t n_past;
};

struct view_error { struct view_page page; int status; const char *heading, *sentence, *code, *next; bool offer_signin; };

/* Pages on an app's own host: no scripts or styles of the platform's origin, which an app could stand in for. */
struct view_bare {
	const char *title, *emoji, *from, *to;
	/* Whole elements with the answer's nonce: were they files, the app could be up before they are asked for. */
	struct safe_html style, script;
};
struct view_wait {
	struct view_bare bare;
	const char *name, *heading, *text, *next, *usually, *stage;
	struct view_steps steps;
};
struct view_app_down {
	struct view_bare bare;
	const char *heading, *text, *next, *code;
	const char *space_url, *space_word;     /* the Space's page on the platform, or the platform's; "" for none */
};

#include "server/pages/view_files.h"
#include "server/pages/view_forms.h"
#include "server/pages/view_account.h"
