/* Build tool, run on the build machine: prints the table of rsa_trial_table.h. */
#include <inttypes.h>
#include <stdio.h>

#include "firmware/crypto/ifma8/rsa_trial_table.h"

enum { LIMIT = 1 << 16, SET = TRIAL_LANES * TRIAL_TOGETHER, PRIMES = TRIAL_SETS * SET };

static const uint64_t LIMB = ((uint64_t)1 << 52) - 1;
static uint64_t prime[PRIMES];

static void find_primes(void)
{
    static uint8_t composite[LIMIT];
    size_t count = 0;
    for (size_t p = 3; p < LIMIT && count < PRIMES; p += 2) {
        if (!composite[p])
            prime[count++] = p;
        for (size_t k = p * p; !composite[p] && k < LIMIT; k += 2 * p)
            composite[k] = 1;
    }
}

/* 1/x mod 2^52, x odd: each step doubles the number of right bits, x itself has three */
static uint64_t inverse(uint64_t x)
{
    uint64_t y = x;
    for (unsigned bits = 3; bits < 52; bits *= 2)
        y *= 2 - x * y;
    return y & LIMB;
}

/* x / 2^52 mod m: 52 halvings */
static uint64_t step(uint64_t x, uint64_t m)
{
    for (int i = 0; i < 52; i++)
        x = (x & 1 ? x + m : x) / 2;
    return x;
}

static void print_row(const uint64_t x[TRIAL_LANES])
{
    printf("{");
    for (int i = 0; i < TRIAL_LANES; i++)
        printf("%s0x%" PRIx64, i ? "," : "", x[i]);
    printf("},\n");
}

static void print_set(const uint64_t *p)
{
    static struct trial_set t;
    for (size_t i = 0; i < TRIAL_LANES; i++) {
        t.m[i] = 1;
        for (size_t k = 0; k < TRIAL_TOGETHER; k++) {
            t.p[k][i] = p[k * TRIAL_LANES + i];
            t.p_inverse[k][i] = inverse(t.p[k][i]);
            t.m[i] *= t.p[k][i];
        }
        t.minus_inverse[i] = (0 - inverse(t.m[i])) & LIMB;
        t.power[0][i] = 1;
        for (size_t j = 1; j < TRIAL_LIMBS; j++)
            t.power[j][i] = step(t.power[j - 1][i], t.m[i]);
    }
    printf("{{");
    for (size_t j = 0; j < TRIAL_LIMBS; j++)
        print_row(t.power[j]);
    printf("},");
    print_row(t.m);
    print_row(t.minus_inverse);
    printf("{");
    for (size_t k = 0; k < TRIAL_TOGETHER; k++)
        print_row(t.p[k]);
    printf("},{");
    for (size_t k = 0; k < TRIAL_TOGETHER; k++)
        print_row(t.p_inverse[k]);
    printf("}},\n");
}

int main(void)
{
    find_primes();
    printf("_Alignas(64) const struct trial_set trial_set[TRIAL_SETS] = {\n");
    for (size_t k = 0; k < TRIAL_SETS; k++)
        print_set(prime + k * SET);
    printf("};\n");
    return 0;
}
