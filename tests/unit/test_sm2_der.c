/* DER of SM2 signatures and ciphertexts: strict readers, writers that agree with OpenSSL. */
#include <check.h>
#include <openssl/asn1.h>
#include <openssl/ecdsa.h>

#include "firmware/crypto/sm2.h"
#include "tests/lib/run.h"
#include "tests/unit/test_sm2_tools.h"

enum { CIPHER_MAX = 70000, FLIPS = 20000 };

/* r or s of every length, with and without the top bit */
static void number_of_size(uint8_t out[32], size_t n)
{
    memset(out, 0, 32);
    test_random(out + 32 - n, n);
    if (n > 0 && test_random_below(2))
        out[32 - n] |= 0x80;
}

static int parses(const uint8_t *der, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1), sig[64], again[SM2_SIGNATURE_DER_MAX];
    memcpy(exact, der, n); /* on its own, so that a read past the end is noticed */
    memset(sig, 0xA5, sizeof sig);
    const int result = sm2_signature_from_der(exact, n, sig);
    ck_assert(result == 0 || result == -1);
    if (result == 0) { /* DER is unique: what was accepted is what the writer makes */
        ck_assert_uint_eq(sm2_signature_to_der(sig, again), n);
        ck_assert_mem_eq(again, der, n);
    } else {
        for (int i = 0; i < 64; i++)
            ck_assert_uint_eq(sig[i], 0);
    }
    free(exact);
    return result == 0;
}

START_TEST(signature_against_openssl)
{
    for (size_t a = 0; a <= 32; a++) {
        for (size_t b = 0; b <= 32; b++) {
            uint8_t sig[64], der[SM2_SIGNATURE_DER_MAX], back[64], *want = NULL;
            number_of_size(sig, a);
            number_of_size(sig + 32, b);
            ECDSA_SIG *other = ECDSA_SIG_new();
            ck_assert(ECDSA_SIG_set0(other, bn_from(sig), bn_from(sig + 32)));
            const int n = i2d_ECDSA_SIG(other, &want);
            memset(der, 0, sizeof der);
            ck_assert_uint_eq(sm2_signature_to_der(sig, der), (size_t)n);
            ck_assert_mem_eq(der, want, (size_t)n);
            ck_assert_int_eq(sm2_signature_from_der(der, (size_t)n, back), 0);
            ck_assert_mem_eq(back, sig, 64);
            ECDSA_SIG_free(other);
            OPENSSL_free(want);
        }
    }
}
END_TEST

START_TEST(signature_cut_and_extended)
{
    uint8_t sig[64], der[SM2_SIGNATURE_DER_MAX + 1] = {0};
    test_random(sig, 64);
    const size_t n = sm2_signature_to_der(sig, der);
    for (size_t i = 0; i < n; i++)
        ck_assert(!parses(der, i));
    ck_assert(parses(der, n));
    der[n] = 0;
    ck_assert(!parses(der, n + 1));
    der[1]++;
    ck_assert(!parses(der, n + 1)); /* the extra byte inside the sequence */
}
END_TEST

START_TEST(signature_mutations)
{
    uint8_t sig[64], der[SM2_SIGNATURE_DER_MAX], bad[SM2_SIGNATURE_DER_MAX + 4];
    number_of_size(sig, 32);
    number_of_size(sig + 32, 29);
    const size_t n = sm2_signature_to_der(sig, der);
    for (size_t i = 0; i < 8 * n; i++) {
        memcpy(bad, der, n);
        bad[i / 8] ^= (uint8_t)(1u << i % 8);
        (void)parses(bad, n);
    }
    for (int i = 0; i < FLIPS; i++) { /* bytes changed, taken out and put in */
        size_t size = n;
        memcpy(bad, der, n);
        for (uint32_t j = test_random_below(3) + 1; j > 0; j--) {
            const size_t at = test_random_below((uint32_t)size);
            if (test_random_below(3) == 0 && size < sizeof bad) {
                memmove(bad + at + 1, bad + at, size++ - at);
            } else if (test_random_below(2) && size > 1) {
                memmove(bad + at, bad + at + 1, --size - at);
                continue;
            }
            test_random(bad + at, 1);
        }
        (void)parses(bad, size);
    }
}
END_TEST

static const struct {
    const char *name, *der;
    int good;
} fixed[] = {
    {"smallest", "3006020101020101", 1},
    {"zeros", "3006020100020100", 1},
    {"top bit with its zero", "30070202008002010F", 1},
    {"needless zero", "30070202007F020101", 0},
    {"two needless zeros", "300802030000FF020101", 0},
    {"negative", "3006020180020101", 0},
    {"negative s", "30060201010201FF", 0},
    {"empty integer", "30050200020101", 0},
    {"empty sequence", "3000", 0},
    {"one integer", "3003020101", 0},
    {"three integers", "3009020101020101020101", 0},
    {"long length of sequence", "308106020101020101", 0},
    {"long length of integer", "300702810101020101", 0},
    {"indefinite length", "30800201010201010000", 0},
    {"length with leading zero", "30820006020101020101", 0},
    {"reserved length", "30FF020101020101", 0},
    {"length of lengths 9", "3089000000000000000006020101020101", 0},
    {"set for sequence", "3106020101020101", 0},
    {"primitive sequence tag", "1006020101020101", 0},
    {"octets for integer", "3006040101020101", 0},
    {"constructed integer", "3006220101020101", 0},
    {"high tag number", "3F3006020101020101", 0},
    {"integer past the sequence", "3006020101020201", 0},
    {"length past the end", "3007020101020101", 0},
    {"nothing", "", 0},
    {"tag only", "30", 0},
    {"257 bits",
     "3026022101000000000000000000000000000000000000000000000000000000000000"
     "0000"
     "02010F",
     0},
    {"256 bits",
     "3026022100FF00000000000000000000000000000000000000000000000000000000000000"
     "02010F",
     1},
    {"34 bytes",
     "302702220000FF00000000000000000000000000000000000000000000000000000000000000"
     "02010F",
     0},
};

static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; hex[2 * n] != 0; n++) {
        const char two[3] = {hex[2 * n], hex[2 * n + 1], 0};
        out[n] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

START_TEST(signature_fixed)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        uint8_t der[100];
        const size_t n = unhex(der, fixed[i].der);
        ck_assert_msg(parses(der, n) == fixed[i].good, "%s", fixed[i].name);
    }
}
END_TEST

/* ---- ciphertexts ---- */

static uint8_t raw[CIPHER_MAX + 200], der_room[CIPHER_MAX + 400], back[CIPHER_MAX + 400];

static int cipher_parses(const uint8_t *der, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1), *out = malloc(n + 16), *again;
    size_t size = 77;
    memcpy(exact, der, n);
    memset(out + n, 0x5A, 16);
    const int result = sm2_cipher_from_der(exact, n, out, &size);
    ck_assert(result == 0 || result == -1);
    for (size_t i = 0; i < 16; i++)
        ck_assert_uint_eq(out[n + i], 0x5A);
    if (result == 0) {
        ck_assert_uint_gt(size, SM2_CIPHER_OVERHEAD);
        ck_assert_uint_le(size, n);
        again = malloc(sm2_cipher_der_max(size - SM2_CIPHER_OVERHEAD));
        ck_assert_uint_eq(sm2_cipher_to_der(out, size, again), n);
        ck_assert_mem_eq(again, der, n);
        free(again);
    } else {
        ck_assert_uint_eq(size, 0);
    }
    free(exact);
    free(out);
    return result == 0;
}

START_TEST(cipher_sizes)
{
    static const size_t text[] = {1,   2,   16,  19,  126, 127,  128,   129,   150,   151,
                                  200, 254, 255, 256, 257, 1000, 65400, 65535, 65536, 65537};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        const size_t n = text[i] + SM2_CIPHER_OVERHEAD;
        size_t size;
        test_random(raw, n);
        for (int top = 0; top < 4; top++) {
            raw[0] = top & 1 ? 0x80 : 0x7F;
            raw[32] = top & 2 ? 0xFF : 0x01;
            const size_t der = sm2_cipher_to_der(raw, n, der_room);
            ck_assert_uint_le(der, sm2_cipher_der_max(text[i]));
            if (top == 3)
                ck_assert_uint_eq(der, sm2_cipher_der_max(text[i]));
            ck_assert_int_eq(sm2_cipher_from_der(der_room, der, back, &size), 0);
            ck_assert_uint_eq(size, n);
            ck_assert_mem_eq(back, raw, n);
            ck_assert(cipher_parses(der_room, der));
        }
    }
    for (size_t n = 0; n <= SM2_CIPHER_OVERHEAD; n++)
        ck_assert_uint_eq(sm2_cipher_to_der(raw, n, der_room), 0);
}
END_TEST

START_TEST(cipher_cut_and_mutated)
{
    enum { N = SM2_CIPHER_OVERHEAD + 140 };
    uint8_t bad[400];
    test_random(raw, N);
    raw[0] = 0; /* short by a byte */
    const size_t n = sm2_cipher_to_der(raw, N, der_room);
    for (size_t i = 0; i < n; i++)
        ck_assert(!cipher_parses(der_room, i));
    ck_assert(cipher_parses(der_room, n));
    der_room[n] = 0;
    ck_assert(!cipher_parses(der_room, n + 1));
    for (size_t i = 0; i < 8 * n; i++) {
        memcpy(bad, der_room, n);
        bad[i / 8] ^= (uint8_t)(1u << i % 8);
        (void)cipher_parses(bad, n);
    }
    for (int i = 0; i < FLIPS; i++) {
        size_t size = n;
        memcpy(bad, der_room, n);
        for (int j = 0; j < 2; j++) {
            const size_t at =
                test_random_below(2) ? test_random_below(90) : test_random_below((uint32_t)size);
            if (test_random_below(3) == 0)
                memmove(bad + at + 1, bad + at, size++ - at);
            else if (test_random_below(2))
                memmove(bad + at, bad + at + 1, --size - at);
            bad[at] = (uint8_t)test_random_below(256);
        }
        (void)cipher_parses(bad, size);
    }
}
END_TEST

/*
 * Coordinates so short that C1 || C3 || C2 is longer than the DER: refused, nothing written past
 * n.
 */
START_TEST(cipher_shorter_than_raw)
{
    for (size_t x = 0; x <= 32; x++) {
        for (size_t y = 0; y <= 32; y++) {
            enum { N = SM2_CIPHER_OVERHEAD + 5 };
            test_random(raw, N);
            memset(raw, 0, 64);
            if (x)
                raw[32 - x] = 0x7F;
            if (y)
                raw[64 - y] = 0x7F;
            const size_t n = sm2_cipher_to_der(raw, N, der_room);
            ck_assert_int_eq(cipher_parses(der_room, n), n >= N);
        }
    }
}
END_TEST

START_TEST(cipher_fixed)
{
    static const struct {
        const char *name, *change;
    } bad[] = {
        {"hash of 31 bytes", "h31"}, {"hash of 33 bytes", "h33"}, {"empty text", "t0"},
        {"octets for x", "x"},       {"integer for hash", "h"},   {"text missing", "cut"},
        {"negative y", "neg"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t d[300] = {0x30, 0}, *p = d + 2;
        const char *c = bad[i].change;
        const size_t hash = strcmp(c, "h31") == 0 ? 31 : strcmp(c, "h33") == 0 ? 33 : 32;
        const size_t text = strcmp(c, "t0") == 0 ? 0 : 10;
        *p++ = strcmp(c, "x") == 0 ? 4 : 2;
        *p++ = 32;
        memset(p, 0x11, 32);
        p += 32;
        *p++ = 2;
        *p++ = 32;
        memset(p, strcmp(c, "neg") == 0 ? 0x91 : 0x22, 32);
        p += 32;
        *p++ = strcmp(c, "h") == 0 ? 2 : 4;
        *p++ = (uint8_t)hash;
        memset(p, 0x33, hash);
        p += hash;
        if (strcmp(c, "cut") != 0) {
            *p++ = 4;
            *p++ = (uint8_t)text;
            memset(p, 0x44, text);
            p += text;
        }
        d[1] = (uint8_t)(p - d - 2);
        ck_assert_msg(!cipher_parses(d, (size_t)(p - d)), "%s", bad[i].name);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sm2_der");
    TCase *t = tcase_create("sm2_der");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, signature_against_openssl);
    tcase_add_test(t, signature_cut_and_extended);
    tcase_add_test(t, signature_mutations);
    tcase_add_test(t, signature_fixed);
    tcase_add_test(t, cipher_sizes);
    tcase_add_test(t, cipher_cut_and_mutated);
    tcase_add_test(t, cipher_shorter_than_raw);
    tcase_add_test(t, cipher_fixed);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
