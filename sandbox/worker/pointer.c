#include "pointer.h"

#include <string.h>

#include "id.h"

bool pointer_parse(const char *p, size_t n, char ret_sha256[65])
{
	static const char head[] = "version https://git-lfs.github.com/spec/v1\n", key[] = "\noid sha256:";
	const char *at;

	if (n < POINTER_MIN || n > POINTER_MAX || memcmp(p, head, sizeof(head) - 1) != 0 || memchr(p, '\0', n))
		return false;
	at = memmem(p, n, key, sizeof(key) - 1);
	if (!at)
		return false;
	at += sizeof(key) - 1;
	if ((size_t)(p + n - at) < 65 || !sp_is_hex(at, 64) || at[64] != '\n')
		return false;
	memcpy(ret_sha256, at, 64);
	ret_sha256[64] = '\0';
	return true;
}
