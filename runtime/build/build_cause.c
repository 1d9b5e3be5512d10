#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "runtime/build/build_int.h"
#include "str.h"

/*
 * uv 0.13 writes "error: No solution found …" and "  cause: Because …"; older ones draw "  × No solution
 * found …:" and "  ╰─▶ Because …" over several indented lines.
 */
static const char solution_mark[] = "No solution found when resolving";
static const char *const reason_marks[] = { "\xe2\x95\xb0\xe2\x94\x80\xe2\x96\xb6 ", "  cause: ", NULL };

/* What P says without the word for its kind. */
static const char *tidy(const char *p)
{
	static const char *const words[] = { "error: ", "cause: ", "\xc3\x97 ", "E: " };

	p += strspn(p, " \t");
	for (size_t i = 0; i < SP_COUNT(words); i++)
		if (sp_starts_with(p, words[i]))
			return p + strlen(words[i]);
	return p;
}

/* The lines from P on, as one sentence, until one that starts something new. */
static void one_sentence(const char *p, char *out, size_t size)
{
	size_t n = 0;
	bool first = true;

	while (*p && n + 2 < size) {
		size_t len = strcspn(p, "\n"), skip = strspn(p, " \t");

		if (skip >= len || (!first && (skip < 2 || strncmp(p + skip, "hint:", 5) == 0 || strncmp(p + skip, "cause:", 6) == 0)))
			break;
		if (!first)
			out[n++] = ' ';
		n += (size_t)snprintf(out + n, size - n, "%.*s", (int)(len - skip), p + skip);
		if (n >= size)
			n = size - 1;
		p += len + (p[len] == '\n');
		first = false;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = 0;
}

/* The line that holds MARK, without leading space; NULL when there is none. */
static const char *line_with(const char *output, const char *mark, char *out, size_t size)
{
	const char *at = strstr(output, mark), *from = at;

	if (!at)
		return NULL;
	while (from > output && from[-1] != '\n')
		from--;
	from = tidy(from);
	snprintf(out, size, "%.*s", (int)strcspn(from, "\n"), from);
	return out;
}

static const char *last_line(const char *output, char *out, size_t size)
{
	size_t n = strlen(output);
	const char *from;

	while (n > 0 && strchr(" \t\r\n", output[n - 1]))
		n--;
	from = output + n;
	while (from > output && from[-1] != '\n')
		from--;
	snprintf(out, size, "%.*s", (int)(output + n - from), from);
	return out;
}

static const char *first_of(const char *output, const char *const *marks, char *out, size_t size)
{
	for (; *marks; marks++)
		if (line_with(output, *marks, out, size))
			return out;
	return NULL;
}

static const char *const network_marks[] = { "failed to lookup address", "Connection refused", "invalid peer certificate", "operation timed out", "dns error",
	"tcp connect error", "client error (Connect)", "Could not connect", "Could not resolve", "Temporary failure resolving", NULL };
static const char *const install_marks[] = { "Failed to build", "Failed to download", "Failed to extract", "error: ", NULL };
static const char *const disk_marks[] = { "No space left on device", "os error 28", NULL };
static const char *const apt_marks[] = { "E: Unable to locate", "E: Version", "E: ", NULL };

/* "Failed to fetch: http://…/simple/cowsay/ (Connection refused (os error 111))" */
static bool network_fault(const char *output, char *out, size_t size)
{
	char why[300], what[190];

	if (!first_of(output, network_marks, why, sizeof(why)))
		return false;
	if (line_with(output, "Failed to fetch:", what, sizeof(what)))
		snprintf(out, size, "%s (%s)", what, why);
	else
		snprintf(out, size, "%s", why);
	return true;
}

static const char *reason_after(const char *at)
{
	for (size_t i = 0; at && reason_marks[i]; i++)
		if (strstr(at, reason_marks[i]))
			return strstr(at, reason_marks[i]) + strlen(reason_marks[i]);
	return NULL;
}

struct word { char s[80]; };

/* The word that ends at END, or begins at P; without the comma behind it that is the sentence's. */
static struct word word_before(const char *text, const char *end)
{
	const char *from = end;
	struct word w;

	while (from > text && from[-1] != ' ')
		from--;
	snprintf(w.s, sizeof(w.s), "%.*s", (int)(end - from), from);
	return w;
}

static struct word word_at(const char *p)
{
	size_t n = strcspn(p, " ");
	struct word w;

	while (n > 0 && (p[n - 1] == ',' || p[n - 1] == '.'))
		n--;
	snprintf(w.s, sizeof(w.s), "%.*s", (int)n, p);
	return w;
}

static const char *after(const char *text, const char *mark)
{
	const char *p = text ? strstr(text, mark) : NULL;

	return p ? p + strlen(mark) : NULL;
}

/* "Because the current Python version (3.11.2) does not satisfy Python>=3.13 and x==1 depends on Python>=3.13, …" */
static bool python_fault(struct fault *f, const char *text)
{
	const char *have = after(text, "current Python version ("), *want = after(text, "does not satisfy Python"), *by = strstr(text, " depends on Python");
	struct word version;

	if (!have || !want || !by)
		return false;
	version = word_at(have);
	version.s[strcspn(version.s, ")")] = 0;
	fault_set(f, CAUSE_PYTHON_VERSION, word_before(text, by).s, word_at(want).s, version.s, NULL);
	return true;
}

/* "Because a==1 depends on b>=2 and you require b==1, …" and "Because you require b==1 and b==2, …" */
static bool conflict_fault(struct fault *f, const char *text)
{
	const char *depends = strstr(text, " depends on "), *require = NULL, *and;

	for (const char *p = text; (p = strstr(p, "you require ")); p++)
		require = p + strlen("you require ");
	if (!require || strstr(text, "there is no version of") || strstr(text, "was not found in the package registry"))
		return false;
	if (depends) {
		fault_set(f, CAUSE_CONFLICT, word_before(text, depends).s, word_at(require).s, text, NULL);
		return true;
	}
	require = after(text, "you require ");
	and = strstr(require, " and ");
	if (!and)
		return false;
	and += strlen(" and ");
	and = sp_starts_with(and, "you require ") ? and + strlen("you require ") : and;
	fault_set(f, CAUSE_CONFLICT, word_at(require).s, word_at(and).s, text, NULL);
	return true;
}

static void uv_fault(struct fault *f, const char *output)
{
	const char *reason = reason_after(strstr(output, solution_mark));
	char text[500];

	if (reason) {
		one_sentence(reason, text, sizeof(text));
		if (!python_fault(f, text) && !conflict_fault(f, text))
			fault_set(f, CAUSE_UNRESOLVABLE, text, NULL);
	} else if (first_of(output, disk_marks, text, sizeof(text))) {
		fault_set(f, CAUSE_DISK_FULL, NULL);
	} else if (network_fault(output, text, sizeof(text))) {
		fault_set(f, CAUSE_INDEX_UNREACHABLE, text, NULL);
	} else if (line_with(output, "Couldn't parse requirement", text, sizeof(text))) {
		fault_set(f, CAUSE_UNRESOLVABLE, text, NULL);
	} else {
		if (!first_of(output, install_marks, text, sizeof(text)))
			last_line(output, text, sizeof(text));
		fault_set(f, CAUSE_INSTALL_FAILED, text, NULL);
	}
}

static void apt_fault(struct fault *f, int status, const char *output)
{
	char text[500];

	if (first_of(output, disk_marks, text, sizeof(text)))
		fault_set(f, CAUSE_DISK_FULL, NULL);
	else if (network_fault(output, text, sizeof(text)))
		fault_set(f, CAUSE_INDEX_UNREACHABLE, text, NULL);
	else if (status == STATUS_APT_UPDATE)
		fault_set(f, CAUSE_INDEX_UNREACHABLE, first_of(output, apt_marks, text, sizeof(text)) ? text : "apt-get update failed", NULL);
	else
		fault_set(f, CAUSE_PACKAGES_FAILED, first_of(output, apt_marks, text, sizeof(text)) ? text : last_line(output, text, sizeof(text)), NULL);
}

/* Exit statuses of vitrine-worker, sandbox/worker/task.h. */
enum { TASK_TOO_MUCH = 3, TASK_REFUSED = 4, TASK_MKFS = 6 };

static void worker_fault(struct fault *f, enum build_step step, int status, const char *output)
{
	char text[500];

	if (status == TASK_TOO_MUCH && step == STEP_PACKING) {
		snprintf(text, sizeof(text), "%d files or %s", (int)SP_LIMIT_env_files, cause_bytes(SP_LIMIT_env_bytes).s);
		fault_set(f, CAUSE_ENV_TOO_BIG, text, NULL);
	} else if (status == TASK_TOO_MUCH) {
		snprintf(text, sizeof(text), "%d files or %s", SP_LIMIT_space_files, cause_bytes(SP_LIMIT_space_bytes).s);
		fault_set(f, CAUSE_REPO_TOO_BIG, text, NULL);
	} else if (status == TASK_MKFS || first_of(output, disk_marks, text, sizeof(text))) {
		fault_set(f, CAUSE_DISK_FULL, NULL);
	} else {
		fault_set(f, CAUSE_BUILD_FAILED, cause_number(status).s, NULL);
	}
	if (status == TASK_REFUSED)
		fault_evidence(f, last_line(output, text, sizeof(text)));
}

void build_fault_of(struct fault *f, enum build_step step, const struct launch_exited *x, const char *output)
{
	if (x->end == END_OOM) {
		fault_set(f, CAUSE_BUILD_MEMORY, cause_bytes(SP_LIMIT_build_memory_bytes).s, NULL);
	} else if (x->end != END_EXITED) {
		fault_set(f, CAUSE_BUILD_FAILED, cause_number(x->end == END_SIGNALED ? 128 + x->value : x->value).s, NULL);
	} else if (step == STEP_SYSTEM) {
		apt_fault(f, x->value, output);
	} else if (step == STEP_INSTALLING) {
		uv_fault(f, output);
	} else {
		worker_fault(f, step, x->value, output);
	}
	/* What is written on its own disk finds that one full; only the image that comes out is on the server's. */
	if (f->code == CAUSE_DISK_FULL && (step == STEP_SYSTEM || step == STEP_INSTALLING) && x->disk.bytes > 0) {
		char text[120];

		snprintf(text, sizeof(text), "its disk's %llu MB or %llu files", (unsigned long long)(x->disk.bytes >> 20), (unsigned long long)x->disk.files);
		fault_set(f, CAUSE_BUILD_DISK, text, NULL);
	}
	if (!f->evidence) {
		struct sp_arena a;

		sp_arena_init(&a);
		fault_evidence(f, cause_evidence_of(output, &a));
		sp_arena_fini(&a);
	}
}

void build_fault_of_start(struct fault *f, const struct launch_failed *x)
{
	char text[260];

	if (!x) {
		fault_set(f, CAUSE_BUILD_SANDBOX, "the launcher does not answer", NULL);
		return;
	}
	if (x->code == SP_ENOENT && strcmp(x->step, "images") == 0) {
		fault_set(f, CAUSE_IMAGE_MISSING, "base or tools", NULL);
		return;
	}
	snprintf(text, sizeof(text), "%.31s: %.199s", x->step, x->text);
	fault_set(f, CAUSE_BUILD_SANDBOX, text, NULL);
}
