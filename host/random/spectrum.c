/* The discrete Fourier transform of any length, by Bluestein's convolution of a power of two. */
#include "host/random/internal.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "firmware/crypto/randomness.h"

static const double pi = 3.14159265358979323846;

struct plan {
    size_t size;
    double complex *root; /* exp(-2 pi i k / size), k < size / 2 */
};

static void reverse(double complex *a, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            const double complex t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
    }
}

/* In place; the inverse without its factor 1 / size when `inverse`. */
static void transform(const struct plan *p, double complex *a, int inverse)
{
    reverse(a, p->size);
    for (size_t half = 1; half < p->size; half *= 2) {
        const size_t stride = p->size / (2 * half);
        for (size_t first = 0; first < p->size; first += 2 * half) {
            for (size_t k = 0; k < half; k++) {
                const double complex w = inverse ? conj(p->root[k * stride]) : p->root[k * stride];
                const double ar = creal(a[first + half + k]), ai = cimag(a[first + half + k]);
                const double complex t =
                    CMPLX(ar * creal(w) - ai * cimag(w), ar * cimag(w) + ai * creal(w));
                a[first + half + k] = a[first + k] - t;
                a[first + k] += t;
            }
        }
    }
}

static double complex times(double complex a, double complex b)
{
    return CMPLX(creal(a) * creal(b) - cimag(a) * cimag(b),
                 creal(a) * cimag(b) + cimag(a) * creal(b));
}

/* exp(-pi i k^2 / n); k^2 is taken mod 2 n, so that the angle stays exact */
static double complex chirp(size_t k, size_t n)
{
    const double angle = pi * (double)((uint64_t)k * k % (2 * (uint64_t)n)) / (double)n;
    return CMPLX(cos(angle), -sin(angle));
}

static void convolve(const struct plan *p, double complex *a, double complex *b,
                     const uint8_t *bits, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const double complex c = chirp(k, n);
        a[k] = randomness_bit(bits, k) ? c : -c;
        b[k] = conj(c);
        if (k)
            b[p->size - k] = conj(c);
    }
    transform(p, a, 0);
    transform(p, b, 0);
    for (size_t k = 0; k < p->size; k++)
        a[k] = times(a[k], b[k]);
    transform(p, a, 1);
}

long random_spectrum(const uint8_t *bits, size_t n, double limit)
{
    struct plan p = {.size = 1};
    long below = -1;
    while (p.size < 2 * n)
        p.size *= 2;
    double complex *a = calloc(p.size, sizeof *a), *b = calloc(p.size, sizeof *b);
    p.root = malloc(p.size / 2 * sizeof *p.root);
    if (a && b && p.root) {
        for (size_t k = 0; k < p.size / 2; k++) {
            const double angle = 2 * pi * (double)k / (double)p.size;
            p.root[k] = CMPLX(cos(angle), -sin(angle));
        }
        convolve(&p, a, b, bits, n);
        below = 0;
        for (size_t k = 0; k < n / 2; k++) /* the last chirp does not change the modulus */
            below += cabs(a[k]) / (double)p.size < limit;
    }
    free(a);
    free(b);
    free(p.root);
    return below;
}
