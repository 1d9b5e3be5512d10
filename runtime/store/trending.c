#include "store_priv.h"

#include <math.h>

#define HALF_LIFE_MS (7.0 * 24 * 3600 * 1000)

/* log2 and 2^y to six digits, so that nothing needs libm: the series of atanh and exp, after taking out whole powers. */
static double lg(double x)
{
	int exponent = 0;
	double m = 2 * frexp(x, &exponent), s = (m - 1) / (m + 1), term = s, sum = 0;

	for (int i = 1; i <= 13; i += 2, term *= s * s)
		sum += term / i;
	return exponent - 1 + 2 * sum / 0.69314718055994531;
}

static double power(double y)
{
	int whole = (int)y - (y < (int)y);
	double x = (y - whole) * 0.69314718055994531, term = 1, sum = 1;

	for (int i = 1; i <= 11; i++) {
		term *= x / i;
		sum += term;
	}
	return ldexp(sum, whole);
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
