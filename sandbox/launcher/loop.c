#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "launcher.h"

enum { STOP_GRACE_MS = 4000, STOP_ROLES_MS = 6000, STOP_ALL_MS = 9000 };      /* of the 10 s that a stop may take */

int loop_watch(struct launcher *l, int fd, enum watch what, unsigned index, struct sp_err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = (uint64_t)what << 32 | index };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? sp_fail(e, SP_EIO, errno, "watch") : 0;
}

/* Before close: a child that was cloned a moment ago may hold a copy, and epoll would go on to tell of it under the name of the next life. */
void loop_close(struct launcher *l, int *fd)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, *fd, NULL);  /* not watched: no harm */
	close(sp_take_fd(fd));
}

static void stop_all(struct launcher *l)
{
	if (l->stopping)
		return;
	log_info("stopping");
	l->stopping = true;
	l->stop_ms = sp_mono_ms();
	for (unsigned i = 0; i < SP_LIMIT_slots; i++) {
		struct slot *s = &l->slots[i];

		s->told |= s->state == SLOT_SWEEPING;
		if (slot_lives(s))
			slot_stop(l, s, STOP_GRACE_MS);
		if (s->state == SLOT_WAITING)
			syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
	}
	for (unsigned i = 0; i < ROLE_MAX; i++)
		role_kill(l, i, SIGTERM);
}

static bool all_stopped(struct launcher *l, uint64_t now)
{
	bool left = false;

	if (!l->stopping)
		return false;
	for (unsigned i = 0; i < ROLE_MAX; i++) {
		left |= l->roles[i].pid > 0;
		if (now - l->stop_ms > STOP_ROLES_MS)
			role_kill(l, i, SIGKILL);
	}
	for (unsigned i = 0; i < SP_LIMIT_slots; i++)
		left |= l->slots[i].state != SLOT_FREE;
	return !left || now - l->stop_ms > STOP_ALL_MS;
}

static void dispatch(struct launcher *l, const struct epoll_event *ev, int signals)
{
	enum watch what = (enum watch)(ev->data.u64 >> 32);
	uint32_t index = (uint32_t)ev->data.u64;
	struct signalfd_siginfo info;

	switch (what) {
	case WATCH_SIGNALS:
		if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
			stop_all(l);
		break;
	case WATCH_ROLE:
		role_message(l, index);
		break;
	case WATCH_ROLE_DEATH:
		role_died(l, index);
		break;
	case WATCH_INIT:
		if (l->slots[index].control >= 0)
			slot_init_message(l, &l->slots[index]);
		break;
	case WATCH_DEATH:
		if (l->slots[index].pidfd >= 0)
			slot_died(l, &l->slots[index]);
		break;
	case WATCH_SWEEPER:
		if (index < SP_LIMIT_slots)
			return slot_swept(l, &l->slots[index]);
		waitid(P_PIDFD, index - SP_LIMIT_slots, &(siginfo_t){ 0 }, WEXITED);    /* of SCRATCH_DROP: nobody waits for it */
		loop_close(l, &(int){ (int)(index - SP_LIMIT_slots) });
		break;
	}
}

int loop_run(struct launcher *l, struct sp_err *e)
{
	sp_auto_close int signals = -1;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = loop_watch(l, signals, WATCH_SIGNALS, 0, e);
	while (r == 0) {
		struct epoll_event ev[32];
		uint64_t now = sp_mono_ms(), roles = roles_tick(l, now), next = slots_tick(l, now);
		int n;

		if (all_stopped(l, now))
			break;
		next = roles < next ? roles : next;
		if (l->stopping && next > now + 200)
			next = now + 200;
		n = epoll_wait(l->epoll, ev, SP_COUNT(ev), next == UINT64_MAX ? -1 : next > now ? (int)(next - now) : 0);
		if (n < 0 && errno != EINTR)
			return sp_fail(e, SP_EIO, errno, "wait");
		for (int i = 0; i < n; i++)
			dispatch(l, &ev[i], signals);
	}
	cgroup_close(l);
	return r;
}
