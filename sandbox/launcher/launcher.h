/*
 * launcher.h - what the files of vitrine-launcher share: the one state, the slot table, a start's plan.
 *
 * The launcher is one thread and allocates nothing per request. Functions named step_* run in the child
 * between clone3 and exec; they use its own copy of everything and never return to the event loop.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "egress.h"
#include "fd.h"
#include "init.h"
#include "limit.h"
#include "log.h"

enum { UID_BASE = 100000, UID_RANGE = 65536, APP_UID = 1000, LOW_FDS = 32, LISTEN_MAX = 8, IMAGES_MAX = 1024, TREES_MAX = 12, LOWERS_MAX = 5, PATH_BYTES = 4096 };

/* A descriptor of the event loop is known by what it is and an index: role, slot. */
enum watch { WATCH_SIGNALS, WATCH_ROLE, WATCH_ROLE_DEATH, WATCH_INIT, WATCH_DEATH, WATCH_SWEEPER };
enum role_index { ROLE_SERVER, ROLE_EDGE, ROLE_EGRESS, ROLE_MAX };
enum idmap { IDMAP_SLOT, IDMAP_OWNER, IDMAP_SERVER, IDMAP_MAX };        /* all ids as they are; the file owner root, the server's user becomes the app's */

struct role {
	int prog, sock, pidfd;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uint64_t start_ms, started_ms, backoff_ms;
};

struct image { uint32_t kind, users; struct launch_hash hash; int mount; };     /* hash none: unused */

/*
 * FREE ──▶ WAITING ──▶ RUNNING ──▶ STOPPING ──▶ SWEEPING ──▶ FREE      WAITING: its child waits for a plan, nobody's yet
 *             │           └────────────────────────▲                  STOPPING: SIGTERM or SIGKILL is sent
 *             └────────────────────────────────────┘                  SWEEPING: no process is left; files are put away
 */
enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING, SLOT_STOPPING, SLOT_SWEEPING };

struct slot {
	enum slot_state state;
	uint32_t index, generation;
	struct launch_start start;
	struct launch_exited exited;
	struct image *images[IMAGE_KIND_MAX];
	pid_t pid;
	int pidfd, order, control, log, netns, sweeper;        /* ORDER: carries the plan to the child, its failure back */
	int disk;                               /* its root */
	int egress[4];                          /* kept, so that a new egress gets them again */
	int idmap[IDMAP_MAX];                   /* SLOT's is this life's user namespace; the others are only maps and kept over the slot's lives. 0: none */
	bool frozen, reported, told, stop_asked, ports_asked, swept;
	uint32_t ports_seq;
	uint64_t started_ms, deadline_ms;       /* deadline of STOPPING */
};

struct launcher {
	int epoll, netns, init_prog, state_dir, volumes, run_dir, edge_dir, images_dir, mounted, scratch, lock;
	int listeners[LISTEN_MAX], http, ws, route, admin, report[2];   /* REPORT: from egress to the server, whoever they are */
	unsigned nlisteners;
	int cgroup[6];                          /* group directories by enum cgroup_kind; -1: not there */
	bool stopping, listed;                  /* LISTED: this server has asked LIST, so it knows the slots whose EXITED it gets */
	uint64_t stop_ms, prepare_ms;           /* when sandboxes may be made to wait; 0: not before the first START */
	char stage[PATH_BYTES];                 /* mount point for a child's staging tmpfs, in its own mount namespace */
	const char *state, *images, *bin, *domain, *public_port;
	struct role roles[ROLE_MAX];
	unsigned asking;                        /* role whose request is being handled */
	struct image image[IMAGES_MAX];
	struct slot slots[SP_LIMIT_slots];
};

/* What a child needs. It is sent to a child that was cloned earlier, so pointers are to constants. Descriptors are close-on-exec. */
struct tree { int fd; const char *at; uint64_t attrs; };        /* a detached mount and where it goes beneath the root */
struct plan {
	const struct launcher *l;
	const struct launch_start *start;
	struct launch_start asked;              /* the child's START */
	uint32_t index, base_uid;
	int sync, control, block, in, log, userns;
	int lowers[LOWERS_MAX], scratch, app;
	unsigned nlowers, ntrees;
	struct tree trees[TREES_MAX];
	const char *upper, *work;
	bool own_users;                         /* the environment brings its /etc/passwd */
};

/* host.c: the command line, directories, sockets */
SP_MUST int host_args(struct launcher *l, int argc, char **argv, bool *ret_probe, struct sp_err *e);
SP_MUST int host_open(struct launcher *l, struct sp_err *e);
SP_MUST int dir_open(int at, const char *name, mode_t mode, uid_t uid, gid_t gid, int *ret_fd, struct sp_err *e);

/* loop.c */
SP_MUST int loop_watch(struct launcher *l, int fd, enum watch what, unsigned index, struct sp_err *e);
void loop_close(struct launcher *l, int *fd);
SP_MUST int loop_run(struct launcher *l, struct sp_err *e);

/* roles.c: server, edge and egress */
SP_MUST int roles_open(struct launcher *l, int bin, struct sp_err *e);
uint64_t roles_tick(struct launcher *l, uint64_t now);          /* start what is due; returns when to look again */
void role_kill(struct launcher *l, unsigned role, int sig);
void role_died(struct launcher *l, unsigned role);
void role_message(struct launcher *l, unsigned role);

/* requests.c: the verbs of sandbox/proto/launch.h */
SP_MUST int start_check(const struct launch_start *s, struct sp_err *e);        /* every field, before anything is done */
bool request_handle(struct launcher *l, unsigned role, struct sp_msg *m);       /* false: not for this role to ask */
bool role_send(struct launcher *l, unsigned role, uint16_t type, uint32_t seq, const void *body, size_t len, int fd);
void role_refuse(struct launcher *l, unsigned role, uint16_t type, uint32_t seq, const char *step, const struct sp_err *e);

/* slots.c */
static inline struct launch_slot slot_name(const struct slot *s)
{
	return (struct launch_slot){ s->index, s->generation };
}

static inline bool slot_lives(const struct slot *s)
{
	return s->state == SLOT_RUNNING || s->state == SLOT_STOPPING;
}

struct slot *slot_find(struct launcher *l, const struct launch_slot *name);     /* NULL: stale */
struct slot *slot_new(struct launcher *l, enum slot_state want);                /* WAITING: if there is one, else free; NULL: none */
void slot_stop(struct launcher *l, struct slot *s, uint64_t grace_ms);
void slot_kill(struct launcher *l, struct slot *s);
void slot_put_away(struct launcher *l, struct slot *s);        /* no process is left: release everything, sweep its files */
void slot_init_message(struct launcher *l, struct slot *s);
void slot_died(struct launcher *l, struct slot *s);
void slot_swept(struct launcher *l, struct slot *s);
int sweep_start(const struct launcher *l, const char *name, int *disk, const struct slot *s);  /* takes DISK. S: or NULL. A pidfd, or -1 */
void slot_file(const struct slot *s, char name[32]);           /* its disk in l->mounted, its /out in l->scratch */
struct launch_disk slot_disk(const struct launcher *l, const struct slot *s);
void slots_tell(struct launcher *l);            /* EXITED for those that ended while no server listened */
uint64_t slots_tick(struct launcher *l, uint64_t now);

/* spawn.c: fills a free slot from its START; on failure everything is undone and WHY says which step */
struct why { char step[32]; struct sp_err e; };
SP_MUST int slot_spawn(struct launcher *l, struct slot *s, int block, int in, struct why *why);
void slot_prepare(struct launcher *l);          /* in idle time: one free slot gets its child, which waits for a plan */
unsigned plan_fds(struct plan *p, int *at[SP_MSG_FDS]);         /* where its descriptors are, in the order in which they are sent */
pid_t clone_child(uint64_t flags, int cgroup, int *ret_pidfd);  /* clone3; 0 in the child, -1 with errno */
void child_run(struct plan *p) __attribute__((noreturn));       /* steps.c */

/* mounts.c */
SP_MUST int tree_clone(int fd, int idmap, uint64_t attrs, int *ret_fd, struct sp_err *e);
int at_open(int root, const char *at);         /* O_PATH, no symbolic link on the way; -1 with errno */
SP_MUST int mount_at(int root, const char *at, const char *type, unsigned long flags, const char *data, struct sp_err *e);
SP_MUST int bind_at(int root, const char *at, int tree, uint64_t attrs, struct sp_err *e);      /* ATTRS: what the check expects */
SP_MUST int mount_readonly(int fd, struct sp_err *e);           /* the one that was mounted last */
SP_MUST int make_path(int root, const char *at, bool file, uid_t owner, struct sp_err *e);
void mounts_note(const char *at, const char *type, uint64_t flags);     /* for the check; all but the root are noted when they are made */
SP_MUST int proc_mask(struct sp_err *e);
SP_MUST int mounts_pivot(int root, struct sp_err *e);
SP_MUST int step_stage(struct plan *p, struct sp_err *e);       /* what does not depend on a START */
SP_MUST int step_mounts(struct plan *p, struct sp_err *e);
SP_MUST int step_mounts_check(struct plan *p, struct sp_err *e);
SP_MUST int step_devices(int root, const struct plan *p, struct sp_err *e);     /* devices.c */

/* images.c: read-only images, mounted once */
SP_MUST int images_open(struct launcher *l, struct sp_err *e);
SP_MUST int image_use(struct launcher *l, uint32_t kind, const struct launch_hash *hash, struct image **ret, struct sp_err *e);
void image_release(struct image **image);
SP_MUST int image_drop(struct launcher *l, uint32_t kind, const struct launch_hash *hash, struct sp_err *e);
SP_MUST int image_attach(const struct launcher *l, const char *name, const char *type, int file, unsigned long flags, const char *options,
		int *ret_fd, struct sp_err *e);
void image_detach(const struct launcher *l, const char *name);
void image_name(uint32_t kind, const struct launch_hash *hash, char name[96]);
bool image_current(const struct launcher *l, uint32_t kind, struct launch_hash *ret);
bool image_parse(const char *name, uint32_t *ret_kind, struct launch_hash *ret);

/* scratch.c: disks, mounted in l->mounted as NAME */
SP_MUST int disk_open(const struct launcher *l, const char *template, const char *name, int *ret_fd, struct sp_err *e);

/* netns.c and its generated table */
struct net_batch { const unsigned char *bytes; uint32_t size, answers; };
extern const struct net_batch net_lo, net_ways, net_rules;
SP_MUST int netns_open(struct launcher *l, struct slot *s, struct sp_err *e);
SP_MUST int netns_ways(struct launcher *l, struct slot *s, struct sp_err *e);
SP_MUST int netns_sockets(const struct launcher *l, const struct slot *s, int family, int *fds, unsigned n, struct sp_err *e);
void netns_announce(struct launcher *l, struct slot *s);

/* userns.c */
SP_MUST int userns_idmap(uid_t uid, gid_t gid, uint32_t outside, uint32_t count, int *ret_fd, struct sp_err *e);

/* cgroup.c: one module, v1, v2 or both (hybrid: v1 limits, v2 freezes and kills) */
struct cgroup_use { uint64_t memory, peak, cpu_us, oom_kills; uint32_t pids; struct launch_hits hits; };
void cgroup_open(struct launcher *l);
bool cgroup_is_dead(const char *name, const char *prefix);      /* NAME is PREFIX and the pid of no living process */
void cgroup_close(struct launcher *l);
uint32_t cgroup_version(const struct launcher *l);              /* 0 none, 1, 2 */
SP_MUST int cgroup_make(const struct launcher *l, uint32_t index, struct sp_err *e);
SP_MUST int cgroup_limit(const struct launcher *l, const struct slot *s, struct sp_err *e);     /* by its START */
int cgroup_birth(const struct launcher *l, uint32_t index);     /* a v2 directory for CLONE_INTO_CGROUP, or -1; take */
SP_MUST int step_cgroups(struct plan *p, struct sp_err *e);
SP_MUST int cgroup_freeze(const struct launcher *l, uint32_t index, bool frozen, struct sp_err *e);
void cgroup_kill(const struct launcher *l, uint32_t index);
struct cgroup_use cgroup_use(const struct launcher *l, uint32_t index);
bool cgroup_drop(const struct launcher *l, uint32_t index);     /* false: not empty yet */

/* limits.c */
SP_MUST int step_limits(struct plan *p, struct sp_err *e);
SP_MUST int caps_keep(uint64_t keep, struct sp_err *e);         /* bounding, ambient, permitted, effective */

/* landlock.c: nothing where the kernel has none */
SP_MUST int step_landlock(struct plan *p, struct sp_err *e);

/* seccomp.c: what sandbox/filter made at build time */
struct sock_filter;
struct seccomp_filter { unsigned short size; const struct sock_filter *insns; };
extern const struct seccomp_filter seccomp_app, seccomp_system, seccomp_worker;
const struct seccomp_filter *seccomp_of(uint32_t profile);
SP_MUST int step_seccomp(struct plan *p, struct sp_err *e);

/* probe.c */
void probe_fill(const struct launcher *l, struct launch_probe *p);
SP_MUST int probe_host(struct launcher *l, struct launch_probe *p, struct sp_err *e);   /* --probe */
