#include "login_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "str.h"

bool login_url_is_local(const char *url)
{
	const char *host = strstr(url, "://");
	size_t n;

	host = host ? host + 3 : url;
	n = strcspn(host, ":/");
	return sp_starts_with(host, "127.") || sp_starts_with(host, "[::1]") || (n == 9 && !strncasecmp(host, "localhost", n)) ||
	       (n > 10 && !strncasecmp(host + n - 10, ".localhost", 10));
}

int login_url(const char *typed, struct sp_arena *a, const char **ret, struct sp_err *e)
{
	bool has_scheme = sp_starts_with(typed, "http://") || sp_starts_with(typed, "https://");
	char *url = has_scheme ? sp_arena_str(a, typed) : sp_arena_fmt(a, "%s://%s", login_url_is_local(typed) ? "http" : "https", typed);
	char *host = strstr(url, "://") + 3;
	size_t n = strlen(host);

	while (n > 0 && host[n - 1] == '/')
		host[--n] = '\0';
	if (n == 0 || strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") != n)
		return sp_fail(e, SP_EINVAL, 0, "'%.100s' is not the address of a server: write it like http://localhost:7860", typed);
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*ret = url;
	return 0;
}

static const char *folder(struct sp_arena *a)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (base && base[0] == '/')
		return sp_arena_fmt(a, "%s/vitrine", base);
	return sp_arena_fmt(a, "%s/.config/vitrine", home && home[0] == '/' ? home : "/root");
}

const char *login_path(struct sp_arena *a)
{
	return sp_arena_fmt(a, "%s/login.json", folder(a));
}

/* The file's object; an empty one when there is none. */
static int read_file(struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	const char *path = login_path(a);
	sp_auto_fclose FILE *f = fopen(path, "re");
	struct stat st;
	json_t *j;

	if (!f && errno != ENOENT && errno != ENOTDIR)
		return sp_fail(e, SP_EIO, errno, "read %s: %s", path, strerror(errno));
	if (f && fstat(fileno(f), &st) == 0 && (st.st_mode & 077))
		return sp_fail(e, SP_EDENIED, 0, "others may read the tokens in %s: run 'chmod 600' on it, and revoke them if somebody could have seen it", path);
	j = f ? json_loadf(f, 0, NULL) : json_object();
	if (!json_is_object(j)) {
		json_decref(j);
		return sp_fail(e, SP_EPROTO, 0, "%s is damaged: delete it and sign in again", path);
	}
	*ret = j;
	return 0;
}

/* Beside, then over: a crash leaves the old file or the new one. */
static int write_file(struct sp_arena *a, const json_t *j, struct sp_err *e)
{
	const char *path = login_path(a), *temp = sp_arena_fmt(a, "%s.%d", path, (int)getpid());
	char *text = json_dumps(j, JSON_INDENT(2)), *parent = sp_arena_str(a, folder(a));
	int fd, r;

	*strrchr(parent, '/') = '\0';
	if ((mkdir(parent, 0700) < 0 && errno != EEXIST) || (mkdir(folder(a), 0700) < 0 && errno != EEXIST)) {
		r = errno;
		free(text);
		return sp_fail(e, SP_EIO, r, "make %s: %s", folder(a), strerror(r));
	}
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -SP_EIO : sp_write_all(fd, text, strlen(text), e);
	free(text);
	if (r == 0 && (fsync(fd) < 0 || rename(temp, path) < 0))
		r = -SP_EIO;
	if (r < 0)
		sp_fail(e, SP_EIO, errno, "write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (r < 0)
		unlink(temp);
	return r;
}

int login_get(const char *url, struct sp_arena *a, struct login *ret, struct sp_err *e)
{
	json_t *j, *one;
	int r = read_file(a, &j, e);

	if (r < 0)
		return r;
	url = sp_arena_str(a, url ? url : json_string_value(json_object_get(j, "default")));
	one = url ? json_object_get(json_object_get(j, "servers"), url) : NULL;
	*ret = (struct login){ url, sp_arena_str(a, json_string_value(json_object_get(one, "token"))),
		sp_arena_str(a, json_string_value(json_object_get(one, "name"))) };
	json_decref(j);
	return ret->token ? 0 : sp_fail(e, SP_ENOENT, 0, "not signed in");
}

int login_put(const struct login *l, struct sp_arena *a, struct sp_err *e)
{
	json_t *j, *servers;
	int r = read_file(a, &j, e);

	if (r < 0)
		return r;
	servers = json_object_get(j, "servers");
	if (!json_is_object(servers)) {
		servers = json_object();
		json_object_set_new(j, "servers", servers);
	}
	json_object_set_new(servers, l->url, json_pack("{s:s, s:s}", "token", l->token, "name", l->name));
	json_object_set_new(j, "default", json_string(l->url));
	r = write_file(a, j, e);
	json_decref(j);
	return r;
}

int login_drop(const char *url, struct sp_arena *a, struct sp_err *e)
{
	json_t *j, *servers;
	const char *was, *other;
	int r = read_file(a, &j, e);

	if (r < 0)
		return r;
	servers = json_object_get(j, "servers");
	if (json_object_del(servers, url) < 0) {
		json_decref(j);
		return sp_fail(e, SP_ENOENT, 0, "you are not signed in at %s", url);
	}
	was = json_string_value(json_object_get(j, "default"));
	if (was && !strcmp(was, url)) {
		other = json_object_iter_key(json_object_iter(servers));
		json_object_set_new(j, "default", other ? json_string(other) : json_null());
	}
	r = write_file(a, j, e);
	json_decref(j);
	return r;
}
