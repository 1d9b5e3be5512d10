/*
 * launch.h - messages between the launcher and the two programs it serves: server (START, STOP, …) and
 * edge (DIAL only; the server asks it too, to see whether an app is up).
 *
 * The launcher takes ids, hashes and numbers, never a path or a string that a user wrote. argv and
 * environment travel in a sealed memfd that only vitrine-init decodes, after privileges are gone.
 *
 * A slot is named by index and generation, so that a late message never reaches its successor.
 *
 * Requests carry a sequence number chosen by the server; the answer repeats it. LOGS: the launcher makes
 * the pipe behind the program's stdout and stderr, keeps the read end and hands duplicates to the
 * server, so that a restarted server finds its apps (LIST) and their output again.
 */
#pragma once

#include "id.h"
#include "msg.h"

enum launch_direction { LAUNCH_TO_LAUNCHER, LAUNCH_FROM_LAUNCHER };

enum launch_profile {
	PROFILE_RUN,            /* an app: no capabilities, no root, egress by policy */
	PROFILE_BUILD,          /* uv, npm: as RUN, plus a writable /env and egress to the package index */
	PROFILE_SYSTEM,         /* packages.txt: root of its own user namespace with the few capabilities dpkg needs */
	PROFILE_WORKER,         /* one task on hostile bytes: no network at all */
	PROFILE_MAX
};

enum launch_egress { EGRESS_NONE, EGRESS_WEB, EGRESS_ANY, EGRESS_BUILD /* WEB plus the operator's index and proxy */ };

enum launch_image {
	IMAGE_NONE,
	IMAGE_BASE,             /* base-HASH.erofs */
	IMAGE_TOOLS,
	IMAGE_ENV,
	IMAGE_APP,
	IMAGE_KIND_MAX
};

struct launch_hash { char hex[64]; };           /* 64 hex digits, or all NUL: none; not terminated */
struct launch_slot { uint32_t index, generation; };

/*
 * START: one descriptor (the sealed memfd of sandbox/proto/exec_block.h) or two (and standard input).
 *
 * Mounts follow from the fields:
 *   /            overlay of BASE [+ TOOLS for BUILD, SYSTEM, WORKER] [+ ENV], upper on scratch
 *   /home/user/app   the APP image, read-only lower with a writable upper (apps write beside their code)
 *   /data        STATE/volumes/SPACE, only when START_DATA
 *   /env         BUILD: the writable tree that becomes an env image (IMAGES/scratch/OUTPUT)
 *   /in          WORKER: the scratch tree INPUT, read-only
 *   /repo        WORKER: STATE/repos/SPACE.git, read-only, only when START_REPO
 *   /incoming    WORKER: STATE/incoming/RUN, writable, only when START_INCOMING; the server made it
 *   /out         WORKER: the file that becomes IMAGE `out_kind` `out_hash` when the worker ends with status 0
 * SYSTEM: like BUILD, but the overlay's upper itself is the output tree (IMAGES/scratch/OUTPUT).
 */
enum { START_DATA = 1, START_REPO = 2, START_INCOMING = 4 };

struct launch_start {
	uint32_t profile;                       /* enum launch_profile */
	uint32_t egress;                        /* enum launch_egress */
	uint32_t flags;
	uint32_t cpu_permille;                  /* of one core; 0: weight only */
	uint32_t cpu_weight;                    /* 1..10000 as in cgroup v2; apps 100, builds 25 */
	uint32_t pids;
	uint64_t memory_bytes;
	uint64_t tmp_bytes;
	struct sp_id space;                     /* whose; names /data. None for shared work */
	struct sp_id run;                       /* this run, build step or task; returned by LIST */
	struct launch_hash base, env, app;
	struct sp_id input, output;             /* scratch trees; none if unused */
	struct launch_hash out_hash;
	uint32_t out_kind;                      /* enum launch_image; IMAGE_NONE: no image comes out */
	uint32_t app_port;                      /* RUN: the public port; recorded, returned by LIST */
	char hostname[64];                      /* UTS name: [a-z0-9-]; checked */
};

struct launch_started { struct launch_slot slot; uint32_t pid, reserved; };     /* fd 0: read end of the log */

struct launch_failed {                          /* the slot never ran */
	uint32_t code;                          /* enum sp_code */
	int32_t sys;
	char step[32];                          /* the sandbox step, "mounts" */
	char text[200];
};

struct launch_stop { struct launch_slot slot; uint32_t grace_ms, reserved; };

/* What is written in the sandbox: its output if it has one, else all but /tmp, /dev/shm and /data. Figures 0: not known. */
struct launch_disk { uint64_t bytes, free_bytes, files, free_files; };

/* How often a limit held it back: a fork or thread was refused; it waited for the rest of a CPU period (100 ms). */
struct launch_hits { uint64_t forks, throttled; };

enum launch_end {
	END_EXITED,             /* value: exit status */
	END_SIGNALED,           /* value: signal */
	END_OOM,                /* killed because the slot's memory ran out; value: limit in MiB */
	END_EXEC,               /* the program could not be executed; value: errno */
	END_STOPPED,            /* STOP asked for it */
	END_SYSCALL,            /* SIGSYS; value: syscall number */
	END_INIT,               /* init broke the protocol or died */
	END_LOST                /* the platform's own fault; text in the log */
};

struct launch_exited {
	struct launch_slot slot;
	struct sp_id space, run;
	uint32_t profile;
	uint32_t end;                           /* enum launch_end */
	int32_t value;
	uint32_t image_made;                    /* WORKER: 1 when out_kind/out_hash now exists */
	uint64_t image_bytes;
	uint64_t cpu_us, memory_peak_bytes;
	struct launch_disk disk;
	struct launch_hits hits;
};

struct launch_entry {                           /* answer to LIST, one for each live slot; fd 0: read end of the log */
	struct launch_slot slot;
	struct sp_id space, run;
	struct launch_hash app, env;
	uint32_t profile, app_port, frozen, pid;
	uint64_t started_mono_ms;
};

struct launch_ports {                           /* listening TCP sockets seen inside the slot */
	struct launch_slot slot;
	uint32_t count, reserved;
	struct { uint16_t port; uint8_t family /* 4 or 6 */; uint8_t loopback; uint32_t reserved; } at[16];
};

struct launch_stats {
	struct launch_slot slot;
	uint64_t memory_bytes, memory_limit_bytes, cpu_us;
	uint32_t pids, frozen;
	struct launch_disk disk;
	struct launch_hits hits;
};

struct launch_dial { struct launch_slot slot; uint32_t count, family /* 4 or 6 */; };
struct launch_sockets { struct launch_slot slot; uint32_t count, error /* enum sp_code */; };

struct launch_image_is { uint32_t kind, current /* 1: the base or tools that new slots use */; struct launch_hash hash; uint64_t bytes; };
struct launch_image_drop { uint32_t kind, reserved; struct launch_hash hash; };
struct launch_scratch { struct sp_id id; };

/* What the host can do; answers PROBE. `missing` is a comma-separated list of names for people, "" when all is well. */
struct launch_probe {
	uint32_t cgroup;                        /* 0 none, 1 v1, 2 v2 */
	uint32_t can_run, can_build, reserved;
	char kernel[64];
	char missing[400];
};

/*        name             direction              body                           fds min, max */
#define LAUNCH_MSGS(X) \
	X(START,           LAUNCH_TO_LAUNCHER,    struct launch_start,           1, 2) \
	X(STOP,            LAUNCH_TO_LAUNCHER,    struct launch_stop,            0, 0) \
	X(FREEZE,          LAUNCH_TO_LAUNCHER,    struct launch_slot,            0, 0) \
	X(THAW,            LAUNCH_TO_LAUNCHER,    struct launch_slot,            0, 0) \
	X(LIST,            LAUNCH_TO_LAUNCHER,    struct launch_none,            0, 0) \
	X(PORTS,           LAUNCH_TO_LAUNCHER,    struct launch_slot,            0, 0) \
	X(STATS,           LAUNCH_TO_LAUNCHER,    struct launch_slot,            0, 0) \
	X(DIAL,            LAUNCH_TO_LAUNCHER,    struct launch_dial,            0, 0) \
	X(IMAGES,          LAUNCH_TO_LAUNCHER,    struct launch_none,            0, 0) \
	X(IMAGE_DROP,      LAUNCH_TO_LAUNCHER,    struct launch_image_drop,      0, 0) \
	X(SCRATCH_DROP,    LAUNCH_TO_LAUNCHER,    struct launch_scratch,         0, 0) \
	X(PROBE,           LAUNCH_TO_LAUNCHER,    struct launch_none,            0, 0) \
	X(STARTED,         LAUNCH_FROM_LAUNCHER,  struct launch_started,         1, 1) \
	X(FAILED,          LAUNCH_FROM_LAUNCHER,  struct launch_failed,          0, 0) \
	X(EXITED,          LAUNCH_FROM_LAUNCHER,  struct launch_exited,          0, 0) \
	X(DONE,            LAUNCH_FROM_LAUNCHER,  struct launch_none,            0, 0)  /* FREEZE, THAW, drops; ends LIST and IMAGES */ \
	X(REFUSED,         LAUNCH_FROM_LAUNCHER,  struct launch_failed,          0, 0)  /* any request that is not possible */ \
	X(ENTRY,           LAUNCH_FROM_LAUNCHER,  struct launch_entry,           1, 1) \
	X(PORTS_ARE,       LAUNCH_FROM_LAUNCHER,  struct launch_ports,           0, 0) \
	X(STATS_ARE,       LAUNCH_FROM_LAUNCHER,  struct launch_stats,           0, 0) \
	X(SOCKETS,         LAUNCH_FROM_LAUNCHER,  struct launch_sockets,         0, 32) \
	X(IMAGE_IS,        LAUNCH_FROM_LAUNCHER,  struct launch_image_is,        0, 0) \
	X(PROBE_IS,        LAUNCH_FROM_LAUNCHER,  struct launch_probe,           0, 0)

struct launch_none { char nothing[8]; };        /* eight zero bytes: an empty struct has no size in C */

enum launch_type {
#define X(name, dir, body, fmin, fmax) LAUNCH_##name,
	LAUNCH_MSGS(X)
#undef X
	LAUNCH_TYPE_MAX
};

extern const struct sp_msg_table launch_table;
