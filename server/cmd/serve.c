/*
 * serve.c - `vitrine serve`: make what is missing, start the launcher, say where it is, wait.
 *
 * This process stays as the launcher's parent: it owns the terminal, deploys the examples through the
 * public API like anybody else, and passes SIGINT and SIGTERM on. Names are resolved and the public
 * sockets opened here: the launcher gets descriptors, numbers and folders.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "admin_client.h"
#include "auto.h"
#include "client.h"
#include "clock.h"
#include "cmd.h"
#include "examples.h"
#include "limit.h"
#include "options.h"
#include "str.h"

enum { UP_MS = 30000, POLL_MS = 50, STOP_MS = 15000, LISTEN_MAX = 8 /* as the launcher's */ };

struct serve {
	const char *state, *images, *domain, *log, *app_disk, *build_disk;
	const char *listen[OPTION_MANY_MAX + 1];
	const char *share;
	bool examples;
	char *numeric[LISTEN_MAX + 1];          /* "127.0.0.1:7860", "[::1]:7860" */
	int fds[LISTEN_MAX];
	unsigned count;
	char port[8];
	pid_t launcher;
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
	asked_to_stop = number;
}

static int check_users(void)
{
	static const char *const users[] = { "vitrine", "vitrine-edge", "vitrine-net" };

	if (geteuid() != 0)
		return cmd_fail(CMD_FAILED, "serve must be root to make sandboxes: run it with sudo, or 'make run'");
	for (size_t i = 0; i < SP_COUNT(users); i++)
		if (!getpwnam(users[i]))
			return cmd_fail(CMD_FAILED, "the system user '%s' is missing: run 'make deps' in the source folder", users[i]);
	return CMD_OK;
}

static int make_folder(const char *path)
{
	sp_auto_free char *copy = strdup(path);

	for (char *p = copy + 1; copy && *p; p++)
		if (*p == '/') {
			*p = '\0';
			if (mkdir(copy, 0755) < 0 && errno != EEXIST)
				return cmd_fail(CMD_FAILED, "cannot make the folder '%s': %s", copy, strerror(errno));
			*p = '/';
		}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return cmd_fail(CMD_FAILED, "cannot make the folder '%s': %s", path, strerror(errno));
	return CMD_OK;
}

/* Bound at once, so that a taken port is said before anything is made; it listens when somebody can answer. */
static int bind_one(struct serve *s, const char *listen, const struct addrinfo *at, bool optional)
{
	const int on = 1;
	char address[64];
	int fd;

	if (s->count == LISTEN_MAX)
		return cmd_fail(CMD_USAGE, "--listen %s: more than %d addresses; name fewer, or 0.0.0.0 and [::] for all", listen, LISTEN_MAX);
	fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
			(at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
			bind(fd, at->ai_addr, at->ai_addrlen) < 0) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		if (optional && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT))
			return CMD_OK;
		return cmd_fail(CMD_FAILED, "cannot listen on %s: %s%s", listen, strerror(error),
				error == EADDRINUSE ? "; stop what uses the port, or choose another with --listen" : "");
	}
	if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) != 0 ||
			asprintf(&s->numeric[s->count], at->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", address, s->port) < 0) {
		close(fd);
		return CMD_FAILED;
	}
	s->fds[s->count++] = fd;
	return CMD_OK;
}

/* "localhost:7860" → every address it has; "0.0.0.0:80" and "[::]:80" stay as they are. */
static int bind_all(struct serve *s, const char *listen)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	sp_auto_free char *host = strdup(listen);
	char *colon = strrchr(host, ':'), *name = host;
	/* Not every machine's /etc/hosts gives localhost both; the two loopback addresses are what it means. */
	const char *names[] = { NULL, NULL };
	long port = colon ? strtol(colon + 1, NULL, 10) : 0;
	int r = CMD_OK;

	if (port < 1 || port > 65535)
		return cmd_fail(CMD_USAGE, "--listen %s: write ADDRESS:PORT, for example localhost:7860", listen);
	*colon = '\0';
	if (name[0] == '[' && name[strlen(name) - 1] == ']') {
		name[strlen(name) - 1] = '\0';
		name++;
	}
	snprintf(s->port, sizeof(s->port), "%ld", port);
	names[0] = strcmp(name, "localhost") ? name : "127.0.0.1";
	names[1] = strcmp(name, "localhost") ? NULL : "::1";
	for (unsigned i = 0; r == CMD_OK && i < 2 && names[i]; i++) {
		struct addrinfo *found = NULL;

		r = getaddrinfo(*names[i] ? names[i] : NULL, s->port, &hint, &found);
		if (r != 0)
			return cmd_fail(CMD_FAILED, "--listen %s: %s", listen, gai_strerror(r));
		for (struct addrinfo *at = found; r == CMD_OK && at; at = at->ai_next)
			r = bind_one(s, listen, at, i == 1);
		freeaddrinfo(found);
	}
	return r;
}

static int run_and_wait(char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CMD_FAILED;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CMD_OK : CMD_FAILED;
}

/* "10G", in bytes. TEXT NULL: OTHERWISE. */
static bool disk_size(const char *text, uint64_t otherwise, char ret[24])
{
	static const char units[] = "MGT";
	const char *unit = NULL;
	uint64_t n = otherwise;
	char *end = NULL;

	if (text) {
		n = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
		unit = end && *end && !end[1] ? strchr(units, *end) : NULL;
		if (!unit || n < 1 || n > 999999)
			return false;
		n <<= 20 + 10 * (unit - units);
	}
	snprintf(ret, 24, "%llu", (unsigned long long)n);
	return n <= UINT64_C(64) << 40;
}

static int make_images(const struct serve *s)
{
	sp_auto_free char *script = NULL, *worker = NULL, *images = strdup(s->images);

	if (asprintf(&script, "%s/images/make-images.sh", s->share) < 0 || asprintf(&worker, "%s/vitrine-worker", cmd_bin_dir()) < 0)
		return CMD_FAILED;
	char images_option[] = "--images", worker_option[] = "--worker", progress[] = "--progress", shell[] = "bash";
	char app_option[] = "--app-disk", build_option[] = "--build-disk", app[24], build[24];
	char *const argv[] = { shell, script, images_option, images, worker_option, worker, app_option, app, build_option, build, progress, NULL };

	if (!disk_size(s->app_disk, SP_LIMIT_run_disk_bytes, app) || !disk_size(s->build_disk, SP_LIMIT_build_disk_bytes, build))
		return cmd_fail(CMD_USAGE, "--app-disk and --build-disk take a size of 1M to 64T, such as 10G");
	if (run_and_wait(argv) != CMD_OK)
		return cmd_fail(CMD_FAILED, "the images could not be made; the lines above say why");
	return CMD_OK;
}

static void exec_launcher(const struct serve *s)
{
	sp_auto_free char *program = NULL;
	const char *argv[2 * LISTEN_MAX + 16];
	char numbers[LISTEN_MAX][12];
	unsigned n = 0;

	if (asprintf(&program, "%s/vitrine-launcher", cmd_bin_dir()) < 0)
		_exit(127);
	argv[n++] = program;
	argv[n++] = "--state";
	argv[n++] = s->state;
	argv[n++] = "--images";
	argv[n++] = s->images;
	argv[n++] = "--bin";
	argv[n++] = cmd_bin_dir();
	argv[n++] = "--domain";
	argv[n++] = s->domain;
	argv[n++] = "--public-port";
	argv[n++] = s->port;
	for (unsigned i = 0; i < s->count; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%d", s->fds[i]);
		if (fcntl(s->fds[i], F_SETFD, 0) < 0)
			_exit(127);
		argv[n++] = "--listen-fd";
		argv[n++] = numbers[i];
	}
	argv[n] = NULL;
	execv(program, (char *const *)(const void *)argv);
	_exit(127);
}

static int start_launcher(struct serve *s)
{
	pid_t parent = getpid();

	for (unsigned i = 0; i < s->count; i++)
		if (listen(s->fds[i], 4096) < 0)
			return cmd_fail(CMD_FAILED, "cannot listen on %s: %s", s->numeric[i], strerror(errno));
	s->launcher = fork();
	if (s->launcher < 0)
		return cmd_fail(CMD_FAILED, "fork: %s", strerror(errno));
	if (s->launcher == 0) {
		setpgid(0, 0);          /* Ctrl-C reaches us alone; we stop the rest in order */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		if (s->log && !freopen(s->log, "ae", stderr))
			_exit(1);
		exec_launcher(s);
	}
	for (unsigned i = 0; i < s->count; i++)
		close(s->fds[i]);       /* when the launcher's side is gone, visitors are refused at once */
	return CMD_OK;
}

/* True when the launcher has ended by itself. */
static bool launcher_ended(struct serve *s, int *status)
{
	return s->launcher > 0 && waitpid(s->launcher, status, WNOHANG) == s->launcher;
}

static void nap(void)
{
	const struct timespec t = { .tv_nsec = POLL_MS * 1000000L };

	nanosleep(&t, NULL);
}

static int wait_until_up(struct serve *s, struct client *c)
{
	uint64_t until = sp_mono_ms() + UP_MS;
	int status;

	while (sp_mono_ms() < until && !asked_to_stop) {
		if (launcher_ended(s, &status)) {
			s->launcher = 0;
			return s->log ? cmd_fail(CMD_FAILED, "the server could not start; the end of '%s' says why", s->log) : CMD_FAILED;
		}
		if (client_call(c, "GET", "/healthz", NULL, NULL, NULL) == 200)
			return CMD_OK;
		nap();
	}
	return asked_to_stop ? CMD_OK : cmd_fail(CMD_FAILED, "the server did not answer within %d s; its log %s says why",
			UP_MS / 1000, s->log ? s->log : "above");
}

static int stop_launcher(struct serve *s)
{
	uint64_t until = sp_mono_ms() + STOP_MS;
	int status;

	if (s->launcher <= 0)
		return CMD_OK;
	kill(s->launcher, SIGTERM);
	while (sp_mono_ms() < until) {
		if (launcher_ended(s, &status))
			return CMD_OK;
		nap();
	}
	kill(s->launcher, SIGKILL);     /* its children have it as their parent-death signal */
	waitpid(s->launcher, &status, 0);
	return cmd_fail(CMD_FAILED, "the launcher did not stop within %d s and was killed", STOP_MS / 1000);
}

static void print_signin(const struct serve *s, const char *url)
{
	json_t *answer = NULL;
	struct sp_err e = { 0 };

	if (admin_call(s->state, json_pack("{s:s, s:s}", "cmd", "signin-link", "name", "admin"), &answer, &e) < 0)
		fprintf(stderr, "vitrine: no sign-in link: %s\n", e.msg);
	else
		printf("\n  sign in    %s%s   (once, within 24 h)\n", url, json_string_value(json_object_get(answer, "path")));
	json_decref(answer);
	fflush(stdout);
}

/* Where this machine itself reaches the first listener: the domain's name may lead elsewhere, or nowhere yet. */
static int local_url(const struct serve *s, char **ret)
{
	const char *at = s->numeric[0];
	int n = sp_starts_with(at, "0.0.0.0:") ? asprintf(ret, "http://127.0.0.1:%s", s->port) :
		sp_starts_with(at, "[::]:") ? asprintf(ret, "http://[::1]:%s", s->port) : asprintf(ret, "http://%s", at);

	return n < 0 ? CMD_FAILED : CMD_OK;
}

static int serve_until_told(struct serve *s)
{
	sp_auto(client_free_p) struct client *c = NULL;
	sp_auto_free char *url = NULL, *local = NULL;
	unsigned long long start = sp_mono_us();
	struct sp_err e = { 0 };
	int status, r;

	if (local_url(s, &local) != CMD_OK || asprintf(&url, "http://%s:%s", s->domain, s->port) < 0)
		return CMD_FAILED;
	r = start_launcher(s);
	if (r == CMD_OK && client_new(local, NULL, &c, &e) < 0)
		r = cmd_fail_err(&e);
	if (r == CMD_OK)
		r = wait_until_up(s, c);
	if (r == CMD_OK && !asked_to_stop) {
		cmd_step("up", url, start);
		if (s->examples)
			r = examples_deploy(url, s->state, s->share, &asked_to_stop);
		print_signin(s, url);
		if (s->log)
			printf("  log        %s\n", s->log);
		printf("  stop       Ctrl-C\n");
		fflush(stdout);
	}
	while (r == CMD_OK && !asked_to_stop) {
		if (launcher_ended(s, &status)) {
			s->launcher = 0;        /* not killed again */
			return cmd_fail(CMD_FAILED, "the launcher ended by itself; the service manager should start vitrine again");
		}
		poll(NULL, 0, 200);
	}
	status = stop_launcher(s);
	return r != CMD_OK ? r : status;
}

int cmd_serve(int argc, char **argv)
{
	struct serve s = { .state = cmd_default_state(), .images = cmd_default_images(), .domain = "localhost", .share = cmd_share_dir() };
	const char *operands[1];
	const struct option_row rows[] = {
		{ "--state", &s.state, NULL, NULL }, { "--images", &s.images, NULL, NULL }, { "--domain", &s.domain, NULL, NULL },
		{ "--listen", NULL, NULL, s.listen }, { "--examples", NULL, &s.examples, NULL }, { "--log", &s.log, NULL, NULL },
		{ "--app-disk", &s.app_disk, NULL, NULL }, { "--build-disk", &s.build_disk, NULL, NULL },
	};
	const struct sigaction stop = { .sa_handler = on_signal };
	int r;

	if (!options_parse(argc, argv, rows, SP_COUNT(rows), operands, 0))
		return CMD_USAGE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	if (!s.listen[0])
		s.listen[0] = "localhost:7860";
	r = check_users();
	for (unsigned i = 0; r == CMD_OK && s.listen[i]; i++)
		r = bind_all(&s, s.listen[i]);
	if (r == CMD_OK)
		r = make_folder(s.state);
	if (r == CMD_OK)
		r = make_folder(s.images);
	if (r == CMD_OK)
		r = make_images(&s);
	if (r == CMD_OK && !asked_to_stop)
		r = serve_until_told(&s);
	for (unsigned i = 0; i < s.count; i++)
		free(s.numeric[i]);
	return r;
}
