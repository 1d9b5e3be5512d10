#include "clock.h"

#include <stdio.h>
#include <time.h>

uint64_t sp_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t sp_mono_ms(void)
{
	return sp_mono_us() / 1000;
}

int64_t sp_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct sp_iso sp_iso_ms(int64_t wall_ms)
{
	time_t sec = (time_t)(wall_ms / 1000);
	struct sp_iso iso;
	struct tm tm;
	char day[24];

	gmtime_r(&sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(iso.s, sizeof(iso.s), "%s.%03dZ", day, (int)(wall_ms % 1000));
	return iso;
}
