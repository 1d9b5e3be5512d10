/* The filter run by an interpreter of its own, against the checked-in list of what every number gets (seccomp_golden.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "sandbox/launcher/launcher.h"

enum { NUMBERS = 600 };

/* Classic BPF as seccomp uses it: absolute loads, AND, jumps, RET. Anything else is a failure. */
static uint32_t run(const struct sock_filter *p, unsigned n, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &p[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + f->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; break;
		case BPF_JMP | BPF_JA: pc += f->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == f->k ? f->jt : f->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: pc += a > f->k ? f->jt : f->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: pc += a >= f->k ? f->jt : f->jf; break;
		case BPF_RET | BPF_K: return f->k;
		default: fail_msg("instruction %#x", f->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

static uint32_t ask(uint32_t profile, uint32_t arch, uint32_t nr, const uint64_t *args)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };
	const struct seccomp_filter *f = seccomp_of(profile);

	for (unsigned i = 0; args && i < 6; i++)
		data.args[i] = args[i];
	return run(f->insns, f->size, &data);
}

static uint32_t call(uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t args[6] = { a, b, c, d };

	return ask(PROFILE_RUN, AUDIT_ARCH_X86_64, nr, args);
}

#define ERR(e) (SECCOMP_RET_ERRNO | (e))

static void describe(char *out, size_t size, uint32_t profile)
{
	size_t n = 0;

	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		uint32_t r = ask(profile, AUDIT_ARCH_X86_64, nr, NULL);

		if (r == ERR(ENOSYS))
			continue;               /* the rule for what is in no list */
		n += (size_t)snprintf(out + n, size - n, "%u %u %s\n", profile, nr,
			r == SECCOMP_RET_ALLOW ? "allow" : strerrorname_np((int)(r & SECCOMP_RET_DATA)));
	}
}

static void every_number_is_as_in_the_golden_list(void **state SP_UNUSED)
{
	static char now[65536], golden[65536];
	const char *root = getenv("VITRINE_ROOT"), *again = getenv("GOLDEN_WRITE");
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/sandbox/launcher/seccomp_golden.txt", root ? root : ".");
	for (uint32_t profile = 0; profile < PROFILE_MAX; profile++)
		describe(now + strlen(now), sizeof(now) - strlen(now), profile);
	f = fopen(path, again ? "w" : "r");
	assert_non_null(f);
	if (again)
		fputs(now, f);
	else
		assert_true(fread(golden, 1, sizeof(golden) - 1, f) > 0);
	fclose(f);
	if (!again)
		assert_string_equal(now, golden);
}

static void what_apps_need_is_allowed(void **state SP_UNUSED)
{
	static const uint32_t needed[] = { SYS_accept4, SYS_access, SYS_arch_prctl, SYS_brk, SYS_capget, SYS_clock_nanosleep, SYS_clone, SYS_close_range,
		SYS_connect, SYS_epoll_pwait, SYS_eventfd2, SYS_execve, SYS_fchown, SYS_futex, SYS_getdents64, SYS_getrandom, SYS_ioctl, SYS_madvise,
		SYS_memfd_create, SYS_mmap, SYS_mremap, SYS_newfstatat, SYS_openat, SYS_pipe2, SYS_pkey_alloc, SYS_ppoll, SYS_prlimit64, SYS_rseq,
		SYS_sched_getaffinity, SYS_set_robust_list, SYS_setsockopt, SYS_statx, SYS_symlink, SYS_sysinfo, SYS_vfork, SYS_wait4, SYS_writev,
		SYS_landlock_create_ruleset, SYS_seccomp, SYS_copy_file_range, SYS_sendfile, SYS_inotify_init1, SYS_timerfd_create };

	for (unsigned i = 0; i < SP_COUNT(needed); i++)
		if (call(needed[i], 0, 0, 0, 0) != SECCOMP_RET_ALLOW)
			fail_msg("call %u is not allowed", needed[i]);
}

static void a_worker_makes_no_sockets(void **state SP_UNUSED)
{
	static const uint32_t refused[] = { SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4 };
	static const uint32_t kept[] = { SYS_sendmsg, SYS_recvmsg, SYS_execve, SYS_clone, SYS_openat };

	for (uint64_t family = 0; family < 64; family++)
		for (unsigned i = 0; i < SP_COUNT(refused); i++)
			assert_int_equal(ask(PROFILE_WORKER, AUDIT_ARCH_X86_64, refused[i], (const uint64_t[6]){ family, SOCK_STREAM }), ERR(EACCES));
	for (unsigned i = 0; i < SP_COUNT(kept); i++)
		assert_int_equal(ask(PROFILE_WORKER, AUDIT_ARCH_X86_64, kept[i], NULL), SECCOMP_RET_ALLOW);
}

static void other_architectures_kill(void **state SP_UNUSED)
{
	assert_int_equal(ask(PROFILE_RUN, AUDIT_ARCH_I386, 20, NULL), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask(PROFILE_RUN, AUDIT_ARCH_AARCH64, 20, NULL), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask(PROFILE_SYSTEM, AUDIT_ARCH_X86_64, 0x40000000 + SYS_getpid, NULL), SECCOMP_RET_KILL_PROCESS);
}

static void unknown_numbers_are_absent(void **state SP_UNUSED)
{
	for (uint32_t nr = 480; nr < 4096; nr++)
		assert_int_equal(ask(PROFILE_RUN, AUDIT_ARCH_X86_64, nr, NULL), ERR(ENOSYS));
}

static void arguments_decide_by_their_low_half(void **state SP_UNUSED)
{
	const uint64_t high = UINT64_C(1) << 40;

	assert_int_equal(call(SYS_ioctl, 0, 0x5412, 0, 0), ERR(EPERM));
	assert_int_equal(call(SYS_ioctl, 0, 0x5412 | high, 0, 0), ERR(EPERM));          /* CVE-2019-10063 */
	assert_int_equal(call(SYS_ioctl, 0, 0x5413, 0, 0), SECCOMP_RET_ALLOW);          /* TIOCGWINSZ */
	for (unsigned flag = 0; flag < 32; flag++) {
		bool space = 0x7E020000u >> flag & 1;

		assert_int_equal(call(SYS_clone, 1u << flag, 0, 0, 0), space ? ERR(EPERM) : SECCOMP_RET_ALLOW);
		assert_int_equal(call(SYS_clone, (1u << flag) | high, 0, 0, 0), space ? ERR(EPERM) : SECCOMP_RET_ALLOW);
	}
	assert_int_equal(call(SYS_sendto, 0, 0, 0, 1), ERR(EOPNOTSUPP));
	assert_int_equal(call(SYS_sendto, 0, 0, 0, 0x4001), ERR(EOPNOTSUPP));
	assert_int_equal(call(SYS_sendmsg, 0, 0, 0x4000, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYS_recvmsg, 0, 0, 1, 0), ERR(EOPNOTSUPP));
	assert_int_equal(call(SYS_setsockopt, 0, 6, 31, 0), ERR(EPERM));
	assert_int_equal(call(SYS_setsockopt, 0, 6, 1, 0), SECCOMP_RET_ALLOW);          /* TCP_NODELAY */
	assert_int_equal(call(SYS_setsockopt, 0, 1, 26, 0), ERR(EPERM));
	assert_int_equal(call(SYS_personality, 0xffffffff, 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYS_personality, 0x40000, 0, 0, 0), ERR(EPERM));
	assert_int_equal(call(SYS_mknod, 0, S_IFIFO | 0600, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYS_mknodat, 0, 0, S_IFCHR | 0600, 0), ERR(EPERM));
}

static void families_and_types_of_sockets(void **state SP_UNUSED)
{
	for (unsigned family = 0; family < 64; family++)
		for (unsigned type = 0; type < 16; type++) {
			uint32_t got = call(SYS_socket, family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0), want = ERR(EAFNOSUPPORT);

			if (family == AF_INET || family == AF_INET6)
				want = type == SOCK_STREAM || type == SOCK_DGRAM ? SECCOMP_RET_ALLOW : ERR(EPERM);
			if (family == AF_UNIX || family == AF_NETLINK)
				want = SECCOMP_RET_ALLOW;
			assert_int_equal(got, want);
		}
	assert_int_equal(call(SYS_socket, AF_NETLINK, SOCK_RAW, 12, 0), ERR(EAFNOSUPPORT));
	assert_int_equal(call(SYS_socket, AF_INET, SOCK_STREAM, 262, 0), ERR(EPERM));
	assert_int_equal(call(SYS_socket, AF_INET6, SOCK_STREAM, 132, 0), ERR(EPERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_is_as_in_the_golden_list),
		cmocka_unit_test(what_apps_need_is_allowed),
		cmocka_unit_test(a_worker_makes_no_sockets),
		cmocka_unit_test(other_architectures_kill),
		cmocka_unit_test(unknown_numbers_are_absent),
		cmocka_unit_test(arguments_decide_by_their_low_half),
		cmocka_unit_test(families_and_types_of_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
