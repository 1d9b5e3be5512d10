#include "field.h"

#include <stdbool.h>
#include <string.h>

#include "auto.h"

#define FIELD(id, name, use) [FIELD_##id] = { name, sizeof(name) - 1, use },
static const struct { const char *name; uint8_t n; uint8_t use; } rows[FIELD_MAX] = {
	[FIELD_ALIAS] = { "", 0, FIELD_REQ },
#include "fields.def"
};
#undef FIELD

enum { BUCKETS = 128, DEEP = 4, FOLD_MAX = 32 };

/* Exact names by length and first byte; prefixes apart. Filled once before main. */
static uint8_t buckets[BUCKETS][DEEP];
static uint8_t prefixes[8];

static unsigned bucket_of(char first, size_t n)
{
	return ((unsigned)(unsigned char)first * 5 + (unsigned)n) % BUCKETS;
}

__attribute__((constructor)) static void build_index(void)
{
	unsigned nprefixes = 0;

	for (unsigned f = FIELD_ALIAS + 1; f < FIELD_MAX; f++) {
		uint8_t *b = buckets[bucket_of(rows[f].name[0], rows[f].n)];
		unsigned i = 0;

		if (rows[f].use & FIELD_PREFIX) {
			if (nprefixes < SP_COUNT(prefixes))
				prefixes[nprefixes++] = (uint8_t)f;
			continue;
		}
		while (i < DEEP - 1 && b[i])
			i++;
		b[i] = (uint8_t)f;
	}
}

static enum field find_prefix(const char *folded, size_t n)
{
	for (unsigned i = 0; i < SP_COUNT(prefixes) && prefixes[i]; i++) {
		unsigned f = prefixes[i];

		if (n > rows[f].n && memcmp(folded, rows[f].name, rows[f].n) == 0)
			return (enum field)f;
	}
	return FIELD_OTHER;
}

enum field field_of(const char *name, size_t n)
{
	char folded[FOLD_MAX];
	bool alias = false;
	enum field found = FIELD_OTHER;
	size_t m = n < FOLD_MAX ? n : FOLD_MAX;
	const uint8_t *b;

	for (size_t i = 0; i < m; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (c == '_') {
			c = '-';
			alias = true;
		}
		folded[i] = c;
	}
	if (n == 0)
		return FIELD_OTHER;
	b = buckets[bucket_of(folded[0], n)];
	for (unsigned i = 0; i < DEEP && b[i] && found == FIELD_OTHER; i++)
		if (rows[b[i]].n == n && n <= FOLD_MAX && memcmp(folded, rows[b[i]].name, n) == 0)
			found = (enum field)b[i];
	if (found == FIELD_OTHER && (folded[0] == 'x' || folded[0] == 's'))
		found = find_prefix(folded, m);
	return found != FIELD_OTHER && alias ? FIELD_ALIAS : found;
}

unsigned field_use(enum field f)
{
	return rows[f].use;
}
