/*
 * Keys on curves that come from elsewhere, in every form that their parts are written in. The same
 * checks on two modules.
 */
#include "tests/unit/p11_peer.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

enum { PARAMS_MAX = 1024, POINT_SIZE = 140 };

static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY, private_class = CKO_PRIVATE_KEY,
                       secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE ec = CKK_EC, aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static const CK_BYTE digest[32] = {1, 2, 3, 4};

struct outside {
    CK_BYTE params[PARAMS_MAX], value[66];
    CK_ULONG params_size, value_size;
    EC_GROUP *group;
    EC_POINT *point;
};

/* A pair that libcrypto has made; `numbers`: its curve is told by all of its numbers. */
static void make_outside(struct outside *k, int nid, bool numbers)
{
    CK_BYTE *p = k->params;
    BIGNUM *d = BN_new();
    k->group = EC_GROUP_new_by_curve_name(nid);
    k->point = EC_POINT_new(k->group);
    BN_priv_rand_range(d, EC_GROUP_get0_order(k->group));
    EC_POINT_mul(k->group, k->point, d, NULL, NULL, NULL);
    EC_GROUP_set_asn1_flag(k->group, numbers ? OPENSSL_EC_EXPLICIT_CURVE : OPENSSL_EC_NAMED_CURVE);
    k->params_size = (CK_ULONG)i2d_ECPKParameters(k->group, &p);
    k->value_size = ((CK_ULONG)EC_GROUP_order_bits(k->group) + 7) / 8;
    BN_bn2binpad(d, k->value, (int)k->value_size);
    BN_free(d);
}

static void free_outside(struct outside *k)
{
    EC_POINT_free(k->point);
    EC_GROUP_free(k->group);
}

/* In an OCTET STRING, or bare */
static CK_ULONG encode(const struct outside *k, point_conversion_form_t form, bool bare,
                       CK_BYTE out[POINT_SIZE])
{
    CK_BYTE point[POINT_SIZE];
    CK_ULONG n = EC_POINT_point2oct(k->group, k->point, form, point, sizeof point, NULL), head = 0;
    if (!bare) {
        out[head++] = 4;
        if (n >= 128)
            out[head++] = 0x81;
        out[head++] = (CK_BYTE)n;
    }
    memcpy(out + head, point, n);
    return n + head;
}

static CK_OBJECT_HANDLE import_private(struct outside *k, CK_BBOOL *token)
{
    CK_OBJECT_HANDLE o = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &private_class, sizeof private_class},
                        {CKA_KEY_TYPE, &ec, sizeof ec},
                        {CKA_TOKEN, token, 1},
                        {CKA_SIGN, &yes, 1},
                        {CKA_DERIVE, &yes, 1},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1},
                        {CKA_EC_PARAMS, k->params, k->params_size},
                        {CKA_VALUE, k->value, k->value_size}};
    is("a private key", f->C_CreateObject(session, t, COUNT(t), &o), CKR_OK);
    return o;
}

static CK_OBJECT_HANDLE import_public(struct outside *k, point_conversion_form_t form)
{
    CK_BYTE point[POINT_SIZE];
    CK_OBJECT_HANDLE o = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &public_class, sizeof public_class},
                        {CKA_KEY_TYPE, &ec, sizeof ec},
                        {CKA_VERIFY, &yes, 1},
                        {CKA_EC_PARAMS, k->params, k->params_size},
                        {CKA_EC_POINT, point, encode(k, form, false, point)}};
    is("a public key", f->C_CreateObject(session, t, COUNT(t), &o), CKR_OK);
    return o;
}

static void sign_and_verify(CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE public)
{
    CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
    CK_BYTE signature[132];
    CK_ULONG n = sizeof signature;
    is("C_SignInit", f->C_SignInit(session, &m, private), CKR_OK);
    is("a signature", f->C_Sign(session, TEXT(digest), sizeof digest, signature, &n), CKR_OK);
    is("C_VerifyInit", f->C_VerifyInit(session, &m, public), CKR_OK);
    is("is good", f->C_Verify(session, TEXT(digest), sizeof digest, signature, n), CKR_OK);
    signature[n - 1] ^= 1;
    f->C_VerifyInit(session, &m, public);
    is("another is not", f->C_Verify(session, TEXT(digest), sizeof digest, signature, n),
       CKR_SIGNATURE_INVALID);
}

static const int some_curves[] = {NID_X9_62_prime192v1, NID_X9_62_prime256v1, NID_secp384r1,
                                  NID_secp521r1,        NID_brainpoolP256r1,  NID_brainpoolP320t1};

static void forms(void)
{
    static const point_conversion_form_t all[] = {
        POINT_CONVERSION_UNCOMPRESSED, POINT_CONVERSION_COMPRESSED, POINT_CONVERSION_HYBRID};
    for (size_t i = 0; i < 2 * COUNT(some_curves); i++) {
        struct outside k;
        CK_BYTE params[PARAMS_MAX];
        CK_ATTRIBUTE a = {CKA_EC_PARAMS, params, sizeof params};
        make_outside(&k, some_curves[i / 2], i & 1);
        const CK_OBJECT_HANDLE private = import_private(&k, i & 1 ? &yes : &no);
        for (size_t j = 0; j < COUNT(all); j++) {
            const CK_OBJECT_HANDLE public = import_public(&k, all[j]);
            sign_and_verify(private, public);
            is("the curve can be read", f->C_GetAttributeValue(session, public, &a, 1), CKR_OK);
            that("as it was written",
                 a.ulValueLen == k.params_size && memcmp(params, k.params, k.params_size) == 0);
            a.ulValueLen = sizeof params;
        }
        free_outside(&k);
    }
}

static void bad_parts(void)
{
    struct outside k;
    CK_BYTE point[POINT_SIZE];
    CK_OBJECT_HANDLE o;
    make_outside(&k, NID_X9_62_prime256v1, false);
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &public_class, sizeof public_class},
                        {CKA_KEY_TYPE, &ec, sizeof ec},
                        {CKA_EC_PARAMS, k.params, k.params_size},
                        {CKA_EC_POINT, point, 0}};
    for (int i = 0; i < 4; i++) {
        t[3].ulValueLen = encode(&k, POINT_CONVERSION_UNCOMPRESSED, i == 3, point);
        if (i == 0)
            point[20] ^= 1; /* not of the curve */
        else if (i == 1)
            point[2] = 5; /* no form of a point */
        else
            t[3].ulValueLen -= (CK_ULONG)i - 1; /* cut */
        const CK_RV rv = f->C_CreateObject(session, t, COUNT(t), &o);
        CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
        CK_BYTE signature[64] = {1};
        that("what is no point makes no key that works",
             rv != CKR_OK || f->C_VerifyInit(session, &m, o) != CKR_OK ||
                 f->C_Verify(session, TEXT(digest), 32, signature, 64) != CKR_OK);
    }
    free_outside(&k);
}

/* ------------------------------------------------------------------ wrapping */

static CK_OBJECT_HANDLE wrapping_key(void)
{
    CK_OBJECT_HANDLE o = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &aes, sizeof aes},
                        {CKA_WRAP, &yes, 1},
                        {CKA_UNWRAP, &yes, 1},
                        {CKA_VALUE, TEXT(digest), sizeof digest}};
    is("a key to wrap with", f->C_CreateObject(session, t, COUNT(t), &o), CKR_OK);
    return o;
}

/* A private key that came without its point is a whole one. */
static void without_point(void)
{
    CK_MECHANISM m = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    for (size_t i = 0; i < COUNT(some_curves); i++) {
        struct outside k;
        CK_BYTE wrapped[600];
        CK_ULONG n = sizeof wrapped;
        CK_OBJECT_HANDLE again = 0;
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &private_class, sizeof private_class},
                            {CKA_KEY_TYPE, &ec, sizeof ec},
                            {CKA_SIGN, &yes, 1}};
        make_outside(&k, some_curves[i], false);
        const CK_OBJECT_HANDLE with = wrapping_key(), private = import_private(&k, &no);
        is("is wrapped", f->C_WrapKey(session, &m, with, private, wrapped, &n), CKR_OK);
        is("and unwrapped", f->C_UnwrapKey(session, &m, with, wrapped, n, t, COUNT(t), &again),
           CKR_OK);
        sign_and_verify(again, import_public(&k, POINT_CONVERSION_UNCOMPRESSED));
        free_outside(&k);
    }
}

/* ------------------------------------------------------------------ ECDH */

static CK_OBJECT_HANDLE agreed(CK_OBJECT_HANDLE private, CK_BYTE *point, CK_ULONG n,
                               CK_BYTE out[16])
{
    CK_ULONG len = 16;
    CK_OBJECT_HANDLE o = 0;
    CK_ECDH1_DERIVE_PARAMS p = {CKD_NULL, 0, NULL, n, point};
    CK_MECHANISM m = {CKM_ECDH1_DERIVE, &p, sizeof p};
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &generic, sizeof generic},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1},
                        {CKA_VALUE_LEN, &len, sizeof len}};
    CK_ATTRIBUTE v = {CKA_VALUE, out, 16};
    is("C_DeriveKey", f->C_DeriveKey(session, &m, private, t, COUNT(t), &o), CKR_OK);
    is("a secret", f->C_GetAttributeValue(session, o, &v, 1), CKR_OK);
    return o;
}

/* The peer's point in every form gives the same secret; 0: with a key that was imported. */
static void peers(void)
{
    for (int in_device = 0; in_device < 2; in_device++) {
        struct outside own, peer;
        CK_OBJECT_HANDLE public = 0, private = 0;
        CK_BYTE point[POINT_SIZE], first[16], other[16] = {0};
        CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
        make_outside(&own, NID_X9_62_prime256v1, false);
        make_outside(&peer, NID_X9_62_prime256v1, false);
        CK_ATTRIBUTE params = {CKA_EC_PARAMS, own.params, own.params_size},
                     derive[] = {{CKA_TOKEN, &yes, 1}, {CKA_DERIVE, &yes, 1}};
        if (in_device)
            is("a pair",
               f->C_GenerateKeyPair(session, &m, &params, 1, derive, 2, &public, &private), CKR_OK);
        else
        private = import_private(&own, &no);
        agreed(private, point, encode(&peer, POINT_CONVERSION_UNCOMPRESSED, true, point), first);
        for (int form = 0; form < 4; form++) {
            agreed(private, point,
                   encode(&peer, form & 1 ? POINT_CONVERSION_COMPRESSED : POINT_CONVERSION_HYBRID,
                          form & 2, point),
                   other);
            that("which is the same", memcmp(first, other, 16) == 0);
        }
        free_outside(&own);
        free_outside(&peer);
    }
}

START_TEST(side_by_side)
{
    static const struct peer_case cases[] = {{"forms", forms, false},
                                             {"bad parts", bad_parts, false},
                                             {"no point", without_point, false},
                                             {"ECDH", peers, false}};
    ck_assert_uint_eq(peer_compare(cases, COUNT(cases)), 0);
}
END_TEST

int main(void)
{
    return peer_main("pkcs11 peer: curves", side_by_side);
}
