#include <linux/loop.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>

#include "launcher.h"

static const char *const kinds[IMAGE_KIND_MAX] = { [IMAGE_BASE] = "base", [IMAGE_TOOLS] = "tools", [IMAGE_ENV] = "env", [IMAGE_APP] = "app" };

void image_name(uint32_t kind, const struct launch_hash *hash, char name[96])
{
	snprintf(name, 96, "%s-%.64s.erofs", kinds[kind], hash->hex);
}

bool image_parse(const char *name, uint32_t *ret_kind, struct launch_hash *ret)
{
	const char *hex = strchr(name, '-');

	for (uint32_t k = IMAGE_BASE; hex && k < IMAGE_KIND_MAX; k++) {
		size_t n = strlen(kinds[k]);

		if ((size_t)(hex - name) != n || strncmp(name, kinds[k], n) != 0 || strlen(hex + 1) != 64 + 6 ||
				!sp_is_hex(hex + 1, 64) || strcmp(hex + 65, ".erofs") != 0)
			continue;
		memcpy(ret->hex, hex + 1, 64);
		*ret_kind = k;
		return true;
	}
	return false;
}

bool image_current(const struct launcher *l, uint32_t kind, struct launch_hash *ret)
{
	char name[32];
	sp_auto_close int fd = -1;

	snprintf(name, sizeof(name), "%s.current", kinds[kind]);
	fd = openat(l->images_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && read(fd, ret->hex, 64) == 64 && sp_is_hex(ret->hex, 64);
}

/* Where the kernel cannot mount erofs from a file (before 6.12): a loop device that goes with its last user. */
static int loop_open(int file, bool readonly, char source[64])
{
	struct loop_config config = { .fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0) };
	sp_auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd = -1;

	for (unsigned attempt = 0; control >= 0 && attempt < 16; attempt++) {   /* another process may take the free one */
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(source, 64, "/dev/loop%d", n);
		mknod(source, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)n));        /* where no devtmpfs has done it */
		fd = open(source, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			return sp_take_fd(&fd);
		if (errno != EBUSY || fd < 0)
			break;
		close(sp_take_fd(&fd));
	}
	return -1;
}

void image_detach(const struct launcher *l, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->mounted, name);
	umount2(path, MNT_DETACH);
	rmdir(path);
}

int image_attach(const struct launcher *l, const char *name, const char *type, int file, unsigned long flags, const char *options, int *ret_fd,
		struct sp_err *e)
{
	sp_auto_close int loop = -1, fd = -1;
	char source[64], path[128];
	int r;

	flags |= MS_NOSUID | MS_NODEV;
	snprintf(source, sizeof(source), "/proc/self/fd/%d", file);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->mounted, name);
	r = mkdir(path, 0700) < 0 ? -1 : mount(source, path, type, flags, options);
	if (r < 0 && errno == ENOTBLK) {
		loop = loop_open(file, flags & MS_RDONLY, source);
		r = loop < 0 ? -1 : mount(source, path, type, flags, options);
	}
	fd = r < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		r = sp_fail(e, SP_EIO, errno, "mount %s %s", type, name);
		image_detach(l, name);
		return r;
	}
	*ret_fd = sp_take_fd(&fd);
	return 0;
}

static void image_close(const struct launcher *l, struct image *i)
{
	char name[96];

	image_name(i->kind, &i->hash, name);
	image_detach(l, name);
	close(i->mount);
	memset(i, 0, sizeof(*i));
}

static int image_mount(const struct launcher *l, struct image *i, struct sp_err *e)
{
	sp_auto_close int file = -1;
	char name[96];

	image_name(i->kind, &i->hash, name);
	file = openat(l->images_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "open %s", name);
	return image_attach(l, name, "erofs", file, MS_RDONLY, NULL, &i->mount, e);
}

int image_use(struct launcher *l, uint32_t kind, const struct launch_hash *hash, struct image **ret, struct sp_err *e)
{
	struct image *idle = NULL;
	int r;

	for (unsigned n = 0; n < IMAGES_MAX; n++) {
		struct image *i = &l->image[n];

		if (i->kind == kind && memcmp(&i->hash, hash, sizeof(*hash)) == 0) {
			i->users++;
			*ret = i;
			return 0;
		}
		if (i->users == 0 && (!idle || idle->kind != IMAGE_NONE))
			idle = i;                       /* an unused row before a mounted one that nobody uses */
	}
	if (!idle)
		return sp_fail(e, SP_EQUOTA, 0, "%d images are in use", IMAGES_MAX);
	if (idle->kind != IMAGE_NONE)
		image_close(l, idle);
	idle->kind = kind;
	idle->hash = *hash;
	r = image_mount(l, idle, e);
	if (r < 0) {
		memset(idle, 0, sizeof(*idle));
		return r;
	}
	idle->users = 1;
	*ret = idle;
	return 0;
}

void image_release(struct image **image)
{
	if (*image)
		(*image)->users--;
	*image = NULL;
}

int image_drop(struct launcher *l, uint32_t kind, const struct launch_hash *hash, struct sp_err *e)
{
	char name[96];

	for (unsigned n = 0; n < IMAGES_MAX; n++) {
		struct image *i = &l->image[n];

		if (i->kind != kind || memcmp(&i->hash, hash, sizeof(*hash)) != 0)
			continue;
		if (i->users > 0)
			return sp_fail(e, SP_EBUSY, 0, "%u slots use this image", i->users);
		image_close(l, i);
	}
	image_name(kind, hash, name);
	if (unlinkat(l->images_dir, name, 0) < 0)
		return sp_fail(e, errno == ENOENT ? SP_ENOENT : SP_EIO, errno, "remove %.24s", name);
	return 0;
}

/* The operator's files that sandboxes see, copied so that no host path shows in their mount table. */
static int copy_operator(const struct launcher *l, struct sp_err *e)
{
	sp_auto_close int from = openat(l->images_dir, "operator", O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = -1;
	sp_auto_closedir DIR *d = from < 0 ? NULL : fdopendir(fcntl(from, F_DUPFD_CLOEXEC, LOW_FDS));
	int r;

	if (!d)
		return 0;
	r = dir_open(l->mounted, "operator", 0755, 0, 0, &to, e);
	for (const struct dirent *at = readdir(d); r == 0 && at; at = readdir(d)) {
		sp_auto_close int in = -1, out = -1;
		struct stat st;

		if (strcmp(at->d_name, "env") == 0 || strcmp(at->d_name, "allow") == 0)
			continue;                       /* for the server and for egress, not for sandboxes */
		in = openat(from, at->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > 4 << 20)
			continue;
		out = openat(to, at->d_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (out < 0 || sendfile(out, in, NULL, 4 << 20) != st.st_size)
			r = sp_fail(e, SP_EIO, errno, "copy operator/%.100s", at->d_name);
	}
	return r;
}

int images_open(struct launcher *l, struct sp_err *e)
{
	char path[PATH_BYTES];
	int fd, r = dir_open(l->images_dir, "mounted", 0700, 0, 0, &fd, e);

	if (r < 0)
		return r;
	close(fd);
	if (snprintf(l->stage, sizeof(l->stage), "%s/mounted/stage", l->images) >= (int)sizeof(l->stage))
		return sp_fail(e, SP_EINVAL, 0, "the path of --images is too long");
	snprintf(path, sizeof(path), "%.*s", (int)strlen(l->stage) - 6, l->stage);
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=32m,mode=0700") < 0)
		return sp_fail(e, SP_EIO, errno, "mount %.100s", path);
	l->mounted = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->mounted < 0 || mkdir(l->stage, 0700) < 0)
		return sp_fail(e, SP_EIO, errno, "make stage");
	return copy_operator(l, e);
}
