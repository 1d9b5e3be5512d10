/*
 * view_files.h - what the views of files, history and commits are given. Included by view.h.
 */
#pragma once

#include "server/pages/view.h"

struct view_crumb { const char *name, *path; bool is_last; };
struct view_ref { const char *name; bool is_on, is_tag; };

/* One commit as a line. id "": none. */
struct view_commit { const char *owner, *name, *id, *short_id, *title, *message, *author; struct view_when at; };

/* The line above files: which revision, where in it, what can be done. */
struct view_files_bar {
	const char *owner, *name, *rev, *path;
	const char *kind;               /* "tree", "blob", "commits": where another revision leads */
	const struct view_ref *refs;
	size_t n_refs;
	const struct view_crumb *crumbs;
	size_t n_crumbs;
	bool can_add;                   /* the folder takes new files from this visitor */
	bool has_history;
};

struct view_file { const char *name, *path, *size, *title; bool is_dir, is_lfs, is_link; struct view_when at; };
struct view_found { const char *path; };

struct view_files {
	struct view_page page;
	struct view_space_head head;
	struct view_files_bar bar;
	struct view_commit last;
	const char *owner, *name, *rev, *parent, *path;
	bool has_parent, can_start, is_finding, is_cut;    /* is_cut: not all files were looked at, or there are more */
	const struct view_file *files;
	size_t n_files;
	bool has_more;
	long next;
	const char *find;
	const struct view_found *found;
	size_t n_found;
	struct safe_html readme;
	const char *readme_path;
	const char *origin;
};

struct view_pair { const char *key, *value; };
struct view_blob {
	struct view_page page;
	struct view_space_head head;
	struct view_files_bar bar;
	struct view_commit last;
	const char *owner, *name, *rev, *path, *file, *size, *language, *commit;
	bool can_edit, can_delete, is_lfs;
	struct safe_html rendered, lines;       /* one of them, or */
	bool is_image, is_empty, has_source, shows_source;
	const char *notice;             /* why it is not shown */
	unsigned long n_lines;
	const struct view_pair *meta;   /* of a README */
	size_t n_meta;
};

struct view_commits {
	struct view_page page;
	struct view_space_head head;
	struct view_files_bar bar;
	const char *owner, *name, *rev, *path;
	const struct view_commit *commits;
	size_t n_commits;
	bool has_previous, has_next, is_unseen;  /* is_unseen: older ones were not looked at */
	long previous, next;
};

struct view_change_line { const char *kind /* "add", "del", "same", "at" */, *sign, *old_line, *new_line, *text; };
struct view_diff_file {
	const char *owner, *name, *commit, *path, *old_path, *word, *note;
	long added, removed;
	const struct view_change_line *lines;
	size_t n_lines;
	bool is_gone;
};
struct view_commit_page {
	struct view_page page;
	struct view_space_head head;
	struct view_commit commit;
	const char *owner, *name, *parent, *parent_short;
	const struct view_diff_file *files;
	size_t n_files;
	long added, removed;
	bool is_cut;
};
