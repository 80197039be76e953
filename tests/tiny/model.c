#include "tests/tiny/model.h"

#include <stdlib.h>
#include <string.h>

struct model_point model_point[N];
static int16_t log_of[P][P]; /* the logarithm, 0 for none: infinity has no coordinates */

uint32_t model_inverse(uint32_t a, uint32_t modulus)
{
    uint32_t r = 1;
    for (uint32_t e = modulus - 2; e != 0; e >>= 1) {
        if (e & 1)
            r = r * a % modulus;
        a = a * a % modulus;
    }
    return r;
}

/* a + b, neither infinity, a not -b */
static struct model_point add(struct model_point a, struct model_point b)
{
    const int same = a.x == b.x;
    const uint32_t over = same ? 3 * (a.x * a.x % P) + P - 3 : b.y + P - a.y;
    const uint32_t under = same ? 2 * a.y % P : (b.x + P - a.x) % P;
    const uint32_t slope = over % P * model_inverse(under, P) % P;
    struct model_point r;

    r.x = (slope * slope + 2 * P - a.x - b.x) % P;
    r.y = (slope * ((a.x + P - r.x) % P) + P - a.y) % P;
    return r;
}

void model_make(void)
{
    const struct model_point g = {TINY_GX, TINY_GY};

    model_point[1] = g;
    for (int i = 2; i < N; i++)
        model_point[i] = add(model_point[i - 1], g);
    memset(log_of, 0, sizeof log_of);
    for (int i = 1; i < N; i++) {
        if (log_of[model_point[i].x][model_point[i].y] != 0)
            abort(); /* G's order is less than N: the numbers of the curve are wrong */
        log_of[model_point[i].x][model_point[i].y] = (int16_t)i;
    }
    if (model_point[N - 1].x != g.x || model_point[N - 1].y != P - g.y)
        abort();
}

int model_log(uint32_t x, uint32_t y)
{
    return x < P && y < P && log_of[x][y] != 0 ? log_of[x][y] : -1;
}

static struct sm2_fe element(uint32_t x)
{
    return (struct sm2_fe){{x}};
}

/* -1: not reduced */
static int value(const struct sm2_fe *a)
{
    for (int i = 1; i < SM2_LIMBS; i++) {
        if (a->v[i] != 0)
            return -1;
    }
    return a->v[0] < P ? (int)a->v[0] : -1;
}

struct sm2_affine model_affine(unsigned i)
{
    return (struct sm2_affine){element(model_point[i].x), element(model_point[i].y)};
}

struct sm2_jacobian model_jacobian(unsigned i, uint32_t z)
{
    const uint32_t zz = z * z % P;
    if (i == 0)
        return (struct sm2_jacobian){sm2_fe_one, sm2_fe_one, element(0)};
    return (struct sm2_jacobian){element(model_point[i].x * zz % P),
                                 element(model_point[i].y * (zz * z % P) % P), element(z)};
}

int model_log_affine(const struct sm2_affine *a)
{
    const int x = value(&a->x), y = value(&a->y);
    return x < 0 || y < 0 ? -1 : model_log((uint32_t)x, (uint32_t)y);
}

int model_log_jacobian(const struct sm2_jacobian *a)
{
    const int x = value(&a->x), y = value(&a->y), z = value(&a->z);
    uint32_t inverse, square;

    if (x < 0 || y < 0 || z < 0)
        return -1;
    if (z == 0)
        return 0;
    inverse = model_inverse((uint32_t)z, P);
    square = inverse * inverse % P;
    return model_log((uint32_t)x * square % P, (uint32_t)y * (square * inverse % P) % P);
}

void model_bytes(uint8_t *out, uint32_t x)
{
    memset(out, 0, 28);
    store_be32(out + 28, x);
}

uint32_t model_number(const uint8_t *in)
{
    return load_be32(in + 28);
}
