/* P-values. */
#include "host/random/internal.h"

#include <math.h>

enum { STEPS = 20000 };

/* P(a, x) by its series, for x < a + 1 */
static double lower_series(double a, double x)
{
    double term = 1 / a, sum = term;
    for (int i = 1; i < STEPS && term > sum * 1e-17; i++) {
        term *= x / (a + i);
        sum += term;
    }
    return sum * exp(a * log(x) - x - lgamma(a));
}

/* Q(a, x) by its continued fraction (Lentz), for x >= a + 1 */
static double upper_fraction(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int i = 1; i < STEPS; i++) {
        const double an = -i * (i - a);
        b += 2;
        d = an * d + b;
        c = b + an / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return h * exp(a * log(x) - x - lgamma(a));
}

double random_igamc(double a, double x)
{
    if (x <= 0)
        return 1;
    return x < a + 1 ? 1 - lower_series(a, x) : upper_fraction(a, x);
}

void random_two_sided(struct random_item *item, double v)
{
    item->p = erfc(fabs(v) / sqrt(2));
    item->q = erfc(v / sqrt(2)) / 2;
}

void random_chi_square(struct random_item *item, double freedom, double v)
{
    item->p = item->q = random_igamc(freedom / 2, v / 2);
}
