#include "store_priv.h"

#include <math.h>

#define HALF_LIFE_MS (7.0 * 24 * 3600 * 1000)

/*
 * log2 and its inverse, linear between powers of two: exact inverses of each other and monotone, which is all
 * an order needs (off by at most 0.09).
 */
static double lg(double x)
{
	int exponent = 0;
	double m = frexp(x, &exponent);

	return exponent - 2 + 2 * m;
}

static double power(double y)
{
	int whole = (int)y - (y < (int)y);

	return ldexp(1 + (y - whole), whole);
}

double trending_add(double old, int64_t at_ms)
{
	double like = (double)at_ms / HALF_LIFE_MS, high = old > like ? old : like, low = old > like ? like : old;

	return low < high - 60 ? high : high + lg(1 + power(low - high));
}

double trending_sub(double old, int64_t at_ms)
{
	double like = (double)at_ms / HALF_LIFE_MS, left;

	if (like < old - 60)
		return old;
	left = 1 - power(like - old);
	return left < 1e-6 ? TRENDING_NONE : old + lg(left);
}

double trending_now(double old, int64_t now_ms)
{
	double age = old - (double)now_ms / HALF_LIFE_MS;

	return age < -60 ? 0 : power(age);
}
