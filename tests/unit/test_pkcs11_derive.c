/* The PKCS#11 module: keys out of keys' values and of encrypted data, and what templates in keys
 * say of those that come of them. */
#include "tests/lib/run.h"
#include "tests/unit/p11_tools.h"

enum { ROOM = 64 };

static const CK_BYTE first[16] = "sixteen letters", second[8] = "and more";
static CK_BYTE extra[20] = "data of twenty bytes";
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;

/* A secret that may be derived from; hidden: sensitive, and not to be extracted. */
static CK_OBJECT_HANDLE base_key(CK_KEY_TYPE type, const void *value, CK_ULONG n, CK_BBOOL hidden)
{
    CK_BBOOL open = !hidden;
    CK_OBJECT_HANDLE key;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_DERIVE, &yes, 1},
                        {CKA_ENCRYPT, &yes, 1},
                        {CKA_SENSITIVE, &hidden, 1},
                        {CKA_EXTRACTABLE, &open, 1},
                        {CKA_VALUE, TEXT(value), n}};
    OK(f->C_CreateObject(session, t, COUNT(t), &key));
    return key;
}

/* A generic secret of so many bytes (0: of all that there are) that can be seen */
static CK_RV derive(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ULONG size, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE t[] = {
        {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1}, {CKA_VALUE_LEN, &size, sizeof size}};
    return f->C_DeriveKey(session, m, base, t, size ? 3 : 2, key);
}

static void derives(CK_MECHANISM *m, CK_OBJECT_HANDLE base, const void *wanted, CK_ULONG n)
{
    CK_BYTE out[ROOM];
    CK_OBJECT_HANDLE key;
    OK(derive(m, base, 0, &key));
    ck_assert_uint_eq(get(key, CKA_VALUE, out, sizeof out), n);
    ck_assert_mem_eq(out, wanted, n);
    OK(derive(m, base, n - 3, &key)); /* the front of it */
    ck_assert_uint_eq(get(key, CKA_VALUE, out, sizeof out), n - 3);
    ck_assert_mem_eq(out, wanted, n - 3);
    IS(derive(m, base, n + 1, &key), CKR_KEY_SIZE_RANGE);
}

/* ------------------------------------------------------------------ put together */

START_TEST(put_together)
{
    CK_BYTE wanted[ROOM];
    begin();
    CK_OBJECT_HANDLE a = base_key(CKK_AES, first, 16, CK_FALSE),
                     b = base_key(CKK_GENERIC_SECRET, second, 8, CK_FALSE);
    CK_KEY_DERIVATION_STRING_DATA string = {extra, sizeof extra};
    CK_MECHANISM keys = {CKM_CONCATENATE_BASE_AND_KEY, &b, sizeof b},
                 behind = {CKM_CONCATENATE_BASE_AND_DATA, &string, sizeof string},
                 front = {CKM_CONCATENATE_DATA_AND_BASE, &string, sizeof string},
                 xor = {
                     CKM_XOR_BASE_AND_DATA, &string, sizeof string};
    memcpy(wanted, first, 16);
    memcpy(wanted + 16, second, 8);
    derives(&keys, a, wanted, 24);
    memcpy(wanted + 16, extra, 20);
    derives(&behind, a, wanted, 36);
    memcpy(wanted, extra, 20);
    memcpy(wanted + 20, first, 16);
    derives(&front, a, wanted, 36);
    for (size_t i = 0; i < 16; i++)
        wanted[i] = first[i] ^ extra[i];
    derives(&xor, a, wanted, 16); /* the shorter of both */
    string.ulLen = 11;
    derives(&xor, a, wanted, 11);
    end();
}
END_TEST

START_TEST(put_together_wrongly)
{
    CK_OBJECT_HANDLE key;
    begin();
    const struct pair p = make_rsa(CK_FALSE, "pair");
    const CK_OBJECT_HANDLE a = base_key(CKK_AES, first, 16, CK_FALSE);
    CK_OBJECT_HANDLE other = p.public;
    CK_KEY_DERIVATION_STRING_DATA string = {NULL, 8};
    CK_MECHANISM keys = {CKM_CONCATENATE_BASE_AND_KEY, &other, sizeof other},
                 data = {CKM_CONCATENATE_BASE_AND_DATA, &string, sizeof string};
    IS(derive(&keys, a, 0, &key), CKR_KEY_HANDLE_INVALID);
    other = 999999;
    IS(derive(&keys, a, 0, &key), CKR_KEY_HANDLE_INVALID);
    keys.ulParameterLen--;
    IS(derive(&keys, a, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    keys = (CK_MECHANISM){CKM_CONCATENATE_BASE_AND_KEY, NULL, sizeof other};
    IS(derive(&keys, a, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    IS(derive(&data, a, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    string = (CK_KEY_DERIVATION_STRING_DATA){extra, 1 << 20};
    IS(derive(&data, a, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    string.ulLen = 8;
    data.ulParameterLen = 3;
    IS(derive(&data, a, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    data.ulParameterLen = sizeof string;
    OK(derive(&data, a, 0, &key));
    IS(derive(&data, p.private, 0, &key), CKR_KEY_TYPE_INCONSISTENT);
    /* 24 bytes are a key of AES, 23 are none */
    CK_KEY_TYPE aes = CKK_AES;
    CK_ATTRIBUTE t = {CKA_KEY_TYPE, &aes, sizeof aes};
    OK(f->C_DeriveKey(session, &data, a, &t, 1, &key));
    string.ulLen = 7;
    ck_assert_uint_ne(f->C_DeriveKey(session, &data, a, &t, 1, &key), CKR_OK);
    t.ulValueLen = 1;
    IS(f->C_DeriveKey(session, &data, a, &t, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    end();
}
END_TEST

/* What comes of a hidden key, alone or as the second one, can not be seen. */
START_TEST(hidden_stays_hidden)
{
    CK_OBJECT_HANDLE key;
    CK_BYTE out[ROOM];
    begin();
    const CK_OBJECT_HANDLE open = base_key(CKK_AES, first, 16, CK_FALSE);
    CK_OBJECT_HANDLE hidden = base_key(CKK_GENERIC_SECRET, second, 8, CK_TRUE);
    CK_KEY_DERIVATION_STRING_DATA string = {extra, sizeof extra};
    CK_MECHANISM data = {CKM_CONCATENATE_BASE_AND_DATA, &string, sizeof string},
                 keys = {CKM_CONCATENATE_BASE_AND_KEY, &hidden, sizeof hidden};
    CK_ATTRIBUTE seen = {CKA_SENSITIVE, &no, 1}, leaves = {CKA_EXTRACTABLE, &yes, 1},
                 value = {CKA_VALUE, out, sizeof out};
    const struct {
        CK_MECHANISM *m;
        CK_OBJECT_HANDLE base;
    } all[] = {{&data, hidden}, {&keys, open}};
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_MECHANISM *m = all[i].m;
        IS(f->C_DeriveKey(session, m, all[i].base, &seen, 1, &key), CKR_TEMPLATE_INCONSISTENT);
        IS(f->C_DeriveKey(session, m, all[i].base, &leaves, 1, &key), CKR_TEMPLATE_INCONSISTENT);
        OK(f->C_DeriveKey(session, m, all[i].base, NULL, 0, &key));
        IS(f->C_GetAttributeValue(session, key, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
    }
    CK_BBOOL odd[2] = {0};
    seen = (CK_ATTRIBUTE){CKA_SENSITIVE, odd, 2};
    IS(f->C_DeriveKey(session, &data, open, &seen, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    end();
}
END_TEST

/* A value that only the device has is not put together here. */
START_TEST(of_the_device)
{
    CK_OBJECT_HANDLE key;
    CK_ULONG size = 32;
    CK_MECHANISM gen = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE t[] = {
        {CKA_VALUE_LEN, &size, sizeof size}, {CKA_TOKEN, &yes, 1}, {CKA_DERIVE, &yes, 1}};
    begin();
    CK_OBJECT_HANDLE stays;
    OK(f->C_GenerateKey(session, &gen, t, COUNT(t), &stays));
    CK_KEY_DERIVATION_STRING_DATA string = {extra, 16};
    CK_MECHANISM data = {CKM_CONCATENATE_BASE_AND_DATA, &string, sizeof string},
                 keys = {CKM_CONCATENATE_BASE_AND_KEY, &stays, sizeof stays};
    IS(f->C_DeriveKey(session, &data, stays, NULL, 0, &key), CKR_KEY_TYPE_INCONSISTENT);
    const CK_OBJECT_HANDLE open = base_key(CKK_AES, first, 16, CK_FALSE);
    IS(f->C_DeriveKey(session, &keys, open, NULL, 0, &key), CKR_KEY_TYPE_INCONSISTENT);
    end();
}
END_TEST

/* ------------------------------------------------------------------ encrypted data */

START_TEST(encrypted_data)
{
    static CK_BYTE iv[16] = "initial vector.", data[48] = "what is encrypted and becomes a key";
    CK_AES_CBC_ENCRYPT_DATA_PARAMS aes = {.pData = data, .length = 32};
    CK_DES_CBC_ENCRYPT_DATA_PARAMS des = {.pData = data, .length = 32};
    CK_KEY_DERIVATION_STRING_DATA ecb = {data, 32};
    memcpy(aes.iv, iv, 16);
    memcpy(des.iv, iv, 8);
    const struct {
        CK_MECHANISM derive, cipher;
        CK_KEY_TYPE type;
        CK_ULONG key_size;
    } all[] = {
        {{CKM_AES_ECB_ENCRYPT_DATA, &ecb, sizeof ecb}, {CKM_AES_ECB, NULL, 0}, CKK_AES, 16},
        {{CKM_AES_CBC_ENCRYPT_DATA, &aes, sizeof aes}, {CKM_AES_CBC, iv, 16}, CKK_AES, 32},
        {{CKM_DES_ECB_ENCRYPT_DATA, &ecb, sizeof ecb}, {CKM_DES_ECB, NULL, 0}, CKK_DES, 8},
        {{CKM_DES_CBC_ENCRYPT_DATA, &des, sizeof des}, {CKM_DES_CBC, iv, 8}, CKK_DES, 8},
        {{CKM_DES3_ECB_ENCRYPT_DATA, &ecb, sizeof ecb}, {CKM_DES3_ECB, NULL, 0}, CKK_DES3, 24},
        {{CKM_DES3_CBC_ENCRYPT_DATA, &des, sizeof des}, {CKM_DES3_CBC, iv, 8}, CKK_DES3, 24}};
    begin();
    for (size_t i = 0; i < COUNT(all); i++) {
        CK_MECHANISM derive_by = all[i].derive, cipher = all[i].cipher;
        CK_BYTE wanted[32];
        CK_ULONG n = sizeof wanted;
        CK_OBJECT_HANDLE key;
        const CK_OBJECT_HANDLE base = base_key(all[i].type, data + 8, all[i].key_size, CK_FALSE);
        OK(f->C_EncryptInit(session, &cipher, base));
        OK(f->C_Encrypt(session, data, 32, wanted, &n));
        derives(&derive_by, base, wanted, 32);
        derive_by.ulParameterLen--;
        IS(derive(&derive_by, base, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    }
    const CK_OBJECT_HANDLE base = base_key(CKK_AES, first, 16, CK_FALSE);
    CK_MECHANISM m = {CKM_AES_ECB_ENCRYPT_DATA, &ecb, sizeof ecb};
    CK_OBJECT_HANDLE key;
    ecb.ulLen = 31; /* no whole blocks */
    ck_assert_uint_ne(derive(&m, base, 0, &key), CKR_OK);
    ecb.ulLen = 0;
    IS(derive(&m, base, 0, &key), CKR_MECHANISM_PARAM_INVALID);
    end();
}
END_TEST

/* ------------------------------------------------------------------ with a KDF */

/* One of the keys is in the device and the other one here: the same KDF comes of both. */
START_TEST(kdf_here_and_there)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    CK_MECHANISM gen = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE params = {CKA_EC_PARAMS, p256, sizeof p256};
    CK_BYTE here[80], there[80], x[ROOM], y[ROOM];
    CK_OBJECT_HANDLE k, l;
    struct pair a, b;
    begin();
    CK_ATTRIBUTE open[] = {
        {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1}, {CKA_DERIVE, &yes, 1}};
    CK_ATTRIBUTE stays[] = {{CKA_TOKEN, &yes, 1}, {CKA_DERIVE, &yes, 1}};
    OK(f->C_GenerateKeyPair(session, &gen, &params, 1, open, 3, &a.public, &a.private));
    OK(f->C_GenerateKeyPair(session, &gen, &params, 1, stays, 2, &b.public, &b.private));
    CK_ECDH1_DERIVE_PARAMS to_b = {CKD_NULL, 7, extra, 0, there},
                           to_a = {CKD_NULL, 7, extra, 0, here};
    to_a.ulPublicDataLen = get(a.public, CKA_EC_POINT, here, sizeof here);
    to_b.ulPublicDataLen = get(b.public, CKA_EC_POINT, there, sizeof there);
    CK_MECHANISM mb = {CKM_ECDH1_DERIVE, &to_b, sizeof to_b},
                 ma = {CKM_ECDH1_DERIVE, &to_a, sizeof to_a};
    static const CK_ULONG kdfs[] = {CKD_SHA1_KDF, CKD_SHA224_KDF, CKD_SHA256_KDF, CKD_SHA384_KDF,
                                    CKD_SHA512_KDF};
    for (size_t i = 0; i < COUNT(kdfs); i++) {
        to_a.kdf = to_b.kdf = kdfs[i];
        OK(derive(&mb, a.private, 50, &k));
        OK(derive(&ma, b.private, 50, &l));
        ck_assert_uint_eq(get(k, CKA_VALUE, x, sizeof x), 50);
        ck_assert_uint_eq(get(l, CKA_VALUE, y, sizeof y), 50);
        ck_assert_mem_eq(x, y, 50);
    }
    end();
}
END_TEST

/* ------------------------------------------------------------------ templates in keys */

static CK_OBJECT_HANDLE key_with(CK_ATTRIBUTE_TYPE which, CK_ATTRIBUTE *inner, CK_ULONG n)
{
    CK_ULONG size = 16;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM gen = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE t[] = {{CKA_VALUE_LEN, &size, sizeof size},
                        {CKA_WRAP, &yes, 1},
                        {CKA_UNWRAP, &yes, 1},
                        {CKA_DERIVE, &yes, 1},
                        {which, inner, n * sizeof *inner}};
    OK(f->C_GenerateKey(session, &gen, t, COUNT(t), &key));
    return key;
}

/* As a template says: what was not asked for is so, and nothing else may be asked for. */
static void comes_so(CK_RV (*make)(CK_OBJECT_HANDLE, CK_ATTRIBUTE *, CK_ULONG, CK_OBJECT_HANDLE *),
                     CK_OBJECT_HANDLE with)
{
    CK_OBJECT_HANDLE key;
    CK_BYTE out[ROOM];
    CK_BBOOL is;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SIGN, &yes, 1}};
    OK(make(with, t, 2, &key));
    ck_assert_uint_eq(get(key, CKA_LABEL, out, sizeof out), 4);
    ck_assert_mem_eq(out, "made", 4);
    get(key, CKA_SIGN, &is, 1);
    ck_assert_uint_eq(is, CK_FALSE);
    IS(make(with, t, 3, &key), CKR_TEMPLATE_INCONSISTENT);
    t[2].pValue = &no;
    OK(make(with, t, 3, &key));
    type = CKK_GENERIC_SECRET;
    IS(make(with, t, 2, &key), CKR_TEMPLATE_INCONSISTENT);
}

static CK_RV by_unwrapping(CK_OBJECT_HANDLE with, CK_ATTRIBUTE *t, CK_ULONG n,
                           CK_OBJECT_HANDLE *key)
{
    CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_BYTE wrapped[ROOM];
    CK_ULONG size = sizeof wrapped;
    OK(f->C_WrapKey(session, &m, with, make_secret(CKK_AES, first, 16), wrapped, &size));
    return f->C_UnwrapKey(session, &m, with, wrapped, size, t, n, key);
}

static CK_RV by_deriving(CK_OBJECT_HANDLE with, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *key)
{
    CK_KEY_DERIVATION_STRING_DATA string = {extra, 16};
    CK_MECHANISM m = {CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof string};
    return f->C_DeriveKey(session, &m, with, t, n, key);
}

START_TEST(templates)
{
    CK_KEY_TYPE aes = CKK_AES;
    CK_ATTRIBUTE inner[] = {
        {CKA_KEY_TYPE, &aes, sizeof aes}, {CKA_SIGN, &no, 1}, {CKA_LABEL, TEXT("made"), 4}};
    begin();
    comes_so(by_unwrapping, key_with(CKA_UNWRAP_TEMPLATE, inner, COUNT(inner)));
    comes_so(by_deriving, key_with(CKA_DERIVE_TEMPLATE, inner, COUNT(inner)));
    end();
}
END_TEST

START_TEST(reading_templates)
{
    CK_BYTE label[4], small[2];
    CK_BBOOL is = CK_TRUE;
    CK_ATTRIBUTE inner[] = {{CKA_SIGN, &no, 1}, {CKA_LABEL, TEXT("made"), 4}};
    CK_ATTRIBUTE out[2] = {{0, NULL, 0}, {0, NULL, 0}};
    CK_ATTRIBUTE t = {CKA_UNWRAP_TEMPLATE, out, sizeof *out};
    begin();
    const CK_OBJECT_HANDLE key = key_with(CKA_UNWRAP_TEMPLATE, inner, 2);
    IS(f->C_GetAttributeValue(session, key, &t, 1), CKR_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(t.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    t.ulValueLen = sizeof out;
    OK(f->C_GetAttributeValue(session, key, &t, 1)); /* types and sizes */
    ck_assert_uint_eq(out[0].type, CKA_SIGN);
    ck_assert_uint_eq(out[1].ulValueLen, 4);
    out[0].pValue = &is;
    out[1] = (CK_ATTRIBUTE){0, small, sizeof small};
    IS(f->C_GetAttributeValue(session, key, &t, 1), CKR_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(is, CK_FALSE);
    ck_assert_uint_eq(out[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    out[1] = (CK_ATTRIBUTE){0, label, sizeof label};
    OK(f->C_GetAttributeValue(session, key, &t, 1));
    ck_assert_mem_eq(label, "made", 4);
    /* one without a value is none */
    CK_OBJECT_HANDLE none;
    CK_ULONG size = 16;
    CK_MECHANISM gen = {CKM_AES_KEY_GEN, NULL, 0};
    inner[1].pValue = NULL;
    CK_ATTRIBUTE wrong[] = {{CKA_VALUE_LEN, &size, sizeof size},
                            {CKA_UNWRAP_TEMPLATE, inner, sizeof inner}};
    IS(f->C_GenerateKey(session, &gen, wrong, 2, &none), CKR_ATTRIBUTE_VALUE_INVALID);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 derive");
    TCase *t = suite_case(s, "derive", 120, NULL, NULL);
    tcase_add_test(t, put_together);
    tcase_add_test(t, put_together_wrongly);
    tcase_add_test(t, hidden_stays_hidden);
    tcase_add_test(t, of_the_device);
    tcase_add_test(t, encrypted_data);
    tcase_add_test(t, kdf_here_and_there);
    tcase_add_test(t, templates);
    tcase_add_test(t, reading_templates);
    return suite_run(s);
}
