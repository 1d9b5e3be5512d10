#include "launcher.h"

/*
 * A disk for what hostile code writes: a copy of a file system that make-images.sh made, whose size is the limit on bytes and on
 * files. The copy has no name: it goes with its last mount, also when the launcher is killed, and whatever is in it nobody walks.
 */
static int copy_template(const struct launcher *l, int from, int *ret_fd, struct sp_err *e)
{
	sp_auto_close int to = openat(l->scratch, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0 || ftruncate(to, st.st_size) < 0)
		return sp_fail(e, SP_EIO, errno, "make a disk");
	for (off_t at = 0, out, end; (out = at = lseek(from, at, SEEK_DATA)) >= 0; ) {        /* 60 KB of 10 GiB */
		end = lseek(from, at, SEEK_HOLE);
		while (at < end)
			if (copy_file_range(from, &at, to, &out, (size_t)(end - at), 0) <= 0)
				return sp_fail(e, SP_EIO, errno, "copy a disk");
	}
	*ret_fd = sp_take_fd(&to);
	return 0;
}

int disk_open(const struct launcher *l, const char *template, const char *name, int *ret_fd, struct sp_err *e)
{
	sp_auto_close int from = openat(l->images_dir, template, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), file = -1;
	int r;

	if (from < 0 && errno == ENOENT)        /* there are no loop devices here: memory, which counts as the slot's */
		return image_attach(l, name, "tmpfs", -1, 0, "mode=0755,size=1g,nr_inodes=262144", ret_fd, e);
	r = copy_template(l, from, &file, e);
	/* Nothing on it has to outlive a power cut. */
	return r ?: image_attach(l, name, "ext4", file, 0, "noinit_itable,nobarrier", ret_fd, e);
}
