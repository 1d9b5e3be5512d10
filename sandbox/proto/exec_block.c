#include "exec_block.h"

#include <stdint.h>
#include <string.h>

#include "auto.h"
#include "fd.h"

static const char block_magic[8] = { 'V', 'T', 'X', 'B', '0', '0', '0', '1' };

struct block_head { char magic[8]; uint32_t argc, envc, flags, reserved; };
_Static_assert(sizeof(struct block_head) == 24, "the head is read from the file as it is");

static size_t list_count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static size_t put_list(char *at, const char *const *list)
{
	size_t n = 0;

	for (; *list; list++) {
		size_t len = strlen(*list) + 1;

		if (at)
			memcpy(at + n, *list, len);
		n += len;
	}
	return n;
}

int exec_block_write(const char *const *argv, const char *const *envp, const char *cwd, int *ret_fd, struct sp_err *e)
{
	struct block_head head = { .argc = (uint32_t)list_count(argv), .envc = (uint32_t)list_count(envp) };
	const char *const last[] = { cwd, NULL };
	size_t size = sizeof(head) + put_list(NULL, argv) + put_list(NULL, envp) + put_list(NULL, last);
	sp_auto_free char *bytes = NULL;
	char *at;
	int r;

	if (head.argc == 0 || head.argc > EXEC_ARGS_MAX || head.envc > EXEC_ENV_MAX || size > EXEC_BLOCK_MAX)
		return sp_fail(e, SP_EQUOTA, 0, "%u arguments and %u variables in %zu bytes are too much", head.argc, head.envc, size);
	bytes = malloc(size);
	if (!bytes)
		return sp_fail(e, SP_ENOMEM, 0, "exec block");
	memcpy(head.magic, block_magic, sizeof(block_magic));
	memcpy(bytes, &head, sizeof(head));
	at = bytes + sizeof(head);
	at += put_list(at, argv);
	at += put_list(at, envp);
	put_list(at, last);
	r = sp_memfd_sealed("exec", bytes, size, ret_fd, e);
	explicit_bzero(bytes, size);    /* the environment holds secrets */
	return r;
}

int exec_block_parse(char *p, size_t size, char **pointers, struct exec_block *ret, struct sp_err *e)
{
	struct block_head head;
	size_t at = sizeof(head), slot = 0;
	const char *cwd = NULL;

	if (size < sizeof(head) || size > EXEC_BLOCK_MAX)
		return sp_fail(e, SP_EPROTO, 0, "exec block of %zu bytes", size);
	memcpy(&head, p, sizeof(head));
	if (memcmp(head.magic, block_magic, sizeof(block_magic)) != 0 || head.flags || head.reserved)
		return sp_fail(e, SP_EPROTO, 0, "not an exec block");
	if (head.argc == 0 || head.argc > EXEC_ARGS_MAX || head.envc > EXEC_ENV_MAX)
		return sp_fail(e, SP_EPROTO, 0, "exec block counts");

	for (uint32_t i = 0; i < head.argc + head.envc + 1; i++) {
		size_t len = strnlen(p + at, size - at);

		if (len == size - at)
			return sp_fail(e, SP_EPROTO, 0, "exec block ends inside a string");
		if (i == head.argc)
			pointers[slot++] = NULL;
		if (i == head.argc + head.envc)
			pointers[slot++] = NULL;
		if (i < head.argc + head.envc)
			pointers[slot++] = p + at;
		else
			cwd = p + at;
		at += len + 1;
	}
	if (at != size)
		return sp_fail(e, SP_EPROTO, 0, "exec block has bytes behind its end");
	ret->cwd = cwd;
	ret->argv = pointers;
	ret->envp = pointers + head.argc + 1;
	return 0;
}
