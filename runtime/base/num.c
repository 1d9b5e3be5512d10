#include "num.h"

#include <string.h>

int sp_parse_u64(const char *s, size_t n, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0)
		return -SP_EINVAL;
	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)(unsigned char)s[i] - '0';

		if (d > 9 || v > (max - (d > max ? max : d)) / 10)
			return -SP_EINVAL;
		v = v * 10 + d;
		if (v > max)
			return -SP_EINVAL;
	}
	*ret = v;
	return 0;
}

int sp_parse_duration_ms(const char *s, uint64_t max_ms, uint64_t *ret_ms)
{
	static const struct { char unit; uint64_t ms; } units[] = {
		{ 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 },
	};
	size_t n = strlen(s);
	uint64_t ms = 1000, v;

	if (n > 0)
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (s[n - 1] == units[i].unit) {
				ms = units[i].ms;
				n--;
				break;
			}
	if (sp_parse_u64(s, n, max_ms / ms, &v) < 0)
		return -SP_EINVAL;
	*ret_ms = v * ms;
	return 0;
}
