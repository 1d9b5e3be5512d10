#include "server/http/sending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t sending_take(struct sending *s, uint64_t pos, char *buf, size_t max)
{
	size_t skip, n;

	if (s->is_failed)
		return -1;
	if (s->n == 0 || pos < s->at || pos >= s->at + s->n) {
		s->at = pos;
		s->n = 0;
		return 0;
	}
	skip = (size_t)(pos - s->at);
	n = s->n - skip < max ? s->n - skip : max;
	memcpy(buf, s->piece + skip, n);
	return (ssize_t)n;
}

void sending_read(struct sending *s, const struct http_resp *rs)
{
	uint64_t left = rs->file_len - s->at;
	ssize_t n;

	if (!s->piece)
		s->piece = malloc(SENDING_PIECE);
	if (!s->piece)
		abort();
	do
		n = pread(rs->file_fd, s->piece, left < SENDING_PIECE ? (size_t)left : SENDING_PIECE, (off_t)(rs->file_offset + s->at));
	while (n < 0 && errno == EINTR);
	s->is_failed = n <= 0;          /* also when the file is shorter than was said: the length is sent already */
	s->n = n > 0 ? (size_t)n : 0;
}

void sending_fini(struct sending *s)
{
	free(s->piece);
	s->piece = NULL;
}
