#include "id.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void sp_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * n] = '\0';
}

struct sp_id sp_id_new(void)
{
	unsigned char raw[SP_ID_LEN / 2];
	struct sp_id id;

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		abort();        /* cannot fail for 12 bytes after boot (getrandom(2)) */
	sp_hex(raw, sizeof(raw), id.s);
	return id;
}

bool sp_id_is_none(const struct sp_id *id)
{
	return id->s[0] == '\0';
}

bool sp_id_eq(const struct sp_id *a, const struct sp_id *b)
{
	return memcmp(a->s, b->s, SP_ID_LEN) == 0;
}

bool sp_is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

int sp_id_parse(const char *s, struct sp_id *ret)
{
	if (strnlen(s, SP_ID_LEN + 1) != SP_ID_LEN || !sp_is_hex(s, SP_ID_LEN))
		return -SP_EINVAL;
	memcpy(ret->s, s, SP_ID_LEN + 1);
	return 0;
}
