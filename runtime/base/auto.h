/*
 * auto.h - resources that release themselves at the end of their block.
 *
 * Pointers you pass are lent, pointers you get are lent, except from functions named new, dup or take.
 * sp_take_fd and sp_take_ptr make the hand-over visible where it happens.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void sp_close_p(const int *fd)
{
	if (*fd >= 0)
		close(*fd);     /* never retried: after EINTR the descriptor is gone on Linux (close(2)) */
}

static inline void sp_free_p(void *p)
{
	free(*(void **)p);
}

static inline void sp_fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void sp_closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define sp_auto(fn)     __attribute__((cleanup(fn)))
#define sp_auto_close   sp_auto(sp_close_p)
#define sp_auto_free    sp_auto(sp_free_p)
#define sp_auto_fclose  sp_auto(sp_fclose_p)
#define sp_auto_closedir sp_auto(sp_closedir_p)

static inline int sp_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define sp_take_ptr(p) __extension__({ __typeof__(*(p)) taken_ = *(p); *(p) = NULL; taken_; })

#define SP_COUNT(a) (sizeof(a) / sizeof((a)[0]))
