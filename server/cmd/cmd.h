/*
 * cmd.h - the `vitrine` command: one file per subcommand, one row each in main.c.
 *
 * Commands print for people on standard output, complaints on standard error, and end with 0, with 1
 * when what was asked did not work, with 2 when it was asked wrongly, with 3 when the server does not
 * answer or does not let us. With --json standard output has JSON only, {"error": sentence} included.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_NO_ACCESS = 3 };

int cmd_serve(int argc, char **argv);
int cmd_deploy(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_dev(int argc, char **argv);
int cmd_check(int argc, char **argv);
/* What vitrine-local --check says: {"works", "step", "why", "landlock", "weaker": [{"what", "here", "next"}]}; NULL: it says nothing. Take. */
json_t *check_local(void);
void check_local_print(void);
int cmd_admin(int argc, char **argv);
int cmd_login(int argc, char **argv);
int cmd_logout(int argc, char **argv);
int cmd_whoami(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_open(int argc, char **argv);
int cmd_restart(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_secrets(int argc, char **argv);
int cmd_vars(int argc, char **argv);

void cmd_set_json(bool on);     /* complaints go to standard output too, as JSON */

/* "vitrine: TEXT" on standard error; returns STATUS. */
int cmd_fail(int status, const char *fmt, ...) SP_PRINTF(2, 3);
/* The error E of an operation as one sentence; CMD_NO_ACCESS or CMD_FAILED. */
int cmd_fail_err(const struct sp_err *e);

/* Seconds since START_US as "0.31 s" in a static buffer; steps are printed with it. */
const char *cmd_took(unsigned long long start_us);
/* One step: "  built      42 files                      0.31 s". */
void cmd_step(const char *word, const char *text, unsigned long long start_us);
/*
 * A step for people, or with --json {"event": WORD, "seconds": …, and what MORE has} on a line; MORE is taken.
 * TEXT NULL: only as JSON.
 */
void cmd_event(const char *word, const char *text, unsigned long long start_us, json_t *more);

/* --state, or ~/.local/share/vitrine. Lent from a static buffer. */
const char *cmd_default_state(void);
const char *cmd_default_images(void);
/* Folder of this program, and the folder of its scripts and templates (../share beside it). */
const char *cmd_bin_dir(void);
const char *cmd_share_dir(void);
