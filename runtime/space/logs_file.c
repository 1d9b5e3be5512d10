#include "logs_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "clock.h"
#include "fd.h"
#include "limit.h"
#include "num.h"

enum { HEAD_MAX = SP_LIMIT_log_run_bytes / 2, TAIL_MAX = SP_LIMIT_log_run_bytes / 4 };

#define GAP_START "{\"data\":\"... "
#define GAP_FORMAT GAP_START "%020" PRIu64 " bytes of output are left out here ...\\n\",\"timestamp\":\"%.24s\"}\n"
enum { GAP_DIGITS = 20 };

static const char *const kind_names[] = { [LOG_BUILD] = "build", [LOG_RUN] = "run" };

void log_file_init(struct log_file *f)
{
	*f = (struct log_file){ .dir = -1, .head = -1, .prev = -1, .cur = -1 };
}

void log_file_close(struct log_file *f)
{
	sp_close_p(&f->dir);
	sp_close_p(&f->head);
	sp_close_p(&f->prev);
	sp_close_p(&f->cur);
	log_file_init(f);
}

/* "run-ID.log" of this kind: its id. */
static int id_of_name(const char *name, enum log_kind kind, struct sp_id *ret)
{
	size_t n = strlen(kind_names[kind]);
	char id[SP_ID_LEN + 1] = "";

	if (strncmp(name, kind_names[kind], n) != 0 || name[n] != '-' || strlen(name) != n + 1 + SP_ID_LEN + 4 || !sp_ends_with(name, ".log"))
		return -SP_EINVAL;
	memcpy(id, name + n + 1, SP_ID_LEN);
	return sp_id_parse(id, ret);
}

static int64_t born_at(int dir, const char *name)
{
	struct statx st;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME, &st) < 0)
		return 0;
	if (st.stx_mask & STATX_BTIME)
		return st.stx_btime.tv_sec * 1000000 + st.stx_btime.tv_nsec / 1000;
	return st.stx_mtime.tv_sec * 1000000 + st.stx_mtime.tv_nsec / 1000;
}

/* The newest (or oldest) log of KIND and how many there are. */
static unsigned find_extreme(int dir, enum log_kind kind, bool newest, struct sp_id *ret)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sp_auto_closedir DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	int64_t best = 0;
	unsigned n = 0;
	struct dirent *ent;

	if (!d) {
		sp_close_p(&fd);
		return 0;
	}
	while ((ent = readdir(d))) {
		struct sp_id id;
		int64_t at;

		if (id_of_name(ent->d_name, kind, &id) < 0)
			continue;
		at = born_at(dir, ent->d_name);
		if (n == 0 || (newest ? at >= best : at < best)) {
			best = at;
			*ret = id;
		}
		n++;
	}
	return n;
}

static void unlink_log(int dir, enum log_kind kind, const struct sp_id *id)
{
	static const char *const ends[] = { "", ".1", ".2" };
	char name[64];

	for (size_t i = 0; i < SP_COUNT(ends); i++) {
		snprintf(name, sizeof(name), "%s-%s.log%s", kind_names[kind], id->s, ends[i]);
		unlinkat(dir, name, 0);
	}
}

static int open_dir(int logs_dir, const struct sp_id *space, bool create, int *ret, struct sp_err *e)
{
	int fd;

	if (create && mkdirat(logs_dir, space->s, 0700) < 0 && errno != EEXIST)
		return sp_fail(e, SP_EIO, errno, "make the log folder of %s", space->s);
	fd = openat(logs_dir, space->s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "open the log folder of %s", space->s);
	*ret = fd;
	return 0;
}

static uint64_t file_size(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void segment_name(const struct log_file *f, const char *end, char out[48])
{
	snprintf(out, 48, "%s%s", f->base, end);
}

/* Where the head really ends and what its last line says was dropped. */
static void read_gap(struct log_file *f)
{
	char want[160], got[160];
	struct sp_iso iso = sp_iso_ms(0);
	int n = snprintf(want, sizeof(want), GAP_FORMAT, (uint64_t)0, iso.s);
	size_t start = sizeof(GAP_START) - 1, size = (size_t)n;

	if (f->head_n < size || pread(f->head, got, size, (off_t)(f->head_n - size)) != n)
		return;
	if (memcmp(got, want, start) != 0 || memcmp(got + start + GAP_DIGITS, want + start + GAP_DIGITS, 12) != 0)
		return;
	if (sp_parse_u64(got + start, GAP_DIGITS, UINT64_MAX, &f->dropped) == 0)
		f->head_n -= size;
}

static int open_parts(struct log_file *f, int flags, struct sp_err *e)
{
	char name[48];

	f->head = openat(f->dir, f->base, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->head < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "open log %s", f->base);
	segment_name(f, ".1", name);
	f->prev = openat(f->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	segment_name(f, ".2", name);
	f->cur = openat(f->dir, name, (flags & ~O_CREAT) | O_NOFOLLOW | O_CLOEXEC);
	f->head_n = file_size(f->head);
	f->prev_n = file_size(f->prev);
	f->cur_n = file_size(f->cur);
	f->split = f->cur >= 0;
	if (f->split)
		read_gap(f);
	return 0;
}

int log_file_create(int logs_dir, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, struct log_file *ret, struct sp_err *e)
{
	struct log_file f;
	struct sp_id oldest;
	int r;

	log_file_init(&f);
	r = open_dir(logs_dir, space, true, &f.dir, e);
	if (r < 0)
		return r;
	snprintf(f.base, sizeof(f.base), "%s-%s.log", kind_names[kind], id->s);
	r = open_parts(&f, O_RDWR | O_CREAT, e);
	if (r < 0) {
		log_file_close(&f);
		return r;
	}
	for (unsigned n = find_extreme(f.dir, kind, false, &oldest); n > SP_LIMIT_log_runs_kept && !sp_id_eq(&oldest, id);
	     n = find_extreme(f.dir, kind, false, &oldest))
		unlink_log(f.dir, kind, &oldest);
	*ret = f;
	return 0;
}

int log_file_open(int logs_dir, const struct sp_id *space, enum log_kind kind, const struct sp_id *id, struct log_file *ret, struct sp_err *e)
{
	struct sp_id which = *id;
	struct log_file f;
	int r;

	log_file_init(&f);
	r = open_dir(logs_dir, space, false, &f.dir, e);
	if (r < 0)
		return r;
	if (sp_id_is_none(&which) && find_extreme(f.dir, kind, true, &which) == 0) {
		log_file_close(&f);
		return sp_fail(e, SP_ENOENT, 0, "no log yet");
	}
	snprintf(f.base, sizeof(f.base), "%s-%s.log", kind_names[kind], which.s);
	r = open_parts(&f, O_RDONLY, e);
	if (r < 0) {
		log_file_close(&f);
		return r;
	}
	*ret = f;
	return 0;
}

static int write_at(int fd, const char *p, size_t n, uint64_t at, struct sp_err *e)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, (off_t)at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return sp_fail(e, SP_EIO, errno, "write log");
		p += w;
		n -= (size_t)w;
		at += (uint64_t)w;
	}
	return 0;
}

static size_t gap_line(const struct log_file *f, char out[160])
{
	struct sp_iso iso = sp_iso_ms(sp_wall_ms());

	return (size_t)snprintf(out, 160, GAP_FORMAT, f->dropped, iso.s);
}

static int open_segment(struct log_file *f, struct sp_err *e)
{
	char name[48];

	segment_name(f, ".2", name);
	f->cur = openat(f->dir, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return f->cur < 0 ? sp_fail(e, SP_EIO, errno, "open log segment") : 0;
}

/* The current segment becomes the one before; what was before is dropped and counted. */
static int next_segment(struct log_file *f, struct sp_err *e)
{
	char name[48], before[48], line[160];
	int r;

	segment_name(f, ".2", name);
	segment_name(f, ".1", before);
	if (f->prev >= 0) {
		f->dropped += f->prev_n;
		r = write_at(f->head, line, gap_line(f, line), f->head_n, e);
		if (r < 0) {    /* a full disk: the next write tries all of this again */
			f->dropped -= f->prev_n;
			return r;
		}
		sp_close_p(&f->prev);
		f->prev = -1;
		f->prev_n = 0;
	}
	if (f->cur >= 0 && renameat(f->dir, name, f->dir, before) < 0)
		return sp_fail(e, SP_EIO, errno, "rotate log");
	f->prev = sp_take_fd(&f->cur);
	f->prev_n = f->cur_n;
	f->cur_n = 0;
	f->split = true;
	return open_segment(f, e);
}

int log_file_append(struct log_file *f, const char *p, size_t n, struct sp_err *e)
{
	int r;

	while (n > 0) {
		uint64_t *at = f->split ? &f->cur_n : &f->head_n;
		uint64_t room = (f->split ? TAIL_MAX : HEAD_MAX) - *at;
		size_t part = n < room ? n : (size_t)room;

		if (f->split && f->cur < 0) {   /* the disk was full when it was due */
			r = open_segment(f, e);
			if (r < 0)
				return r;
		}
		while (part > 0 && part < n && p[part - 1] != '\n')
			part--;
		if (part == 0) {
			r = next_segment(f, e);
			if (r < 0)
				return r;
			continue;
		}
		r = write_at(f->split ? f->cur : f->head, p, part, *at, e);
		if (r < 0)
			return r;
		*at += part;
		p += part;
		n -= part;
	}
	return 0;
}

uint64_t log_file_end(const struct log_file *f)
{
	return f->head_n + f->dropped + f->prev_n + f->cur_n;
}

int log_file_read(struct log_file *f, uint64_t *pos, size_t max, struct sp_buf *out, struct sp_err *e)
{
	uint64_t tail = f->head_n + f->dropped, at = *pos, end = f->head_n;
	sp_auto_free char *p = malloc(max);
	int fd = f->head;
	ssize_t n;

	if (!p)
		return sp_fail(e, SP_ENOMEM, 0, "read log");
	if (*pos >= f->head_n && *pos < tail) {
		char line[160];

		sp_buf_add(out, line, gap_line(f, line));
		*pos = tail;
	}
	if (*pos >= tail && f->split) {
		bool in_prev = *pos < tail + f->prev_n;

		fd = in_prev ? f->prev : f->cur;
		at = *pos - tail - (in_prev ? 0 : f->prev_n);
		end = in_prev ? f->prev_n : f->cur_n;
	}
	if (at >= end)
		return 0;
	n = pread(fd, p, end - at < max ? (size_t)(end - at) : max, (off_t)at);
	if (n < 0)
		return sp_fail(e, SP_EIO, errno, "read log");
	sp_buf_add(out, p, (size_t)n);
	*pos += (uint64_t)n;
	return 0;
}

void log_file_remove_all(int logs_dir, const struct sp_id *space)
{
	int dir = -1;

	if (open_dir(logs_dir, space, false, &dir, NULL) < 0)
		return;
	for (enum log_kind kind = LOG_BUILD; kind <= LOG_RUN; kind++) {
		struct sp_id id;

		for (unsigned left = find_extreme(dir, kind, false, &id); left > 0; left--) {
			unlink_log(dir, kind, &id);
			if (find_extreme(dir, kind, false, &id) == 0)
				break;
		}
	}
	close(dir);
	unlinkat(logs_dir, space->s, AT_REMOVEDIR);
}

size_t log_utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

void log_json_line(struct sp_buf *out, const char *text, size_t n, int64_t wall_ms)
{
	const unsigned char *p = (const unsigned char *)text;
	struct sp_iso iso = sp_iso_ms(wall_ms);

	sp_buf_puts(out, "{\"data\":\"");
	while (n > 0) {
		size_t len = log_utf8_len(p, n);

		if (len == 0)
			sp_buf_puts(out, "\xef\xbf\xbd");
		else if (*p == '\n')
			sp_buf_puts(out, "\\n");
		else if (*p == '"' || *p == '\\')
			sp_buf_fmt(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			sp_buf_fmt(out, "\\u%04x", *p);
		else
			sp_buf_add(out, p, len);
		len = len ? len : 1;
		p += len;
		n -= len;
	}
	sp_buf_fmt(out, "\",\"timestamp\":\"%s\"}\n", iso.s);
}
