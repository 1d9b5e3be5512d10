#include "server/api/commit_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "limit.h"
#include "server/http/base64.h"
#include "str.h"

enum { READ_BYTES = 1 << 18, FIELD_BYTES = 1 << 16, DEPTH_MAX = 16 };

/* The fields of one line that anybody reads. CONTENT is in the spool, the others in memory. */
enum field { F_KEY, F_SUMMARY, F_DESCRIPTION, F_PARENT, F_PATH, F_OLD_PATH, F_ENCODING, F_OID, F_ALGO, F_CONTENT, F_OTHER, F_MAX = F_OTHER };
static const char *const field_names[F_MAX] = { "key", "summary", "description", "parentCommit", "path", "oldPath", "encoding", "oid", "algo",
	"content" };

struct reader {
	int body, spool;
	char *buf;                      /* READ_BYTES */
	size_t at, n;
	bool is_eof;
	unsigned line;
	uint64_t spool_n;               /* bytes of finished contents */
	uint64_t text_n;                /* of the content being read, not decoded */
	struct sp_buf pending;          /* of it, not yet written */
	struct sp_arena *a;
	char *fields[F_MAX];
	bool has_content;
	bool has_header;
	struct sp_buf ops;
	struct commit_parsed *to;
	struct sp_err *e;
};

static int bad(struct reader *r, const char *what)
{
	return sp_fail(r->e, SP_EINVAL, 0, "line %u of the commit: %s", r->line, what);
}

static int refill(struct reader *r)
{
	int res;

	if (r->is_eof)
		return 0;
	r->at = 0;
	res = sp_read_full(r->body, r->buf, READ_BYTES, &r->n, r->e);
	if (res < 0)
		return res;
	r->is_eof = r->n < READ_BYTES;
	return 0;
}

/* The next byte without taking it, -1 at the end, -2 when reading failed. */
static int peek(struct reader *r)
{
	if (r->at == r->n && refill(r) < 0)
		return -2;
	return r->at < r->n ? (unsigned char)r->buf[r->at] : -1;
}

static int take(struct reader *r)
{
	int c = peek(r);

	if (c >= 0)
		r->at++;
	return c;
}

/* Within a line: a newline between tokens is allowed nowhere (NDJSON). */
static int skip_space(struct reader *r)
{
	int c;

	while ((c = peek(r)) == ' ' || c == '\t' || c == '\r')
		r->at++;
	return c;
}

/* Where the text of a string goes: into memory, into the spool, or nowhere. */
struct sink { struct sp_buf *memory; bool is_spool; };

static int flush_pending(struct reader *r)
{
	size_t done = 0;

	while (done < r->pending.n) {
		ssize_t n = pwrite(r->spool, r->pending.p + done, r->pending.n - done, (off_t)(r->spool_n + r->text_n));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sp_fail(r->e, errno == ENOSPC ? SP_EQUOTA : SP_EIO, errno, "store the upload");
		done += (size_t)n;
		r->text_n += (size_t)n;
	}
	r->pending.n = 0;
	return 0;
}

static int put(struct reader *r, const struct sink *to, const char *p, size_t n)
{
	/* base64 of the largest file and its line ends */
	const uint64_t text_max = SP_LIMIT_regular_file_bytes / 3 * 4 + 8;

	if (to->memory) {
		if (to->memory->n + n > FIELD_BYTES)
			return bad(r, "a field is longer than 64 KB");
		sp_buf_add(to->memory, p, n);
	}
	if (!to->is_spool)
		return 0;
	sp_buf_add(&r->pending, p, n);
	if (r->text_n + r->pending.n > text_max)
		return sp_fail(r->e, SP_EQUOTA, 0, "line %u of the commit: a file is larger than %d MB, which is the most this server takes", r->line,
			(int)(SP_LIMIT_regular_file_bytes >> 20));
	return r->pending.n >= READ_BYTES ? flush_pending(r) : 0;
}

static int put_code_point(struct reader *r, const struct sink *to, unsigned cp)
{
	char out[4];
	size_t n = 0;

	if (cp < 0x80) {
		out[n++] = (char)cp;
	} else if (cp < 0x800) {
		out[n++] = (char)(0xc0 | cp >> 6);
		out[n++] = (char)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		out[n++] = (char)(0xe0 | cp >> 12);
		out[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (cp & 0x3f));
	} else {
		out[n++] = (char)(0xf0 | cp >> 18);
		out[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		out[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (cp & 0x3f));
	}
	return put(r, to, out, n);
}

static int take_hex4(struct reader *r, unsigned *ret)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		int c = take(r), d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return bad(r, "a \\u needs four hex digits");
		v = v << 4 | (unsigned)d;
	}
	*ret = v;
	return 0;
}

static int take_unicode(struct reader *r, const struct sink *to)
{
	unsigned cp, low;
	int res = take_hex4(r, &cp);

	if (res < 0)
		return res;
	if (cp == 0)
		return bad(r, "a string may not contain NUL");
	if (cp >= 0xd800 && cp < 0xdc00) {
		if (take(r) != '\\' || take(r) != 'u')
			return bad(r, "half of a surrogate pair");
		res = take_hex4(r, &low);
		if (res < 0)
			return res;
		if (low < 0xdc00 || low > 0xdfff)
			return bad(r, "half of a surrogate pair");
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	} else if (cp >= 0xdc00 && cp <= 0xdfff) {
		return bad(r, "half of a surrogate pair");
	}
	return put_code_point(r, to, cp);
}

static int take_escape(struct reader *r, const struct sink *to)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	int c = take(r);
	const char *at = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u')
		return take_unicode(r, to);
	return at ? put(r, to, &is[at - from], 1) : bad(r, "an unknown escape in a string");
}

/* The rest of a string whose opening quote was taken. */
static int take_string(struct reader *r, const struct sink *to)
{
	for (;;) {
		size_t start = r->at;
		int c = 0, res;

		while (r->at < r->n && (c = (unsigned char)r->buf[r->at]) != '"' && c != '\\' && c >= 0x20)
			r->at++;
		if (r->at > start) {
			res = put(r, to, r->buf + start, r->at - start);
			if (res < 0)
				return res;
		}
		c = take(r);
		if (c == '"')
			return 0;
		if (c == -2)
			return -SP_EIO;
		if (c < 0x20)
			return bad(r, c < 0 ? "ends in the middle of a string" : "a control character in a string");
		if (c != '\\') {        /* the first byte of the next piece */
			r->at--;
			continue;
		}
		res = take_escape(r, to);
		if (res < 0)
			return res;
	}
}

static int take_value(struct reader *r, unsigned depth, enum field as);

static int skip_scalar(struct reader *r)
{
	unsigned n = 0;
	int c;

	while ((c = peek(r)) > ' ' && !strchr(",]}\"[{:", c)) {
		r->at++;
		if (++n > 64)
			return bad(r, "not JSON");
	}
	return n ? 0 : bad(r, "not JSON");
}

static enum field field_of(const char *name)
{
	for (int i = 0; i < F_MAX; i++)
		if (strcmp(name, field_names[i]) == 0)
			return (enum field)i;
	return F_OTHER;
}

static int take_member(struct reader *r, unsigned depth)
{
	sp_auto_buf struct sp_buf name = { 0 };
	const struct sink to = { .memory = &name };
	enum field f;
	int res;

	if (skip_space(r) != '"')
		return bad(r, "not a JSON object");
	r->at++;
	res = take_string(r, &to);
	if (res < 0)
		return res;
	if (skip_space(r) != ':')
		return bad(r, "not a JSON object");
	r->at++;
	f = field_of(name.n ? name.p : "");
	/* {"key": …, "value": {…}}: the key is on the first level, everything else on the second. */
	if ((f == F_KEY) != (depth == 1) || depth > 2)
		f = F_OTHER;
	return take_value(r, depth, f);
}

static int take_members(struct reader *r, unsigned depth, bool is_object)
{
	const int end = is_object ? '}' : ']';
	int res;

	if (skip_space(r) == end) {
		r->at++;
		return 0;
	}
	for (;;) {
		int c;

		res = is_object ? take_member(r, depth) : take_value(r, depth, F_OTHER);
		if (res < 0)
			return res;
		c = skip_space(r);
		if (c != ',' && c != end)
			return bad(r, "not JSON");
		r->at++;
		if (c == end)
			return 0;
	}
}

static int take_field(struct reader *r, enum field as)
{
	sp_auto_buf struct sp_buf text = { 0 };
	const struct sink to = { .memory = as < F_CONTENT ? &text : NULL, .is_spool = as == F_CONTENT };
	int res;

	if (as != F_OTHER && (as == F_CONTENT ? r->has_content : r->fields[as] != NULL))
		return bad(r, "a field is there twice");
	res = take_string(r, &to);
	if (res < 0)
		return res;
	if (as == F_CONTENT)
		r->has_content = true;
	else if (as != F_OTHER)
		r->fields[as] = sp_arena_mem(r->a, text.n ? text.p : "", text.n);
	return 0;
}

/* One value; DEPTH objects are around it. */
static int take_value(struct reader *r, unsigned depth, enum field as)
{
	int c = skip_space(r);

	if (depth > DEPTH_MAX)
		return bad(r, "nested too deep");
	if (c == '"') {
		r->at++;
		return take_field(r, as);
	}
	if (c == '{' || c == '[') {
		r->at++;
		return take_members(r, depth + 1, c == '{');
	}
	return skip_scalar(r);
}

/* base64 text at SPOOL_N becomes what it encodes, at the same place. */
static int decode_content(struct reader *r, uint64_t *ret_len)
{
	sp_auto_free char *chunk = malloc(READ_BYTES);
	struct base64 b = { 0 };
	uint64_t in = 0, out = 0;

	if (!chunk)
		abort();
	while (in < r->text_n) {
		size_t want = r->text_n - in < READ_BYTES ? (size_t)(r->text_n - in) : READ_BYTES;
		ssize_t n = pread(r->spool, chunk, want, (off_t)(r->spool_n + in)), made;

		if (n <= 0)
			return sp_fail(r->e, SP_EIO, n < 0 ? errno : 0, "read the upload back");
		made = base64_feed(&b, chunk, (size_t)n);
		if (made < 0)
			return bad(r, "the content is not base64");
		if (made > 0 && pwrite(r->spool, chunk, (size_t)made, (off_t)(r->spool_n + out)) != made)
			return sp_fail(r->e, SP_EIO, errno, "store the upload");
		in += (uint64_t)n;
		out += (uint64_t)made;
	}
	if (!base64_end(&b))
		return bad(r, "the base64 content is cut short");
	*ret_len = out;
	return 0;
}

static void add_op(struct reader *r, struct repo_op op)
{
	sp_buf_add(&r->ops, &op, sizeof(op));
}

static int end_file(struct reader *r)
{
	const char *encoding = r->fields[F_ENCODING];
	struct repo_op op = { .kind = OP_PUT, .path = r->fields[F_PATH], .fd = r->spool, .offset = r->spool_n };
	int res = flush_pending(r);

	if (res < 0)
		return res;
	if (!r->has_content)
		return bad(r, "a file without content");
	op.len = r->text_n;
	if (!encoding || strcmp(encoding, "base64") == 0) {
		res = decode_content(r, &op.len);
		if (res < 0)
			return res;
	} else if (strcmp(encoding, "utf-8") != 0) {
		return bad(r, "the encoding is neither base64 nor utf-8");
	}
	if (op.len > SP_LIMIT_regular_file_bytes)
		return sp_fail(r->e, SP_EQUOTA, 0, "the file '%.80s' is larger than %d MB, which is the most this server takes", op.path,
			(int)(SP_LIMIT_regular_file_bytes >> 20));
	r->spool_n += op.len;
	add_op(r, op);
	return 0;
}

static int end_lfs_file(struct reader *r)
{
	const char *algo = r->fields[F_ALGO], *oid = r->fields[F_OID];
	struct repo_op op = { .kind = OP_PUT_LFS, .path = r->fields[F_PATH], .fd = -1, .sha256 = oid };

	if (algo && strcmp(algo, "sha256") != 0)
		return bad(r, "the algo of a large file is not sha256");
	if (!oid || strlen(oid) != 64 || !sp_is_hex(oid, 64))
		return bad(r, "the oid of a large file is not a SHA-256");
	add_op(r, op);
	return 0;
}

static int end_header(struct reader *r)
{
	if (r->has_header)
		return bad(r, "a second header");
	r->has_header = true;
	r->to->summary = r->fields[F_SUMMARY] ? r->fields[F_SUMMARY] : "";
	r->to->description = r->fields[F_DESCRIPTION] ? r->fields[F_DESCRIPTION] : "";
	r->to->parent = r->fields[F_PARENT];
	return 0;
}

static char *without_slash(char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	return path;
}

static int end_operation(struct reader *r, const char *key)
{
	char *path = r->fields[F_PATH], *old = r->fields[F_OLD_PATH];
	int res = 0;

	if (!r->has_header)
		return bad(r, "the first line must be the header");
	if (!path)
		return bad(r, "no path");
	if (strcmp(key, "file") == 0)
		res = end_file(r);
	else if (strcmp(key, "lfsFile") == 0)
		res = end_lfs_file(r);
	else if (strcmp(key, "deletedFile") == 0)
		add_op(r, (struct repo_op){ .kind = OP_DELETE, .path = path, .fd = -1 });
	else if (strcmp(key, "deletedFolder") == 0)
		add_op(r, (struct repo_op){ .kind = OP_DELETE_TREE, .path = without_slash(path), .fd = -1 });
	else
		return bad(r, "the key is none of header, file, lfsFile, deletedFile, deletedFolder");
	if (res == 0 && old && strcmp(old, path) != 0)  /* a rename brings the file under its new name */
		add_op(r, (struct repo_op){ .kind = OP_DELETE, .path = old, .fd = -1 });
	if (res == 0 && r->ops.n / sizeof(struct repo_op) > SP_LIMIT_commit_files)
		return sp_fail(r->e, SP_EQUOTA, 0, "more than %d files in one commit; send several commits", (int)SP_LIMIT_commit_files);
	return res;
}

static int end_line(struct reader *r)
{
	const char *key = r->fields[F_KEY];
	int res;

	if (!key)
		return bad(r, "no key");
	res = strcmp(key, "header") == 0 ? end_header(r) : end_operation(r, key);
	memset(r->fields, 0, sizeof(r->fields));
	r->has_content = false;
	r->pending.n = 0;
	r->text_n = 0;
	return res;
}

static int take_line(struct reader *r)
{
	int c = skip_space(r), res;

	r->line++;
	if (c == '\n') {
		r->at++;
		return 0;
	}
	if (c != '{')
		return bad(r, "not a JSON object");
	res = take_value(r, 0, F_OTHER);
	if (res < 0)
		return res;
	c = skip_space(r);
	if (c != '\n' && c != -1)
		return c == -2 ? -SP_EIO : bad(r, "something follows the JSON object");
	if (c == '\n')
		r->at++;
	return end_line(r);
}

static int take_lines(struct reader *r)
{
	int c;

	while ((c = peek(r)) >= 0) {
		int res = take_line(r);

		if (res < 0)
			return res;
	}
	if (c == -2)
		return -SP_EIO;
	return r->has_header ? 0 : sp_fail(r->e, SP_EINVAL, 0, "the commit has no header line");
}

int commit_parse(int body, int spool, struct sp_arena *a, struct commit_parsed *ret, struct sp_err *e)
{
	struct commit_parsed got = { 0 };
	struct reader r = { .body = body, .spool = spool, .a = a, .to = &got, .e = e, .buf = malloc(READ_BYTES) };
	int res;

	if (!r.buf)
		abort();
	res = take_lines(&r);
	if (res == 0) {
		got.n_ops = r.ops.n / sizeof(struct repo_op);
		got.ops = sp_arena_get(a, r.ops.n + 1);
		if (r.ops.n)
			memcpy(got.ops, r.ops.p, r.ops.n);
		*ret = got;
	}
	sp_buf_fini(&r.ops);
	sp_buf_fini(&r.pending);
	free(r.buf);
	return res;
}
