#include "crash_cause.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "str.h"

struct pair { const char *name, *package; };

/* Modules whose package is called otherwise. */
static const struct pair modules[] = {
	{ "bs4", "beautifulsoup4" }, { "cv2", "opencv-python-headless" }, { "Crypto", "pycryptodome" }, { "dateutil", "python-dateutil" },
	{ "docx", "python-docx" }, { "dotenv", "python-dotenv" }, { "faiss", "faiss-cpu" }, { "fitz", "PyMuPDF" }, { "git", "GitPython" },
	{ "jwt", "PyJWT" }, { "magic", "python-magic" }, { "mpl_toolkits", "matplotlib" }, { "MySQLdb", "mysqlclient" }, { "OpenSSL", "pyOpenSSL" },
	{ "PIL", "Pillow" }, { "pkg_resources", "setuptools" }, { "pptx", "python-pptx" }, { "psycopg2", "psycopg2-binary" }, { "serial", "pyserial" },
	{ "skimage", "scikit-image" }, { "sklearn", "scikit-learn" }, { "slugify", "python-slugify" }, { "umap", "umap-learn" }, { "whisper", "openai-whisper" },
	{ "yaml", "PyYAML" }, { "zmq", "pyzmq" },
};

/* Shared libraries and programs, and their packages in Debian 12. */
static const struct pair system_files[] = {
	{ "libGL.so.1", "libgl1" }, { "libEGL.so.1", "libegl1" }, { "libgthread-2.0.so.0", "libglib2.0-0" }, { "libglib-2.0.so.0", "libglib2.0-0" },
	{ "libsndfile.so.1", "libsndfile1" }, { "libsndfile.so", "libsndfile1" }, { "libgomp.so.1", "libgomp1" }, { "libSM.so.6", "libsm6" }, { "libXext.so.6", "libxext6" },
	{ "libXrender.so.1", "libxrender1" }, { "libX11.so.6", "libx11-6" }, { "libxcb.so.1", "libxcb1" }, { "libportaudio.so.2", "libportaudio2" },
	{ "libopenblas.so.0", "libopenblas0" }, { "libpq.so.5", "libpq5" }, { "libmagic.so.1", "libmagic1" }, { "libcairo.so.2", "libcairo2" },
	{ "libpango-1.0.so.0", "libpango-1.0-0" }, { "libpangocairo-1.0.so.0", "libpangocairo-1.0-0" }, { "libgobject-2.0.so.0", "libglib2.0-0" },
	{ "libgdk_pixbuf-2.0.so.0", "libgdk-pixbuf-2.0-0" }, { "libzbar.so.0", "libzbar0" }, { "libusb-1.0.so.0", "libusb-1.0-0" },
	{ "libavcodec.so.59", "libavcodec59" }, { "libavformat.so.59", "libavformat59" }, { "libnss3.so", "libnss3" }, { "libatk-1.0.so.0", "libatk1.0-0" },
	{ "libasound.so.2", "libasound2" }, { "libespeak-ng.so.1", "libespeak-ng1" }, { "libtesseract.so.5", "libtesseract5" },
	{ "ffmpeg", "ffmpeg" }, { "ffprobe", "ffmpeg" }, { "git", "git" }, { "tesseract", "tesseract-ocr" }, { "pdftoppm", "poppler-utils" },
	{ "pdftotext", "poppler-utils" }, { "sox", "sox" }, { "espeak", "espeak" }, { "espeak-ng", "espeak-ng" }, { "convert", "imagemagick" },
	{ "node", "nodejs" }, { "gcc", "gcc" }, { "g++", "g++" }, { "make", "make" }, { "cmake", "cmake" }, { "wget", "wget" }, { "curl", "curl" },
	{ "dot", "graphviz" }, { "chromium", "chromium" }, { "pandoc", "pandoc" }, { "libreoffice", "libreoffice" }, { "unzip", "unzip" },
};

/* Calls that the sandbox answers with EPERM or ENOSYS (sandbox/filter) and that programs name in their errors. */
static const char *const syscalls[] = {
	"io_uring_setup", "io_uring_enter", "io_uring_queue_init", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "ptrace", "perf_event_open",
	"bpf", "userfaultfd", "keyctl", "add_key", "request_key", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
	"fanotify_init", "name_to_handle_at", "open_by_handle_at", "memfd_secret", "modify_ldt", "personality", "iopl", "ioperm", "mbind", "set_mempolicy",
	"get_mempolicy", "move_pages", "migrate_pages", "sethostname", "setdomainname", "settimeofday", "clock_settime", "swapon", "init_module",
	"finit_module", "kexec_load", "quotactl", "mknod", "io_setup", NULL
};

static const char *look_up(const struct pair *at, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(at[i].name, name) == 0)
			return at[i].package;
	return NULL;
}

const char *crash_cause_package(const char *library)
{
	return look_up(system_files, SP_COUNT(system_files), library);
}

const char *crash_cause_requirement(const char *module)
{
	const char *p = look_up(modules, SP_COUNT(modules), module);

	return p ? p : module;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The last place where MARK stands. */
static const char *last_of(const char *text, const char *mark)
{
	const char *found = NULL;

	for (const char *p = text; (p = strstr(p, mark)); p++)
		found = p;
	return found;
}

/* The first of MARKS that stands anywhere: a fixed text, for lines of a log can hold what only its owner may see. */
static const char *first_in(const char *text, const char *const *marks)
{
	for (; *marks; marks++)
		if (strstr(text, *marks))
			return *marks;
	return NULL;
}

/* The last N lines that are not empty. */
static const char *tail_of(const char *text, unsigned n)
{
	const char *p = text + strlen(text);

	while (p > text) {
		bool is_empty = p[-1] == '\n' && (*p == '\n' || *p == 0);

		if (p[-1] == '\n' && !is_empty && --n == 0)
			break;
		p--;
	}
	return p;
}

/* What follows MARK (its last one) up to one of ENDS. */
static bool take_after(const char *text, const char *mark, const char *ends, char *out, size_t size)
{
	const char *p = last_of(text, mark);
	size_t n;

	if (!p)
		return false;
	p += strlen(mark);
	n = strcspn(p, ends);
	if (n == 0 || n >= size)
		return false;
	memcpy(out, p, n);
	out[n] = 0;
	return true;
}

static bool find_module(struct fault *f, const char *text)
{
	char name[100], top[100];

	if (!take_after(text, "ModuleNotFoundError: No module named '", "'\n", name, sizeof(name)))
		return false;
	snprintf(top, sizeof(top), "%.*s", (int)strcspn(name, "."), name);
	fault_set(f, CAUSE_MISSING_MODULE, name, crash_cause_requirement(top), NULL);
	return true;
}

static void need_package(struct fault *f, enum cause_code code, const char *name)
{
	const char *package = crash_cause_package(name);
	char next[200];

	if (package)
		snprintf(next, sizeof(next), "Add %s to packages.txt and push again.", package);
	else
		snprintf(next, sizeof(next), "Find the Debian 12 package that has %.60s, add it to packages.txt and push again.", name);
	fault_set(f, code, name, next, NULL);
}

/* "ImportError: libGL.so.1: cannot open shared object file", and the same of dlopen and of ld.so */
static bool find_library(struct fault *f, const char *text)
{
	const char *end = last_of(text, ": cannot open shared object file"), *from = end;
	char name[100];

	while (from && from > text && !strchr(" \n'\"(", from[-1]))
		from--;
	if (!end || from == end || (size_t)(end - from) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(end - from), from);
	need_package(f, CAUSE_MISSING_LIBRARY, strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
	return true;
}

/* FileNotFoundError of a program; only those of the table, for most files that are missing are the app's own. */
static bool find_program(struct fault *f, const char *text)
{
	char name[100];

	if (!take_after(text, "No such file or directory: '", "'\n", name, sizeof(name)) || !crash_cause_package(name))
		return false;
	need_package(f, CAUSE_MISSING_PROGRAM, name);
	return true;
}

static bool find_full_disk(struct fault *f, int status, const char *text)
{
	char what[140];

	if (!strstr(text, "No space left on device") && !strstr(text, "Disk quota exceeded"))
		return false;
	snprintf(what, sizeof(what), "its last lines say so, and /tmp holds %s", cause_bytes(SP_LIMIT_run_tmp_bytes).s);
	fault_set(f, CAUSE_APP_DISK_FULL, cause_number(status).s, what, NULL);
	return true;
}

/* '  File "/home/user/app/app.py", line 3' before a line that begins with SyntaxError: */
static bool find_syntax_error(struct fault *f, const char *text)
{
	static const char *const marks[] = { "\nSyntaxError: ", "\nIndentationError: ", "\nTabError: " };
	static const char app[] = "  File \"/home/user/app/";
	const char *at = NULL, *file = NULL, *line;
	char path[80], what[200];

	for (size_t i = 0; i < SP_COUNT(marks) && !at; i++) {
		at = last_of(text, marks[i]);
		if (at)
			snprintf(what, sizeof(what), "%.*s", (int)strcspn(at + strlen(marks[i]), "\n"), at + strlen(marks[i]));
	}
	for (const char *p = text; at && (p = strstr(p, app)) && p < at; p++)
		file = p + strlen(app);
	if (!file || strcspn(file, "\"\n") >= sizeof(path))
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(file, "\"\n"), file);
	line = strstr(file, "\", line ");
	if (!line || line > at)
		return false;
	fault_set(f, CAUSE_SYNTAX_ERROR, path, cause_number(strtol(line + 8, NULL, 10)).s, what, path, NULL);
	return true;
}

/* An address of a network that apps cannot reach (sandbox/egress/policy.c has the whole list). */
static bool is_private(const char *p)
{
	static const struct { uint32_t net, mask; } nets[] = {
		{ 0x0a000000, 0xff000000 }, { 0xac100000, 0xfff00000 }, { 0xc0a80000, 0xffff0000 }, { 0xa9fe0000, 0xffff0000 }, { 0x64400000, 0xffc00000 },
	};
	size_t n = strspn(p, "0123456789.");
	struct in_addr at;
	char text[16];

	while (n > 0 && p[n - 1] == '.')        /* the sentence's */
		n--;
	if (n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)n, p);
	if (inet_pton(AF_INET, text, &at) != 1)
		return false;
	for (size_t i = 0; i < SP_COUNT(nets); i++)
		if ((ntohl(at.s_addr) & nets[i].mask) == nets[i].net)
			return true;
	return false;
}

static bool names_private(const char *text)
{
	for (const char *p = text; *p; p++)
		if (isdigit((unsigned char)*p) && (p == text || (!is_word(p[-1]) && p[-1] != '.')) && is_private(p))
			return true;
	return false;
}

/*
 * The gateway answers a refused plain-http request in the place of the destination, and its reason phrase reaches the
 * app's error (sandbox/egress/conn.c): that is certain. Any other port just sees its connection reset, as it also may
 * be by a public host.
 */
static bool find_refusal(struct fault *f, const char *text)
{
	static const char *const resets[] = { "Connection reset by peer", "ConnectionResetError", NULL };
	static const char *const fails[] = { "Connection refused", "Network is unreachable", "No route to host", NULL };
	const char *mark = NULL;
	char line[200];

	if (take_after(text, "Refused by vitrine: ", " \n'\")", line, sizeof(line))) {
		fault_set(f, CAUSE_NETWORK_REFUSED, line, NULL);
		return true;
	}
	text = tail_of(text, 3);        /* servers also log visitors' resets */
	mark = first_in(text, resets);
	if (!mark && names_private(text))
		mark = first_in(text, fails);
	if (!mark)
		return false;
	fault_set(f, CAUSE_NETWORK_LIKELY, mark, NULL);
	return true;
}

/* "unshare: Operation not permitted", "mount(…)", "'io_uring_setup'": a name that is not just a word of the language. */
static const char *named_syscall(const char *text)
{
	for (size_t i = 0; syscalls[i]; i++)
		for (const char *p = text; (p = strstr(p, syscalls[i])); p++) {
			char after = p[strlen(syscalls[i])];

			if ((p == text || !is_word(p[-1])) && after && strchr(":(),'\"", after))
				return syscalls[i];
		}
	if (strstr(text, "new namespace"))      /* browsers and bubblewrap make their own sandbox */
		return "clone";
	return NULL;
}

static bool find_syscall(struct fault *f, int status, const char *text)
{
	static const char *const marks[] = { "Operation not permitted", "Function not implemented", "EPERM", "ENOSYS", "permissions to create", NULL };
	const char *name = named_syscall(text), *mark = first_in(text, marks);

	if (!name || !mark)
		return false;
	fault_set(f, CAUSE_BLOCKED_SYSCALL, cause_number(status).s, name, mark, NULL);
	return true;
}

/* What was long before may have been dealt with. */
enum { LAST_LINES = 30 };

bool crash_cause_is_offline(const char *output)
{
	static const char *const marks[] = { "Network is unreachable", "Temporary failure in name resolution", "Name or service not known", "EAI_AGAIN",
		"ENETUNREACH", NULL };

	return first_in(tail_of(output, LAST_LINES), marks) != NULL;
}

void crash_cause_find(struct fault *f, int status, const char *output)
{
	char *evidence = sp_take_ptr(&f->evidence);
	struct sp_arena a;
	const char *text;

	sp_arena_init(&a);
	text = tail_of(cause_evidence_of(output, &a), LAST_LINES);
	if (!find_module(f, text) && !find_library(f, text) && !find_program(f, text) && !find_syntax_error(f, text) && !find_full_disk(f, status, text) &&
	    !find_refusal(f, text))
		find_syscall(f, status, text);
	sp_arena_fini(&a);
	free(f->evidence);
	f->evidence = evidence;
}
