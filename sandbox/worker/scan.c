#include "scan.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"

static void fts_close_p(FTS **f)
{
	if (*f)
		fts_close(*f);
}

void scan_fini(struct scan *s)
{
	for (unsigned i = 0; i < s->names; i++)
		free(s->leave_out[i]);
	free(s->leave_out);
	*s = (struct scan){ 0 };
}

int scan_leave_out(struct scan *s, const char *path, struct sp_err *e)
{
	if (!s->leave_out)
		s->leave_out = calloc(SCAN_LEAVE_OUT_MAX, sizeof(*s->leave_out));
	if (!s->leave_out)
		return sp_fail(e, SP_ENOMEM, 0, "list of names");
	if (s->names == SCAN_LEAVE_OUT_MAX)
		return sp_fail(e, SP_EQUOTA, 0, "more than %d files cannot be read", SCAN_LEAVE_OUT_MAX);
	s->leave_out[s->names] = strdup(path);
	if (!s->leave_out[s->names])
		return sp_fail(e, SP_ENOMEM, 0, "list of names");
	s->names++;
	return 0;
}

static int look(struct scan *s, FTS *f, FTSENT *at, size_t root_len, struct sp_err *e)
{
	const char *name = at->fts_path + root_len + 1;

	if (at->fts_level == 0)
		return at->fts_info == FTS_DNR || at->fts_info == FTS_NS ? sp_fail(e, SP_EIO, at->fts_errno, "read the tree") : 0;
	switch (at->fts_info) {
	case FTS_DP:
		return 0;
	case FTS_DNR:                           /* fts(3) shows it a second time, after FTS_D */
	case FTS_NS:
	case FTS_ERR:
		return at->fts_info == FTS_DNR ? 0 : scan_leave_out(s, name, e);
	case FTS_D:
		if (access(at->fts_accpath, R_OK | X_OK) == 0)
			break;
		fts_set(f, at, FTS_SKIP);
		return scan_leave_out(s, name, e);
	case FTS_F:
		if (access(at->fts_accpath, R_OK) < 0)
			return scan_leave_out(s, name, e);
		s->bytes += (uint64_t)at->fts_statp->st_size;
		break;
	default:
		/* Links stay; overlay's marks of removed files are character devices 0:0 and stay too; other nodes go. */
		if (at->fts_info == FTS_DEFAULT && !(S_ISCHR(at->fts_statp->st_mode) && at->fts_statp->st_rdev == 0))
			return scan_leave_out(s, name, e);
		break;
	}
	s->files++;
	return 0;
}

int scan_tree(const char *tree, uint64_t max_files, uint64_t max_bytes, struct scan *ret, struct sp_err *e)
{
	sp_auto_free char *root = strdup(tree);
	char *const roots[] = { root, NULL };
	sp_auto(fts_close_p) FTS *f = root ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL) : NULL;
	sp_auto(scan_fini) struct scan s = { 0 };
	FTSENT *at;
	int r;

	if (!f)
		return sp_fail(e, SP_EIO, errno, "open '%.100s'", tree);
	while ((at = fts_read(f))) {
		r = look(&s, f, at, strlen(root), e);
		if (r < 0)
			return r;
		if (s.files > max_files)
			return sp_fail(e, SP_EQUOTA, 0, "the environment has more than %llu files", (unsigned long long)max_files);
		if (s.bytes > max_bytes)
			return sp_fail(e, SP_EQUOTA, 0, "the environment is larger than %llu MB", (unsigned long long)(max_bytes / 1000000));
	}
	*ret = s;
	s = (struct scan){ 0 };
	return 0;
}
