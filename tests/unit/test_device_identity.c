/* What the device states of itself and of its keys; OpenSSL is the judge of its certificates. */
#include <check.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware/app/core.h"
#include "firmware/app/der.h"
#include "firmware/app/x509.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static X509 *device; /* its own certificate */

static void distid(X509 *x)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    ck_assert(ASN1_OCTET_STRING_set(id, sm2_default_id, sizeof sm2_default_id));
    X509_set0_distinguishing_id(x, id);
}

static X509 *certificate(struct view der)
{
    const uint8_t *p = der.data;
    X509 *x = d2i_X509(NULL, &p, (long)der.size);
    ck_assert_ptr_nonnull(x);
    ck_assert_ptr_eq(p, der.data + der.size);
    distid(x);
    return x;
}

static X509 *own_certificate(void)
{
    struct identity_certificate_rsp r;
    MUST(do_identity_certificate(&dv, 0, &(struct identity_certificate_req){0}, &r));
    return certificate(r.certificate);
}

static void on(void)
{
    dev_prepare(&dv);
    dv.now = 1795000000000; /* in 2026 */
    dev_start(&dv);
    dev_init(&dv, 0);
    device = own_certificate();
}

static void off(void)
{
    X509_free(device);
    dev_close(&dv);
}

START_TEST(own)
{
    struct identity_rsp r;
    uint8_t *spki = NULL;
    ck_assert_int_eq(X509_verify(device, X509_get0_pubkey(device)), 1);
    ck_assert_int_eq(X509_check_ca(device), 1);
    ck_assert_int_eq(X509_get_pathlen(device), 0);
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &r));
    const int n = i2d_PUBKEY(X509_get0_pubkey(device), &spki);
    ck_assert_int_gt(n, 64);
    ck_assert_mem_eq(spki + n - 64, r.public, 64);
    OPENSSL_free(spki);
    dev_reboot(&dv);
    X509 *again = own_certificate();
    ck_assert_int_eq(X509_cmp(again, device), 0);
    X509_free(again);
}
END_TEST

/* The statement, read back; key: what the certificate is of. */
static void attested(uint16_t ch, uint32_t handle, uint8_t type)
{
    const uint8_t nonce[64] = {1, 2, 3};
    uint8_t pub[LIMIT_PUBLIC_MAX];
    struct attest_certificate_rsp r;
    struct key_statement s;
    struct key_policy p;
    struct rd in;
    const size_t n = dev_public(&dv, ch, handle, pub);
    MUST(do_attest_certificate(
        &dv, ch, &(struct attest_certificate_req){handle, {nonce, sizeof nonce}}, &r));
    X509 *x = certificate(r.certificate);
    ck_assert_int_eq(X509_verify(x, X509_get0_pubkey(device)), 1);
    ck_assert_int_eq(X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(device)), 0);
    ASN1_OBJECT *oid = OBJ_txt2obj("2.25.125010599781704000294229025733595844112.1", 1);
    X509_EXTENSION *e = X509_get_ext(x, X509_get_ext_by_OBJ(x, oid, -1));
    ck_assert_ptr_nonnull(e);
    const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(e);
    rd_init(&in, ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
    ck_assert(key_statement_get(&in, &s) && key_policy_get(&in, &p) && rd_done(&in));
    ck_assert_uint_eq(s.version, 2);
    ck_assert_uint_eq(p.uses, 0);
    ck_assert_uint_eq(s.handle, handle);
    ck_assert_uint_eq(s.type, type);
    ck_assert_uint_eq(s.public.size, n);
    ck_assert_mem_eq(s.public.data, pub, n);
    ck_assert_mem_eq(s.nonce.data, nonce, sizeof nonce);
    ck_assert_mem_eq(s.serial, dv.d->identity.serial, DEVICE_SERIAL);
    ASN1_OBJECT_free(oid);
    X509_free(x);
}

START_TEST(keys)
{
    const uint16_t user = dev_login(&dv, DEV_USER), operator= dev_login(&dv, DEV_OPERATOR);
    const uint8_t types[] = {KEY_SM2, KEY_RSA2048, KEY_RSA4096, KEY_P256, KEY_P384};
    uint32_t handle = 0;
    for (size_t i = 0; i < sizeof types; i++) {
        handle = dev_key(&dv, user, types[i], USAGE_SIGN);
        attested(user, handle, types[i]);
        attested(operator, handle, types[i]);
    }
    handle = dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT);
    MUST_BE(SW_KEY_TYPE, do_attest_certificate(
                             &dv, user, &(struct attest_certificate_req){.handle = handle}, NULL));
    MUST_BE(SW_NO_OBJECT, do_attest(&dv, user, &(struct attest_req){.handle = handle + 1}, NULL));
    MUST_BE(SW_NOT_AUTHORISED,
            do_attest(&dv, dev_session(&dv), &(struct attest_req){.handle = handle}, NULL));
}
END_TEST

START_TEST(statement)
{
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    struct attest_rsp r;
    struct identity_rsp i;
    uint8_t m[1024], signature[64], e[32];
    MUST(do_attest(&dv, user, &(struct attest_req){.handle = handle}, &r));
    const size_t n = r.statement.size;
    memcpy(m, r.statement.data, n);
    memcpy(signature, r.signature, sizeof signature);
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &i));
    ck_assert_int_eq(sm2_digest(sm2_default_id, sizeof sm2_default_id, i.public, m, n, e), 0);
    ck_assert_int_eq(sm2_verify(dv.d->engine->sm2, i.public, e, signature), 0);
    m[n / 2] ^= 1;
    ck_assert_int_eq(sm2_digest(sm2_default_id, sizeof sm2_default_id, i.public, m, n, e), 0);
    ck_assert_int_ne(sm2_verify(dv.d->engine->sm2, i.public, e, signature), 0);
}
END_TEST

/* A CA of the owner's: its certificate replaces the device's own one, and attestations follow it.
 */
START_TEST(owners_ca)
{
    struct identity_request_rsp r;
    const uint16_t admin = dev_login(&dv, DEV_ADMIN), user = dev_login(&dv, DEV_USER);
    MUST_BE(SW_NOT_AUTHORISED,
            do_identity_request(&dv, user, &(struct identity_request_req){0}, NULL));
    MUST(do_identity_request(&dv, admin, &(struct identity_request_req){0}, &r));
    const uint8_t *p = r.request.data;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)r.request.size);
    ck_assert_ptr_nonnull(req);
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    ck_assert(ASN1_OCTET_STRING_set(id, sm2_default_id, sizeof sm2_default_id));
    X509_REQ_set0_distinguishing_id(req, id);
    ck_assert_int_eq(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);

    EVP_PKEY *ca = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    uint8_t *der = NULL;
    ck_assert(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 5));
    ck_assert(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                         (const unsigned char *)"another name", -1, -1, 0));
    ck_assert(X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_UTF8,
                                         (const unsigned char *)"owner", -1, -1, 0));
    ck_assert(X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
              X509_gmtime_adj(X509_getm_notAfter(x), 999));
    ck_assert(X509_set_pubkey(x, ca) && X509_sign(x, ca, EVP_sha256()));
    int n = i2d_X509(x, &der);
    const struct identity_install_req wrong = {{der, (size_t)n}};
    MUST_BE(SW_WRONG_DATA, do_identity_install(&dv, admin, &wrong, NULL)); /* of another key */
    OPENSSL_free(der);
    der = NULL;
    ck_assert(X509_set_pubkey(x, X509_REQ_get0_pubkey(req)) && X509_sign(x, ca, EVP_sha256()));
    n = i2d_X509(x, &der);
    const struct identity_install_req right = {{der, (size_t)n}};
    MUST_BE(SW_NOT_AUTHORISED, do_identity_install(&dv, user, &right, NULL));
    MUST(do_identity_install(&dv, admin, &right, NULL));
    dev_reboot(&dv);
    X509_free(device);
    device = own_certificate();
    ck_assert_int_eq(X509_cmp(device, x), 0);
    const uint16_t again = dev_login(&dv, DEV_USER);
    attested(again, dev_key(&dv, again, KEY_SM2, USAGE_SIGN), KEY_SM2);
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(ca);
    X509_REQ_free(req);
}
END_TEST

/* The largest certificate of the device that is taken, and the largest statement. */
START_TEST(large)
{
    uint8_t text[64];
    const uint16_t admin = dev_login(&dv, DEV_ADMIN), user = dev_login(&dv, DEV_USER);
    EVP_PKEY *ca = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    uint8_t *der = NULL;
    int n;
    memset(text, 'a', sizeof text);
    ck_assert(X509_set_pubkey(x, X509_get0_pubkey(device)));
    ck_assert(X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
              X509_gmtime_adj(X509_getm_notAfter(x), 999));
    do {
        OPENSSL_free(der);
        der = NULL;
        ck_assert(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "OU", MBSTRING_UTF8, text,
                                             sizeof text, -1, 0));
        ck_assert(X509_sign(x, ca, EVP_sha256()));
        n = i2d_X509(x, &der);
    } while (n < LIMIT_CERTIFICATE_MAX - 80);
    MUST(do_identity_install(&dv, admin, &(struct identity_install_req){{der, (size_t)n}}, NULL));
    X509_free(device);
    device = own_certificate();
    const uint32_t handle = dev_key(&dv, user, KEY_RSA4096, USAGE_SIGN);
    MUST(do_object_label(
        &dv, user,
        &(struct object_label_req){handle, {text, LIMIT_LABEL_MAX}, {text, LIMIT_ID_MAX}}, NULL));
    attested(user, handle, KEY_RSA4096);
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(ca);
}
END_TEST

/* Whatever is installed, only whole certificates of the device's key are taken. */
START_TEST(malformed)
{
    struct identity_certificate_rsp r;
    uint8_t der[1024], pub[SM2_POINT];
    struct identity_rsp i;
    struct view subject;
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &i));
    memcpy(pub, i.public, sizeof pub);
    MUST(do_identity_certificate(&dv, 0, &(struct identity_certificate_req){0}, &r));
    const size_t n = r.certificate.size;
    memcpy(der, r.certificate.data, n);
    ck_assert(x509_subject((struct view){der, n}, pub, &subject));
    for (size_t k = 0; k < n; k++)
        ck_assert(!x509_subject((struct view){der, k}, pub, &subject));
    ck_assert(!x509_subject((struct view){der, n + 1}, pub, &subject));
    test_seed();
    for (int turn = 0; turn < 20000; turn++) {
        const size_t at = test_random_below((uint32_t)n);
        const uint8_t was = der[at];
        test_random(&der[at], 1);
        if (x509_subject((struct view){der, n}, pub, &subject))
            ck_assert(subject.data > der && subject.data + subject.size < der + n);
        der[at] = was;
    }
    pub[63] ^= 1;
    ck_assert(!x509_subject((struct view){der, n}, pub, &subject));
}
END_TEST

/* Dates by libc's calendar; from 2050 on they have four digits of the year. */
START_TEST(dates)
{
    static const uint64_t seconds[] = {0,          951782399,  951782400,  951868800,  1709164800,
                                       1709251199, 2524607999, 2524608000, 4107542400, 7258118399};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        uint8_t room[X509_MAX];
        struct identity_key key;
        struct x509 x;
        struct tm t, want;
        const time_t at = (time_t)seconds[i];
        dv.now = seconds[i] * 1000;
        MUST(identity_load(dv.d, &key));
        x509_begin(&x, room, sizeof room);
        MUST(x509_device(dv.d, &x, &key, dv.d->identity.serial));
        X509 *c = certificate(x.der);
        ck_assert(ASN1_TIME_to_tm(X509_get0_notBefore(c), &t));
        gmtime_r(&at, &want);
        ck_assert_int_eq(timegm(&t), at);
        ck_assert_int_eq(X509_get0_notBefore(c)->type == V_ASN1_GENERALIZEDTIME,
                         want.tm_year >= 150);
        X509_free(c);
    }
}
END_TEST

/* Less room than it takes, down to none: an error, and nothing beyond the room is touched. */
START_TEST(little_room)
{
    uint8_t room[X509_MAX];
    struct identity_key key;
    struct x509 x;
    MUST(identity_load(dv.d, &key));
    x509_begin(&x, room, sizeof room);
    MUST(x509_device(dv.d, &x, &key, dv.d->identity.serial));
    const size_t needed = x.der.size;
    for (size_t n = 0; n < needed; n++) {
        memset(room, 0xA5, sizeof room);
        x509_begin(&x, room, n);
        const uint16_t sw = x509_device(dv.d, &x, &key, dv.d->identity.serial);
        /* a signature may be a few bytes shorter than the first one's */
        ck_assert(sw == SW_RESPONSE_TOO_BIG || (sw == SW_OK && n + 8 > needed));
        for (size_t i = n; i < n + 64; i++)
            ck_assert_uint_eq(room[i], 0xA5);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_identity");
    TCase *t = suite_case(s, "identity", 120, on, off);
    tcase_add_test(t, own);
    tcase_add_test(t, keys);
    tcase_add_test(t, statement);
    tcase_add_test(t, owners_ca);
    tcase_add_test(t, large);
    tcase_add_test(t, malformed);
    tcase_add_test(t, dates);
    tcase_add_test(t, little_room);
    return suite_run(s);
}
