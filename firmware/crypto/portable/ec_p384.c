/* P-384 (SP 800-186 3.2.1.4): everything plain, no table of the base point. */
#include "firmware/base/config.h"

#if !HUFU_SMALL

#define EC_BITS 384
#include "firmware/crypto/portable/ec_number.h"

#define P384_NUMBER(w0, w1, w2, w3, w4, w5)                                                        \
    {                                                                                              \
        {                                                                                          \
            SM2_W(w0), SM2_W(w1), SM2_W(w2), SM2_W(w3), SM2_W(w4), SM2_W(w5)                       \
        }                                                                                          \
    }

static const struct ec_modulus ec_p = {
    P384_NUMBER(0x00000000FFFFFFFF, 0xFFFFFFFF00000000, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF,
                0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
    P384_NUMBER(0xFFFFFFFF00000001, 0x00000000FFFFFFFF, 0x0000000000000001, 0x0000000000000000,
                0x0000000000000000, 0x0000000000000000),
    P384_NUMBER(0xFFFFFFFE00000001, 0x0000000200000000, 0xFFFFFFFE00000000, 0x0000000200000000,
                0x0000000000000001, 0x0000000000000000),
    (limb_t)0x0000000100000001};
static const struct ec_modulus ec_n = {
    P384_NUMBER(0xECEC196ACCC52973, 0x581A0DB248B0A77A, 0xC7634D81F4372DDF, 0xFFFFFFFFFFFFFFFF,
                0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
    P384_NUMBER(0x1313E695333AD68D, 0xA7E5F24DB74F5885, 0x389CB27E0BC8D220, 0x0000000000000000,
                0x0000000000000000, 0x0000000000000000),
    P384_NUMBER(0x2D319B2419B409A9, 0xFF3D81E5DF1AA419, 0xBC3E483AFCB82947, 0xD40D49174AAB1CC5,
                0x3FB05B7A28266895, 0x0C84EE012B39BF21),
    (limb_t)0x6ED46089E88FDC45};
/* 2^384 - 1 mod n */
static const struct ec_number n_ones =
    P384_NUMBER(0x1313E695333AD68C, 0xA7E5F24DB74F5885, 0x389CB27E0BC8D220, 0x0000000000000000,
                0x0000000000000000, 0x0000000000000000);
/* the coefficient b and the base point, in Montgomery form */
static const struct ec_number ec_b =
    P384_NUMBER(0x081188719D412DCC, 0xF729ADD87A4C32EC, 0x77F2209B1920022E, 0xE3374BEE94938AE2,
                0xB62B21F41F022094, 0xCD08114B604FBFF9);

static const struct ec_number g_x =
    P384_NUMBER(0x3DD0756649C0B528, 0x20E378E2A0D6CE38, 0x879C3AFC541B4D6E, 0x6454868459A30EFF,
                0x812FF723614EDE2B, 0x4D3AADC2299E1513);
static const struct ec_number g_y =
    P384_NUMBER(0x23043DAD4B03A4FE, 0xA1BFA8BF7BB4A9AC, 0x8BADE7562E83B050, 0xC6C3521968F4FFD9,
                0xDD8002263969A840, 0x2B78ABC25A15C5E9);

/* r = a^(m - 2), Montgomery form in and out, in windows of 4 bits. CT: the modulus is public */
static void power_to_invert(struct ec_number *r, const struct ec_number *a,
                            const struct ec_modulus *m)
{
    struct ec_number table[16], e, two = {{2}};
    table[0] = m->one;
    for (int i = 1; i < 16; i++)
        ec_mul_mod(&table[i], &table[i - 1], a, m);
    ec_subtract(&e, &m->m, &two);
    *r = m->one;
    for (unsigned i = EC_BITS; i > 0; i -= 4) {
        for (int j = 0; j < 4; j++)
            ec_mul_mod(r, r, r, m);
        ec_mul_mod(r, r, &table[ec_bits(&e, i - 4, 4)], m);
    }
}

static void fe_mul(struct ec_number *r, const struct ec_number *a, const struct ec_number *b)
{
    ec_mul_mod(r, a, b, &ec_p);
}

static void fe_sqr(struct ec_number *r, const struct ec_number *a)
{
    ec_mul_mod(r, a, a, &ec_p);
}

static void fe_invert(struct ec_number *r, const struct ec_number *a)
{
    power_to_invert(r, a, &ec_p);
}

/* r = R/a, the inverse of a plain number in Montgomery form */
static void n_invert(struct ec_number *r, const struct ec_number *a)
{
    struct ec_number t;
    ec_mul_mod(&t, a, &ec_n.rr, &ec_n);
    power_to_invert(r, &t, &ec_n);
}

#define EC_BASE_X g_x
#define EC_BASE_Y g_y
#include "firmware/crypto/portable/ec_scheme.h"

const struct ec_curve ec_p384 = {
    "P-384",         EC_BYTES,          ec_public_check, ec_public_from_private,
    ecdsa_sign_with, ecdsa_verify_with, ecdh_with};

#endif
