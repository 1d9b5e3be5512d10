/* The adapter over real sockets: a loop thread serves a table of its own, the tests speak raw HTTP/1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auto.h"
#include "limit.h"
#include "log.h"
#include "server/http/mhd.h"
#include "server/http/router.h"
#include "server/http/stream.h"
#include "server/server.h"
#include "server/uvloop.h"

static struct server srv;
static struct http *http;
static pthread_t loop_thread;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static sem_t stream_closed;
static struct http_stream *last_stream;
static sem_t stream_opened;

/* ---- handlers ---- */

static int t_hello(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	return http_reply_json(rq, rs, 200, json_pack("{s:s, s:s, s:s}", "path", rq->path, "origin", rq->origin,
		"q", http_query(rq, "q") ? http_query(rq, "q") : ""));
}

static int t_echo(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	rs->body = rq->body;
	rs->body_len = rq->body_len;
	return 0;
}

/* Size and sum of a spooled body. */
static int t_sum(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	unsigned char piece[65536];
	unsigned long sum = 0;
	ssize_t n;

	while ((n = read(rq->body_fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum += piece[i];
	return http_reply_json(rq, rs, 200, json_pack("{s:I, s:I}", "size", (json_int_t)rq->body_size, "sum", (json_int_t)sum));
}

enum { FILE_BYTES = 3 * 1024 * 1024 + 17 };

static int t_file(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	sp_auto_buf struct sp_buf b = { 0 };
	int fd = openat(rq->srv->tmp_dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint64_t at = 0, len = FILE_BYTES;
	int r;

	for (int i = 0; i < FILE_BYTES; i++)
		sp_buf_add(&b, &(char){ (char)('a' + i % 26) }, 1);
	if (fd < 0 || write(fd, b.p, b.n) != (ssize_t)b.n)
		return sp_fail(e, SP_EIO, errno, "file");
	rs->file_fd = fd;
	r = http_range(rq, FILE_BYTES, &at, &len, e);
	if (r < 0)
		return http_reply_error(rq, rs, 416, NULL, "%s", e->msg);
	rs->status = r ? 206 : 200;
	rs->file_offset = at;
	rs->file_len = len;
	return 0;
}

static void closed(SP_UNUSED void *arg)
{
	last_stream = NULL;
	sem_post(&stream_closed);
}

static int t_stream(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	last_stream = http_stream_open(rq, rs, "text/event-stream", closed, NULL);
	http_stream_write(last_stream, "data: 1\n\n", 9);
	sem_post(&stream_opened);
	return 0;
}

static int t_stream_fails(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	http_stream_open(rq, rs, "text/event-stream", closed, NULL);
	return sp_fail(e, SP_ENOENT, 0, "changed my mind");
}

static int t_fail(struct http_req *rq, SP_UNUSED struct http_resp *rs, struct sp_err *e)
{
	return strcmp(http_param(rq, "what"), "ours") == 0 ? sp_fail(e, SP_EIO, ENOENT, "secret path /state/x")
		: sp_fail(e, SP_ESTALE, 0, "the branch has moved");
}

static int t_head_size(struct http_req *rq, struct http_resp *rs, SP_UNUSED struct sp_err *e)
{
	http_set(rq, rs, "Content-Length", "123456789012");
	return 0;
}

#define ROW(m, p, h, b) { m, p, h, #h, MAY_ANYONE, b }
static const struct http_route table[] = {
	ROW(HTTP_GET, "/hello", t_hello, BODY_NONE),
	ROW(HTTP_GET, "/hello/{x...}", t_hello, BODY_NONE),
	ROW(HTTP_GET, "/api/hello", t_hello, BODY_NONE),
	ROW(HTTP_POST, "/echo", t_echo, BODY_SMALL),
	ROW(HTTP_POST, "/api/echo", t_echo, BODY_SMALL),
	ROW(HTTP_DELETE, "/api/echo", t_echo, BODY_SMALL),
	ROW(HTTP_POST, "/api/none", t_hello, BODY_NONE),
	ROW(HTTP_PUT, "/api/sum", t_sum, BODY_SPOOL),
	ROW(HTTP_GET, "/file", t_file, BODY_NONE),
	ROW(HTTP_GET, "/stream", t_stream, BODY_NONE),
	ROW(HTTP_GET, "/stream/fails", t_stream_fails, BODY_NONE),
	ROW(HTTP_GET, "/fail/{what}", t_fail, BODY_NONE),
	ROW(HTTP_HEAD, "/size", t_head_size, BODY_NONE),
};

static const struct http_table routes = { table, sizeof(table) / sizeof(table[0]), NULL, 0 };

/* ---- the server ---- */

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int begin(SP_UNUSED void **state)
{
	char dir[] = "/tmp/mhd_test.XXXXXX";
	struct sp_err e = { 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	signal(SIGPIPE, SIG_IGN);
	log_init("test", LOG_LEVEL_ERR);
	sem_init(&stream_closed, 0, 0);
	sem_init(&stream_opened, 0, 0);
	if (!mkdtemp(dir))
		return -1;
	srv.tmp_dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	srv.listen_name = "localhost:1";
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0)
		return -1;
	router_use(&routes);
	if (loop_new(&srv.loop, &e) < 0 || http_new(&srv, fd, &http, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	return pthread_create(&loop_thread, NULL, run, srv.loop);
}

static void stop_on_loop(SP_UNUSED void *arg)
{
	http_quiesce(http);
	loop_stop(srv.loop);
}

static int end(SP_UNUSED void **state)
{
	sp_loop_post(srv.loop, stop_on_loop, NULL);
	pthread_join(loop_thread, NULL);
	loop_drain(srv.loop);
	http_free(http);
	loop_free(srv.loop);
	unlink(address.sun_path);
	*strrchr(address.sun_path, '/') = '\0';
	rmdir(address.sun_path);
	return 0;
}

/* ---- a client ---- */

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 20 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t done = write(fd, text, n);

		assert_true(done > 0);
		text += done;
		n -= (size_t)done;
	}
}

struct answer { int status; char head[8192]; struct sp_buf body; bool closed; };

static bool read_some(int fd, struct sp_buf *b)
{
	char piece[65536];
	ssize_t n = read(fd, piece, sizeof(piece));

	if (n <= 0)
		return false;
	sp_buf_add(b, piece, (size_t)n);
	return true;
}

/* One answer with Content-Length (or none); HEAD tells that no body follows. */
static struct answer hear(int fd, bool is_head)
{
	struct answer a = { 0 };
	const char *end, *length;
	size_t want;

	while (!a.body.n || !(end = strstr(a.body.p, "\r\n\r\n")))
		if (!read_some(fd, &a.body)) {
			a.closed = true;
			return a;
		}
	assert_true((size_t)(end + 4 - a.body.p) < sizeof(a.head));
	memcpy(a.head, a.body.p, (size_t)(end + 4 - a.body.p));
	sp_buf_drop(&a.body, (size_t)(end + 4 - a.body.p));
	a.status = atoi(a.head + 9);
	length = strcasestr(a.head, "content-length:");
	want = length && !is_head ? strtoul(length + 15, NULL, 10) : 0;
	while (a.body.n < want && read_some(fd, &a.body))
		;
	assert_int_equal(a.body.n, want);
	if (!a.body.p)
		sp_buf_puts(&a.body, "");
	return a;
}

static struct answer ask(const char *request)
{
	int fd = dial();
	struct answer a;

	say(fd, request);
	a = hear(fd, strncmp(request, "HEAD", 4) == 0);
	close(fd);
	return a;
}

#define H "Host: example.test:99\r\n"

static void expect(const char *request, int status, const char *in_head, const char *in_body)
{
	struct answer a = ask(request);

	if (a.status != status || (in_head && !strcasestr(a.head, in_head)) || (in_body && !strstr(a.body.p, in_body)))
		fail_msg("asked:\n%s\ngot:\n%s%s", request, a.head, a.body.p ? a.body.p : "");
	sp_buf_fini(&a.body);
}

/* ---- tests ---- */

static void answers_carry_request_id_and_origin(SP_UNUSED void **state)
{
	expect("GET /hello?q=a%20b HTTP/1.1\r\n" H "X-Request-Id: abc-1\r\n\r\n", 200, "X-Request-Id: abc-1", "\"q\":\"a b\"");
	expect("GET /hello HTTP/1.1\r\n" H "\r\n", 200, "X-Request-Id: ", "http://example.test:99");
	expect("GET /hello HTTP/1.1\r\n" H "X-Vitrine-Proto: https\r\n\r\n", 200, NULL, "https://example.test:99");
}

static void paths_reach_handlers_byte_exact(SP_UNUSED void **state)
{
	expect("GET /hello/refs%2Fpr%2F1/a+b//c HTTP/1.1\r\n" H "\r\n", 200, NULL, "/hello/refs%2Fpr%2F1/a+b//c");
	expect("GET /hello/%00 HTTP/1.1\r\n" H "\r\n", 400, NULL, "NUL");
	expect("GET /hello?%zz&&&=&q=%4 HTTP/1.1\r\n" H "\r\n", 200, NULL, "\"q\":\"%4\"");
}

static void api_errors_are_json_objects(SP_UNUSED void **state)
{
	expect("GET /api/jobs/x HTTP/1.1\r\n" H "\r\n", 404, "application/json", "{\"error\":\"This version");
	expect("GET /nothing HTTP/1.1\r\n" H "Accept: text/html\r\n\r\n", 404, "text/html", NULL);
	expect("POST /api/hello HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 405, "Allow: GET, HEAD", "wrong-method");
	expect("GET /fail/stale HTTP/1.1\r\n" H "\r\n", 412, "X-Error-Message: The branch has moved.", "The branch has moved.");
	expect("GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, NULL, "Host");
}

static void faults_of_ours_are_not_described(SP_UNUSED void **state)
{
	struct answer a = ask("GET /fail/ours HTTP/1.1\r\n" H "\r\n");

	assert_int_equal(a.status, 500);
	assert_null(strstr(a.body.p, "/state"));
	assert_non_null(strstr(a.body.p, "request id"));
	sp_buf_fini(&a.body);
}

static void cross_origin_reads_of_the_api_are_possible(SP_UNUSED void **state)
{
	expect("GET /api/hello HTTP/1.1\r\n" H "Origin: http://other.test\r\n\r\n", 200, "Access-Control-Allow-Origin: *", NULL);
	expect("GET /api/hello HTTP/1.1\r\n" H "\r\n", 200, "Access-Control-Expose-Headers: X-Repo-Commit", NULL);
	expect("OPTIONS /api/hello HTTP/1.1\r\n" H "Origin: http://o.test\r\n\r\n", 204, "Access-Control-Allow-Headers: Authorization", NULL);
}

static void head_has_no_body_and_may_name_its_size(SP_UNUSED void **state)
{
	expect("HEAD /hello HTTP/1.1\r\n" H "\r\n", 200, "Content-Length:", "");
	expect("HEAD /size HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 123456789012", "");
	expect("HEAD /file HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 3145745", "");
}

static void keep_alive_serves_many(SP_UNUSED void **state)
{
	int fd = dial();

	for (int i = 0; i < 50; i++) {
		struct answer a;

		say(fd, i % 2 ? "GET /hello HTTP/1.1\r\n" H "\r\n" : "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
		a = hear(fd, false);
		assert_int_equal(a.status, 200);
		sp_buf_fini(&a.body);
	}
	close(fd);
}

static void bodies_come_with_length_chunked_or_not_at_all(SP_UNUSED void **state)
{
	expect("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 200, NULL, "hello");
	expect("DELETE /api/echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", 200, NULL, "{}");
	expect("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", 200, NULL, "abcdefg");
	expect("POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "Content-Length: 0", NULL);
	expect("POST /api/none HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", 200, NULL, "/api/none");
	expect("PUT /api/sum HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, NULL, "\"size\":0");
	expect("POST /echo HTTP/1.1\r\n" H "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx", 415, NULL, "Content-Encoding");
}

static void expect_continue_is_answered(SP_UNUSED void **state)
{
	int fd = dial();
	struct answer a;

	say(fd, "PUT /api/sum HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	a = hear(fd, true);
	assert_int_equal(a.status, 100);
	sp_buf_fini(&a.body);
	say(fd, "aaa");
	a = hear(fd, false);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body.p, "\"sum\":291"));
	sp_buf_fini(&a.body);
	close(fd);
}

static void *send_much(void *arg)
{
	int fd = *(int *)arg;
	char piece[32768];
	size_t left = 20u << 20;

	memset(piece, 1, sizeof(piece));
	while (left) {
		ssize_t n = write(fd, piece, left < sizeof(piece) ? left : sizeof(piece));

		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	return NULL;
}

static void large_body_is_spooled_whole(SP_UNUSED void **state)
{
	int fd = dial();
	struct answer a;

	say(fd, "PUT /api/sum HTTP/1.1\r\n" H "Content-Length: 20971520\r\n\r\n");
	send_much(&fd);
	a = hear(fd, false);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body.p, "{\"size\":20971520,\"sum\":20971520}"));
	sp_buf_fini(&a.body);
	close(fd);
}

static void too_large_bodies_are_413(SP_UNUSED void **state)
{
	struct answer a;
	int fd = dial();

	/* 20 MB where 1 MB is taken: read and dropped, then answered; the connection goes on. */
	say(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 20971520\r\n\r\n");
	send_much(&fd);
	a = hear(fd, false);
	assert_int_equal(a.status, 413);
	assert_non_null(strstr(a.body.p, "over-limit"));
	sp_buf_fini(&a.body);
	say(fd, "GET /hello HTTP/1.1\r\n" H "\r\n");
	a = hear(fd, false);
	assert_int_equal(a.status, 200);
	sp_buf_fini(&a.body);
	close(fd);
	/* Announced beyond what is dropped, or with Expect: answered at once. */
	expect("POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999\r\n\r\n", 413, NULL, "over-limit");
	expect("POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n", 413, NULL, "over-limit");
}

static void chunked_body_over_the_limit_is_413(SP_UNUSED void **state)
{
	static char chunk[65536 + 1];
	int fd = dial();
	struct answer a;

	memset(chunk, 'x', 65536);
	say(fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 40; i++) {
		say(fd, "10000\r\n");
		say(fd, chunk);
		say(fd, "\r\n");
	}
	say(fd, "0\r\n\r\n");
	a = hear(fd, false);
	assert_int_equal(a.status, 413);
	sp_buf_fini(&a.body);
	close(fd);
}

static void files_are_sent_whole_and_in_ranges(SP_UNUSED void **state)
{
	struct answer a = ask("GET /file HTTP/1.1\r\n" H "\r\n");

	assert_int_equal(a.body.n, FILE_BYTES);
	for (size_t i = 0; i < a.body.n; i += 4093)
		assert_int_equal(a.body.p[i], 'a' + (int)(i % 26));
	sp_buf_fini(&a.body);
	expect("GET /file HTTP/1.1\r\n" H "Range: bytes=27-30\r\n\r\n", 206, "Content-Length: 4\r\n", "bcde");
	expect("GET /file HTTP/1.1\r\n" H "Range: bytes=99999999-\r\n\r\n", 416, NULL, "outside");
}

static void client_that_leaves_in_mid_upload_leaves_nothing(SP_UNUSED void **state)
{
	for (int i = 0; i < 10; i++) {
		int fd = dial();

		say(fd, "PUT /api/sum HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\nabc");
		close(fd);
	}
	expect("GET /hello HTTP/1.1\r\n" H "\r\n", 200, NULL, NULL);
}

static void *one_client(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 20; i++) {
		struct answer a;

		say(fd, "GET /hello HTTP/1.1\r\n" H "\r\n");
		a = hear(fd, false);
		assert_int_equal(a.status, 200);
		sp_buf_fini(&a.body);
	}
	return NULL;
}

static void twenty_connections_at_once(SP_UNUSED void **state)
{
	pthread_t threads[20];
	int fds[20];

	for (int i = 0; i < 20; i++) {
		fds[i] = dial();
		assert_int_equal(pthread_create(&threads[i], NULL, one_client, &fds[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		pthread_join(threads[i], NULL);
		close(fds[i]);
	}
}

static void read_until(int fd, const char *text)
{
	struct sp_buf b = { 0 };

	while (!b.n || !strstr(b.p, text))
		assert_true(read_some(fd, &b));
	sp_buf_fini(&b);
}

static void stream_delivers_events_as_they_come(SP_UNUSED void **state)
{
	int fd = dial();

	say(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
	read_until(fd, "data: 1\n\n");
	sem_wait(&stream_opened);
	http_stream_write(last_stream, "data: 2\n\n", 9);
	read_until(fd, "data: 2\n\n");
	http_stream_end(last_stream);
	read_until(fd, "0\r\n\r\n");
	sem_wait(&stream_closed);
	close(fd);
}

static void closed_tab_is_noticed_without_a_write(SP_UNUSED void **state)
{
	int fd = dial();

	say(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
	read_until(fd, "data: 1\n\n");
	sem_wait(&stream_opened);
	close(fd);
	sem_wait(&stream_closed);
}

static char much[64 * 1024];

/* On the loop thread, where the stream cannot end under it. */
static void write_much(SP_UNUSED void *arg)
{
	if (last_stream)
		http_stream_write(last_stream, much, sizeof(much));
}

static void slow_reader_of_a_stream_is_cut_off(SP_UNUSED void **state)
{
	struct sp_buf b = { 0 };
	int fd = dial();

	say(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
	read_until(fd, "data: 1\n\n");
	sem_wait(&stream_opened);
	memset(much, 'x', sizeof(much));
	for (int i = 0; i < 64; i++)
		sp_loop_call(srv.loop, write_much, NULL);
	while (read_some(fd, &b))
		;
	assert_true(b.n < 64 * sizeof(much));
	sp_buf_fini(&b);
	sem_wait(&stream_closed);
	close(fd);
}

static void stream_of_a_failing_handler_is_closed(SP_UNUSED void **state)
{
	expect("GET /stream/fails HTTP/1.1\r\n" H "\r\n", 404, NULL, "Changed my mind.");
	sem_wait(&stream_closed);
}

static void connections_over_the_limit_wait(SP_UNUSED void **state)
{
	static int fds[SP_LIMIT_http_connections];
	struct rlimit files;
	struct pollfd one_more;
	struct answer a;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < 2 * SP_LIMIT_http_connections + 100)
		skip();         /* not enough descriptors here */
	for (size_t i = 0; i < SP_COUNT(fds); i++) {
		fds[i] = dial();
		say(fds[i], "GET /hello HTTP/1.1\r\n" H "\r\n");
		a = hear(fds[i], false);
		assert_int_equal(a.status, 200);
		sp_buf_fini(&a.body);
	}
	one_more = (struct pollfd){ .fd = dial(), .events = POLLIN };
	say(one_more.fd, "GET /hello HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(poll(&one_more, 1, 100), 0);
	close(fds[0]);
	a = hear(one_more.fd, false);
	assert_int_equal(a.status, 200);
	sp_buf_fini(&a.body);
	for (size_t i = 1; i < SP_COUNT(fds); i++)
		close(fds[i]);
	close(one_more.fd);
}

static void streams_over_the_limit_are_503(SP_UNUSED void **state)
{
	static struct http_stream *held[SP_LIMIT_sse_streams];

	for (size_t i = 0; i < SP_COUNT(held); i++)
		held[i] = stream_new(srv.loop, true, NULL, NULL);
	expect("GET /stream HTTP/1.1\r\n" H "\r\n", 503, "Retry-After", "Too many event streams");
	sem_wait(&stream_closed);
	sem_wait(&stream_opened);
	for (size_t i = 0; i < SP_COUNT(held); i++)
		stream_close(held[i]);
	closed_tab_is_noticed_without_a_write(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_carry_request_id_and_origin),
		cmocka_unit_test(paths_reach_handlers_byte_exact),
		cmocka_unit_test(api_errors_are_json_objects),
		cmocka_unit_test(faults_of_ours_are_not_described),
		cmocka_unit_test(cross_origin_reads_of_the_api_are_possible),
		cmocka_unit_test(head_has_no_body_and_may_name_its_size),
		cmocka_unit_test(keep_alive_serves_many),
		cmocka_unit_test(bodies_come_with_length_chunked_or_not_at_all),
		cmocka_unit_test(expect_continue_is_answered),
		cmocka_unit_test(large_body_is_spooled_whole),
		cmocka_unit_test(too_large_bodies_are_413),
		cmocka_unit_test(chunked_body_over_the_limit_is_413),
		cmocka_unit_test(files_are_sent_whole_and_in_ranges),
		cmocka_unit_test(client_that_leaves_in_mid_upload_leaves_nothing),
		cmocka_unit_test(twenty_connections_at_once),
		cmocka_unit_test(stream_delivers_events_as_they_come),
		cmocka_unit_test(closed_tab_is_noticed_without_a_write),
		cmocka_unit_test(slow_reader_of_a_stream_is_cut_off),
		cmocka_unit_test(stream_of_a_failing_handler_is_closed),
		cmocka_unit_test(streams_over_the_limit_are_503),
		cmocka_unit_test(connections_over_the_limit_wait),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
