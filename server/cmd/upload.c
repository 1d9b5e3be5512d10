#include "upload.h"

#include <errno.h>
#include <string.h>

#include "auto.h"
#include "str.h"

enum { ASK_FILES = 1000 };      /* in one preupload request; the server takes 4096 */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(FILE *to, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0u);
		char four[4] = { base64_digits[v >> 18], base64_digits[(v >> 12) & 63],
			i + 1 < n ? base64_digits[(v >> 6) & 63] : '=', i + 2 < n ? base64_digits[v & 63] : '=' };

		fwrite(four, 1, 4, to);
	}
}

static void put_json(FILE *to, json_t *j)
{
	json_dumpf(j, to, JSON_COMPACT);
	fputc('\n', to);
	json_decref(j);
}

static int put_file(FILE *to, const struct folder *f, const struct folder_file *file, struct sp_err *e)
{
	sp_auto_free char *full = NULL, *name = NULL;
	sp_auto_fclose FILE *from = NULL;
	unsigned char piece[3 * 16384];
	json_t *path = json_string(file->path);
	size_t n;

	if (asprintf(&full, "%s/%s", f->root, file->path) < 0)
		return sp_fail(e, SP_ENOMEM, 0, "upload");
	if (!path)
		return sp_fail(e, SP_EINVAL, 0, "the file name '%s' is not UTF-8; rename it", file->path);
	name = json_dumps(path, JSON_ENCODE_ANY);
	json_decref(path);
	from = fopen(full, "re");
	if (!from)
		return sp_fail(e, SP_EIO, errno, "cannot read '%s'", full);
	fprintf(to, "{\"key\":\"file\",\"value\":{\"path\":%s,\"encoding\":\"base64\",\"content\":\"", name);
	while ((n = fread(piece, 1, sizeof(piece), from)) > 0)
		put_base64(to, piece, n);
	fputs("\"}}\n", to);
	if (ferror(from) || ferror(to))
		return sp_fail(e, SP_EIO, errno, "cannot copy '%s'", full);
	return 0;
}

/* What a refusal means for the command's status. */
static enum sp_code upload_code(int status)
{
	return status == 401 ? SP_EAUTH : status == 403 ? SP_EDENIED : status == 503 ? SP_EBUSY : SP_EINVAL;
}

int upload_create(struct client *c, const struct upload *u, bool *ret_created, struct sp_err *e)
{
	const char *slash = strchr(u->space, '/');
	json_t *answer = NULL;
	json_t *body = json_pack("{s:s%, s:s, s:s, s:s, s:s}", "organization", u->space, (size_t)(slash - u->space), "name", slash + 1,
			"type", "space", "sdk", u->sdk, "visibility", u->is_private ? "private" : "public");
	int status = client_call(c, "POST", "/api/repos/create", body, &answer, e);

	json_decref(body);
	if (status >= 0 && status != 200 && status != 409)
		status = sp_fail(e, upload_code(status), 0, "creating %s: %s", u->space, client_error_text(answer, status));
	json_decref(answer);
	if (status < 0)
		return status;
	*ret_created = status == 200;
	return 0;
}

/* The server's current ids of the files FROM..FROM+N, added to KNOWN. */
static int ask_some(struct client *c, const struct upload *u, const struct folder *f, size_t from, size_t n, json_t *known, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 };
	json_t *files = json_array(), *answer = NULL, *body;
	int status;

	for (size_t i = from; i < from + n; i++)
		json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "path", f->files[i].path, "size", (json_int_t)f->files[i].size, "sample", ""));
	sp_buf_fmt(&path, "/api/spaces/%s/preupload/main", u->space);
	body = json_pack("{s:o}", "files", files);
	status = client_call(c, "POST", path.p, body, &answer, e);
	json_decref(body);
	if (status >= 0 && status != 200)
		status = sp_fail(e, upload_code(status), 0, "uploading to %s: %s", u->space, client_error_text(answer, status));
	if (status >= 0)
		json_array_extend(known, json_object_get(answer, "files"));
	json_decref(answer);
	return status < 0 ? status : 0;
}

/* Which files the server has already, so that unchanged ones stay here. */
static int ask_known(struct client *c, const struct upload *u, const struct folder *f, json_t **ret, struct sp_err *e)
{
	json_t *known = json_array();
	int r = 0;

	for (size_t at = 0; r >= 0 && at < f->n; at += ASK_FILES)
		r = ask_some(c, u, f, at, f->n - at < ASK_FILES ? f->n - at : ASK_FILES, known, e);
	if (r < 0) {
		json_decref(known);
		return r;
	}
	*ret = known;
	return 0;
}

/* Answers come in the order of the questions, so that file I is row I. */
static bool is_known(json_t *known, const struct folder_file *file, size_t i)
{
	json_t *row = json_array_get(known, i);
	const char *path = json_string_value(json_object_get(row, "path")), *oid = json_string_value(json_object_get(row, "oid"));

	return path && oid && !strcmp(path, file->path) && !strcmp(oid, file->oid);
}

static bool has_file(const struct folder *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->files[i].path, path))
			return true;
	return false;
}

static int put_deletions(struct client *c, const struct upload *u, const struct folder *f, FILE *to, size_t *ret_n, struct sp_err *e)
{
	sp_auto_buf struct sp_buf path = { 0 };
	json_t *space = NULL, *row;
	size_t i;
	int status;

	sp_buf_fmt(&path, "/api/spaces/%s?expand[]=siblings", u->space);        /* every file: the tree comes in pages */
	status = client_call(c, "GET", path.p, NULL, &space, e);
	if (status >= 0 && status != 200)
		status = sp_fail(e, upload_code(status), 0, "uploading to %s: %s", u->space, client_error_text(space, status));
	json_array_foreach(json_object_get(space, "siblings"), i, row) {
		const char *name = json_string_value(json_object_get(row, "rfilename"));

		if (!name || !strcmp(name, ".gitattributes") || !strcmp(name, "README.md") || has_file(f, name))
			continue;
		put_json(to, json_pack("{s:s, s:{s:s}}", "key", "deletedFile", "value", "path", name));
		(*ret_n)++;
	}
	json_decref(space);
	return status < 0 ? status : 0;
}

static int send_commit(struct client *c, const struct upload *u, FILE *spool, struct sp_arena *a, struct uploaded *ret, struct sp_err *e)
{
	const char *path = sp_arena_fmt(a, "/api/spaces/%s/commit/main", u->space);
	json_t *answer = NULL;
	int status = client_post_file(c, path, "application/x-ndjson", spool, &answer, e);

	if (status >= 0 && status != 200)
		status = sp_fail(e, upload_code(status), 0, "uploading to %s: %s", u->space, client_error_text(answer, status));
	if (status >= 0)
		ret->commit = sp_arena_str(a, json_string_value(json_object_get(answer, "commitOid")));
	json_decref(answer);
	return status < 0 ? status : 0;
}

int upload_folder(struct client *c, const struct upload *u, const struct folder *f, const char *extra_readme,
		struct sp_arena *a, struct uploaded *ret, struct sp_err *e)
{
	sp_auto_fclose FILE *spool = tmpfile();
	struct uploaded done = { 0 };
	json_t *known = NULL;
	int r;

	if (!spool)
		return sp_fail(e, SP_EIO, errno, "temporary file");
	r = ask_known(c, u, f, &known, e);
	if (r < 0)
		return r;
	put_json(spool, json_pack("{s:s, s:{s:s, s:s}}", "key", "header", "value", "summary", "Upload with vitrine deploy", "description", ""));
	if (u->mirror)          /* first: a file may take the place of a folder that goes */
		r = put_deletions(c, u, f, spool, &done.deleted, e);
	for (size_t i = 0; r >= 0 && i < f->n; i++)
		if (!is_known(known, &f->files[i], i)) {
			r = put_file(spool, f, &f->files[i], e);
			done.sent++;
		}
	json_decref(known);
	if (r >= 0 && extra_readme) {
		put_json(spool, json_pack("{s:s, s:{s:s, s:s, s:s}}", "key", "file", "value", "path", "README.md", "encoding", "utf-8", "content", extra_readme));
		done.sent++;
	}
	if (r >= 0 && done.sent + done.deleted > 0)
		r = send_commit(c, u, spool, a, &done, e);
	if (r < 0)
		return r;
	*ret = done;
	return 0;
}
