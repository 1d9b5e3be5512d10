/*
 * view_forms.h - what the views with forms are given: settings, new Space, editor, upload, duplicate, logs. Included by view.h.
 *
 * PROBLEM is what was wrong with the form that was sent, and what was typed comes back with it.
 */
#pragma once

#include "server/pages/view.h"

struct view_variable { const char *key, *value, *description; struct view_when changed; };
struct view_secret { const char *key, *description; struct view_when changed; };
struct view_event { const char *actor, *what, *detail; struct view_when at; };
struct view_problem { const char *text, *name /* of the form that it is about */; };

struct view_settings {
	struct view_page page;
	struct view_space_head head;
	const char *owner, *name, *done, *origin;
	/* Which form was refused, and what was typed there. */
	const char *problem;
	bool in_run, in_network, in_variable, in_secret, in_visibility, in_move, in_delete;
	const char *key, *value, *description, *to_owner, *to_name, *typed;
	const char *state, *cause, *cause_next;
	bool can_restart, can_pause, can_sleep, is_static, is_private;
	bool has_none, has_web, has_any;        /* network */
	const char *traffic;                    /* of the run that serves; "" when none does */
	const struct view_choice *sleeps;
	size_t n_sleeps;
	const struct view_variable *variables;
	size_t n_variables;
	const struct view_secret *secrets;
	size_t n_secrets;
	const struct view_event *events;
	size_t n_events;
	unsigned long likes;
};

struct view_template { const char *name, *title, *emoji, *sdk, *description; bool is_on; };
struct view_new_space {
	struct view_page page;
	const char *owner, *problem, *name, *origin;
	bool is_private, on_gradio, on_streamlit, on_static, on_template;
	const struct view_template *templates;
	size_t n_templates;
};

/* After creating: what to do next, or what was found in the files. */
struct view_started {
	struct view_page page;
	struct view_space_head head;
	const char *owner, *name, *origin, *sdk, *app_file, *requirements, *app_text;
	const char *readme;             /* the settings as they are in README.md now */
	bool has_app;
};

struct view_edit_line { const char *text; bool is_mine, is_theirs; };
struct view_edit {
	struct view_page page;
	struct view_space_head head;
	const char *owner, *name, *branch, *heading, *problem, *cancel;
	const char *was, *path, *text, *blob, *eol, *summary, *description, *hint;
	bool is_new, is_conflict, is_gone;      /* somebody changed, or deleted, the file meanwhile */
	const struct view_edit_line *lines;
	size_t n_lines;
};

struct view_delete {
	struct view_page page;
	struct view_space_head head;
	const char *owner, *name, *branch, *path, *cancel, *summary, *problem;
	bool is_folder;
	size_t files;
};

struct view_upload {
	struct view_page page;
	struct view_space_head head;
	const char *owner, *name, *branch, *folder, *cancel, *summary, *description, *problem;
};

struct view_duplicate {
	struct view_page page;
	struct view_space_head head;
	const char *owner, *name, *problem, *to_owner, *to_name;
	bool is_public;
	const struct view_variable *variables;
	size_t n_variables;
	const struct view_secret *secrets;
	size_t n_secrets;
};
