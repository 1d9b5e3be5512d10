/*
 * Attacks as one static program: each is a function that says 0 when it got what it should never get.
 *
 *   attack all        every attack in a child of its own: "number name OK" or "number name ERRNO"
 *   attack victim     another tenant: sockets, shared memory, files, a secret in its environment; "ready", then waits
 *   attack rootcheck  status 0 when it runs as root (what a setuid copy of this file would be)
 *
 * Harmless by construction: where an effect would reach a machine's owner, opening or asking is the proof. Numbers are those of
 * the catalogue in docs/attacks.md.
 */
#pragma once

#include <sys/types.h>

struct attack { int number; const char *name; int (*run)(void); };
#define A(number, name) { number, #name, name }

/* Each ends with a row without a name. */
extern const struct attack files_attacks[], processes_attacks[], kernel_attacks[], neighbours_attacks[];

enum { VICTIM_PORT = 7999, VICTIM_SHM = 0x5150 };
#define ABSTRACT "\0vitrine-attack-victim"

int fail(int error);
int opens(const char *path, int flags);
int reads(const char *path);
int sets_up(int family, int type, int protocol);
int option(int family, int type, int level, int name, const void *value, socklen_t len);
void private(void);
pid_t victim(void);
int victim_file(const char *name, int flags);
