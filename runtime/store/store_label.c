#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "runtime/store/store.h"

enum { LABEL_MAX = 63 };        /* RFC 1035 2.3.4 */

/* FNV-1a: only spreads names, needs no strength. */
static uint32_t hash_of(const char *owner, const char *name, unsigned attempt)
{
	uint64_t h = 14695981039346656037u;

	for (const char *p = owner; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	h = (h ^ '/') * 1099511628211u;
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	h = (h ^ attempt) * 1099511628211u;
	return (uint32_t)(h ^ (h >> 32));
}

static size_t cut(char *label, size_t n, size_t max)
{
	n = n > max ? max : n;
	while (n > 0 && label[n - 1] == '-')
		n--;
	label[n] = '\0';
	return n;
}

void store_label_for(const char *owner, const char *name, unsigned attempt, char ret[64])
{
	const char *parts[] = { owner, "-", name };
	char all[256];
	size_t n = 0;
	uint32_t h;

	/* A run of dashes becomes one: "--" separates tags and ports from a label (C-HF-110). */
	for (unsigned i = 0; i < 3; i++) {
		for (const unsigned char *p = (const unsigned char *)parts[i]; *p && n < sizeof(all) - 1; p++) {
			if (isascii(*p) && isalnum(*p))
				all[n++] = (char)tolower(*p);
			else if (n > 0 && all[n - 1] != '-')
				all[n++] = '-';
		}
	}
	n = cut(all, n, sizeof(all) - 1);
	if (n == 0)
		snprintf(all, sizeof(all), "app");

	h = hash_of(owner, name, attempt);
	if (attempt > 0) {
		cut(all, strlen(all), LABEL_MAX - 5);
		snprintf(ret, 64, "%.58s-%04x", all, (unsigned)(h & 0xffff));
	} else if (n > LABEL_MAX) {
		cut(all, n, LABEL_MAX - 9);
		snprintf(ret, 64, "%.54s-%08x", all, (unsigned)h);
	} else {
		snprintf(ret, 64, "%.63s", all);
	}
}
