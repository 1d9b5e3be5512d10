#include "dns.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "num.h"

enum { FLAG_QR = 0x8000, FLAG_OPCODE = 0x7800, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080, FLAG_CD = 0x0010 };
enum { CLASS_IN = 1, LABEL_MAX = 63, OPT_BYTES = 11, DO_BIT = 0x8000, ADDRESS_TTL = 60 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put_bytes(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

/* The name at *AT, without compression, which no question needs. Moves *AT behind it. */
static int read_name(const uint8_t *p, size_t n, size_t *at, struct dns_query *q, struct sp_err *e)
{
	size_t start = *at, here = start, used = 0;

	for (;;) {
		size_t len;

		if (here >= n)
			return sp_fail(e, SP_EPROTO, 0, "name ends early");
		len = p[here];
		if (len > LABEL_MAX || here + 1 + len > n || here + 1 + len - start > DNS_NAME_MAX)
			return sp_fail(e, SP_EPROTO, 0, "bad label");
		here += 1 + len;
		if (len == 0)
			break;
		if (used > 0)
			q->text[used++] = '.';
		for (size_t i = here - len; i < here; i++)
			q->text[used++] = isalnum(p[i]) || p[i] == '-' || p[i] == '_' ? (char)tolower(p[i]) : '?';
	}
	q->text[used] = '\0';
	q->name_len = here - start;
	memcpy(q->name, p + start, q->name_len);
	*at = here;
	return 0;
}

/* The one additional record that is allowed: OPT (RFC 6891 6.1.2). Its options are skipped. */
static int read_opt(const uint8_t *p, size_t n, size_t *at, struct dns_query *q, struct sp_err *e)
{
	const uint8_t *r = p + *at;

	if (n - *at < OPT_BYTES || r[0] != 0 || get16(r + 1) != DNS_OPT || n - *at - OPT_BYTES < get16(r + 9))
		return sp_fail(e, SP_EPROTO, 0, "an additional record that is no OPT");
	q->edns = true;
	q->udp_size = get16(r + 3);
	q->dnssec_ok = get16(r + 7) & DO_BIT;
	*at += OPT_BYTES + get16(r + 9);
	return 0;
}

static bool type_is_served(uint16_t type)
{
	switch (type) {
	case DNS_A: case DNS_AAAA: case DNS_CNAME: case DNS_HTTPS: case DNS_SVCB: case DNS_TXT: case DNS_MX: case DNS_SRV: case DNS_PTR:
		return true;
	default:
		return false;
	}
}

int dns_read_query(const uint8_t *p, size_t n, struct dns_query *ret, int *ret_rcode, struct sp_err *e)
{
	size_t at = DNS_HEAD;
	uint16_t flags;
	int r;

	*ret = (struct dns_query){ .udp_size = 512 };
	*ret_rcode = -1;
	if (n < DNS_HEAD || n > DNS_QUERY_MAX)
		return sp_fail(e, SP_EPROTO, 0, "query of %zu bytes", n);
	ret->id = get16(p);
	flags = get16(p + 2);
	if (flags & FLAG_QR)
		return sp_fail(e, SP_EPROTO, 0, "an answer instead of a query");
	*ret_rcode = DNS_NOTIMP;
	if (flags & FLAG_OPCODE)
		return sp_fail(e, SP_EPROTO, 0, "not a standard query");
	*ret_rcode = DNS_FORMERR;
	if (flags & FLAG_TC || get16(p + 4) != 1 || get16(p + 6) != 0 || get16(p + 8) != 0 || get16(p + 10) > 1)
		return sp_fail(e, SP_EPROTO, 0, "not exactly one question");
	ret->checking_disabled = flags & FLAG_CD;
	r = read_name(p, n, &at, ret, e);
	if (r == 0 && n - at < 4)
		r = sp_fail(e, SP_EPROTO, 0, "question ends early");
	if (r < 0) {
		ret->name_len = 0;
		return r;
	}
	ret->type = get16(p + at);
	if (get16(p + at + 2) != CLASS_IN || !type_is_served(ret->type)) {
		*ret_rcode = DNS_NOTIMP;
		return sp_fail(e, SP_EPROTO, 0, "type %u class %u", ret->type, get16(p + at + 2));
	}
	at += 4;
	if (get16(p + 10) == 1) {
		r = read_opt(p, n, &at, ret, e);
		if (r < 0)
			return r;
	}
	if (at != n)
		return sp_fail(e, SP_EPROTO, 0, "%zu bytes behind the query", n - at);
	if (ret->udp_size < 512)
		ret->udp_size = 512;
	*ret_rcode = DNS_NOERROR;
	return 0;
}

static uint8_t *put_question(uint8_t *p, const struct dns_query *q)
{
	p = put_bytes(p, q->name, q->name_len);
	p = put16(p, q->type);
	return put16(p, CLASS_IN);
}

static uint8_t *put_opt(uint8_t *p, const struct dns_query *q)
{
	*p++ = 0;
	p = put16(p, DNS_OPT);
	p = put16(p, DNS_UDP_SIZE);
	p = put16(p, 0);
	p = put16(p, q->dnssec_ok ? DO_BIT : 0);
	return put16(p, 0);
}

static uint8_t *put_head(uint8_t *p, uint16_t id, unsigned flags, unsigned questions, unsigned answers, unsigned additional)
{
	p = put16(p, id);
	p = put16(p, flags);
	p = put16(p, questions);
	p = put16(p, answers);
	p = put16(p, 0);
	return put16(p, additional);
}

size_t dns_write_query(const struct dns_query *q, uint16_t id, uint8_t *out)
{
	uint8_t *p = put_head(out, id, FLAG_RD | (q->checking_disabled ? FLAG_CD : 0), 1, 0, q->edns);

	p = put_question(p, q);
	if (q->edns)
		p = put_opt(p, q);
	return (size_t)(p - out);
}

static uint8_t *put_answer_head(uint8_t *p, const struct dns_query *q, unsigned rcode, unsigned answers)
{
	unsigned flags = FLAG_QR | FLAG_RD | FLAG_RA | (q->checking_disabled ? FLAG_CD : 0) | rcode;

	p = put_head(p, q->id, flags, q->name_len > 0, answers, q->edns);
	return q->name_len > 0 ? put_question(p, q) : p;
}

size_t dns_write_answer(const struct dns_query *q, unsigned rcode, uint8_t *out)
{
	uint8_t *p = put_answer_head(out, q, rcode, 0);

	if (q->edns)
		p = put_opt(p, q);
	return (size_t)(p - out);
}

size_t dns_write_addresses(const struct dns_query *q, const struct net_addr *addrs, unsigned count, uint8_t *out)
{
	bool v4 = q->type == DNS_A;
	uint8_t *p = put_answer_head(out, q, DNS_NOERROR, count);

	for (unsigned i = 0; i < count; i++) {
		p = put16(p, 0xc000 | DNS_HEAD);                /* the question's name */
		p = put16(p, q->type);
		p = put16(p, CLASS_IN);
		p = put16(p, 0);
		p = put16(p, ADDRESS_TTL);
		p = put16(p, v4 ? 4 : 16);
		p = put_bytes(p, addrs[i].b + (v4 ? 12 : 0), v4 ? 4 : 16);
	}
	if (q->edns)
		p = put_opt(p, q);
	return (size_t)(p - out);
}

bool dns_is_answer(const uint8_t *p, size_t n, const struct dns_query *q, uint16_t id)
{
	/* The question must come back as it was spelt: whoever forges answers must guess that too. */
	return n >= DNS_HEAD + q->name_len + 4 && get16(p) == id && get16(p + 2) & FLAG_QR && !(get16(p + 2) & FLAG_OPCODE) &&
			get16(p + 4) == 1 && memcmp(p + DNS_HEAD, q->name, q->name_len) == 0 &&
			get16(p + DNS_HEAD + q->name_len) == q->type && get16(p + DNS_HEAD + q->name_len + 2) == CLASS_IN;
}

bool dns_is_truncated(const uint8_t *p, size_t n)
{
	return n >= DNS_HEAD && get16(p + 2) & FLAG_TC;
}

/* Move *AT behind a name that may be compressed; a pointer ends it. */
static bool skip_name(const uint8_t *p, size_t n, size_t *at)
{
	while (*at < n) {
		uint8_t len = p[*at];

		if (len >= 0xc0) {
			*at += 2;
			return *at <= n;
		}
		if (len > LABEL_MAX)
			return false;
		*at += 1 + (size_t)len;
		if (len == 0)
			return *at <= n;
	}
	return false;
}

void dns_each_address(const uint8_t *p, size_t n, void (*fn)(void *arg, const struct net_addr *a), void *arg)
{
	size_t at = DNS_HEAD;
	unsigned answers;

	if (n < DNS_HEAD || get16(p + 4) != 1 || !skip_name(p, n, &at) || n - at < 4)
		return;
	at += 4;
	answers = get16(p + 6);
	for (unsigned i = 0; i < answers; i++) {
		uint16_t type, size;
		struct net_addr a;

		if (!skip_name(p, n, &at) || n - at < 10)
			return;
		type = get16(p + at);
		size = get16(p + at + 8);
		at += 10;
		if (n - at < size)
			return;
		if (type == DNS_A && size == 4) {
			a = net_addr_v4(p + at);
			fn(arg, &a);
		} else if (type == DNS_AAAA && size == 16) {
			memcpy(a.b, p + at, 16);
			fn(arg, &a);
		}
		at += size;
	}
}

static bool reverse_v4(const char *text, struct net_addr *ret)
{
	uint8_t b[4];

	for (int i = 3; i >= 0; i--) {
		size_t n = strcspn(text, ".");
		uint64_t v;

		if (sp_parse_u64(text, n, 255, &v) < 0 || text[n] != '.')
			return false;
		b[i] = (uint8_t)v;
		text += n + 1;
	}
	if (strcmp(text, "in-addr.arpa") != 0)
		return false;
	*ret = net_addr_v4(b);
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool reverse_v6(const char *text, struct net_addr *ret)
{
	struct net_addr a = { { 0 } };

	for (int i = 31; i >= 0; i--, text += 2) {
		int v = hex_value(text[0]);

		if (v < 0 || text[1] != '.')
			return false;
		a.b[i / 2] |= (uint8_t)(i % 2 ? v : v << 4);
	}
	if (strcmp(text, "ip6.arpa") != 0)
		return false;
	*ret = a;
	return true;
}

bool dns_reverse_address(const char *text, struct net_addr *ret)
{
	return reverse_v4(text, ret) || reverse_v6(text, ret);
}
