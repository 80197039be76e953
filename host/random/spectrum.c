/* The discrete Fourier transform of any length, by Bluestein's convolution of a power of two. */
#include "host/random/internal.h"

#include <math.h>
#include <stdlib.h>

#include "firmware/crypto/randomness.h"

static const double pi = 3.14159265358979323846;

struct number { /* complex */
    double re, im;
};

struct plan {
    size_t size;
    struct number *root; /* exp(-2 pi i k / size), k < size / 2 */
};

static struct number turn(double angle)
{
    return (struct number){cos(angle), -sin(angle)};
}

static struct number times(struct number a, struct number b)
{
    return (struct number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static void reverse(struct number *a, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            const struct number t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
    }
}

/* In place; the inverse (side -1) without its factor 1 / size. */
static void transform(const struct plan *p, struct number *a, double side)
{
    reverse(a, p->size);
    for (size_t half = 1; half < p->size; half *= 2) {
        const size_t stride = p->size / (2 * half);
        for (size_t first = 0; first < p->size; first += 2 * half) {
            for (size_t k = 0; k < half; k++) {
                struct number *x = &a[first + k], *y = x + half;
                const struct number w = {p->root[k * stride].re, side * p->root[k * stride].im};
                const struct number t = times(*y, w);
                *y = (struct number){x->re - t.re, x->im - t.im};
                *x = (struct number){x->re + t.re, x->im + t.im};
            }
        }
    }
}

/* exp(-pi i k^2 / n); k^2 is taken mod 2 n, so that the angle stays exact */
static struct number chirp(size_t k, size_t n)
{
    return turn(pi * (double)((uint64_t)k * k % (2 * (uint64_t)n)) / (double)n);
}

static void convolve(const struct plan *p, struct number *a, struct number *b, const uint8_t *bits,
                     size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const struct number c = chirp(k, n), back = {c.re, -c.im};
        const double sign = randomness_bit(bits, k) ? 1 : -1;
        a[k] = (struct number){sign * c.re, sign * c.im};
        b[k] = back;
        if (k)
            b[p->size - k] = back;
    }
    transform(p, a, 1);
    transform(p, b, 1);
    for (size_t k = 0; k < p->size; k++)
        a[k] = times(a[k], b[k]);
    transform(p, a, -1);
}

long random_spectrum(const uint8_t *bits, size_t n, double limit)
{
    struct plan p = {.size = 1};
    long below = -1;
    while (p.size < 2 * n)
        p.size *= 2;
    struct number *a = calloc(p.size, sizeof *a), *b = calloc(p.size, sizeof *b);
    p.root = malloc(p.size / 2 * sizeof *p.root);
    if (a && b && p.root) {
        for (size_t k = 0; k < p.size / 2; k++)
            p.root[k] = turn(2 * pi * (double)k / (double)p.size);
        convolve(&p, a, b, bits, n);
        below = 0;
        for (size_t k = 0; k < n / 2; k++) /* the last chirp does not change the modulus */
            below += hypot(a[k].re, a[k].im) / (double)p.size < limit;
    }
    free(a);
    free(b);
    free(p.root);
    return below;
}
