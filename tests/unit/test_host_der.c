/* libhufu's DER: the known values, OpenSSL as the other reader and writer, and everything that is
 * not DER. */
#include <check.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "host/lib/lib.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { ROUNDS = 2000 };

static size_t hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; *text; text += 2)
        sscanf(text, "%2hhx", &out[n++]);
    return n;
}

/* A number of any length with any first bytes, as OpenSSL writes it. */
static void random_number(uint8_t out[32])
{
    test_random(out, 32);
    const uint32_t zeros = test_random_below(40);
    memset(out, 0, zeros > 32 ? 0 : zeros);
    if (zeros == 32)
        out[31] = (uint8_t)test_random_below(2);
}

static size_t openssl_signature(const uint8_t raw[64], uint8_t *der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    uint8_t *p = der;
    ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
    const int n = i2d_ECDSA_SIG(sig, &p);
    ECDSA_SIG_free(sig);
    ck_assert_int_gt(n, 0);
    return (size_t)n;
}

START_TEST(signatures)
{
    test_seed();
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t raw[64], back[64], der[80], other[80];
        size_t n = 0;
        random_number(raw);
        random_number(raw + 32);
        ck_assert_int_eq(hufu_sm2_signature_to_der(raw, der, &n), HUFU_OK);
        ck_assert_uint_eq(n, openssl_signature(raw, other));
        ck_assert(!memcmp(der, other, n));
        ck_assert_int_eq(hufu_sm2_signature_from_der(der, n, back), HUFU_OK);
        ck_assert(!memcmp(raw, back, 64));
        for (size_t cut = 0; cut < n; cut++)
            ck_assert_int_eq(hufu_sm2_signature_from_der(der, cut, back), HUFU_E_FORMAT);
        der[n] = 0;
        ck_assert_int_eq(hufu_sm2_signature_from_der(der, n + 1, back), HUFU_E_FORMAT);
    }
}
END_TEST

START_TEST(signatures_that_are_none)
{
    static const char *const bad[] = {
        "",
        "3000",
        "3003020101",             /* one number */
        "30090201010201010201",   /* cut */
        "3009020101020101020101", /* three numbers */
        "3007020200010201"
        "01",               /* a zero too many */
        "30060201FF020101", /* negative */
        "3006020180020101", /* negative */
        "300502000201"
        "01", /* empty */
        "3080020101020101"
        "0000",               /* no length */
        "308106020101020101", /* long form for a short length */
        "30820006020101020101",
        "3006030101020101", /* no INTEGER */
        "3106020101020101", /* no SEQUENCE */
        "30280222010000000000000000000000000000000000000000000000000000000000000000000201"
        "01",
        "302602210100000000000000000000000000000000000000000000000000000000000000000201"
        "01",
    };
    uint8_t der[200], raw[64];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const size_t n = hex(bad[i], der);
        ck_assert_int_eq(hufu_sm2_signature_from_der(der, n, raw), HUFU_E_FORMAT);
    }
    const size_t n = hex("3006020101020100", der);
    ck_assert_int_eq(hufu_sm2_signature_from_der(der, n, raw), HUFU_OK);
}
END_TEST

START_TEST(known_ciphertext)
{
    /* GB/T 32918.5: C1, C3, C2 of "encryption standard" */
    uint8_t raw[96 + 19], der[200], back[200];
    size_t n = sizeof der, m = sizeof back;
    hex("04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
        "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
        "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
        "21886CA989CA9C7D58087307CA93092D651EFA",
        raw);
    ck_assert_int_eq(hufu_sm2_cipher_to_der(raw, sizeof raw, der, &n), HUFU_OK);
    ck_assert_uint_eq(n, 126);
    ck_assert(!memcmp(der, "\x30\x7C\x02\x20\x04\xEB", 6));
    ck_assert_int_eq(hufu_sm2_cipher_from_der(der, n, back, &m), HUFU_OK);
    ck_assert_uint_eq(m, sizeof raw);
    ck_assert(!memcmp(raw, back, m));
}
END_TEST

START_TEST(ciphertexts)
{
    static uint8_t raw[96 + 70000], der[96 + 70100], back[96 + 70100];
    static const size_t sizes[] = {0,   1,   15,  16,  30,  31,  32,    120,   127,
                                   128, 150, 155, 160, 255, 256, 65535, 65536, 70000};
    test_seed();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = 96 + sizes[i];
        size_t n = 0, m = 0;
        test_random(raw, size);
        random_number(raw);
        ck_assert_int_eq(hufu_sm2_cipher_to_der(raw, size, der, &n), HUFU_E_ROOM);
        ck_assert_uint_le(n, size + 24);
        n--;
        ck_assert_int_eq(hufu_sm2_cipher_to_der(raw, size, der, &n), HUFU_E_ROOM);
        ck_assert_int_eq(hufu_sm2_cipher_to_der(raw, size, der, &n), HUFU_OK);
        ck_assert_int_eq(hufu_sm2_cipher_from_der(der, n, back, &m), HUFU_E_ROOM);
        ck_assert_uint_eq(m, size);
        ck_assert_int_eq(hufu_sm2_cipher_from_der(der, n, back, &m), HUFU_OK);
        ck_assert_uint_eq(m, size);
        ck_assert(!memcmp(raw, back, size));
        for (size_t cut = 0; cut < n; cut += 1 + cut / 50) {
            m = sizeof back;
            ck_assert_int_eq(hufu_sm2_cipher_from_der(der, cut, back, &m), HUFU_E_FORMAT);
        }
    }
    size_t n = sizeof der;
    ck_assert_int_eq(hufu_sm2_cipher_to_der(raw, 95, der, &n), HUFU_E_FORMAT);
}
END_TEST

/* ------------------------------------------------------------------ public keys */

static EVP_PKEY *new_key(int kind)
{
    if (kind > 3)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind == 4 ? "P-256" : "P-384");
    return kind == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "SM2")
                     : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(1024 * (kind + 1)));
}

START_TEST(public_keys)
{
    static const uint8_t types[] = {HUFU_KEY_SM2,     HUFU_KEY_RSA2048, HUFU_KEY_RSA3072,
                                    HUFU_KEY_RSA4096, HUFU_KEY_P256,    HUFU_KEY_P384};
    for (int kind = 0; kind < 6; kind++) {
        EVP_PKEY *key = new_key(kind);
        uint8_t *want = NULL, der[600], public_key[HUFU_PUBLIC_MAX], type = 0;
        size_t n = 0, size = 0;
        ck_assert_ptr_nonnull(key);
        const int want_size = i2d_PUBKEY(key, &want);
        ck_assert_int_gt(want_size, 0);
        ck_assert_int_eq(hufu_public_from_spki(want, (size_t)want_size, &type, public_key, &size),
                         HUFU_OK);
        ck_assert_uint_eq(type, types[kind]);
        ck_assert_uint_eq(size, hufu_public_size(type));
        ck_assert_int_eq(hufu_public_to_spki(type, public_key, size, der, &n), HUFU_OK);
        ck_assert_uint_eq(n, (size_t)want_size);
        ck_assert(!memcmp(der, want, n));
        for (size_t cut = 0; cut < n; cut++)
            ck_assert_int_eq(hufu_public_from_spki(der, cut, &type, public_key, &size),
                             HUFU_E_FORMAT);
        ck_assert_int_eq(hufu_public_to_spki(type, public_key, size - 1, der, &n), HUFU_E_ARGUMENT);
        OPENSSL_free(want);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(other_public_keys)
{
    EVP_PKEY *keys[] = {EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"),
                        EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024),
                        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
                        EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2056)};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint8_t *der = NULL, public_key[HUFU_PUBLIC_MAX], type;
        size_t size;
        const int n = i2d_PUBKEY(keys[i], &der);
        ck_assert_int_gt(n, 0);
        ck_assert_int_eq(hufu_public_from_spki(der, (size_t)n, &type, public_key, &size),
                         HUFU_E_NOT_SUPPORTED);
        OPENSSL_free(der);
        EVP_PKEY_free(keys[i]);
    }
    uint8_t public_key[HUFU_PUBLIC_MAX], der[600];
    size_t n;
    ck_assert_int_eq(hufu_public_to_spki(HUFU_KEY_SM4, public_key, 0, der, &n), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_public_to_spki(99, public_key, 64, der, &n), HUFU_E_ARGUMENT);
}
END_TEST

/* Whatever is taken is given back byte for byte: there is one encoding of each value. */
START_TEST(one_encoding)
{
    uint8_t raw[64], der[80], again[80];
    test_seed();
    for (int i = 0; i < 50 * ROUNDS; i++) {
        size_t n, m;
        random_number(raw);
        random_number(raw + 32);
        hufu_sm2_signature_to_der(raw, der, &n);
        der[test_random_below((uint32_t)n)] = (uint8_t)test_random_below(256);
        if (hufu_sm2_signature_from_der(der, n, raw))
            continue;
        ck_assert_int_eq(hufu_sm2_signature_to_der(raw, again, &m), HUFU_OK);
        ck_assert_uint_eq(n, m);
        ck_assert(!memcmp(der, again, n));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host DER");
    TCase *t = tcase_create("der");
    tcase_add_test(t, signatures);
    tcase_add_test(t, signatures_that_are_none);
    tcase_add_test(t, known_ciphertext);
    tcase_add_test(t, ciphertexts);
    tcase_add_test(t, public_keys);
    tcase_add_test(t, other_public_keys);
    tcase_add_test(t, one_encoding);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return suite_run(s);
}
