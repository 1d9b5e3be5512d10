/*
 * cause.h - rows of causes.def with their facts filled in.
 *
 * A fact replaces the next %d or %s of the sentence, then of the next action, then of its target; facts are texts
 * already. cause_test walks every row, so that a row and its callers cannot drift apart.
 */
#pragma once

#include "space.h"

enum cause_code {
	CAUSE_NONE,
#define CAUSE(code, stage, text, next, action, label, target) CAUSE_##code,
#include "causes.def"
#undef CAUSE
	CAUSE_MAX
};

/* A build or a run that fails: the cause and its evidence. Evidence is owned (malloc) or NULL. */
struct fault { enum cause_code code; struct space_cause text; char *evidence; };

/* Fill RET from the row CODE with the facts that follow, a NULL at their end. evidence is "". */
void cause_fill(struct space_cause *ret, enum cause_code code, ...) __attribute__((sentinel));

void fault_set(struct fault *f, enum cause_code code, ...) __attribute__((sentinel));
void fault_evidence(struct fault *f, const char *text);         /* copies; "" and NULL: none */
void fault_clear(struct fault *f);
void fault_move(struct fault *to, struct fault *from);

/*
 * As stored: the row's name, and as detail the sentence, the next action and its target, a line each. Of a detail
 * with fewer lines the rest is filled in without facts.
 */
void fault_save(const struct fault *f, char *detail, size_t size);
void fault_load(struct fault *f, const char *code, const char *detail);

const char *cause_name(enum cause_code code);                   /* "PORT_ELSEWHERE"; "" for CAUSE_NONE */
enum space_stage cause_stage(enum cause_code code);
unsigned cause_facts(enum cause_code code);                     /* how many facts the row wants, for tests */

/* "30 min", "1 h", "45 s"; "4 GB": for facts. */
struct cause_text { char s[80]; };
struct cause_text cause_duration(uint64_t ms);
struct cause_text cause_bytes(uint64_t bytes);
struct cause_text cause_number(long long n);
/* "its disk of 10 GB has no room", or no more files; "": it has. D as an EXITED tells it. */
struct launch_disk;
struct cause_text cause_disk(const struct launch_disk *d);

/*
 * The end of OUTPUT that explains a crash: from the last "Traceback" on, else its last lines; without the
 * platform's own lines, which start with "=====". From A.
 */
const char *cause_evidence_of(const char *output, struct sp_arena *a);
