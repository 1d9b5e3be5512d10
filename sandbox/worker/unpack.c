#include "task.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "mkfs.h"
#include "path.h"
#include "tree.h"

enum { ARCHIVE_BLOCK = 512, END_ZEROS = 2 * ARCHIVE_BLOCK };            /* pax(1): two blocks of zeros end an archive */

/* Standard input, watched for its proper end: an archive cut between two files must not pass as a whole one. */
struct input { char buf[1 << 16]; uint64_t zeros; };

static la_ssize_t read_input(struct archive *a, void *arg, const void **ret)
{
	struct input *in = arg;
	ssize_t n, last;

	do {
		n = read(STDIN_FILENO, in->buf, sizeof(in->buf));
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(a, errno, "read");
		return -1;
	}
	for (last = n; last > 0 && in->buf[last - 1] == '\0'; last--)
		;
	in->zeros = last > 0 ? (uint64_t)(n - last) : in->zeros + (uint64_t)n;
	*ret = in->buf;
	return n;
}

static void free_archive(struct archive **a)
{
	if (*a)
		archive_read_free(*a);
}

/* The archive's text follows ours; its own messages may carry names from the archive. */
static int bad_archive(struct archive *a, struct sp_err *e)
{
	const char *why = archive_error_string(a);

	return sp_fail(e, SP_EPROTO, 0, "the archive is damaged: %.150s", why ? why : "it cannot be read");
}

static int write_block(int fd, const void *p, size_t n, uint64_t at, struct sp_err *e)
{
	const char *from = p;

	while (n > 0) {
		ssize_t done = pwrite(fd, from, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return sp_fail(e, SP_EIO, errno, errno == ENOSPC || errno == EDQUOT ? "the disk is full" : "write a file");
		from += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

/* SIZE was reserved; the data may not go beyond it, whatever a sparse map says. */
static int copy_data(struct archive *a, int fd, uint64_t size, struct sp_err *e)
{
	const void *p;
	la_int64_t at;
	size_t n;
	int got, r;

	while ((got = archive_read_data_block(a, &p, &n, &at)) == ARCHIVE_OK) {
		if (at < 0 || (uint64_t)at > size || n > size - (uint64_t)at)
			return sp_fail(e, SP_EPROTO, 0, "the archive is damaged: a file is longer than it says");
		r = write_block(fd, p, n, (uint64_t)at, e);
		if (r < 0)
			return r;
	}
	if (got != ARCHIVE_EOF)
		return bad_archive(a, e);
	if (ftruncate(fd, (off_t)size) < 0)             /* a hole at the end */
		return sp_fail(e, SP_EIO, errno, "size of a file");
	return 0;
}

static int unpack_file(struct archive *a, struct archive_entry *entry, const char *path, struct tree *t, struct sp_err *e)
{
	la_int64_t size = archive_entry_size(entry);
	sp_auto_close int fd = -1;
	int r;

	if (size < 0)
		return sp_fail(e, SP_EPROTO, 0, "the archive is damaged: a file has no size");
	r = tree_file(t, path, archive_entry_perm(entry) & 0100, (uint64_t)size, &fd, e);
	if (r < 0)
		return r;
	return copy_data(a, fd, (uint64_t)size, e);
}

static int unpack_entry(struct archive *a, struct archive_entry *entry, struct tree *t, struct sp_err *e)
{
	const char *name = archive_entry_pathname(entry), *target;
	char path[WORKER_PATH_MAX + 1];
	int r;

	if (!name)
		return sp_fail(e, SP_EDENIED, 0, "a file name is not UTF-8");
	r = worker_path_clean(name, path, e);
	if (r < 0)
		return sp_err_wrap(e, r, "%.100s", name);
	if (archive_entry_hardlink(entry))
		return sp_fail(e, SP_EDENIED, 0, "%.100s: hard links are not allowed", path);
	if (r == 0)
		return archive_entry_filetype(entry) == AE_IFDIR ? 0 : sp_fail(e, SP_EDENIED, 0, "a file has no name");
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return tree_dir(t, path, e);
	if (archive_entry_filetype(entry) == AE_IFREG)
		return unpack_file(a, entry, path, t, e);
	if (archive_entry_filetype(entry) != AE_IFLNK)
		return sp_fail(e, SP_EDENIED, 0, "%.100s: only files, folders and links are allowed", path);
	target = archive_entry_symlink(entry);
	r = target ? worker_link_check(path, target, e) : sp_fail(e, SP_EDENIED, 0, "the link's target is not UTF-8");
	if (r < 0)
		return sp_err_wrap(e, r, "%.100s", path);
	return tree_link(t, path, target, e);
}

/*
 * What the server sends is a plain pax archive: no compression is switched on, so that sizes are known
 * before the bytes come, and no other format's reader runs.
 */
static int unpack(struct tree *t, struct sp_err *e)
{
	static struct input in;
	sp_auto(free_archive) struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int got, r;

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK)
		return sp_fail(e, SP_EIO, 0, "libarchive cannot read tar");
	if (archive_read_open(a, &in, NULL, read_input, NULL) != ARCHIVE_OK)
		return bad_archive(a, e);
	while ((got = archive_read_next_header(a, &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
		r = unpack_entry(a, entry, t, e);
		if (r < 0)
			return r;
	}
	if (got != ARCHIVE_EOF)
		return bad_archive(a, e);
	for (const void *p; (got = (int)read_input(a, &in, &p)) > 0;)
		;
	if (got < 0 || in.zeros < END_ZEROS)
		return sp_fail(e, SP_EPROTO, 0, "the archive ends too early");
	return 0;
}

static int make_work(const char *work, const char *tree, int *ret_fd, struct sp_err *e)
{
	sp_auto_close int fd = -1;

	if ((mkdir(work, 0700) < 0 && errno != EEXIST) || mkdir(tree, 0755) < 0)
		return sp_fail(e, SP_EIO, errno, "make '%.100s'", tree);
	fd = open(tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return sp_fail(e, SP_EIO, errno, "open '%.100s'", tree);
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

int task_unpack_app(const struct task_args *args)
{
	sp_auto_close int root = -1;
	sp_auto_free char *path = NULL;
	uint64_t image_bytes = 0;
	struct tree t;
	struct sp_err e;
	int r;

	if (asprintf(&path, "%s/tree", args->work) < 0)
		return task_fail(TASK_BROKEN, "out of memory");
	r = make_work(args->work, path, &root, &e);
	if (r < 0)
		return task_fail(TASK_BROKEN, "The worker's sandbox is not usable: %s.", e.msg);

	tree_init(&t, root, args->max_files, args->max_bytes);
	r = unpack(&t, &e);
	tree_fini(&t);
	if (r < 0)
		return task_fail(task_status_of(&e), "The repository cannot be unpacked: %s.", e.msg);

	r = mkfs_pack(path, args->out, MKFS_APP_USER, NULL, 0, &image_bytes, &e);
	if (r < 0)
		return task_fail(TASK_MKFS, "The app's image could not be written: %s.", e.msg);
	printf("files %llu bytes %llu image %llu\n", (unsigned long long)t.files, (unsigned long long)t.bytes,
			(unsigned long long)image_bytes);
	return TASK_DONE;
}
