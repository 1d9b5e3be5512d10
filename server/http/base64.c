#include "base64.h"

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t base64_feed(struct base64 *b, char *p, size_t n)
{
	char *to = p;

	for (size_t i = 0; i < n; i++) {
		int v = value_of(p[i]);

		if (p[i] == '\n' || p[i] == '\r')
			continue;
		if (p[i] == '=' && b->n >= 2 && b->n + b->pads < 4) {
			b->pads++;
			continue;
		}
		if (v < 0 || b->pads)
			return -1;
		/* N counts the letters of the group; each from the second on completes a byte. */
		b->bits = b->bits << 6 | (unsigned)v;
		b->n++;
		if (b->n >= 2)
			*to++ = (char)(b->bits >> (8 - 2 * b->n));
		if (b->n == 4)
			*b = (struct base64){ 0 };
	}
	return to - p;
}

bool base64_end(const struct base64 *b)
{
	return b->n == 0 || (b->n >= 2 && b->n + b->pads == 4);
}
