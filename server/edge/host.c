#include "host.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

static struct sp_str without_port(struct sp_str h)
{
	const char *colon = memchr(h.p, ':', h.n);

	if (colon)
		h.n = (size_t)(colon - h.p);
	if (h.n > 1 && h.p[h.n - 1] == '.')
		h.n--;
	return h;
}

static bool is_ipv4(struct sp_str h)
{
	char text[16];
	struct in_addr a;

	if (h.n == 0 || h.n >= sizeof(text) || h.p[0] < '0' || h.p[0] > '9')
		return false;
	memcpy(text, h.p, h.n);
	text[h.n] = '\0';
	return inet_pton(AF_INET, text, &a) == 1;
}

static bool take_label(struct sp_str h, struct host_label *label)
{
	if (h.n == 0 || h.n >= sizeof(label->s))
		return false;
	for (size_t i = 0; i < h.n; i++) {
		char c = h.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
		label->s[i] = c;
	}
	label->s[h.n] = '\0';
	return true;
}

enum host_kind host_classify(struct sp_str host, struct sp_str domain, struct host_label *label)
{
	struct sp_str h;

	if (host.n == 0 || host.p[0] == '[')
		return HOST_PLATFORM;
	h = without_port(host);
	if (sp_str_eq_nocase(h, domain))
		return HOST_PLATFORM;
	if (h.n > domain.n + 1 && h.p[h.n - domain.n - 1] == '.' &&
	    sp_str_eq_nocase((struct sp_str){ h.p + h.n - domain.n, domain.n }, domain))
		return take_label((struct sp_str){ h.p, h.n - domain.n - 1 }, label) ? HOST_APP : HOST_UNKNOWN;
	return is_ipv4(h) ? HOST_PLATFORM : HOST_UNKNOWN;
}
