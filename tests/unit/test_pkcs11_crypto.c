/* The PKCS#11 module: what its mechanisms give, with libcrypto as the judge, and the rules of
 * operations. */
#include "tests/lib/run.h"
#include "tests/unit/p11_tools.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>

static const CK_BYTE text[] = "The quick brown fox jumps over the lazy dog, and again and again.";
enum { TEXT_SIZE = sizeof text - 1 };
static CK_BYTE *const message = (CK_BYTE *)(uintptr_t)text;

static EVP_PKEY *public_of(CK_OBJECT_HANDLE o)
{
    CK_BYTE der[1024];
    const CK_BYTE *p = der;
    const CK_ULONG n = get(o, CKA_PUBLIC_KEY_INFO, der, sizeof der);
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)n);
    ck_assert_ptr_nonnull(key);
    return key;
}

static CK_ULONG sign(CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG n, CK_BYTE *out)
{
    CK_ULONG size = 512;
    OK(f->C_SignInit(session, m, key));
    OK(f->C_Sign(session, data, n, out, &size));
    return size;
}

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG n, CK_BYTE *sig,
                    CK_ULONG size)
{
    OK(f->C_VerifyInit(session, m, key));
    return f->C_Verify(session, data, n, sig, size);
}

/* Good, and not when anything is changed; in parts, too. */
static void round_trip(CK_MECHANISM *m, struct pair p, CK_BYTE *data, CK_ULONG n, bool parts)
{
    CK_BYTE signature[512];
    CK_ULONG size = sign(m, p.private, data, n, signature);
    OK(verify(m, p.public, data, n, signature, size));
    signature[size / 2] ^= 1;
    IS(verify(m, p.public, data, n, signature, size), CKR_SIGNATURE_INVALID);
    IS(verify(m, p.public, data, n, signature, size - 1), CKR_SIGNATURE_LEN_RANGE);
    signature[size / 2] ^= 1;
    if (!parts)
        return;
    OK(f->C_VerifyInit(session, m, p.public));
    OK(f->C_VerifyUpdate(session, data, 1));
    OK(f->C_VerifyUpdate(session, NULL, 0)); /* nothing is something */
    OK(f->C_VerifyUpdate(session, data, 0));
    OK(f->C_VerifyUpdate(session, data + 1, n - 1));
    OK(f->C_VerifyFinal(session, signature, size));
    size = sizeof signature;
    OK(f->C_SignInit(session, m, p.private));
    OK(f->C_SignUpdate(session, data, n - 1));
    OK(f->C_SignUpdate(session, data, 0));
    OK(f->C_SignUpdate(session, data + n - 1, 1));
    OK(f->C_SignFinal(session, signature, &size));
    OK(verify(m, p.public, data, n, signature, size));
}

/* ------------------------------------------------------------------ RSA */

static int openssl_verifies(CK_OBJECT_HANDLE public, const char *md, int padding, int salt,
                            const char *mgf, const CK_BYTE *signature, CK_ULONG size)
{
    EVP_PKEY *key = public_of(public);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p;
    ck_assert_int_gt(EVP_DigestVerifyInit_ex(c, &p, md, NULL, NULL, key, NULL), 0);
    ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_padding(p, padding), 0);
    if (padding == RSA_PKCS1_PSS_PADDING) {
        EVP_PKEY_CTX_set_rsa_pss_saltlen(p, salt);
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(p, mgf, NULL);
    }
    const int good = EVP_DigestVerify(c, signature, size, text, TEXT_SIZE);
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    return good;
}

START_TEST(rsa_pkcs1)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *md;
    } all[] = {{CKM_SHA1_RSA_PKCS, "SHA1"},
               {CKM_SHA224_RSA_PKCS, "SHA224"},
               {CKM_SHA256_RSA_PKCS, "SHA256"},
               {CKM_SHA384_RSA_PKCS, "SHA384"},
               {CKM_SHA512_RSA_PKCS, "SHA512"}};
    CK_BYTE signature[512];
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa");
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_MECHANISM m = {all[i].type, NULL, 0};
        const CK_ULONG n = sign(&m, p.private, message, TEXT_SIZE, signature);
        ck_assert_uint_eq(n, 256);
        ck_assert_int_eq(
            openssl_verifies(p.public, all[i].md, RSA_PKCS1_PADDING, 0, NULL, signature, n), 1);
        round_trip(&m, p, message, TEXT_SIZE, true);
    }
    CK_MECHANISM plain = {CKM_RSA_PKCS, NULL, 0};
    round_trip(&plain, p, message, TEXT_SIZE, true);
    CK_BYTE big[300] = {1};
    CK_ULONG size = sizeof signature;
    OK(f->C_SignInit(session, &plain, p.private));
    IS(f->C_Sign(session, big, 246, signature, &size), CKR_DATA_LEN_RANGE);
    IS(f->C_Sign(session, big, 1, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
    round_trip(&plain, p, big, 245, false);
    /* recovery */
    CK_BYTE back[256];
    CK_ULONG n = sizeof back;
    size = sizeof signature;
    OK(f->C_SignRecoverInit(session, &plain, p.private));
    OK(f->C_SignRecover(session, message, 20, signature, &size));
    OK(f->C_VerifyRecoverInit(session, &plain, p.public));
    OK(f->C_VerifyRecover(session, signature, size, back, &n));
    ck_assert_uint_eq(n, 20);
    ck_assert_int_eq(memcmp(back, text, 20), 0);
    end();
}
END_TEST

START_TEST(rsa_pss)
{
    static const struct {
        CK_MECHANISM_TYPE type, hash;
        CK_ULONG mgf, salt;
        const char *md, *mgf_name;
    } all[] = {
        {CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32, "SHA256", "SHA256"},
        {CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 48, "SHA384", "SHA384"},
        {CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 0, "SHA512", "SHA512"},
        {CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224, CKG_MGF1_SHA224, 28, "SHA224", "SHA224"},
        {CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, 20, "SHA1", "SHA1"},
        {CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA1, 222, "SHA256", "SHA1"},
        {CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA256, 0, "SHA512", "SHA256"},
    };
    CK_BYTE signature[512];
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa");
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_RSA_PKCS_PSS_PARAMS pss = {all[i].hash, all[i].mgf, all[i].salt};
        CK_MECHANISM m = {all[i].type, &pss, sizeof pss};
        const CK_ULONG n = sign(&m, p.private, message, TEXT_SIZE, signature);
        ck_assert_msg(openssl_verifies(p.public, all[i].md, RSA_PKCS1_PSS_PADDING, (int)all[i].salt,
                                       all[i].mgf_name, signature, n) == 1,
                      "%zu", i);
        round_trip(&m, p, message, TEXT_SIZE, true);
    }
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM m = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
    round_trip(&m, p, message, 32, false);
    CK_ULONG size = sizeof signature;
    OK(f->C_SignInit(session, &m, p.private));
    IS(f->C_Sign(session, message, 31, signature, &size), CKR_DATA_LEN_RANGE);
    pss.sLen = 223; /* one more than there is room for */
    IS(f->C_SignInit(session, &m, p.private), CKR_MECHANISM_PARAM_INVALID);
    IS(f->C_VerifyInit(session, &m, p.public), CKR_MECHANISM_PARAM_INVALID);
    pss.sLen = 32;
    pss.hashAlg = CKM_SHA384;
    m.mechanism = CKM_SHA256_RSA_PKCS_PSS;
    IS(f->C_SignInit(session, &m, p.private), CKR_MECHANISM_PARAM_INVALID);
    m.ulParameterLen = 0;
    IS(f->C_SignInit(session, &m, p.private), CKR_MECHANISM_PARAM_INVALID);
    end();
}
END_TEST

START_TEST(rsa_raw)
{
    CK_BYTE number[256] = {0, 1, 2, 3}, out[256], back[256];
    CK_MECHANISM m = {CKM_RSA_X_509, NULL, 0};
    CK_ULONG n = sizeof out;
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa");
    OK(f->C_EncryptInit(session, &m, p.public));
    OK(f->C_Encrypt(session, number, sizeof number, out, &n));
    n = sizeof back;
    OK(f->C_DecryptInit(session, &m, p.private));
    OK(f->C_Decrypt(session, out, sizeof out, back, &n));
    ck_assert_uint_eq(n, 256);
    ck_assert_int_eq(memcmp(back, number, 256), 0);
    round_trip(&m, p, number, sizeof number, false);
    round_trip(&m, p, message, 20, false);
    memset(number, 0xff, sizeof number);
    n = sizeof out;
    OK(f->C_SignInit(session, &m, p.private));
    IS(f->C_Sign(session, number, sizeof number, out, &n), CKR_DATA_INVALID);
    end();
}
END_TEST

START_TEST(rsa_encryption)
{
    static const struct {
        CK_MECHANISM_TYPE hash;
        CK_ULONG mgf;
        const char *md, *mgf_name;
    } all[] = {{CKM_SHA_1, CKG_MGF1_SHA1, "SHA1", "SHA1"},
               {CKM_SHA224, CKG_MGF1_SHA224, "SHA224", "SHA224"},
               {CKM_SHA256, CKG_MGF1_SHA256, "SHA256", "SHA256"},
               {CKM_SHA384, CKG_MGF1_SHA384, "SHA384", "SHA384"},
               {CKM_SHA512, CKG_MGF1_SHA512, "SHA512", "SHA512"},
               {CKM_SHA256, CKG_MGF1_SHA1, "SHA256", "SHA1"}};
    CK_BYTE cipher[256], back[256];
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa");
    EVP_PKEY *key = public_of(p.public);
    for (size_t i = 0; i < COUNT(all); i++)
        for (int labelled = 0; labelled < 2; labelled++) {
            CK_RSA_PKCS_OAEP_PARAMS o = {all[i].hash, all[i].mgf, CKZ_DATA_SPECIFIED,
                                         labelled ? message : NULL, labelled ? 7 : 0};
            CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &o, sizeof o};
            CK_ULONG n = sizeof cipher, k = sizeof back;
            OK(f->C_EncryptInit(session, &m, p.public));
            OK(f->C_Encrypt(session, message, 50, cipher, &n));
            OK(f->C_DecryptInit(session, &m, p.private));
            OK(f->C_Decrypt(session, cipher, n, back, &k));
            ck_assert_uint_eq(k, 50);
            ck_assert_int_eq(memcmp(back, text, 50), 0);
            EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL); /* what OpenSSL encrypts */
            size_t size = sizeof cipher;
            EVP_PKEY_encrypt_init(c);
            EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING);
            EVP_PKEY_CTX_set_rsa_oaep_md_name(c, all[i].md, NULL);
            EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, all[i].mgf_name, NULL);
            if (labelled)
                EVP_PKEY_CTX_set0_rsa_oaep_label(c, OPENSSL_memdup(text, 7), 7);
            ck_assert_int_gt(EVP_PKEY_encrypt(c, cipher, &size, text, 50), 0);
            EVP_PKEY_CTX_free(c);
            k = sizeof back;
            OK(f->C_DecryptInit(session, &m, p.private));
            OK(f->C_Decrypt(session, cipher, size, back, &k));
            ck_assert_int_eq(memcmp(back, text, 50), 0);
            cipher[100] ^= 1;
            OK(f->C_DecryptInit(session, &m, p.private));
            IS(f->C_Decrypt(session, cipher, size, back, &k), CKR_ENCRYPTED_DATA_INVALID);
        }
    EVP_PKEY_free(key);
    CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0};
    CK_ULONG n = sizeof cipher, k = 0;
    OK(f->C_EncryptInit(session, &m, p.public));
    OK(f->C_Encrypt(session, message, 16, cipher, &n));
    OK(f->C_DecryptInit(session, &m, p.private));
    OK(f->C_Decrypt(session, cipher, n, NULL, &k)); /* at most so much */
    ck_assert_uint_ge(k, 16);
    k = 15;
    IS(f->C_Decrypt(session, cipher, n, back, &k), CKR_BUFFER_TOO_SMALL);
    k = 16; /* what it takes is enough */
    OK(f->C_Decrypt(session, cipher, n, back, &k));
    ck_assert_uint_eq(k, 16);
    OK(f->C_DecryptInit(session, &m, p.private));
    IS(f->C_Decrypt(session, cipher, 255, back, &k), CKR_ENCRYPTED_DATA_LEN_RANGE);
    OK(f->C_EncryptInit(session, &m, p.public));
    n = sizeof cipher;
    IS(f->C_Encrypt(session, back, 250, cipher, &n), CKR_DATA_LEN_RANGE);
    end();
}
END_TEST

/* ------------------------------------------------------------------ curves */

static const CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const CK_BYTE p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const CK_BYTE sm2[] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d};

static struct pair make_ec(const CK_BYTE *oid, CK_ULONG n, CK_MECHANISM_TYPE mechanism)
{
    struct pair p;
    CK_MECHANISM m = {mechanism, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_TOKEN, &yes, 1}, {CKA_EC_PARAMS, TEXT(oid), n}};
    CK_ATTRIBUTE priv[] = {{CKA_TOKEN, &yes, 1}, {CKA_DERIVE, &yes, 1}, {CKA_SIGN, &yes, 1}};
    OK(f->C_GenerateKeyPair(session, &m, pub, oid ? 2 : 1, priv, 3, &p.public, &p.private));
    return p;
}

static int ec_verifies(CK_OBJECT_HANDLE public, const char *md, const CK_BYTE *signature,
                       CK_ULONG n)
{
    EVP_PKEY *key = public_of(public);
    ECDSA_SIG *s = ECDSA_SIG_new();
    CK_BYTE der[200], *p = der;
    ECDSA_SIG_set0(s, BN_bin2bn(signature, (int)n / 2, NULL),
                   BN_bin2bn(signature + n / 2, (int)n / 2, NULL));
    const int size = i2d_ECDSA_SIG(s, &p);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    ck_assert_int_gt(EVP_DigestVerifyInit_ex(c, NULL, md, NULL, NULL, key, NULL), 0);
    const int good = EVP_DigestVerify(c, der, (size_t)size, text, TEXT_SIZE);
    EVP_MD_CTX_free(c);
    ECDSA_SIG_free(s);
    EVP_PKEY_free(key);
    return good;
}

START_TEST(ecdsa)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *md;
    } all[] = {{CKM_ECDSA_SHA1, "SHA1"},
               {CKM_ECDSA_SHA224, "SHA224"},
               {CKM_ECDSA_SHA256, "SHA256"},
               {CKM_ECDSA_SHA384, "SHA384"},
               {CKM_ECDSA_SHA512, "SHA512"}};
    CK_BYTE signature[512];
    begin();
    for (int curve = 0; curve < 2; curve++) {
        const struct pair p = curve ? make_ec(p384, sizeof p384, CKM_EC_KEY_PAIR_GEN)
                                    : make_ec(p256, sizeof p256, CKM_EC_KEY_PAIR_GEN);
        for (size_t i = 0; i < COUNT(all); i++) {
            CK_MECHANISM m = {all[i].type, NULL, 0};
            const CK_ULONG n = sign(&m, p.private, message, TEXT_SIZE, signature);
            ck_assert_uint_eq(n, curve ? 96 : 64);
            ck_assert_int_eq(ec_verifies(p.public, all[i].md, signature, n), 1);
            round_trip(&m, p, message, TEXT_SIZE, true);
        }
        CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
        for (CK_ULONG n = 1; n <= 64; n += 9) /* digests of any size */
            round_trip(&m, p, message, n, false);
    }
    CK_OBJECT_HANDLE a, b;
    CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_BYTE sect163k1[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x01};
    CK_ATTRIBUTE t = {CKA_EC_PARAMS, sect163k1, sizeof sect163k1};
    IS(f->C_GenerateKeyPair(session, &m, &t, 1, NULL, 0, &a, &b), CKR_CURVE_NOT_SUPPORTED);
    end();
}
END_TEST

START_TEST(ecdh)
{
    CK_BYTE point_a[200], point_b[200], x[64], y[64];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE k, l;
    CK_ULONG size = 20;
    begin();
    for (int curve = 0; curve < 2; curve++) {
        const struct pair a = curve ? make_ec(p384, sizeof p384, CKM_EC_KEY_PAIR_GEN)
                                    : make_ec(p256, sizeof p256, CKM_EC_KEY_PAIR_GEN);
        const struct pair b = curve ? make_ec(p384, sizeof p384, CKM_EC_KEY_PAIR_GEN)
                                    : make_ec(p256, sizeof p256, CKM_EC_KEY_PAIR_GEN);
        const CK_ULONG n = get(a.public, CKA_EC_POINT, point_a, sizeof point_a);
        get(b.public, CKA_EC_POINT, point_b, sizeof point_b);
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_KEY_TYPE, &type, sizeof type},
                            {CKA_SENSITIVE, &no, 1},
                            {CKA_EXTRACTABLE, &yes, 1},
                            {CKA_VALUE_LEN, &size, sizeof size}};
        for (CK_ULONG kdf = CKD_NULL; kdf <= CKD_SHA512_KDF; kdf++) {
            if (kdf == CKD_SHA1_KDF_ASN1 || kdf == CKD_SHA1_KDF_CONCATENATE)
                continue;
            const CK_ULONG shared = kdf == CKD_NULL ? 0 : 5;
            CK_ECDH1_DERIVE_PARAMS p = {kdf, shared, shared ? message : NULL, n, point_b};
            CK_ECDH1_DERIVE_PARAMS q = {kdf, shared, shared ? message : NULL, n - 2, point_a + 2};
            CK_MECHANISM m = {CKM_ECDH1_DERIVE, &p, sizeof p};
            OK(f->C_DeriveKey(session, &m, a.private, t, COUNT(t), &k));
            m.pParameter = &q; /* the point without its OCTET STRING */
            OK(f->C_DeriveKey(session, &m, b.private, t, COUNT(t), &l));
            ck_assert_uint_eq(get(k, CKA_VALUE, x, sizeof x), 20);
            get(l, CKA_VALUE, y, sizeof y);
            ck_assert_int_eq(memcmp(x, y, 20), 0);
        }
        CK_ECDH1_DERIVE_PARAMS p = {CKD_NULL, 0, NULL, n, point_b};
        CK_MECHANISM m = {CKM_ECDH1_DERIVE, &p, sizeof p};
        OK(f->C_DeriveKey(session, &m, a.private, t, 4, &k)); /* all of x */
        ck_assert_uint_eq(get(k, CKA_VALUE, x, sizeof x), curve ? 48 : 32);
        point_b[20] ^= 1;
        IS(f->C_DeriveKey(session, &m, a.private, t, 4, &k), CKR_MECHANISM_PARAM_INVALID);
        p.ulPublicDataLen--;
        IS(f->C_DeriveKey(session, &m, a.private, t, 4, &k), CKR_MECHANISM_PARAM_INVALID);
        p.pPublicData = NULL;
        IS(f->C_DeriveKey(session, &m, a.private, t, 4, &k), CKR_MECHANISM_PARAM_INVALID);
    }
    end();
}
END_TEST

/* No key has the point at infinity for its public one. */
START_TEST(ec_zero)
{
    CK_BYTE zeros[32] = {0}, curve[sizeof p256];
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_OBJECT_HANDLE o;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_EC_PARAMS, curve, sizeof curve},
                        {CKA_VALUE, zeros, sizeof zeros}};
    memcpy(curve, p256, sizeof p256);
    begin();
    IS(f->C_CreateObject(session, t, COUNT(t), &o), CKR_ATTRIBUTE_VALUE_INVALID);
    zeros[31] = 1;
    OK(f->C_CreateObject(session, t, COUNT(t), &o));
    end();
}
END_TEST

/* ------------------------------------------------------------------ SM2, SM3 */

static int sm2_verifies(CK_OBJECT_HANDLE public, const char *id, const CK_BYTE *signature)
{
    EVP_PKEY *key = public_of(public);
    ECDSA_SIG *s = ECDSA_SIG_new();
    CK_BYTE der[200], *p = der;
    ECDSA_SIG_set0(s, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
    const int size = i2d_ECDSA_SIG(s, &p);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pc = EVP_PKEY_CTX_new(key, NULL);
    EVP_PKEY_CTX_set1_id(pc, id, (int)strlen(id));
    EVP_MD_CTX_set_pkey_ctx(c, pc);
    ck_assert_int_gt(EVP_DigestVerifyInit(c, NULL, EVP_sm3(), NULL, key), 0);
    const int good = EVP_DigestVerify(c, der, (size_t)size, text, TEXT_SIZE);
    EVP_MD_CTX_free(c);
    EVP_PKEY_CTX_free(pc);
    ECDSA_SIG_free(s);
    EVP_PKEY_free(key);
    return good;
}

START_TEST(sm2_signatures)
{
    CK_BYTE signature[512], digest[32];
    CK_ULONG n;
    begin();
    for (int way = 0; way < 2; way++) { /* by its own key type, and as a curve of EC */
        const struct pair p = way ? make_ec(sm2, sizeof sm2, CKM_EC_KEY_PAIR_GEN)
                                  : make_ec(NULL, 0, CKM_SM2_KEY_PAIR_GEN);
        CK_KEY_TYPE type;
        get(p.private, CKA_KEY_TYPE, &type, sizeof type);
        ck_assert_uint_eq(type, way ? CKK_EC : CKK_SM2);
        CK_MECHANISM m = {CKM_SM3_SM2, NULL, 0};
        ck_assert_uint_eq(sign(&m, p.private, message, TEXT_SIZE, signature), 64);
        ck_assert_int_eq(sm2_verifies(p.public, "1234567812345678", signature), 1);
        round_trip(&m, p, message, TEXT_SIZE, true);
        m = (CK_MECHANISM){CKM_SM3_SM2, TEXT("ALICE123@YAHOO.COM"), 18};
        sign(&m, p.private, message, TEXT_SIZE, signature);
        ck_assert_int_eq(sm2_verifies(p.public, "ALICE123@YAHOO.COM", signature), 1);
        ck_assert_int_eq(sm2_verifies(p.public, "1234567812345678", signature), 0);
        round_trip(&m, p, message, TEXT_SIZE, true);
        const CK_MECHANISM_TYPE raw[] = {CKM_SM2_RAW, CKM_SM2_RAW_OLD};
        for (size_t i = 0; i < COUNT(raw); i++) {
            m = (CK_MECHANISM){raw[i], NULL, 0};
            round_trip(&m, p, message, 32, false);
            OK(f->C_SignInit(session, &m, p.private));
            n = sizeof signature;
            IS(f->C_Sign(session, message, 31, signature, &n), CKR_DATA_LEN_RANGE);
        }
        m = (CK_MECHANISM){CKM_SM3_SM2_DER, NULL, 0};
        n = sign(&m, p.private, message, TEXT_SIZE, signature);
        ck_assert_uint_eq(signature[0], 0x30);
        ck_assert_uint_eq(signature[1] + 2u, n);
        OK(verify(&m, p.public, message, TEXT_SIZE, signature, n));
        m = (CK_MECHANISM){CKM_ECDSA, NULL, 0};
        IS(f->C_SignInit(session, &m, p.private), CKR_KEY_TYPE_INCONSISTENT);
    }
    const CK_MECHANISM_TYPE sm3[] = {CKM_SM3, CKM_SM3_OLD};
    static const CK_BYTE abc[32] = {0x66, 0xc7, 0xf0, 0xf4, 0x62, 0xee, 0xed, 0xd9,
                                    0xd1, 0xf2, 0xd4, 0x6b, 0xdc, 0x10, 0xe4, 0xe2,
                                    0x41, 0x67, 0xc4, 0x87, 0x5c, 0xf2, 0xf7, 0xa2,
                                    0x29, 0x7d, 0xa0, 0x2b, 0x8f, 0x4b, 0xa8, 0xe0};
    for (size_t i = 0; i < COUNT(sm3); i++) {
        CK_MECHANISM m = {sm3[i], NULL, 0};
        n = sizeof digest;
        OK(f->C_DigestInit(session, &m));
        OK(f->C_Digest(session, TEXT("abc"), 3, digest, &n));
        ck_assert_int_eq(memcmp(digest, abc, 32), 0);
    }
    end();
}
END_TEST

START_TEST(sm2_encryption)
{
    CK_BYTE cipher[512], back[512];
    begin();
    const struct pair p = make_ec(NULL, 0, CKM_SM2_KEY_PAIR_GEN);
    const CK_MECHANISM_TYPE types[] = {CKM_SM2_ENCRYPT, CKM_SM2_ENCRYPT_DER};
    for (size_t i = 0; i < COUNT(types); i++) {
        CK_MECHANISM m = {types[i], NULL, 0};
        CK_ULONG n = sizeof cipher, k = sizeof back;
        OK(f->C_EncryptInit(session, &m, p.public));
        OK(f->C_Encrypt(session, message, TEXT_SIZE, cipher, &n));
        if (!i)
            ck_assert_uint_eq(n, TEXT_SIZE + 96);
        OK(f->C_DecryptInit(session, &m, p.private));
        OK(f->C_Decrypt(session, cipher, n, back, &k));
        ck_assert_uint_eq(k, TEXT_SIZE);
        ck_assert_int_eq(memcmp(back, text, k), 0);
        cipher[n - 1] ^= 1;
        OK(f->C_DecryptInit(session, &m, p.private));
        k = sizeof back;
        IS(f->C_Decrypt(session, cipher, n, back, &k), CKR_ENCRYPTED_DATA_INVALID);
        IS(f->C_Decrypt(session, cipher, n, back, &k), CKR_OPERATION_NOT_INITIALIZED);
    }
    end();
}
END_TEST

/* ------------------------------------------------------------------ digests and MACs */

START_TEST(digests)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *md;
    } all[] = {{CKM_SHA_1, "SHA1"},    {CKM_SHA224, "SHA224"}, {CKM_SHA256, "SHA256"},
               {CKM_SHA384, "SHA384"}, {CKM_SHA512, "SHA512"}, {CKM_SM3, "SM3"}};
    CK_BYTE out[64], wanted[64];
    begin();
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_MECHANISM m = {all[i].type, NULL, 0};
        CK_ULONG n = 0;
        size_t size;
        EVP_Q_digest(NULL, all[i].md, NULL, text, TEXT_SIZE, wanted, &size);
        OK(f->C_DigestInit(session, &m));
        IS(f->C_DigestInit(session, &m), CKR_OPERATION_ACTIVE);
        OK(f->C_Digest(session, message, TEXT_SIZE, NULL, &n));
        ck_assert_uint_eq(n, size);
        n--;
        IS(f->C_Digest(session, message, TEXT_SIZE, out, &n), CKR_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(n, size);
        OK(f->C_Digest(session, message, TEXT_SIZE, out, &n));
        ck_assert_int_eq(memcmp(out, wanted, size), 0);
        IS(f->C_DigestUpdate(session, message, 1), CKR_OPERATION_NOT_INITIALIZED);
        OK(f->C_DigestInit(session, &m)); /* of nothing, in no part */
        OK(f->C_DigestFinal(session, out, &n));
        EVP_Q_digest(NULL, all[i].md, NULL, text, 0, wanted, &size);
        ck_assert_int_eq(memcmp(out, wanted, size), 0);
        OK(f->C_DigestInit(session, &m));
        OK(f->C_DigestUpdate(session, message, 0));
        IS(f->C_Digest(session, message, 1, out, &n), CKR_OPERATION_ACTIVE); /* and ends it */
        IS(f->C_DigestFinal(session, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    }
    CK_MECHANISM m = {CKM_SHA256, NULL, 0};
    CK_ULONG n = sizeof out;
    const CK_OBJECT_HANDLE key = make_secret(CKK_GENERIC_SECRET, text, TEXT_SIZE);
    OK(f->C_DigestInit(session, &m));
    OK(f->C_DigestKey(session, key));
    OK(f->C_DigestFinal(session, out, &n));
    EVP_Q_digest(NULL, "SHA256", NULL, text, TEXT_SIZE, wanted, NULL);
    ck_assert_int_eq(memcmp(out, wanted, 32), 0);
    m.mechanism = CKM_AES_CBC;
    IS(f->C_DigestInit(session, &m), CKR_MECHANISM_INVALID);
    end();
}
END_TEST

START_TEST(hmacs)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *md;
    } all[] = {{CKM_SHA_1_HMAC, "SHA1"},    {CKM_SHA224_HMAC, "SHA224"},
               {CKM_SHA256_HMAC, "SHA256"}, {CKM_SHA384_HMAC, "SHA384"},
               {CKM_SHA512_HMAC, "SHA512"}, {CKM_SM3_HMAC, "SM3"}};
    CK_BYTE key[200], out[64], wanted[64];
    begin();
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (CK_BYTE)i;
    for (size_t i = 0; i < COUNT(all); i++)
        for (CK_ULONG size = 1; size <= 200; size += 33) { /* short keys, too */
            const CK_OBJECT_HANDLE k = make_secret(CKK_GENERIC_SECRET, key, size);
            CK_MECHANISM m = {all[i].type, NULL, 0};
            size_t n = 0;
            ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "HMAC", NULL, all[i].md, NULL, key, size, text,
                                            TEXT_SIZE, wanted, sizeof wanted, &n));
            ck_assert_uint_eq(sign(&m, k, message, TEXT_SIZE, out), n);
            ck_assert_int_eq(memcmp(out, wanted, n), 0);
            round_trip(&m, (struct pair){k, k}, message, TEXT_SIZE, true);
            CK_ULONG part = 5;
            m = (CK_MECHANISM){all[i].type + 1, &part, sizeof part};
            ck_assert_uint_eq(sign(&m, k, message, TEXT_SIZE, out), 5);
            ck_assert_int_eq(memcmp(out, wanted, 5), 0);
            OK(f->C_DestroyObject(session, k));
        }
    const CK_OBJECT_HANDLE k = make_secret(CKK_AES, key, 16);
    CK_MECHANISM m = {CKM_AES_CMAC, NULL, 0};
    EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, text, TEXT_SIZE, wanted, 64, NULL);
    ck_assert_uint_eq(sign(&m, k, message, TEXT_SIZE, out), 16);
    ck_assert_int_eq(memcmp(out, wanted, 16), 0);
    m.mechanism = CKM_SHA256_HMAC;
    IS(f->C_SignInit(session, &m, k), CKR_KEY_TYPE_INCONSISTENT);
    end();
}
END_TEST

/* ------------------------------------------------------------------ ciphers */

static void openssl_encrypt(const char *name, const CK_BYTE *key, const CK_BYTE *iv, bool pad,
                            const CK_BYTE *in, int n, CK_BYTE *out, CK_ULONG *size)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int a = 0, b = 0;
    ck_assert_int_gt(EVP_EncryptInit_ex2(c, cipher, key, iv, NULL), 0);
    EVP_CIPHER_CTX_set_padding(c, pad);
    EVP_EncryptUpdate(c, out, &a, in, n);
    ck_assert_int_gt(EVP_EncryptFinal_ex(c, out + a, &b), 0);
    *size = (CK_ULONG)(a + b);
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(cipher);
}

/* All at once and in parts of a size; then back. */
static void crypt_both(CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *in, CK_ULONG n,
                       const CK_BYTE *wanted, CK_ULONG wanted_size)
{
    CK_BYTE out[600], back[600];
    CK_ULONG size = 0;
    OK(f->C_EncryptInit(session, m, key));
    OK(f->C_Encrypt(session, in, n, NULL, &size));
    ck_assert_uint_eq(size, wanted_size);
    OK(f->C_Encrypt(session, in, n, out, &size));
    ck_assert_uint_eq(size, wanted_size);
    ck_assert_int_eq(memcmp(out, wanted, size), 0);
    size = sizeof back;
    OK(f->C_DecryptInit(session, m, key));
    OK(f->C_Decrypt(session, out, wanted_size, back, &size));
    ck_assert_uint_eq(size, n);
    ck_assert_int_eq(memcmp(back, in, n), 0);
    for (CK_ULONG part = 1; part <= n; part = 3 * part + 1) {
        CK_ULONG done = 0, left;
        OK(f->C_EncryptInit(session, m, key));
        for (CK_ULONG i = 0; i < n; i += part) {
            left = sizeof out - done;
            OK(f->C_EncryptUpdate(session, in + i, n - i < part ? n - i : part, out + done, &left));
            done += left;
            left = sizeof out - done;
            OK(f->C_EncryptUpdate(session, in, 0, out + done, &left));
            done += left;
        }
        left = sizeof out - done;
        OK(f->C_EncryptFinal(session, out + done, &left));
        ck_assert_uint_eq(done + left, wanted_size);
        ck_assert_int_eq(memcmp(out, wanted, wanted_size), 0);
        CK_ULONG got = 0;
        OK(f->C_DecryptInit(session, m, key));
        for (CK_ULONG i = 0; i < wanted_size; i += part) {
            left = sizeof back - got;
            OK(f->C_DecryptUpdate(session, out + i, wanted_size - i < part ? wanted_size - i : part,
                                  back + got, &left));
            got += left;
        }
        left = sizeof back - got;
        OK(f->C_DecryptFinal(session, back + got, &left));
        ck_assert_uint_eq(got + left, n);
        ck_assert_int_eq(memcmp(back, in, n), 0);
    }
}

static void modes(const char *family, CK_OBJECT_HANDLE key, const CK_BYTE *value,
                  const CK_MECHANISM_TYPE type[4])
{
    CK_BYTE iv[16], in[256], wanted[300];
    CK_ULONG size;
    char name[32];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (CK_BYTE)(7 * i);
    memset(iv, 0xff, sizeof iv); /* the counter runs over */
    CK_AES_CTR_PARAMS ctr = {128, {0}};
    memcpy(ctr.cb, iv, sizeof iv);
    CK_MECHANISM ecb = {type[0], NULL, 0}, cbc = {type[1], iv, 16}, pad = {type[2], iv, 16},
                 counter = {type[3], &ctr, sizeof ctr};
    const CK_ULONG sizes[] = {16, 32, 160};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        snprintf(name, sizeof name, "%s-ECB", family);
        openssl_encrypt(name, value, NULL, false, in, (int)sizes[i], wanted, &size);
        crypt_both(&ecb, key, in, sizes[i], wanted, size);
        snprintf(name, sizeof name, "%s-CBC", family);
        openssl_encrypt(name, value, iv, false, in, (int)sizes[i], wanted, &size);
        crypt_both(&cbc, key, in, sizes[i], wanted, size);
    }
    for (CK_ULONG n = 1; n < 100; n += 15) {
        snprintf(name, sizeof name, "%s-CBC", family);
        openssl_encrypt(name, value, iv, true, in, (int)n, wanted, &size);
        crypt_both(&pad, key, in, n, wanted, size);
        snprintf(name, sizeof name, "%s-CTR", family);
        openssl_encrypt(name, value, iv, false, in, (int)n, wanted, &size);
        crypt_both(&counter, key, in, n, wanted, size);
    }
    size = sizeof wanted;
    OK(f->C_EncryptInit(session, &cbc, key));
    IS(f->C_Encrypt(session, in, 15, wanted, &size), CKR_DATA_LEN_RANGE);
    OK(f->C_DecryptInit(session, &pad, key));
    IS(f->C_Decrypt(session, in, 15, wanted, &size), CKR_ENCRYPTED_DATA_LEN_RANGE);
    OK(f->C_DecryptInit(session, &pad, key));
    size = sizeof wanted;
    IS(f->C_Decrypt(session, in, 32, wanted, &size), CKR_ENCRYPTED_DATA_INVALID);
    cbc.ulParameterLen = 15;
    IS(f->C_EncryptInit(session, &cbc, key), CKR_MECHANISM_PARAM_INVALID);
}

START_TEST(aes)
{
    static const CK_MECHANISM_TYPE types[4] = {CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD,
                                               CKM_AES_CTR};
    begin();
    modes("AES-128", make_secret(CKK_AES, text, 16), text, types);
    modes("AES-192", make_secret(CKK_AES, text, 24), text, types);
    modes("AES-256", make_secret(CKK_AES, text, 32), text, types);
    end();
}
END_TEST

START_TEST(sm4)
{
    static const CK_MECHANISM_TYPE types[4] = {CKM_SM4_ECB, CKM_SM4_CBC, CKM_SM4_CBC_PAD,
                                               CKM_SM4_CTR};
    begin();
    modes("SM4", make_secret(CKK_SM4, text, 16), text, types);
    modes("SM4", make_secret(CKK_SM4_OTHER, text, 16), text, types);
    end();
}
END_TEST

/* Keys that never leave the device give the same in parts and at once, and back. */
static void in_device(CK_MECHANISM_TYPE generate, CK_ULONG size, const CK_MECHANISM_TYPE type[4])
{
    CK_MECHANISM gen = {generate, NULL, 0};
    CK_ATTRIBUTE t[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_LABEL, TEXT("secret"), 6}, {CKA_VALUE_LEN, &size, sizeof size}};
    CK_OBJECT_HANDLE key;
    CK_BYTE in[100], iv[16] = {1}, out[200], whole[200], back[200];
    CK_ULONG n;
    memcpy(in, text, 60);
    memset(in + 60, 9, 40);
    OK(f->C_GenerateKey(session, &gen, t, 3, &key));
    get(key, CKA_VALUE_LEN, &n, sizeof n);
    ck_assert_uint_eq(n, size);
    CK_AES_CTR_PARAMS ctr = {128, {0xff}};
    CK_GCM_PARAMS gcm128 = {iv, 12, 96, in, 10, 128}, gcm96 = {iv, 12, 96, NULL, 0, 96};
    CK_MECHANISM all[] = {{type[0], iv, 16},
                          {type[1], &ctr, sizeof ctr},
                          {type[2], &gcm128, sizeof gcm128},
                          {type[2], &gcm96, sizeof gcm96}};
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_ULONG done = 0, left, k = sizeof back;
        n = sizeof whole;
        OK(f->C_EncryptInit(session, &all[i], key));
        OK(f->C_Encrypt(session, in, sizeof in, whole, &n));
        OK(f->C_EncryptInit(session, &all[i], key));
        for (size_t at = 0; at < sizeof in; at += 20) {
            left = sizeof out - done;
            OK(f->C_EncryptUpdate(session, in + at, 20, out + done, &left));
            done += left;
        }
        left = sizeof out - done;
        OK(f->C_EncryptFinal(session, out + done, &left));
        ck_assert_uint_eq(done + left, n);
        ck_assert_int_eq(memcmp(out, whole, n), 0);
        OK(f->C_DecryptInit(session, &all[i], key));
        OK(f->C_Decrypt(session, out, n, back, &k));
        ck_assert_uint_eq(k, sizeof in);
        ck_assert_int_eq(memcmp(back, in, k), 0);
    }
    CK_MECHANISM mac = {type[3], NULL, 0};
    round_trip(&mac, (struct pair){key, key}, message, TEXT_SIZE, true);
    CK_ATTRIBUTE value = {CKA_VALUE, out, sizeof out};
    IS(f->C_GetAttributeValue(session, key, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
    OK(f->C_DestroyObject(session, key));
}

START_TEST(secrets_in_device)
{
    static const CK_MECHANISM_TYPE for_sm4[] = {CKM_SM4_CBC_PAD, CKM_SM4_CTR, CKM_SM4_GCM,
                                                CKM_SM4_CMAC},
                                   for_aes[] = {CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM,
                                                CKM_AES_CMAC};
    CK_MECHANISM gen = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0}, hmac = {CKM_SHA384_HMAC, NULL, 0};
    CK_ULONG size = 7;
    CK_OBJECT_HANDLE key;
    begin();
    in_device(CKM_SM4_KEY_GEN, 16, for_sm4);
    for (CK_ULONG n = 16; n <= 32; n += 8)
        in_device(CKM_AES_KEY_GEN, n, for_aes);
    CK_ATTRIBUTE t[] = {{CKA_TOKEN, &yes, 1}, {CKA_VALUE_LEN, &size, sizeof size}};
    OK(f->C_GenerateKey(session, &gen, t, 2, &key));
    round_trip(&hmac, (struct pair){key, key}, message, TEXT_SIZE, true);
    end();
}
END_TEST

START_TEST(gcm)
{
    CK_BYTE out[200], back[200], iv[12] = {3}, tag[16], wanted[200];
    CK_GCM_PARAMS p = {iv, sizeof iv, 96, message, 10, 128};
    CK_MECHANISM m = {CKM_AES_GCM, &p, sizeof p};
    int a, b;
    begin();
    const CK_OBJECT_HANDLE key = make_secret(CKK_AES, text, 32);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, text, iv);
    EVP_EncryptUpdate(c, NULL, &a, text, 10);
    EVP_EncryptUpdate(c, wanted, &a, text, TEXT_SIZE);
    EVP_EncryptFinal_ex(c, wanted + a, &b);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, wanted + TEXT_SIZE);
    EVP_CIPHER_CTX_free(c);
    crypt_both(&m, key, message, TEXT_SIZE, wanted, TEXT_SIZE + 16);
    CK_ULONG n = sizeof out, k = sizeof back;
    OK(f->C_DecryptInit(session, &m, key));
    wanted[3] ^= 1;
    IS(f->C_Decrypt(session, wanted, TEXT_SIZE + 16, back, &k), CKR_ENCRYPTED_DATA_INVALID);
    wanted[3] ^= 1;
    p.ulTagBits = 96;
    OK(f->C_EncryptInit(session, &m, key));
    OK(f->C_Encrypt(session, message, TEXT_SIZE, out, &n));
    ck_assert_uint_eq(n, TEXT_SIZE + 12);
    ck_assert_int_eq(memcmp(out, wanted, n), 0);
    p.ulTagBits = 129;
    IS(f->C_EncryptInit(session, &m, key), CKR_MECHANISM_PARAM_INVALID);
    /* messages of 3.0 */
    CK_MECHANISM mm = {CKM_AES_GCM, NULL, 0};
    CK_GCM_MESSAGE_PARAMS mp = {iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128};
    OK(f3->C_MessageEncryptInit(session, &mm, key));
    for (int i = 0; i < 3; i++) {
        n = sizeof out;
        OK(f3->C_EncryptMessage(session, &mp, sizeof mp, message, 10, message, TEXT_SIZE, out, &n));
        ck_assert_uint_eq(n, TEXT_SIZE);
        ck_assert_int_eq(memcmp(out, wanted, n), 0);
        ck_assert_int_eq(memcmp(tag, wanted + n, 16), 0);
    }
    CK_ULONG first = 0, rest = sizeof out;
    OK(f3->C_EncryptMessageBegin(session, &mp, sizeof mp, message, 10));
    OK(f3->C_EncryptMessageNext(session, &mp, sizeof mp, message, 5, out, &first, 0));
    OK(f3->C_EncryptMessageNext(session, &mp, sizeof mp, message + 5, TEXT_SIZE - 5, out + first,
                                &rest, CKF_END_OF_MESSAGE));
    ck_assert_uint_eq(first + rest, TEXT_SIZE);
    ck_assert_int_eq(memcmp(out, wanted, TEXT_SIZE), 0);
    mp.ivGenerator = CKG_GENERATE_RANDOM;
    mp.ulIvFixedBits = 32;
    memset(iv + 4, 0, 8);
    n = sizeof out;
    OK(f3->C_EncryptMessage(session, &mp, sizeof mp, NULL, 0, message, TEXT_SIZE, out, &n));
    static const CK_BYTE zeros[8];
    ck_assert_int_ne(memcmp(iv + 4, zeros, 8), 0);
    ck_assert_uint_eq(iv[0], 3);
    OK(f3->C_MessageEncryptFinal(session));
    OK(f3->C_MessageDecryptInit(session, &mm, key));
    k = sizeof back;
    OK(f3->C_DecryptMessage(session, &mp, sizeof mp, NULL, 0, out, n, back, &k));
    ck_assert_uint_eq(k, TEXT_SIZE);
    ck_assert_int_eq(memcmp(back, text, k), 0);
    tag[0] ^= 1;
    IS(f3->C_DecryptMessage(session, &mp, sizeof mp, NULL, 0, out, n, back, &k),
       CKR_ENCRYPTED_DATA_INVALID);
    OK(f3->C_MessageDecryptFinal(session));
    IS(f3->C_MessageDecryptFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    end();
}
END_TEST

START_TEST(message_signatures)
{
    CK_BYTE signature[256];
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa");
    OK(f3->C_MessageSignInit(session, &m, p.private));
    OK(f3->C_MessageVerifyInit(session, &m, p.public));
    for (CK_ULONG n = 1; n < 4; n++) {
        CK_ULONG size = sizeof signature;
        OK(f3->C_SignMessage(session, NULL, 0, message, n, signature, &size));
        OK(f3->C_VerifyMessage(session, NULL, 0, message, n, signature, size));
        IS(f3->C_VerifyMessage(session, NULL, 0, message, n + 1, signature, size),
           CKR_SIGNATURE_INVALID);
    }
    CK_ULONG size = sizeof signature;
    OK(f3->C_SignMessageBegin(session, NULL, 0));
    OK(f3->C_SignMessageNext(session, NULL, 0, message, 10, NULL, NULL));
    OK(f3->C_SignMessageNext(session, NULL, 0, message + 10, 10, signature, &size));
    OK(f3->C_VerifyMessage(session, NULL, 0, message, 20, signature, size));
    OK(f3->C_MessageSignFinal(session));
    OK(f3->C_SessionCancel(session, CKF_MESSAGE_VERIFY));
    IS(f3->C_MessageVerifyFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    end();
}
END_TEST

/* ------------------------------------------------------------------ wrapping */

START_TEST(wrapping)
{
    CK_BYTE wrapped[512], iv[16] = {5}, back[64];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE o;
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa"), q = make_ec(NULL, 0, CKM_SM2_KEY_PAIR_GEN);
    const CK_OBJECT_HANDLE key = make_secret(CKK_GENERIC_SECRET, text, 21),
                           wrapper = make_secret(CKK_AES, text, 32);
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM all[] = {{CKM_RSA_PKCS, NULL, 0},
                          {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep},
                          {CKM_AES_CBC_PAD, iv, 16},
                          {CKM_SM2_ENCRYPT, NULL, 0}};
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1}};
    for (size_t i = 0; i < COUNT(all); i++) {
        const CK_OBJECT_HANDLE with = i < 2    ? p.public
                                      : i == 2 ? wrapper
                                               : q.public,
                               by = i < 2    ? p.private
                                    : i == 2 ? wrapper
                                             : q.private;
        CK_ULONG n = 0;
        OK(f->C_WrapKey(session, &all[i], with, key, NULL, &n));
        ck_assert_uint_gt(n, 21);
        n = 5;
        IS(f->C_WrapKey(session, &all[i], with, key, wrapped, &n), CKR_BUFFER_TOO_SMALL);
        n = sizeof wrapped;
        OK(f->C_WrapKey(session, &all[i], with, key, wrapped, &n));
        OK(f->C_UnwrapKey(session, &all[i], by, wrapped, n, t, COUNT(t), &o));
        ck_assert_uint_eq(get(o, CKA_VALUE, back, sizeof back), 21);
        ck_assert_int_eq(memcmp(back, text, 21), 0);
        IS(f->C_WrapKey(session, &all[i], key, key, wrapped, &n),
           CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
        IS(f->C_WrapKey(session, &all[i], 999999, key, wrapped, &n),
           CKR_WRAPPING_KEY_HANDLE_INVALID);
    }
    CK_ULONG n = sizeof wrapped, size = 21;
    CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
    CK_ATTRIBUTE sized[] = {t[0], t[1], t[2], t[3], {CKA_VALUE_LEN, &size, sizeof size}};
    OK(f->C_WrapKey(session, &raw, p.public, key, wrapped, &n));
    OK(f->C_UnwrapKey(session, &raw, p.private, wrapped, n, sized, COUNT(sized), &o));
    ck_assert_uint_eq(get(o, CKA_VALUE, back, sizeof back), 21);
    ck_assert_int_eq(memcmp(back, text, 21), 0);
    IS(f->C_UnwrapKey(session, &raw, p.private, wrapped, n, t, COUNT(t), &o),
       CKR_TEMPLATE_INCOMPLETE);
    size = 20;
    IS(f->C_UnwrapKey(session, &raw, p.private, wrapped, n, sized, COUNT(sized), &o),
       CKR_WRAPPED_KEY_INVALID);
    size = 257;
    IS(f->C_UnwrapKey(session, &raw, p.private, wrapped, n, sized, COUNT(sized), &o),
       CKR_KEY_SIZE_RANGE);
    n = sizeof wrapped;
    IS(f->C_WrapKey(session, &all[2], wrapper, p.private, wrapped, &n), CKR_KEY_UNEXTRACTABLE);
    IS(f->C_UnwrapKey(session, &all[2], wrapper, TEXT(text), 32, t, COUNT(t), &o),
       CKR_WRAPPED_KEY_INVALID);
    end();
}
END_TEST

/* RFC 3394, 4.1; RFC 5649, 6 */
START_TEST(key_wrap)
{
    static const CK_BYTE kek[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                         data[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                     0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff},
                         wanted[24] = {0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47,
                                       0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a, 0x7b, 0x82,
                                       0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5},
                         kek24[24] = {0x58, 0x40, 0xdf, 0x6e, 0x29, 0xb0, 0x2a, 0xf1,
                                      0xab, 0x49, 0x3b, 0x70, 0x5b, 0xf1, 0x6e, 0xa1,
                                      0xae, 0x83, 0x38, 0xf4, 0xdc, 0xc1, 0x76, 0xa8},
                         short_key[7] = {0x46, 0x6f, 0x72, 0x50, 0x61, 0x73, 0x69},
                         padded[16] = {0xaf, 0xbe, 0xb0, 0xf0, 0x7d, 0xfb, 0xf5, 0x41,
                                       0x92, 0x00, 0xf2, 0xcc, 0xb5, 0x0b, 0xb2, 0x4f};
    CK_BYTE out[64], back[64];
    CK_ULONG n = sizeof out;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE o;
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0}, pad = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    begin();
    const CK_OBJECT_HANDLE with = make_secret(CKK_AES, kek, 16),
                           with24 = make_secret(CKK_AES, kek24, 24),
                           key = make_secret(CKK_AES, data, 16),
                           odd = make_secret(CKK_GENERIC_SECRET, short_key, 7);
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1}};
    OK(f->C_WrapKey(session, &wrap, with, key, out, &n));
    ck_assert_uint_eq(n, 24);
    ck_assert_int_eq(memcmp(out, wanted, n), 0);
    OK(f->C_UnwrapKey(session, &wrap, with, out, n, t, COUNT(t), &o));
    ck_assert_uint_eq(get(o, CKA_VALUE, back, sizeof back), 16);
    ck_assert_int_eq(memcmp(back, data, 16), 0);
    out[5] ^= 1;
    IS(f->C_UnwrapKey(session, &wrap, with, out, n, t, COUNT(t), &o), CKR_WRAPPED_KEY_INVALID);
    IS(f->C_WrapKey(session, &wrap, with, odd, out, &n), CKR_KEY_SIZE_RANGE);
    n = sizeof out;
    OK(f->C_WrapKey(session, &pad, with24, odd, out, &n));
    ck_assert_uint_eq(n, 16);
    ck_assert_int_eq(memcmp(out, padded, n), 0);
    OK(f->C_UnwrapKey(session, &pad, with24, out, n, t, COUNT(t), &o));
    ck_assert_uint_eq(get(o, CKA_VALUE, back, sizeof back), 7);
    ck_assert_int_eq(memcmp(back, short_key, 7), 0);
    end();
}
END_TEST

/* A key of the device wraps as one of the same value in the process does. */
START_TEST(key_wrap_in_device)
{
    static const CK_BYTE iv[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    CK_BYTE out[64], same[64], back[64];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES, generic = CKK_GENERIC_SECRET;
    CK_ULONG size = 32, n = sizeof out;
    CK_OBJECT_HANDLE kek, copy, o;
    CK_MECHANISM make = {CKM_AES_KEY_GEN, NULL, 0}, ecb = {CKM_AES_ECB, NULL, 0};
    CK_MECHANISM all[] = {{CKM_AES_KEY_WRAP, NULL, 0},
                          {CKM_AES_KEY_WRAP, TEXT(iv), 8},
                          {CKM_AES_KEY_WRAP_PAD, NULL, 0},
                          {CKM_AES_KEY_WRAP_KWP, TEXT(iv), 4}};
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1}};
    CK_ATTRIBUTE stays[] = {{CKA_TOKEN, &yes, 1},       {CKA_VALUE_LEN, &size, sizeof size},
                            {CKA_EXTRACTABLE, &yes, 1}, {CKA_WRAP, &yes, 1},
                            {CKA_UNWRAP, &yes, 1},      {CKA_ENCRYPT, &no, 1},
                            {CKA_DECRYPT, &no, 1}};
    begin();
    const CK_OBJECT_HANDLE key = make_secret(CKK_GENERIC_SECRET, text, 24),
                           outer = make_secret(CKK_AES, text, 32);
    OK(f->C_GenerateKey(session, &make, stays, COUNT(stays), &kek));
    IS(f->C_EncryptInit(session, &ecb, kek), CKR_KEY_FUNCTION_NOT_PERMITTED);
    OK(f->C_WrapKey(session, &all[0], outer, kek, out, &n));
    OK(f->C_UnwrapKey(session, &all[0], outer, out, n, t, COUNT(t), &copy));
    t[1].pValue = &generic;
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_ULONG m = sizeof same;
        n = sizeof out;
        OK(f->C_WrapKey(session, &all[i], kek, key, out, &n));
        OK(f->C_WrapKey(session, &all[i], copy, key, same, &m));
        ck_assert_uint_eq(n, 32);
        ck_assert_uint_eq(m, n);
        ck_assert_int_eq(memcmp(out, same, n), 0);
        OK(f->C_UnwrapKey(session, &all[i], kek, out, n, t, COUNT(t), &o));
        ck_assert_uint_eq(get(o, CKA_VALUE, back, sizeof back), 24);
        ck_assert_int_eq(memcmp(back, text, 24), 0);
        out[5] ^= 1;
        IS(f->C_UnwrapKey(session, &all[i], kek, out, n, t, COUNT(t), &o), CKR_WRAPPED_KEY_INVALID);
        IS(f->C_UnwrapKey(session, &all[i], kek, out, n - 1, t, COUNT(t), &o),
           CKR_WRAPPED_KEY_LEN_RANGE);
    }
    end();
}
END_TEST

/* ------------------------------------------------------------------ rules of operations */

START_TEST(operations)
{
    CK_BYTE out[512];
    CK_ULONG n = 0;
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    begin();
    const struct pair p = make_rsa(CK_TRUE, "rsa");
    IS(f->C_Sign(session, message, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    IS(f->C_SignInit(session, &m, 999999), CKR_KEY_HANDLE_INVALID);
    IS(f->C_SignInit(session, &m, p.public), CKR_KEY_FUNCTION_NOT_PERMITTED);
    OK(f->C_SignInit(session, &m, p.private));
    IS(f->C_SignInit(session, &m, p.private), CKR_OPERATION_ACTIVE);
    OK(f->C_Sign(session, message, TEXT_SIZE, NULL, &n)); /* a question leaves it */
    ck_assert_uint_eq(n, 256);
    n = 10;
    IS(f->C_Sign(session, message, TEXT_SIZE, out, &n), CKR_BUFFER_TOO_SMALL); /* this, too */
    ck_assert_uint_eq(n, 256);
    OK(f->C_Sign(session, message, TEXT_SIZE, out, &n));
    IS(f->C_Sign(session, message, TEXT_SIZE, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    OK(verify(&m, p.public, message, TEXT_SIZE, out, n));
    OK(f->C_SignInit(session, &m, p.private)); /* another error ends it */
    IS(f->C_Sign(session, NULL, 5, out, &n), CKR_ARGUMENTS_BAD);
    IS(f->C_SignUpdate(session, message, 1), CKR_OPERATION_NOT_INITIALIZED);
    OK(f->C_SignInit(session, &m, p.private));
    OK(f->C_SignInit(session, NULL, 0)); /* 3.0: so does this */
    IS(f->C_SignUpdate(session, message, 1), CKR_OPERATION_NOT_INITIALIZED);
    OK(f->C_SignInit(session, &m, p.private));
    OK(f3->C_SessionCancel(session, CKF_SIGN));
    OK(f->C_SignInit(session, &m, p.private));
    OK(f->C_DestroyObject(session, p.private)); /* the key goes, the operation ends well or badly */
    n = sizeof out;
    ck_assert_uint_ne(f->C_Sign(session, message, 1, out, &n), CKR_OK);
    m.mechanism = 0x12345;
    IS(f->C_SignInit(session, &m, p.public), CKR_MECHANISM_INVALID);
    IS(f->C_GetOperationState(session, NULL, &n), CKR_OPERATION_NOT_INITIALIZED);
    end();
}
END_TEST

START_TEST(permissions)
{
    CK_ULONG bits = 2048;
    CK_OBJECT_HANDLE a, b;
    CK_MECHANISM gen = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0},
                 sha256 = {CKM_SHA256_RSA_PKCS, NULL, 0}, plain = {CKM_RSA_PKCS, NULL, 0};
    CK_MECHANISM_TYPE allowed[] = {CKM_SHA256_RSA_PKCS};
    CK_BYTE out[256], cipher[256];
    CK_ULONG n = sizeof out;
    begin();
    CK_ATTRIBUTE pub[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_TOKEN, &yes, 1}};
    CK_ATTRIBUTE priv[] = {{CKA_TOKEN, &yes, 1},
                           {CKA_DECRYPT, &no, 1},
                           {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed},
                           {CKA_ALWAYS_AUTHENTICATE, &yes, 1}};
    OK(f->C_GenerateKeyPair(session, &gen, pub, 2, priv, 4, &a, &b));
    IS(f->C_DecryptInit(session, &plain, b), CKR_KEY_FUNCTION_NOT_PERMITTED);
    IS(f->C_SignInit(session, &plain, b), CKR_MECHANISM_INVALID);
    OK(f->C_SignInit(session, &sha256, b));
    IS(f->C_Sign(session, message, 1, out, &n), CKR_USER_NOT_LOGGED_IN);
    IS(f->C_Sign(session, message, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    OK(f->C_SignInit(session, &sha256, b));
    IS(f->C_Login(session, CKU_CONTEXT_SPECIFIC, TEXT("wrong pin"), 9), CKR_PIN_INCORRECT);
    OK(f->C_Login(session, CKU_CONTEXT_SPECIFIC, TEXT(PIN), strlen(PIN)));
    OK(f->C_Sign(session, message, 1, out, &n));
    OK(f->C_SignInit(session, &sha256, b)); /* each time anew */
    IS(f->C_Sign(session, message, 1, out, &n), CKR_USER_NOT_LOGGED_IN);
    n = sizeof cipher;
    OK(f->C_EncryptInit(session, &plain, a));
    OK(f->C_Encrypt(session, message, 5, cipher, &n));
    end();
}
END_TEST

/* Private keys that come with their value: for the session only. */
START_TEST(created_private_keys)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY, public = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    static const char *const names[] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
        CKA_PRIME_2, CKA_EXPONENT_1,      CKA_EXPONENT_2,       CKA_COEFFICIENT};
    CK_BYTE value[8][256];
    CK_ATTRIBUTE t[10] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    struct pair p;
    begin();
    EVP_PKEY *key = EVP_RSA_gen(1024); /* smaller than the device's are */
    for (size_t i = 0; i < 8; i++) {
        BIGNUM *n = NULL;
        ck_assert_int_gt(EVP_PKEY_get_bn_param(key, names[i], &n), 0);
        t[2 + i] = (CK_ATTRIBUTE){types[i], value[i], (CK_ULONG)BN_bn2bin(n, value[i])};
        BN_free(n);
    }
    EVP_PKEY_free(key);
    OK(f->C_CreateObject(session, t, 10, &p.private));
    t[0].pValue = &public;
    OK(f->C_CreateObject(session, t, 4, &p.public));
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    round_trip(&m, p, message, TEXT_SIZE, true);
    CK_MECHANISM plain = {CKM_RSA_PKCS, NULL, 0};
    CK_BYTE cipher[256], back[256];
    CK_ULONG n = sizeof cipher, k = sizeof back;
    OK(f->C_EncryptInit(session, &plain, p.public));
    OK(f->C_Encrypt(session, message, 20, cipher, &n));
    OK(f->C_DecryptInit(session, &plain, p.private));
    OK(f->C_Decrypt(session, cipher, n, back, &k));
    ck_assert_uint_eq(k, 20);
    end();
}
END_TEST

/* What the device does not make is made in the process. */
START_TEST(other_pairs)
{
    static const CK_BYTE p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
    CK_ULONG bits = 1024;
    CK_MECHANISM rsa = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, ec = {CKM_EC_KEY_PAIR_GEN, NULL, 0},
                 sha256 = {CKM_SHA256_RSA_PKCS, NULL, 0}, curve = {CKM_ECDSA_SHA512, NULL, 0};
    CK_BYTE e[1] = {3}, out[300];
    struct pair p;
    begin();
    CK_ATTRIBUTE t[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_PUBLIC_EXPONENT, e, sizeof e}};
    CK_ATTRIBUTE token = {CKA_TOKEN, &yes, 1};
    OK(f->C_GenerateKeyPair(session, &rsa, t, 2, NULL, 0, &p.public, &p.private));
    round_trip(&sha256, p, message, TEXT_SIZE, true);
    ck_assert_uint_eq(get(p.public, CKA_MODULUS, out, sizeof out), 128);
    OK(f->C_GenerateKeyPair(session, &rsa, t, 1, &token, 1, &p.public, &p.private));
    round_trip(&sha256, p, message, TEXT_SIZE, true); /* sealed in the device */
    CK_ATTRIBUTE u = {CKA_EC_PARAMS, TEXT(p521), sizeof p521};
    OK(f->C_GenerateKeyPair(session, &ec, &u, 1, NULL, 0, &p.public, &p.private));
    round_trip(&curve, p, message, TEXT_SIZE, true);
    ck_assert_uint_eq(sign(&curve, p.private, message, TEXT_SIZE, out), 132);
    ck_assert_int_eq(ec_verifies(p.public, "SHA512", out, 132), 1);
    const CK_ULONG n = get(p.public, CKA_EC_POINT, out, sizeof out);
    CK_ECDH1_DERIVE_PARAMS peer = {CKD_NULL, 0, NULL, n, out};
    CK_MECHANISM m = {CKM_ECDH1_DERIVE, &peer, sizeof peer};
    CK_OBJECT_HANDLE k;
    OK(f->C_DeriveKey(session, &m, p.private, NULL, 0, &k));
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 crypto");
    TCase *c = tcase_create("crypto");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, rsa_pkcs1);
    tcase_add_test(c, rsa_pss);
    tcase_add_test(c, rsa_raw);
    tcase_add_test(c, rsa_encryption);
    tcase_add_test(c, ecdsa);
    tcase_add_test(c, ecdh);
    tcase_add_test(c, ec_zero);
    tcase_add_test(c, sm2_signatures);
    tcase_add_test(c, sm2_encryption);
    tcase_add_test(c, digests);
    tcase_add_test(c, hmacs);
    tcase_add_test(c, aes);
    tcase_add_test(c, sm4);
    tcase_add_test(c, secrets_in_device);
    tcase_add_test(c, gcm);
    tcase_add_test(c, message_signatures);
    tcase_add_test(c, wrapping);
    tcase_add_test(c, key_wrap);
    tcase_add_test(c, key_wrap_in_device);
    tcase_add_test(c, operations);
    tcase_add_test(c, permissions);
    tcase_add_test(c, created_private_keys);
    tcase_add_test(c, other_pairs);
    suite_add_tcase(s, c);
    return suite_run(s);
}
