#include "images.h"

#include <stdlib.h>
#include <string.h>

void images_fini(struct images *im)
{
	free(im->rows);
	*im = (struct images){ 0 };
}

void images_clear(struct images *im)
{
	im->n = 0;
	im->known = false;
}

void images_add(struct images *im, uint32_t kind, const struct launch_hash *hash, bool current)
{
	if (images_has(im, kind, hash))
		return;
	if (im->n == im->cap) {
		size_t cap = im->cap ? 2 * im->cap : 64;
		struct image_row *rows = realloc(im->rows, cap * sizeof(*rows));

		if (!rows)
			abort();
		im->rows = rows;
		im->cap = cap;
	}
	im->rows[im->n++] = (struct image_row){ kind, current, *hash };
}

void images_forget(struct images *im, uint32_t kind, const struct launch_hash *hash)
{
	size_t kept = 0;

	for (size_t i = 0; i < im->n; i++)
		if (im->rows[i].kind != kind || memcmp(im->rows[i].hash.hex, hash->hex, sizeof(hash->hex)) != 0)
			im->rows[kept++] = im->rows[i];
	im->n = kept;
}

bool images_has(const struct images *im, uint32_t kind, const struct launch_hash *hash)
{
	for (size_t i = 0; i < im->n; i++)
		if (im->rows[i].kind == kind && memcmp(im->rows[i].hash.hex, hash->hex, sizeof(hash->hex)) == 0)
			return true;
	return false;
}

bool images_current(const struct images *im, uint32_t kind, struct launch_hash *ret)
{
	for (size_t i = 0; i < im->n; i++)
		if (im->rows[i].kind == kind && im->rows[i].current) {
			*ret = im->rows[i].hash;
			return true;
		}
	return false;
}

struct launch_hash hash_of_hex(const char *hex)
{
	struct launch_hash h = { { 0 } };

	if (strlen(hex) == sizeof(h.hex) && sp_is_hex(hex, sizeof(h.hex)))
		memcpy(h.hex, hex, sizeof(h.hex));
	return h;
}

bool hash_is_none(const struct launch_hash *h)
{
	return h->hex[0] == 0;
}
